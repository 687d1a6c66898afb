//! What callers send: a JSON body whose every fault is named by its field.

use axum::body::Bytes;
use causeway_core::object::Object;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use crate::problem::Problem;

/// The largest body that is read, in bytes.
const LARGEST: usize = 64 * 1024;

/// Reads a body. An empty one is an empty object, so that calls without options need none.
pub fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Problem> {
    if body.len() > LARGEST {
        return Err(Problem::invalid("(body)", format!("a body has at most {LARGEST} bytes")));
    }
    let body: &[u8] = if body.is_empty() { b"{}" } else { body };
    let deserializer = &mut serde_json::Deserializer::from_slice(body);
    let Object(value) = serde_path_to_error::deserialize(&mut *deserializer).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { "(body)".to_owned() } else { path };
        Problem::invalid(field, rule(&error.into_inner().to_string()))
    })?;
    deserializer.end().map_err(|_| Problem::invalid("(body)", "there is something after the JSON value"))?;
    Ok(value)
}

/// Reads a field that tells left out (`None`, by `default`) from null, which is taken only where `T` takes it.
pub fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Serde's message without the line and column, since the field says more, and without the value, which can
/// be a secret in the wrong place.
fn rule(message: &str) -> String {
    let text = message.rsplit_once(" at line ").map_or(message, |(text, _)| text);
    for kind in ["invalid type: ", "invalid value: ", "unknown variant "] {
        if let Some((_, expected)) = text.strip_prefix(kind).and_then(|rest| rest.rsplit_once(", expected ")) {
            return format!("{}: expected {expected}", kind.trim_end_matches([':', ' ']));
        }
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{body::to_bytes, response::IntoResponse};
    use causeway_core::object::object;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[serde(rename = "inner", deserialize_with = "object")]
        _inner: Inner,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[serde(rename = "account_id")]
        _account_id: causeway_core::id::AccountId,
    }

    async fn answer(body: &str) -> (u16, serde_json::Value) {
        let response = read::<Outer>(&Bytes::from(body.to_owned())).unwrap_err().into_response();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 10_000).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn a_faulty_body_is_refused_with_the_field_and_its_rule() {
        for (body, field, rule) in [
            (r#"{"inner":{"account_id":"12"}}"#, "inner.account_id", "12 digits"),
            (r#"{"inner":{"account_id":12}}"#, "inner.account_id", "expected a string"),
            (r#"{"inner":{"account_id":"123456789012","x":1}}"#, "inner.x", "unknown field `x`"),
            (r#"{"inner":{}}"#, "inner", "missing field `account_id`"),
            (r"[]", "(body)", "expected an object"),
            (r#"[{"account_id":"123456789012"}]"#, "(body)", "expected an object"),
            (r#"{"inner":["123456789012"]}"#, "inner", "expected an object"),
            (r#"{"inner""#, "(body)", "EOF"),
            ("", "(body)", "missing field `inner`"),
        ] {
            let (status, problem) = answer(body).await;
            assert_eq!(status, 400, "{body}");
            assert_eq!(problem["field"], field, "{body}: {problem}");
            assert!(problem["detail"].as_str().unwrap().contains(rule), "{body}: {problem}");
        }
    }

    #[tokio::test]
    async fn a_refusal_does_not_repeat_a_value() {
        for body in [
            r#"{"inner":"sk_canary"}"#,
            r#"{"inner":"sk_canary, expected more"}"#,
            r#"{"inner":{"account_id":"sk_canary"}}"#,
            r#""sk_canary""#,
        ] {
            let (_, problem) = answer(body).await;
            assert!(!problem.to_string().contains("sk_canary"), "{body}: {problem}");
        }
    }

    #[tokio::test]
    async fn a_body_that_is_too_large_is_refused() {
        let (status, problem) = answer(&format!(r#"{{"inner":"{}"}}"#, "a".repeat(LARGEST))).await;
        assert_eq!((status, problem["field"].as_str().unwrap()), (400, "(body)"));
    }
}
