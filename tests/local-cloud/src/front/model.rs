//! What AWS's own service model says of a request: required members, types, lengths, patterns, enums.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context, Result, bail};
use regex::Regex;
use serde_json::{Map, Value};

/// Has the pinned botocore load its model of Cognito, and writes it to `file`.
pub fn export(environment: &Path, file: &Path) -> Result<()> {
    const LOAD: &str = "import json, sys; from botocore.loaders import Loader; \
                        json.dump(Loader().load_service_model('cognito-idp', 'service-2'), sys.stdout)";
    let output = Command::new(environment.join("bin/python")).args(["-c", LOAD]).output()?;
    if !output.status.success() {
        bail!("botocore's model of Cognito can't be read: {}", String::from_utf8_lossy(&output.stderr));
    }
    std::fs::write(file, output.stdout).with_context(|| format!("cannot write {}", file.display()))
}

/// What is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// Not in the form that the operation takes: a member of another type, or one that it does not have.
    /// (AWS itself passes over members that it does not know. Who sends one is mistaken all the same.)
    Form(String),
    /// One or more values that break a constraint, in AWS's own words.
    Constraints(String),
}

/// A service model in botocore's form.
#[derive(Debug)]
pub struct Model {
    operations: Map<String, Value>,
    shapes: Map<String, Value>,
    patterns: Mutex<HashMap<String, Regex>>,
}

impl Model {
    /// Reads a service model.
    pub fn new(mut model: Value) -> Result<Self> {
        let mut part = |name: &str| match model[name].take() {
            Value::Object(part) => Ok(part),
            _ => bail!("the service model has no {name}"),
        };
        Ok(Self { operations: part("operations")?, shapes: part("shapes")?, patterns: Mutex::default() })
    }

    /// The members of a request that its operation does not have, at any depth of structures, taken out of it: AWS
    /// passes over them.
    pub fn take_unknown(&self, operation: &str, request: &mut Value) -> Vec<String> {
        let input = self.operations.get(operation).and_then(|operation| operation["input"]["shape"].as_str());
        let mut unknown = Vec::new();
        if let Some(shape) = input {
            self.take_unknown_of(shape, request, "", &mut unknown);
        }
        unknown
    }

    fn take_unknown_of(&self, shape: &str, value: &mut Value, path: &str, unknown: &mut Vec<String>) {
        let (Some(shape), Value::Object(given)) = (self.shapes.get(shape), value) else { return };
        if shape["type"] != "structure" {
            return;
        }
        given.retain(|name, value| {
            let member = shape["members"][name]["shape"].as_str();
            if let Some(member) = member {
                self.take_unknown_of(member, value, &format!("{path}{name}."), unknown);
            } else {
                unknown.push(format!("{path}{name}"));
            }
            member.is_some()
        });
    }

    /// Checks a request; an operation or a pattern that can't be read is an error.
    pub fn check(&self, operation: &str, request: &Value) -> Result<Option<Violation>> {
        let operation = self.operations.get(operation).with_context(|| format!("no operation {operation}"))?;
        let Some(input) = operation["input"]["shape"].as_str() else { return Ok(None) };
        let mut check = Check { model: self, constraints: Vec::new(), form: None };
        check.value(input, request, "")?;
        if let Some(problem) = check.form {
            return Ok(Some(Violation::Form(problem)));
        }
        Ok(match check.constraints.len() {
            0 => None,
            count => {
                let errors = if count == 1 { "error" } else { "errors" };
                Some(Violation::Constraints(format!(
                    "{count} validation {errors} detected: {}",
                    check.constraints.join("; ")
                )))
            }
        })
    }

    /// The members of an operation's request.
    pub fn members(&self, operation: &str) -> Vec<&str> {
        let input = self.operations.get(operation).and_then(|operation| operation["input"]["shape"].as_str());
        let shape = input.and_then(|input| self.shapes.get(input));
        let members = shape.and_then(|shape| shape["members"].as_object());
        members.into_iter().flat_map(Map::keys).map(String::as_str).collect()
    }

    fn shape(&self, name: &str) -> Result<&Value> {
        self.shapes.get(name).with_context(|| format!("the service model has no shape {name}"))
    }

    /// Whether the whole of `text` fits a pattern, as AWS reads patterns: Java's, so that `\w` is ASCII.
    fn fits(&self, pattern: &str, text: &str) -> Result<bool> {
        let mut patterns = self.patterns.lock().map_err(|_| anyhow::anyhow!("a check of a pattern panicked"))?;
        if !patterns.contains_key(pattern) {
            let ascii = pattern.replace(r"\w", "[0-9A-Za-z_]").replace(r"\s", r"[ \t\n\x0B\x0C\r]");
            let whole = format!(r"\A(?:{ascii})\z");
            let compiled = Regex::new(&whole).with_context(|| format!("the pattern {pattern} can't be read"))?;
            patterns.insert(pattern.to_owned(), compiled);
        }
        Ok(patterns.get(pattern).is_some_and(|compiled| compiled.is_match(text)))
    }
}

struct Check<'a> {
    model: &'a Model,
    constraints: Vec<String>,
    form: Option<String>,
}

