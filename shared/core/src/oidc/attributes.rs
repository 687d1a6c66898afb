//! The attributes of a profile that a pool's mapping asks for, in the form and the length that Cognito takes.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::oidc::claims::{Profile, is_reserved};

/// The longest value of an attribute, in characters (Cognito API: `AttributeValueType`).
pub const LONGEST_VALUE: usize = 2048;
/// The most that all claims of a sign-in may take together, in bytes of JSON.
pub const MOST_CLAIMS: usize = 8 * 1024;

/// The claims of a sign-in.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Claims {
    /// By name.
    pub claims: Map<String, Value>,
    /// The names of those that were too long and were cut or left out.
    pub cut: BTreeSet<String>,
    size: usize,
}

impl Claims {
    /// Adds a claim that a sign-in can't do without, as it is.
    pub fn keep(&mut self, name: &str, value: Value) {
        self.size += size(name, &value);
        self.claims.insert(name.to_owned(), value);
    }

    /// Adds a claim that a sign-in can do without: cut to what Cognito takes, and left out where all claims
    /// together would become too large.
    pub fn add(&mut self, name: &str, value: Value) {
        let (value, was_cut) = fitted(value);
        if was_cut {
            self.cut.insert(name.to_owned());
        }
        let Some(value) = value else { return };
        // Two braces, and no comma after the last.
        if self.size + size(name, &value) + 1 > MOST_CLAIMS {
            self.cut.insert(name.to_owned());
            return;
        }
        self.keep(name, value);
    }
}

/// The claim in JSON with its quotes, colon and comma.
fn size(name: &str, value: &Value) -> usize {
    json!(name).to_string().len() + value.to_string().len() + 2
}

/// What a profile has under the name that a mapping gives: a claim of WorkOS's (`groups`, `role`, `roles`), a
/// raw attribute (`raw.<name>`), or else a custom attribute, which is never taken for a registered claim.
pub fn attribute(profile: &Profile, claim: &str) -> Option<Value> {
    let of = |attributes: &Value, name: &str| attributes.get(name).cloned();
    let value = match claim {
        "groups" => Some(profile.groups.clone()),
        "role" => slug(&profile.role),
        "roles" => profile.roles.as_array().map(|roles| roles.iter().filter_map(slug).collect()),
        _ => match claim.strip_prefix("raw.") {
            Some(name) => of(&profile.raw_attributes, name),
            None if is_reserved(claim) => None,
            None => of(&profile.custom_attributes, claim),
        },
    };
    value.filter(|value| !value.is_null())
}

/// The slug of a role, which WorkOS gives as `{slug}`.
fn slug(role: &Value) -> Option<Value> {
    let slug = role.get("slug").unwrap_or(role);
    slug.is_string().then(|| slug.clone())
}

/// A value as Cognito takes it, and whether it had to be cut. Cognito's attributes are texts: a list becomes one
/// JSON array, an object one JSON object.
fn fitted(value: Value) -> (Option<Value>, bool) {
    match value {
        Value::String(text) => match text.char_indices().nth(LONGEST_VALUE) {
            Some((end, _)) => (Some(json!(text[..end])), true),
            None => (Some(Value::String(text)), false),
        },
        Value::Array(items) => {
            let count = items.len();
            let (text, kept) = array(items);
            (Some(json!(text)), kept < count)
        }
        Value::Object(_) => {
            // Part of an object is no object, and a text that is none would say something else.
            let text = value.to_string();
            let fits = text.chars().count() <= LONGEST_VALUE;
            (fits.then(|| json!(text)), !fits)
        }
        other => (Some(other), false),
    }
}

