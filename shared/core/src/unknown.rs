//! What a stored item has that this version does not know: members and words of a later version. Two versions run side
//! by side in every canary, so what one of them wrote must come through a write of the other.
//!
//! A word is an enum's value. One that is not known is read as the enum's `Unknown`, which opens nothing, and written
//! as it stood. Only enums that decide nothing have that: an item whose status or mode is another word can't be read.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::Value;

/// What stands for a word that is not known, once it was read.
const WORD: &str = "unknown";

/// The members that tell the items of a list apart, where one of them was changed: the first that both have.
const IDENTITIES: [&str; 6] = ["id", "connection_id", "number", "hash", "name", "refused_at"];

/// The members and words of a stored item that this version does not know, at every level.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Unknown(Option<Rest>);

/// What was left of a value.
#[derive(Clone, PartialEq, Eq)]
enum Rest {
    /// All of it: no member of this name is known.
    Whole(Value),
    /// The word that it was.
    Word(String),
    /// What was left of its members, by name.
    Object(BTreeMap<String, Rest>),
    /// What was left of its items, each with the part that is known.
    List(Vec<(Value, Rest)>),
}

/// Names nothing: nobody knows whether it is a secret.
impl fmt::Debug for Unknown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() { "Unknown(..)" } else { "Unknown()" })
    }
}

impl Unknown {
    /// What `stored` has beyond `known`, which is what was read of it.
    pub fn between(stored: &Value, known: &Value) -> Self {
        Self(Rest::between(stored, known))
    }

    /// What is unknown of the member `name`.
    #[must_use]
    pub fn under(&self, name: &str) -> Self {
        match &self.0 {
            Some(Rest::Object(members)) => Self(members.get(name).cloned()),
            _ => Self::default(),
        }
    }

    /// `value` as it is written, with what is unknown of it.
    pub fn with<T: Serialize + ?Sized>(&self, value: &T) -> Result<Value, serde_json::Error> {
        let mut written = serde_json::to_value(value)?;
        if let Some(rest) = &self.0 {
            rest.put_into(&mut written);
        }
        Ok(written)
    }

    /// Serializes an item whose known part is `known`.
    pub fn write<S: Serializer>(&self, known: &impl Serialize, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_none() {
            return known.serialize(serializer);
        }
        self.with(known).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl Rest {
    fn between(stored: &Value, known: &Value) -> Option<Self> {
        match (stored, known) {
            (Value::Object(stored), Value::Object(known)) => {
                let rest = |(name, stored): (&String, &Value)| {
                    let rest = match known.get(name) {
                        Some(known) => Self::between(stored, known)?,
                        None => Self::Whole(stored.clone()),
                    };
                    Some((name.clone(), rest))
                };
                let members: BTreeMap<String, Self> = stored.iter().filter_map(rest).collect();
                (!members.is_empty()).then_some(Self::Object(members))
            }
            (Value::Array(stored), Value::Array(known)) if stored.len() == known.len() => {
                let pairs = stored.iter().zip(known);
                let items: Vec<(Value, Self)> =
                    pairs.filter_map(|(stored, known)| Some((known.clone(), Self::between(stored, known)?))).collect();
                (!items.is_empty()).then_some(Self::List(items))
            }
            (Value::String(stored), Value::String(known)) if known == WORD && stored != WORD => {
                Some(Self::Word(stored.clone()))
            }
            _ => None,
        }
    }

    fn put_into(&self, written: &mut Value) {
        match (self, written) {
            (Self::Object(members), Value::Object(written)) => {
                for (name, rest) in members {
                    match (written.get_mut(name), rest) {
                        (Some(member), rest) => rest.put_into(member),
                        (None, Self::Whole(whole)) => {
                            written.insert(name.clone(), whole.clone());
                        }
                        // Taken away, and what was left of it with it.
                        (None, _) => {}
                    }
                }
            }
            (Self::List(items), Value::Array(written)) => {
                let mut left: Vec<&(Value, Self)> = items.iter().collect();
                for is_same in [<Value as PartialEq>::eq, is_the_same] {
                    for item in written.iter_mut() {
                        if let Some(index) = left.iter().position(|(known, _)| is_same(known, item)) {
                            left.remove(index).1.put_into(item);
                        }
                    }
                }
            }
            (Self::Word(word), Value::String(written)) if written == WORD => written.clone_from(word),
            _ => {}
        }
    }
}

/// Whether an item of a list is `known`, changed.
fn is_the_same(known: &Value, item: &Value) -> bool {
    let both = IDENTITIES.iter().find_map(|name| known.get(name).zip(item.get(name)));
    both.is_some_and(|(known, item)| known == item)
}

/// Reads an item together with what is unknown of it: `read` reads its known part, `write` writes that again.
pub fn read<'de, D, T>(
    deserializer: D,
    read: impl FnOnce(&Value) -> Result<T, serde_json::Error>,
    write: impl FnOnce(&T) -> Result<Value, serde_json::Error>,
) -> Result<(T, Unknown), D::Error>
where
    D: Deserializer<'de>,
{
    let stored = Value::deserialize(deserializer)?;
    let item = read(&stored).map_err(D::Error::custom)?;
    let known = write(&item).map_err(D::Error::custom)?;
    Ok((item, Unknown::between(&stored, &known)))
}

/// Has a type that stands in the table keep what this version does not know of it, in its field `unknown`, which serde
/// skips. The type derives `Serialize` and `Deserialize` with `#[serde(remote = "Self")]`.
#[macro_export]
macro_rules! keeps_unknown {
    ($item:ty) => {
        impl serde::Serialize for $item {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                struct Known<'a>(&'a $item);

                impl serde::Serialize for Known<'_> {
                    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                        <$item>::serialize(self.0, serializer)
                    }
                }

