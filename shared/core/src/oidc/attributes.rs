//! The attributes of a profile that a pool's mapping asks for, in the form and the length that Cognito takes.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::{
    lenient::{Members, Said},
    oidc::{asked::AskedFor, claims::is_reserved, profile::Profile},
};

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
    /// The names of those that the pool asks for and that say nothing, so that it keeps the previous value.
    pub kept: BTreeSet<String>,
    size: usize,
    /// What the empty values take of those that were not added yet: what has no room left still loses what it was.
    reserved: usize,
}

impl Claims {
    /// No claims yet of those that a pool asks for.
    pub fn of(asked: &AskedFor) -> Self {
        let empty = asked.claims().filter_map(|name| Some(size(name, &asked.empty(name)?)));
        Self { reserved: empty.sum(), ..Self::default() }
    }

    /// Adds a claim that every sign-in has, as it is.
    pub fn keep(&mut self, name: &str, value: Value) {
        self.size += size(name, &value);
        self.claims.insert(name.to_owned(), value);
    }

    /// Adds a claim of which a part would say something else, such as an address: whole, whatever all claims take
    /// together, or empty where it is too long.
    pub fn add_whole(&mut self, name: &str, said: &Said<String>, asked: &AskedFor) {
        let fits = |text: &String| text.chars().count() <= LONGEST_VALUE;
        let value = said.value().filter(|text| fits(text)).map(|text| json!(text));
        if said.value().is_some_and(|text| !fits(text)) {
            self.cut.insert(name.to_owned());
        }
        self.put(name, value, matches!(said, Said::Garbled), asked);
    }

    /// Adds a claim that is cut to what Cognito takes, and is empty where all claims together would become too large.
    pub fn add(&mut self, name: &str, said: Said<Value>, asked: &AskedFor) {
        let is_garbled = matches!(said, Said::Garbled);
        let mut value = None;
        if let Said::Value(whole) = said {
            let (fitted, was_cut) = fitted(whole);
            let own = asked.empty(name).map_or(0, |empty| size(name, &empty));
            // Two braces, and no comma after the last.
            let taken = self.size + self.reserved - own + 1;
            value = fitted.filter(|value| taken + size(name, value) <= MOST_CLAIMS);
            if was_cut || value.is_none() {
                self.cut.insert(name.to_owned());
            }
        }
        self.put(name, value, is_garbled, asked);
    }

    /// A claim without a value is empty, so that the pool does not keep the previous value; one that can't be read
    /// is not known to be gone.
    fn put(&mut self, name: &str, value: Option<Value>, is_garbled: bool, asked: &AskedFor) {
        let empty = asked.empty(name);
        if let Some(empty) = &empty {
            self.reserved -= size(name, empty);
        }
        match value.or(empty.filter(|_| !is_garbled)) {
            Some(value) => self.keep(name, value),
            None if asked.asks_for(name) => drop(self.kept.insert(name.to_owned())),
            None => {}
        }
    }
}

/// The claim in JSON with its quotes, colon and comma.
fn size(name: &str, value: &Value) -> usize {
    json!(name).to_string().len() + value.to_string().len() + 2
}

/// What a profile has under the name that a mapping gives: a claim of WorkOS's (`groups`, `role`, `roles`), a
/// raw attribute (`raw.<name>`), or else a custom attribute, which is never taken for a registered claim.
pub fn attribute(profile: &Profile, claim: &str) -> Said<Value> {
    match claim {
        "groups" => Said::Value(Value::Array(profile.groups.clone())),
        "role" => profile.role.as_ref().map_or(Said::Nothing, |role| Said::Value(json!(role))),
        "roles" => Said::Value(Value::Array(profile.roles.clone())),
        _ => match claim.strip_prefix("raw.") {
            Some(name) => member(&profile.raw_attributes, name),
            None if is_reserved(claim) => Said::Nothing,
            None => member(&profile.custom_attributes, claim),
        },
    }
}

