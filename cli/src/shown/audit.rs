//! Who changed what over the API, in sentences.

use std::fmt::Write;

use serde_json::Value;

use crate::{
    failure::Failure,
    shown::{self, lists::Record, table::WIDTH},
};

/// What was done to a user pool, by the last part of the path.
const TO_POOL: [(&str, &str); 8] = [
    ("verify", "had the checks run of"),
    ("reconcile", "asked for a run or a plan of"),
    ("approvals", "approved what was held back of"),
    ("refusals", "refused to have anything taken from connections of"),
    ("adopt", "adopted a provider of"),
    ("adoptions", "adopted what was exported of"),
    ("admission", "admitted"),
    ("app-clients", "chose the app clients of"),
];

/// The changes, each with its time.
pub fn list(items: &[Value]) -> Result<String, Failure> {
    let mut text = String::new();
    for item in items {
        let record: Record = shown::read(item, "an audit record")?;
        let time = shown::time(&record.at);
        let indent = " ".repeat(time.chars().count() + 2);
        let sentence = shown::wrapped(&sentence(&record), WIDTH, &indent);
        let _ = write!(text, "{time}  {}", sentence.trim_start());
    }
    Ok(text)
}

/// A change in a sentence.
pub fn sentence(record: &Record) -> String {
    let ending = match record.status {
        Some(status) if (200..300).contains(&status) => String::new(),
        Some(status) => format!(": refused with {status}"),
        None => ": nobody knows whether it was done".to_owned(),
    };
    format!("{} {}{ending}.", person(&record.caller), deed(record))
}

/// Who it was, without the account: a user, a role with its session, or whatever else it is.
fn person(caller: &str) -> &str {
    caller.strip_prefix("arn:").and_then(|arn| arn.split_once('/')).map_or(caller, |(_, name)| name)
}

fn deed(record: &Record) -> String {
    let path: Vec<&str> = record.path.trim_matches('/').split('/').collect();
    let changed = if record.changed.is_empty() { "nothing".to_owned() } else { record.changed.join(", ") };
    match (record.method.as_str(), path.as_slice()) {
        ("POST", ["v1", "tenants"]) => "registered the tenant".to_owned(),
        ("PATCH", ["v1", "tenants", _]) => format!("changed {changed} of the tenant"),
        ("DELETE", ["v1", "tenants", _]) => "removed the tenant".to_owned(),
        ("POST", ["v1", "tenants", _, "external-id-rotation"]) => "began with another external ID".to_owned(),
        ("POST", ["v1", "tenants", _, "webhook-rotation"]) => "began with another webhook endpoint".to_owned(),
        ("POST", ["v1", "tenants", _, "onboarding-links"]) => "made an onboarding link".to_owned(),
        ("DELETE", ["v1", "tenants", _, "onboarding-links", link]) => format!("revoked the onboarding link {link}"),
        ("POST", ["v1", "tenants", _, "user-pools"]) => "registered a user pool".to_owned(),
        ("PATCH", ["v1", "tenants", _, "user-pools", pool]) => format!("changed {changed} of the user pool {pool}"),
        ("DELETE", ["v1", "tenants", _, "user-pools", pool]) => format!("removed the user pool {pool}"),
        ("DELETE", ["v1", "tenants", _, "user-pools", pool, "refusals", connection]) => {
            format!("let the connection {connection} of the user pool {pool} go")
        }
        ("POST", ["v1", "tenants", _, "user-pools", pool, deed]) => to_pool(deed, pool, record),
        ("POST", ["onboarding", _, "pools", pool, deed]) => {
            format!("{}, on the onboarding page", to_pool(deed, pool, record))
        }
        _ => call(record),
    }
}

fn to_pool(deed: &str, pool: &str, record: &Record) -> String {
    let told = TO_POOL.iter().find(|(name, _)| *name == deed);
    told.map_or_else(|| call(record), |(_, told)| format!("{told} the user pool {pool}"))
}

/// One that this version has no words for.
fn call(record: &Record) -> String {
    let given = if record.changed.is_empty() { String::new() } else { format!(" with {}", record.changed.join(", ")) };
    format!("called {} {}{given}", record.method, record.path)
}

#[cfg(test)]
mod tests {
    use causeway_core::shown::is_shown;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const TENANT: &str = "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N";
    const USER: &str = "arn:aws:iam::111111111111:user/ann";

    fn shown(method: &str, path: &str, status: &Value, changed: &[&str], caller: &str) -> String {
        let record = json!({
            "at": "2026-11-22T12:00:00.000Z", "caller": caller, "method": method, "path": path, "status": status,
            "changed": changed,
        });
        list(&[record]).unwrap()
    }

    #[test]
    fn each_call_of_the_api_that_is_recorded_has_words_of_its_own() {
        let document: Value = serde_json::from_str(include_str!("../../../docs/openapi.json")).unwrap();
        let mut told = 0;
        for (path, item) in document["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys().filter(|method| *method != "get") {
                if path.starts_with("/v1/tenants") {
                    let text = shown(&method.to_uppercase(), path, &json!(200), &[], USER);
                    assert!(!text.contains("called"), "{text}");
                    told += 1;
                }
            }
        }
        assert!(told > 15, "{told} calls");
    }

    #[test]
    fn a_change_is_a_sentence_with_who_made_it_and_what_came_of_it() {
        let pool = format!("/v1/tenants/{TENANT}/user-pools/eu-west-1_AbCdEf123");
        let session = "arn:aws:sts::111111111111:assumed-role/Operator/alice";
        for (text, expected) in [
            (
                shown("PATCH", &pool, &json!(200), &["app_clients", "mode"], session),
                "2026-11-22 12:00:00Z  Operator/alice changed app_clients, mode of the user pool\n                      eu-west-1_AbCdEf123.\n",
            ),
            (
                shown("POST", &format!("{pool}/adoptions"), &json!(409), &[], USER),
                "2026-11-22 12:00:00Z  ann adopted what was exported of the user pool\n                      eu-west-1_AbCdEf123: refused with 409.\n",
            ),
            (
                shown("DELETE", &format!("/v1/tenants/{TENANT}"), &Value::Null, &[], USER),
                "2026-11-22 12:00:00Z  ann removed the tenant: nobody knows whether it was done.\n",
            ),
            (
                shown("POST", "/v1/of-the-future", &json!(200), &["a"], "somebody"),
                "2026-11-22 12:00:00Z  somebody called POST /v1/of-the-future with a.\n",
            ),
        ] {
            assert_eq!(text, expected);
        }
    }

    proptest! {
        #[test]
        fn whatever_a_record_has_what_is_shown_controls_no_terminal(
            method in ".{0,20}", path in ".{0,200}", changed in ".{0,60}", caller in ".{0,200}",
        ) {
            let text = shown(&method, &path, &json!(200), &[&changed], &caller);
            prop_assert!(text.chars().all(|c| c == '\n' || is_shown(c)), "{text:?}");
        }
    }
}
