//! What a pool's mapping asks for of a sign-in, and what of it may be empty.
//!
//! Cognito writes mapped attributes anew at each sign-in, and leaves one whose claim the token lacks as it was
//! (Cognito: "Specifying identity provider attribute mappings"). So what the identity provider stopped saying has to
//! be said to be empty, or the pool keeps it for ever.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The claims that a pool asks for, and whether an empty text may stand for each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AskedFor(BTreeMap<String, bool>);

impl FromIterator<(String, bool)> for AskedFor {
    /// A claim that more than one attribute is taken from may be empty only where all of them may.
    fn from_iter<I: IntoIterator<Item = (String, bool)>>(claims: I) -> Self {
        let mut all = BTreeMap::new();
        for (claim, may_be_empty) in claims {
            all.entry(claim).and_modify(|all_may| *all_may &= may_be_empty).or_insert(may_be_empty);
        }
        Self(all)
    }
}

impl AskedFor {
    /// The names of the claims.
    pub fn claims(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether the pool asks for a claim.
    pub fn asks_for(&self, claim: &str) -> bool {
        self.0.contains_key(claim)
    }

    /// What stands for a claim that has no value. Groups and roles are rights, and come as a list: of these there
    /// always is one, and it can be empty in every text.
    pub fn empty(&self, claim: &str) -> Option<Value> {
        let may_be_empty = *self.0.get(claim)?;
        match claim {
            "groups" | "roles" => Some(json!("[]")),
            // These are always there.
            "sub" | "connection_id" | "email_verified" => None,
            _ => may_be_empty.then(|| json!("")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        schema::SchemaAttribute,
        serving::ServingPool,
        user_pool::{UserPool, tests::pool},
    };

    fn asked_by(pool: &UserPool) -> AskedFor {
        serde_json::from_value::<ServingPool>(json!(pool)).unwrap().asked_for()
    }

    fn attribute(name: &str, required: bool) -> SchemaAttribute {
        let data_type = "String".to_owned();
        SchemaAttribute {
            name: name.to_owned(),
            data_type,
            required,
            mutable: true,
            min_length: None,
            max_length: None,
        }
    }

    fn mapped(mapping: &[(&str, &str)], clears: bool) -> UserPool {
        let mut pool = pool();
        let mapping = mapping.iter().map(|(attribute, claim)| ((*attribute).to_owned(), (*claim).to_owned()));
        pool.options.attribute_mapping = Some(mapping.collect());
        pool.options.clear_missing_attributes = clears;
        pool
    }

    const MAPPING: [(&str, &str); 7] = [
        ("custom:groups", "groups"),
        ("custom:team", "team"),
        ("custom:twice", "twice"),
        ("custom:unseen", "unseen"),
        ("email_verified", "email_verified"),
        ("picture", "picture"),
        ("name", "twice"),
    ];

    #[test]
    fn an_empty_text_stands_for_a_claim_only_where_the_option_and_the_schema_of_each_attribute_allow_it() {
        let mut pool = mapped(&MAPPING, true);
        let schema = [("custom:team", false), ("custom:twice", false), ("name", true), ("email_verified", false)];
        pool.run.schema = Some(schema.map(|(name, required)| attribute(name, required)).into());
        let asked = asked_by(&pool);
        assert_eq!(asked.claims().collect::<Vec<_>>(), ["email_verified", "groups", "sub", "team", "twice", "unseen"]);
        assert_eq!((asked.empty("groups"), asked.empty("team")), (Some(json!("[]")), Some(json!(""))));
        for claim in ["twice", "unseen", "email_verified", "picture", "sub", "unmapped"] {
            assert_eq!(asked.empty(claim), None, "{claim}");
        }
        pool.options.clear_missing_attributes = false;
        assert_eq!(asked_by(&pool).empty("team"), None, "without the option");
        pool.options.clear_missing_attributes = true;
        pool.run.schema = None;
        assert_eq!(asked_by(&pool).empty("team"), None, "the schema is not known");
        assert_eq!(asked_by(&pool).empty("groups"), Some(json!("[]")));
    }
}