impl Check<'_> {
    fn value(&mut self, shape_name: &str, value: &Value, path: &str) -> Result<()> {
        let shape = self.model.shape(shape_name)?;
        match (shape["type"].as_str().unwrap_or_default(), value) {
            ("structure", Value::Object(members)) => self.structure(shape, members, path),
            ("list", Value::Array(items)) => {
                self.length(shape, value, items.len(), path);
                let member = shape["member"]["shape"].as_str().unwrap_or_default();
                for (number, item) in (1..).zip(items) {
                    self.value(member, item, &format!("{path}.{number}.member"))?;
                }
                Ok(())
            }
            ("map", Value::Object(entries)) => {
                self.length(shape, value, entries.len(), path);
                let part = |name: &str| shape[name]["shape"].as_str().unwrap_or_default().to_owned();
                let (keys, values) = (part("key"), part("value"));
                for (key, entry) in entries {
                    self.value(&keys, &Value::String(key.clone()), &format!("{path}.{key}.key"))?;
                    self.value(&values, entry, &format!("{path}.{key}.value"))?;
                }
                Ok(())
            }
            ("string", Value::String(text)) => self.string(shape, text, path),
            ("integer" | "long", Value::Number(number)) if !number.is_f64() => {
                self.range(shape, number.as_i64().unwrap_or(i64::MAX), path);
                Ok(())
            }
            ("double" | "float" | "timestamp", Value::Number(_))
            | ("boolean", Value::Bool(_))
            | ("timestamp" | "blob", Value::String(_)) => Ok(()),
            (kind, _) => {
                self.form.get_or_insert(format!("{path} is not of the type {kind}"));
                Ok(())
            }
        }
    }

    fn structure(&mut self, shape: &Value, given: &Map<String, Value>, path: &str) -> Result<()> {
        let below = |name: &str| {
            let name = lower_camel(name);
            if path.is_empty() { name } else { format!("{path}.{name}") }
        };
        for required in shape["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if given.get(required).is_none_or(Value::is_null) {
                self.fails("null", &below(required), "Member must not be null");
            }
        }
        for (name, value) in given.iter().filter(|(_, value)| !value.is_null()) {
            match shape["members"][name]["shape"].as_str() {
                Some(member) => self.value(member, value, &below(name))?,
                None => drop(self.form.get_or_insert(format!("there is no member {}", below(name)))),
            }
        }
        Ok(())
    }

    fn string(&mut self, shape: &Value, text: &str, path: &str) -> Result<()> {
        // AWS counts UTF-16 code units, as Java does.
        let length = text.encode_utf16().count();
        let shown = if shape["sensitive"] == true { "***".to_owned() } else { format!("'{text}'") };
        self.length(shape, &Value::String(shown.clone()), length, path);
        if let Some(values) = shape["enum"].as_array()
            && !values.iter().any(|value| value == text)
        {
            let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
            let rule = format!("Member must satisfy enum value set: [{}]", values.join(", "));
            self.fails(&shown, path, &rule);
        }
        if let Some(pattern) = shape["pattern"].as_str()
            && !self.model.fits(pattern, text)?
        {
            self.fails(&shown, path, &format!("Member must satisfy regular expression pattern: {pattern}"));
        }
        Ok(())
    }

    fn length(&mut self, shape: &Value, value: &Value, length: usize, path: &str) {
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.bounds(shape, i64::try_from(length).unwrap_or(i64::MAX), &shown, path, "length");
    }

    fn range(&mut self, shape: &Value, number: i64, path: &str) {
        self.bounds(shape, number, &format!("'{number}'"), path, "value");
    }

    fn bounds(&mut self, shape: &Value, measure: i64, shown: &str, path: &str, of: &str) {
        if shape["min"].as_i64().is_some_and(|least| measure < least) {
            self.fails(shown, path, &format!("Member must have {of} greater than or equal to {}", shape["min"]));
        }
        if shape["max"].as_i64().is_some_and(|most| measure > most) {
            self.fails(shown, path, &format!("Member must have {of} less than or equal to {}", shape["max"]));
        }
    }

    fn fails(&mut self, shown: &str, path: &str, rule: &str) {
        self.constraints.push(format!("Value {shown} at '{path}' failed to satisfy constraint: {rule}"));
    }
}

