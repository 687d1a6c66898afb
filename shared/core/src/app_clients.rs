//! Which app clients of a pool are given the providers.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{SeqAccess, Unexpected, Visitor, value::SeqAccessDeserializer},
};

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, Type},
    },
};

use crate::id::AppClientId;

/// The word for all app clients, in the API and in the table.
const ALL: &str = "all";

/// The most app clients that a pool may name: each is read in every look, at under five a second, and a plan
/// over the API has 25 s.
pub const MOST_NAMED: usize = 50;

/// The app clients that an operator chose. No other is ever written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppClients {
    /// All that the pool has at the time of a run, also those made later.
    All,
    /// These.
    Named(Vec<AppClientId>),
}

impl Default for AppClients {
    fn default() -> Self {
        Self::Named(Vec::new())
    }
}

impl AppClients {
    /// The ones that are named; none where all are meant.
    pub fn named(&self) -> &[AppClientId] {
        match self {
            Self::All => &[],
            Self::Named(named) => named,
        }
    }
}

impl Serialize for AppClients {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str(ALL),
            Self::Named(named) => named.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for AppClients {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // By hand, since an untagged enum could not say which of the names breaks the rule.
        deserializer.deserialize_any(AllOrNamed)
    }
}

impl PartialSchema for AppClients {
    fn schema() -> RefOr<Schema> {
        let named = ArrayBuilder::new().items(AppClientId::schema()).max_items(Some(MOST_NAMED));
        let all = ObjectBuilder::new().schema_type(Type::String).enum_values(Some([ALL]));
        OneOfBuilder::new().item(named).item(all).into()
    }
}

impl ToSchema for AppClients {}

struct AllOrNamed;

impl<'de> Visitor<'de> for AllOrNamed {
    type Value = AppClients;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a sequence of app client IDs, or the text `all`")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<AppClients, E> {
        if text == ALL { Ok(AppClients::All) } else { Err(E::invalid_value(Unexpected::Str(text), &self)) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, names: A) -> Result<AppClients, A::Error> {
        Deserialize::deserialize(SeqAccessDeserializer::new(names)).map(AppClients::Named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn app_clients_are_a_list_of_ids_or_all_of_them() {
        let named = AppClients::Named(vec!["1a".parse().unwrap(), "2b".parse().unwrap()]);
        for (clients, written) in
            [(AppClients::All, json!("all")), (named, json!(["1a", "2b"])), (AppClients::default(), json!([]))]
        {
            assert_eq!(json!(clients), written);
            assert_eq!(serde_json::from_value::<AppClients>(written).unwrap(), clients);
        }
        for faulty in [json!("ALL"), json!("1a"), json!(null), json!({}), json!(["a b"]), json!([1])] {
            assert!(serde_json::from_value::<AppClients>(faulty.clone()).is_err(), "{faulty}");
        }
    }
}
