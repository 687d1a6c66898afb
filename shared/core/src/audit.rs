//! The record of what was changed over the API, and by whom.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    id::{TenantId, UserPoolId, ulid_text},
    timestamp::Timestamp,
};

/// The most names that a record holds: a record is small, whatever was sent.
const MOST_NAMES: usize = 50;

/// What is known of a change before it is made.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// Who makes it: the caller's ARN.
    pub caller: &'a str,
    /// The HTTP method.
    pub method: &'a str,
    /// The path, without the query.
    pub path: &'a str,
    /// The tenant that it is made to.
    pub tenant_id: &'a TenantId,
    /// The user pool, where it is made to one.
    pub user_pool_id: Option<&'a UserPoolId>,
}

/// A change over the API: who made it, of what, and what came of it. No value of it is kept, and so no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditRecord {
    /// A ULID; later records sort after earlier ones.
    pub id: String,
    /// When the change was asked for.
    pub at: Timestamp,
    /// Who asked: the caller's ARN.
    pub caller: String,
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The tenant.
    pub tenant_id: TenantId,
    /// The user pool, where the change was made to one.
    #[schema(required = true)]
    pub user_pool_id: Option<UserPoolId>,
    /// The HTTP status that it was answered with; null where that is not known: the change may have been made.
    #[schema(required = true)]
    pub status: Option<u16>,
    /// The fields that were given.
    pub changed: Vec<String>,
}

impl AuditRecord {
    /// The record of a change that is about to be made. `random` tells apart the changes of one millisecond.
    pub fn begun(change: Change<'_>, now: Timestamp, random: u128) -> Self {
        Self {
            id: ulid_text(now, random),
            at: now,
            caller: change.caller.to_owned(),
            method: change.method.to_owned(),
            path: change.path.to_owned(),
            tenant_id: change.tenant_id.clone(),
            user_pool_id: change.user_pool_id.cloned(),
            status: None,
            changed: Vec::new(),
        }
    }

    /// The record once the change was answered. The fields are taken from a body that was accepted only: the
    /// names in another one can be anything.
    #[must_use]
    pub fn answered(self, status: u16, body: &[u8]) -> Self {
        let sent = if (200..300).contains(&status) { serde_json::from_slice(body).ok() } else { None };
        let Some(Value::Object(fields)) = sent else { return Self { status: Some(status), ..self } };
        // The pool that is registered is named in the body.
        let named = fields.get("user_pool_id").and_then(Value::as_str).and_then(|id| id.parse().ok());
        Self { status: Some(status), user_pool_id: self.user_pool_id.or(named), changed: field_names(fields), ..self }
    }
}

/// The names of the fields of a body, those of an object in it as `outer.inner`.
fn field_names(fields: Map<String, Value>) -> Vec<String> {
    let names = fields.into_iter().flat_map(|(outer, value)| match value {
        Value::Object(inner) if !inner.is_empty() => inner.keys().map(|inner| format!("{outer}.{inner}")).collect(),
        _ => vec![outer],
    });
    names.take(MOST_NAMES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun() -> AuditRecord {
        let tenant_id = "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N".parse().unwrap();
        let change = Change {
            caller: "arn:aws:iam::111111111111:user/operator",
            method: "PATCH",
            path: "/v1/tenants/tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N",
            tenant_id: &tenant_id,
            user_pool_id: None,
        };
        AuditRecord::begun(change, Timestamp::from_seconds(1_000_000), 1)
    }

    #[test]
    fn a_record_names_the_fields_that_were_given_and_none_of_their_values() {
        let body = br#"{"name":"Acme","workos":{"api_key":"sk_canary","confirm_environment":true},"start":null}"#;
        let record = begun().answered(200, body);
        assert_eq!(record.changed, ["name", "start", "workos.api_key", "workos.confirm_environment"]);
        assert!(!serde_json::to_string(&record).unwrap().contains("sk_canary"));
    }

    #[test]
    fn a_refused_body_leaves_no_names() {
        let record = begun().answered(400, br#"{"sk_canary":1}"#);
        assert_eq!((record.status, record.changed), (Some(400), Vec::new()));
    }

    #[test]
    fn a_record_stays_small_whatever_was_sent() {
        let mapping: serde_json::Map<String, Value> =
            (0..1000).map(|number| (format!("custom:{number}"), Value::from("x"))).collect();
        let body = serde_json::json!({"attribute_mapping": mapping}).to_string();
        assert_eq!(begun().answered(200, body.as_bytes()).changed.len(), MOST_NAMES);
    }

    #[test]
    fn a_pool_that_is_registered_is_named_by_the_body() {
        let body = br#"{"user_pool_id":"eu-west-1_Abc"}"#;
        assert_eq!(begun().answered(201, body).user_pool_id, Some("eu-west-1_Abc".parse().unwrap()));
        assert_eq!(begun().answered(409, body).user_pool_id, None);
    }

    #[test]
    fn a_change_whose_answer_is_unknown_says_so() {
        assert_eq!(begun().status, None);
    }
}
