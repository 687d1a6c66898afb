//! From a response to what API Gateway is told.

use std::collections::BTreeMap;

use axum::{
    body::{Body, to_bytes},
    http::{HeaderValue, Response, StatusCode, header},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;

/// An answer in payload format 2.0 (API Gateway: "Working with AWS Lambda proxy integrations for HTTP APIs").
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The HTTP status.
    pub status_code: u16,
    /// The headers, but cookies; several values of one are joined by commas (RFC 9110, 5.3).
    pub headers: BTreeMap<String, String>,
    /// The values of `Set-Cookie`.
    pub cookies: Vec<String>,
    /// The body, in base64 where it is no text.
    pub body: String,
    /// Whether it is.
    pub is_base64_encoded: bool,
}

impl Answer {
    /// Reads a response to its end. A body that breaks off gives `None`.
    pub(crate) async fn of(response: Response<Body>) -> Option<Self> {
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.ok()?;
        let mut headers: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in parts.headers.iter().filter(|(name, _)| *name != header::SET_COOKIE) {
            let value = text(value);
            headers
                .entry(name.as_str().to_owned())
                .and_modify(|others| *others = format!("{others}, {value}"))
                .or_insert(value);
        }
        let cookies = parts.headers.get_all(header::SET_COOKIE).iter().map(text).collect();
        let (body, is_base64_encoded) = match String::from_utf8(body.into()) {
            Ok(text) => (text, false),
            Err(error) => (STANDARD.encode(error.as_bytes()), true),
        };
        Some(Self { status_code: parts.status.as_u16(), headers, cookies, body, is_base64_encoded })
    }
}

impl Answer {
    /// An answer of its status alone.
    pub(crate) fn empty(status: StatusCode) -> Self {
        let (headers, cookies) = (BTreeMap::new(), Vec::new());
        Self { status_code: status.as_u16(), headers, cookies, body: String::new(), is_base64_encoded: false }
    }
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}
