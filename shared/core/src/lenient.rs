//! Reads JSON of another system, or an item of the table, member by member, so that one member that can't be read makes
//! only itself unknown: a lone surrogate, a number out of range, or lists nested too deeply in what an identity provider
//! said of a user.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error, MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

/// What a record says under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said<T> {
    /// Nothing: the member is missing or null.
    Nothing,
    /// Something that can't be read, or is not of the form that was expected.
    Garbled,
    /// This.
    Value(T),
}

impl<T> Said<T> {
    /// The value, where there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Nothing | Self::Garbled => None,
        }
    }

    /// What `read` makes of the value; `None` means that it is not of the form that was expected.
    pub fn read<U>(self, read: impl FnOnce(T) -> Option<U>) -> Said<U> {
        match self {
            Self::Nothing => Said::Nothing,
            Self::Garbled => Said::Garbled,
            Self::Value(value) => read(value).map_or(Said::Garbled, Said::Value),
        }
    }
}

/// Reads a member that can be null but never be missing, in what decides who gets in or what is touched: null may mean
/// all, and a member that is lost does not.
pub fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

/// Reads an option as it stands in the table, though what it is made of refuses members that it does not know: of these
/// `members` alone, since a later version may have given it more.
pub fn known_members<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
    members: &[&str],
) -> Result<Option<T>, D::Error> {
    let mut option = Value::deserialize(deserializer)?;
    if let Value::Object(given) = &mut option {
        given.retain(|name, _| members.contains(&name.as_str()));
    }
    Option::deserialize(option).map_err(D::Error::custom)
}

/// Reads a member that counts as missing where it can't be read, since without it nothing more is open.
pub fn if_readable<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(Value::deserialize(deserializer).ok().and_then(|value| serde_json::from_value(value).ok()))
}

/// The members of a JSON object, none of which is read before it is asked for. Of one that is there twice the last
/// counts, and one whose name can't be read is not there.
#[derive(Debug, Clone, Default)]
pub struct Members(BTreeMap<String, Box<RawValue>>);

impl Members {
    /// A member.
    pub fn get(&self, name: &str) -> Said<Value> {
        self.read(name)
    }

    /// A member that is a text.
    pub fn text(&self, name: &str) -> Said<String> {
        self.read(name)
    }

    /// A member that is an object.
    pub fn object(&self, name: &str) -> Said<Self> {
        self.read(name)
    }

    /// A member as it stands in the JSON.
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|raw| raw.get())
    }

    fn read<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Said<T> {
        match self.0.get(name).map(|raw| raw.get()) {
            None | Some("null") => Said::Nothing,
            Some(text) => serde_json::from_str(text).map_or(Said::Garbled, Said::Value),
        }
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Members, A::Error> {
                let mut members = BTreeMap::new();
                while let Some(Name(name)) = object.next_key()? {
                    let value: Box<RawValue> = object.next_value()?;
                    if let Some(name) = name {
                        members.insert(name, value);
                    }
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// A name of a member; none where it is no text, as with a lone surrogate in it.
struct Name(Option<String>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl Visitor<'_> for Bytes {
            type Value = Name;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a name")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Name, E> {
                Ok(Name(String::from_utf8(bytes.to_vec()).ok()))
            }
        }

        // As bytes, since a lone surrogate is no text, and would end the whole object.
        deserializer.deserialize_bytes(Bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn members(text: &str) -> Members {
        serde_json::from_str(text).unwrap()
    }

    /// Values of JSON that nobody expects where they stand.
    pub fn garbled() -> Vec<String> {
        let nested = format!("{}{}", "[".repeat(130), "]".repeat(130));
        vec![r#""\ud83d""#.to_owned(), r#""\ude00 a""#.to_owned(), "1e400".to_owned(), nested]
    }

    #[test]
    fn a_member_that_can_not_be_read_makes_no_other_unknown() {
        for odd in garbled() {
            let members = members(&format!(r#"{{"a": {odd}, "b": "text", "c": {{"d": {odd}, "e": 1}}}}"#));
            assert_eq!(members.get("a"), Said::Garbled, "{odd}");
            assert_eq!(members.text("b"), Said::Value("text".to_owned()));
            let Said::Value(inside) = members.object("c") else { panic!("{odd}") };
            assert_eq!((inside.get("d"), inside.get("e")), (Said::Garbled, Said::Value(json!(1))));
        }
    }

    #[test]
    fn a_name_that_can_not_be_read_makes_no_member_unknown() {
        let members = members(r#"{"\ud83d": 1, "a\ud83d": {"b": 1}, "\u0061": 2}"#);
        assert_eq!(members.get("a"), Said::Value(json!(2)));
        assert_eq!(members.0.len(), 1);
    }

    #[test]
    fn what_is_missing_or_null_says_nothing_and_what_has_another_form_is_garbled() {
        let members = members(r#"{"null": null, "spaced":  null , "number": 7, "list": []}"#);
        for name in ["null", "spaced", "missing"] {
            assert_eq!(members.text(name), Said::Nothing, "{name}");
            assert!(matches!(members.object(name), Said::Nothing), "{name}");
        }
        for name in ["number", "list"] {
            assert_eq!(members.text(name), Said::Garbled, "{name}");
            assert!(matches!(members.object(name), Said::Garbled), "{name}");
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["", "[]", "7", "null", "{", r#"{"a": }"#, r#"{"a": 1} x"#] {
            assert!(serde_json::from_str::<Members>(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn members_are_those_that_a_strict_reader_finds(object in prop::collection::btree_map(".*", ".*", 0..8)) {
            let text = json!(object).to_string();
            let members = members(&text);
            prop_assert_eq!(members.0.len(), object.len());
            for (name, value) in object {
                prop_assert_eq!(members.text(&name), Said::Value(value));
            }
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in ".*") {
            let _ = serde_json::from_str::<Members>(&text);
        }
    }
}