/// As many of the first items as fit into one value, and how many these are.
fn array(items: Vec<Value>) -> (String, usize) {
    let (mut written, mut length) = (Vec::new(), 2);
    for item in items {
        let item = item.to_string();
        length += item.chars().count() + usize::from(!written.is_empty());
        if length > LONGEST_VALUE {
            break;
        }
        written.push(item);
    }
    (format!("[{}]", written.join(",")), written.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(extra: &Value) -> Profile {
        let mut profile = json!({ "id": "prof_1", "connection_id": "conn_01E4ZCR3C56J083X43JQXF3JK5" });
        profile.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        serde_json::from_value(profile).unwrap()
    }

    #[test]
    fn groups_roles_custom_and_raw_attributes_are_found_under_the_names_of_a_mapping() {
        let profile = profile(&json!({
            "groups": ["a", "b"],
            "role": { "slug": "admin" },
            "roles": [{ "slug": "admin" }, { "slug": "billing" }, 7],
            "custom_attributes": { "team": "c", "email_verified": true, "sub": "evil", "none": null },
            "raw_attributes": { "department": ["x"], "sub": "raw" },
        }));
        for (claim, value) in [
            ("groups", Some(json!(["a", "b"]))),
            ("role", Some(json!("admin"))),
            ("roles", Some(json!(["admin", "billing"]))),
            ("team", Some(json!("c"))),
            ("raw.department", Some(json!(["x"]))),
            ("raw.sub", Some(json!("raw"))),
            ("email_verified", None),
            ("sub", None),
            ("none", None),
            ("department", None),
        ] {
            assert_eq!(attribute(&profile, claim), value, "{claim}");
        }
    }

    #[test]
    fn attributes_of_a_form_that_nobody_expects_are_not_there_and_fail_nothing() {
        for odd in [json!(null), json!("text"), json!(7), json!(["x"])] {
            let profile = profile(&json!({ "role": 7, "roles": odd, "custom_attributes": odd, "raw_attributes": odd }));
            for claim in ["role", "team", "raw.team"] {
                assert_eq!(attribute(&profile, claim), None, "{claim} of {odd}");
            }
        }
    }

    #[test]
    fn a_list_becomes_one_json_array_in_a_text() {
        for (value, text) in [
            (json!(["a \"b\"", "c"]), r#"["a \"b\"","c"]"#),
            (json!([]), "[]"),
            (json!(["one"]), r#"["one"]"#),
            (json!({ "a": 1 }), r#"{"a":1}"#),
        ] {
            assert_eq!(fitted(value), (Some(json!(text)), false));
        }
        assert_eq!(fitted(json!(true)), (Some(json!(true)), false));
    }

    #[test]
    fn a_value_that_is_too_long_is_cut_to_what_cognito_takes() {
        let (text, was_cut) = fitted(json!("ü".repeat(2049)));
        assert_eq!((text, was_cut), (Some(json!("ü".repeat(2048))), true));
        assert!(!fitted(json!("ü".repeat(2048))).1);

        let groups: Vec<String> = (0..1000).map(|number| format!("group {number}")).collect();
        let (text, was_cut) = fitted(json!(groups));
        let text = text.unwrap().as_str().unwrap().to_owned();
        let kept: Vec<String> = serde_json::from_str(&text).unwrap();
        assert!(was_cut && text.len() <= 2048 && text.len() > 2000, "{}", text.len());
        assert!(groups.starts_with(&kept));

        assert_eq!(fitted(json!({ "a": "b".repeat(2048) })), (None, true));
    }

    #[test]
    fn a_list_is_taken_up_to_its_length_and_not_a_character_beyond() {
        let list = |last: usize| fitted(json!(["a".repeat(1000), "b".repeat(last)]));
        // Two brackets, four quotes and a comma.
        let (text, was_cut) = list(LONGEST_VALUE - 1007);
        assert_eq!((text.unwrap().as_str().unwrap().len(), was_cut), (LONGEST_VALUE, false));
        assert_eq!(list(LONGEST_VALUE - 1006), (Some(json!(format!("[\"{}\"]", "a".repeat(1000)))), true));
    }

    #[test]
    fn all_claims_are_taken_up_to_8_kb_and_not_a_byte_beyond() {
        let filled = |last: usize| {
            let mut claims = Claims::default();
            for name in ["a", "b", "c", "d"] {
                claims.add(name, json!("x".repeat(1900)));
            }
            claims.add("e", json!("x".repeat(last)));
            claims
        };
        let length = |claims: &Claims| Value::Object(claims.claims.clone()).to_string().len();
        let last = MOST_CLAIMS - length(&filled(0));
        assert_eq!((length(&filled(last)), filled(last).cut.len()), (MOST_CLAIMS, 0));
        assert_eq!(filled(last + 1).cut.into_iter().collect::<Vec<_>>(), ["e"]);
    }

    #[test]
    fn all_claims_together_stay_under_8_kb_and_what_is_left_out_is_named() {
        let mut claims = Claims::default();
        claims.keep("sub", json!("prof_1"));
        for number in 0..10 {
            claims.add(&format!("a{number}"), json!("\"".repeat(1000)));
        }
        let text = Value::Object(claims.claims.clone()).to_string();
        assert!(text.len() <= MOST_CLAIMS && text.len() > MOST_CLAIMS - 2100, "{}", text.len());
        assert_eq!(claims.cut.len(), 10 - (claims.claims.len() - 1));
        assert!(claims.cut.contains("a9") && claims.claims.contains_key("a0"));
    }
}