                self.unknown.write(&Known(self), serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $item {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let write = |item: &Self| <$item>::serialize(item, serde_json::value::Serializer);
                let (mut item, unknown) =
                    $crate::unknown::read(deserializer, |stored| <$item>::deserialize(stored), write)?;
                item.unknown = unknown;
                Ok(item)
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Colour {
        Red,
        #[serde(other)]
        Unknown,
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Part {
        id: u32,
        size: u32,
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(remote = "Self")]
    struct Item {
        colour: Colour,
        parts: Vec<Part>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lid: Option<Part>,
        #[serde(skip)]
        unknown: Unknown,
    }

    keeps_unknown!(Item);

    fn read(stored: &Value) -> Item {
        serde_json::from_value(stored.clone()).unwrap()
    }

    fn newer() -> Value {
        json!({
            "colour": "ultraviolet", "new": {"deep": [1, null]},
            "parts": [{"id": 1, "size": 1, "weight": 10}, {"id": 2, "size": 1}, {"id": 3, "size": 1, "weight": 30}],
            "lid": {"id": 9, "size": 9, "weight": 90},
        })
    }

    #[test]
    fn an_item_is_written_as_it_was_read_with_all_that_is_not_known() {
        assert_eq!(serde_json::to_value(read(&newer())).unwrap(), newer());
        assert_eq!(read(&newer()).colour, Colour::Unknown, "and the word stands for no other");
    }

    #[test]
    fn what_is_changed_keeps_the_rest_and_what_is_taken_away_takes_its_own_along() {
        let mut item = read(&newer());
        item.colour = Colour::Red;
        item.parts.remove(0);
        item.parts.reverse();
        item.parts[0].size = 7;
        item.parts.push(Part { id: 4, size: 1 });
        item.lid = None;
        let parts = json!([{"id": 3, "size": 7, "weight": 30}, {"id": 2, "size": 1}, {"id": 4, "size": 1}]);
        let expected = json!({"colour": "red", "new": {"deep": [1, null]}, "parts": parts});
        assert_eq!(serde_json::to_value(&item).unwrap(), expected);
    }

    #[test]
    fn a_part_of_an_item_is_written_with_what_is_unknown_of_that_part() {
        let item = read(&newer());
        let lid = item.unknown.under("lid").with(&Part { id: 9, size: 1 }).unwrap();
        assert_eq!(lid, json!({"id": 9, "size": 1, "weight": 90}));
        assert_eq!(item.unknown.under("colour").under("nothing"), Unknown::default());
    }

    #[test]
    fn what_is_unknown_never_shows_in_debug_output() {
        assert!(!format!("{:?}", read(&newer()).unknown).contains("weight"));
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(".{0,4}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_member_of_any_form_comes_through(name in "[a-z]{1,9}", value in any_value(), deep in any::<bool>()) {
            let mut stored = newer();
            let place = if deep { &mut stored["parts"][1] } else { &mut stored };
            prop_assume!(place.get(&name).is_none() && name != "lid");
            place[&name] = value;
            prop_assert_eq!(serde_json::to_value(read(&stored)).unwrap(), stored);
        }
    }
}