fn lower_camel(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn model() -> Model {
        let reference = |shape: &str| json!({"shape": shape});
        let model = json!({
            "operations": {"Make": {"input": {"shape": "MakeRequest"}}, "Ask": {}},
            "shapes": {
                "MakeRequest": {"type": "structure", "required": ["Name"], "members": {
                    "Name": reference("Name"), "Kind": reference("Kind"), "Tags": reference("Tags"),
                    "Details": reference("Details"), "Size": reference("Size"), "Odd": reference("Odd"),
                }},
                // The form of `ProviderNameTypeV2`.
                "Name": {"type": "string", "max": 8, "min": 1,
                    "pattern": r"[^_\p{Z}][\p{L}\p{M}\p{S}\p{N}\p{P}][^_\p{Z}]+"},
                "Kind": {"type": "string", "enum": ["OIDC", "SAML"]},
                "Tags": {"type": "list", "max": 2, "member": reference("Tag")},
                "Tag": {"type": "string", "max": 3, "pattern": r"[\w\s+=.@-]+"},
                "Details": {"type": "map", "key": reference("Kind"), "value": reference("Tag")},
                "Size": {"type": "integer", "min": 1, "max": 60},
                "Odd": {"type": "string", "pattern": "(?<!a)b"},
            },
        });
        Model::new(model).unwrap()
    }

    fn refused(request: &Value) -> String {
        match model().check("Make", request).unwrap() {
            Some(Violation::Constraints(message) | Violation::Form(message)) => message,
            None => String::new(),
        }
    }

    #[test]
    fn what_the_model_allows_is_let_through() {
        let all = json!({
            "Name": "conn-é", "Kind": "OIDC", "Tags": ["a b", "=@-"], "Details": {"SAML": "x"}, "Size": 60,
        });
        for request in [all, json!({"Name": "abc", "Kind": null})] {
            assert_eq!(refused(&request), "", "{request}");
        }
        assert_eq!(model().check("Ask", &json!({})).unwrap(), None);
    }

    #[test]
    fn each_constraint_is_refused_in_the_words_that_aws_uses() {
        let failed = |what: &str, rule: &str| {
            format!("1 validation error detected: Value {what} failed to satisfy constraint: Member must {rule}")
        };
        let pattern = r"satisfy regular expression pattern: [^_\p{Z}][\p{L}\p{M}\p{S}\p{N}\p{P}][^_\p{Z}]+";
        for (request, expected) in [
            (json!({}), failed("null at 'name'", "not be null")),
            (json!({"Name": null}), failed("null at 'name'", "not be null")),
            // The whole name has to fit, not some part of it.
            (json!({"Name": "conn_a"}), failed("'conn_a' at 'name'", pattern)),
            (json!({"Name": "ninechars"}), failed("'ninechars' at 'name'", "have length less than or equal to 8")),
            (
                json!({"Name": "abc", "Kind": "oidc"}),
                failed("'oidc' at 'kind'", "satisfy enum value set: [OIDC, SAML]"),
            ),
            (
                json!({"Name": "abc", "Tags": ["a", "abcd"]}),
                failed("'abcd' at 'tags.2.member'", "have length less than or equal to 3"),
            ),
            (
                json!({"Name": "abc", "Tags": ["é"]}),
                failed("'é' at 'tags.1.member'", r"satisfy regular expression pattern: [\w\s+=.@-]+"),
            ),
            (
                json!({"Name": "abc", "Tags": ["a", "b", "c"]}),
                failed(r#"["a","b","c"] at 'tags'"#, "have length less than or equal to 2"),
            ),
            (json!({"Name": "abc", "Size": 61}), failed("'61' at 'size'", "have value less than or equal to 60")),
            (json!({"Name": "abc", "Size": 0}), failed("'0' at 'size'", "have value greater than or equal to 1")),
            (
                json!({"Name": "abc", "Details": {"SAML": "/"}}),
                failed("'/' at 'details.SAML.value'", r"satisfy regular expression pattern: [\w\s+=.@-]+"),
            ),
        ] {
            assert_eq!(refused(&request), expected, "{request}");
        }
        assert!(refused(&json!({"Kind": "x", "Size": 0})).starts_with("3 validation errors detected: "));
    }

    #[test]
    fn a_member_that_there_is_not_or_of_another_type_is_refused() {
        for (request, expected) in [
            (json!({"Name": "abc", "Nmae": "abc"}), "there is no member nmae"),
            (json!({"Name": 1}), "name is not of the type string"),
            (json!({"Name": "abc", "Tags": "a"}), "tags is not of the type list"),
            (json!({"Name": "abc", "Size": 1.5}), "size is not of the type integer"),
            (json!([]), " is not of the type structure"),
        ] {
            assert_eq!(refused(&request), expected, "{request}");
        }
    }

    #[test]
    fn members_that_there_are_not_are_taken_out_and_named() {
        let mut model = model();
        let inner = json!({"type": "structure", "members": {"Size": {"shape": "Size"}}});
        model.shapes.insert("Inner".to_owned(), inner);
        model.shapes["MakeRequest"]["members"]["Inner"] = json!({"shape": "Inner"});
        let mut request =
            json!({"Name": "abc", "Novel": 1, "Inner": {"Size": 1, "Novel": {}}, "Details": {"SAML": "x"}});
        let mut unknown = model.take_unknown("Make", &mut request);
        unknown.sort();
        assert_eq!(unknown, ["Inner.Novel", "Novel"]);
        assert_eq!(request, json!({"Name": "abc", "Inner": {"Size": 1}, "Details": {"SAML": "x"}}));
    }

    #[test]
    fn what_cannot_be_checked_is_an_error_and_no_pass() {
        assert!(model().check("Nothing", &json!({})).is_err());
        assert!(model().check("Make", &json!({"Name": "abc", "Odd": "b"})).is_err(), "a pattern that can't be read");
    }
}
