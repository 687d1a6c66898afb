//! The attributes of a pool's users, as Cognito describes them.

use serde::{Deserialize, Serialize};

/// An attribute of a pool's schema (Cognito API: `SchemaAttributeType`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaAttribute {
    /// Its name, such as `email` or `custom:team`.
    pub name: String,
    /// Its type in Cognito's word: `String`, `Number`, `DateTime`, `Boolean`, or one that is new.
    #[serde(rename = "type")]
    pub data_type: String,
    /// Whether every user must have it.
    #[serde(default)]
    pub required: bool,
    /// Whether it can be written more than once.
    #[serde(default)]
    pub mutable: bool,
    /// The fewest characters that a text has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_length: Option<u32>,
    /// The most characters that a text has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u32>,
}

impl SchemaAttribute {
    /// Whether an empty text may be written over what a user has: a mutable, optional text that has no least length.
    pub fn can_be_empty(&self) -> bool {
        self.data_type == "String" && self.mutable && !self.required && self.min_length.unwrap_or(0) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_mutable_optional_text_without_a_least_length_can_be_empty() {
        let attribute = SchemaAttribute {
            name: "custom:team".to_owned(),
            data_type: "String".to_owned(),
            required: false,
            mutable: true,
            min_length: None,
            max_length: Some(256),
        };
        assert!(attribute.can_be_empty());
        assert!(SchemaAttribute { min_length: Some(0), ..attribute.clone() }.can_be_empty());
        for other in [
            SchemaAttribute { data_type: "Number".to_owned(), ..attribute.clone() },
            SchemaAttribute { required: true, ..attribute.clone() },
            SchemaAttribute { mutable: false, ..attribute.clone() },
            SchemaAttribute { min_length: Some(1), ..attribute },
        ] {
            assert!(!other.can_be_empty(), "{other:?}");
        }
    }
}