fn member(attributes: &Said<Members>, name: &str) -> Said<Value> {
    match attributes {
        Said::Nothing => Said::Nothing,
        Said::Garbled => Said::Garbled,
        Said::Value(members) => match members.get(name) {
            // An empty text says as much as none.
            Said::Value(Value::String(text)) if text.is_empty() => Said::Nothing,
            other => other,
        },
    }
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

/// As many items as fit into one value, from the first on, and how many these are. One that is too long itself hides
/// no other.
fn array(items: Vec<Value>) -> (String, usize) {
    let (mut written, mut length) = (Vec::new(), 2);
    for item in items {
        let item = item.to_string();
        let longer = length + item.chars().count() + usize::from(!written.is_empty());
        if longer <= LONGEST_VALUE {
            length = longer;
            written.push(item);
        }
    }
    (format!("[{}]", written.join(",")), written.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::profile::tests::profile;

    /// What a pool asks for that maps these claims; those that begin with `c` may be emptied.
    fn asked(claims: &[&str]) -> AskedFor {
        claims.iter().map(|claim| ((*claim).to_owned(), claim.starts_with('c'))).collect()
    }

    #[test]
    fn groups_roles_custom_and_raw_attributes_are_found_under_the_names_of_a_mapping() {
        let profile = profile(&json!({
            "groups": ["a", "b"],
            "role": { "slug": "admin" },
            "roles": [{ "slug": "admin" }, { "slug": "billing" }, 7],
            "custom_attributes": { "team": "c", "email_verified": true, "sub": "evil", "none": null, "empty": "" },
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
            ("empty", None),
            ("department", None),
        ] {
            assert_eq!(attribute(&profile, claim), value.map_or(Said::Nothing, Said::Value), "{claim}");
        }
    }

    #[test]
    fn attributes_of_a_form_that_nobody_expects_are_unknown_and_fail_nothing() {
        for odd in [json!("text"), json!(7), json!(["x"])] {
            let profile = profile(&json!({ "role": 7, "roles": 7, "custom_attributes": odd, "raw_attributes": odd }));
            for claim in ["team", "raw.team"] {
                assert_eq!(attribute(&profile, claim), Said::Garbled, "{claim} of {odd}");
            }
            assert_eq!(attribute(&profile, "role"), Said::Nothing);
            assert_eq!(attribute(&profile, "roles"), Said::Value(json!([])));
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
    fn an_item_that_is_too_long_hides_no_other() {
        let (text, was_cut) = fitted(json!(["a".repeat(2100), "b", "c".repeat(2050), "d"]));
        assert_eq!((text, was_cut), (Some(json!(r#"["b","d"]"#)), true));
    }

    #[test]
    fn all_claims_are_taken_up_to_8_kb_and_not_a_byte_beyond() {
        let filled = |last: usize| {
            let asked = asked(&[]);
            let mut claims = Claims::of(&asked);
            for name in ["a", "b", "c", "d"] {
                claims.add(name, Said::Value(json!("x".repeat(1900))), &asked);
            }
            claims.add("e", Said::Value(json!("x".repeat(last))), &asked);
            claims
        };
        let length = |claims: &Claims| Value::Object(claims.claims.clone()).to_string().len();
        let last = MOST_CLAIMS - length(&filled(0));
        assert_eq!((length(&filled(last)), filled(last).cut.len()), (MOST_CLAIMS, 0));
        assert_eq!(filled(last + 1).cut.into_iter().collect::<Vec<_>>(), ["e"]);
    }

    #[test]
    fn all_claims_together_stay_under_8_kb_and_what_is_left_out_is_named_and_empty_where_it_may_be() {
        let names: Vec<String> =
            ["a", "c"].iter().flat_map(|letter| (0..10).map(move |n| format!("{letter}{n}"))).collect();
        let asked = asked(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let mut claims = Claims::of(&asked);
        claims.keep("sub", json!("prof_1"));
        for name in &names {
            claims.add(name, Said::Value(json!("\"".repeat(1015))), &asked);
        }
        let text = Value::Object(claims.claims.clone()).to_string();
        assert!(text.len() <= MOST_CLAIMS && text.len() > MOST_CLAIMS - 2100, "{}", text.len());
        let whole =
            claims.claims.values().filter(|value| value.as_str().is_some_and(|text| text.len() == 1015)).count();
        assert_eq!(claims.cut.len(), 20 - whole);
        assert!((0..10).all(|number| claims.claims.contains_key(&format!("c{number}"))), "{:?}", claims.kept);
        assert_eq!(claims.claims["c9"], "");
        assert_eq!(claims.kept.len(), 10 - whole);
        assert!(claims.kept.contains("a9") && claims.claims.contains_key("a0"));
    }

    #[test]
    fn what_is_gone_is_empty_where_it_may_be_and_what_can_not_be_read_is_kept() {
        let asked = asked(&["a", "c", "c.garbled", "groups"]);
        let mut claims = Claims::of(&asked);
        claims.add("a", Said::Nothing, &asked);
        claims.add("c", Said::Nothing, &asked);
        claims.add("c.garbled", Said::Garbled, &asked);
        claims.add("groups", Said::Nothing, &asked);
        claims.add("of nobody's interest", Said::Nothing, &asked);
        assert_eq!(json!(claims.claims), json!({ "c": "", "groups": "[]" }));
        assert_eq!(claims.kept.iter().collect::<Vec<_>>(), ["a", "c.garbled"]);
        assert_eq!((claims.reserved, claims.size + 1), (0, json!(claims.claims).to_string().len()));
    }

    #[test]
    fn what_may_not_be_cut_is_whole_or_empty() {
        let asked = asked(&["c", "a"]);
        let mut claims = Claims::of(&asked);
        claims.add_whole("c", &Said::Value("x".repeat(2049)), &asked);
        claims.add_whole("a", &Said::Value("x".repeat(2049)), &asked);
        claims.add_whole("b", &Said::Value("x".repeat(2048)), &asked);
        assert_eq!((&claims.claims["c"], claims.claims.get("a")), (&json!(""), None));
        assert_eq!(claims.claims["b"].as_str().unwrap().len(), 2048);
        assert_eq!((claims.cut.len(), claims.kept.len()), (2, 1));
    }
}
