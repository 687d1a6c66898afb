//! WorkOS's answers that are not 2xx.

use std::time::Duration;

use serde_json::Value;

use crate::call::Call;

/// The most characters of WorkOS's message that are kept.
const LONGEST_MESSAGE: usize = 200;
/// The most characters of a code or a request ID that are kept.
const LONGEST_WORD: usize = 64;

/// What WorkOS said when it refused (WorkOS API: `{message, code?, errors?}`, and of OAuth
/// `{error, error_description}`). The secrets that the request carried are taken out of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{call}: WorkOS answered {status}{}{} (request {})",
    .code.as_ref().map(|code| format!(" {code}")).unwrap_or_default(),
    if .message.is_empty() { String::new() } else { format!(": {}", .message) },
    .request_id.as_deref().unwrap_or("without ID")
)]
pub struct Refusal {
    /// The call.
    pub call: Call,
    /// The HTTP status.
    pub status: u16,
    /// WorkOS's `code`, or OAuth's `error`.
    pub code: Option<String>,
    /// WorkOS's words, cut; empty where the answer has none.
    pub message: String,
    /// Whether WorkOS says that what should be made is there already.
    pub already_exists: bool,
    /// WorkOS's ID of the request (header `X-Request-ID`), which its support asks for.
    pub request_id: Option<String>,
    /// How long WorkOS asks to wait (header `Retry-After`).
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// Reads a refusal; a body of another form than WorkOS's leaves the message empty.
    pub(crate) fn read(call: Call, status: u16, body: &[u8], hidden: &[&str]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let code = text("code").or_else(|| text("error"));
        let message = full_message(&body);
        let already_exists = code.is_some_and(|code| code.contains("already_exists"))
            || message.to_ascii_lowercase().contains("already exists");
        Self {
            call,
            status,
            code: code.map(|code| shown(code, hidden, LONGEST_WORD)),
            message: shown(&message, hidden, LONGEST_MESSAGE),
            already_exists,
            request_id: None,
            retry_after: None,
        }
    }
}

fn full_message(body: &Value) -> String {
    let of = |value: &Value| {
        let text = value.as_str().or_else(|| value.get("message")?.as_str()).or_else(|| value.get("code")?.as_str());
        text.map(str::to_owned)
    };
    let main = ["message", "error_description"].into_iter().find_map(|name| body.get(name)?.as_str());
    let details = body.get("errors").and_then(Value::as_array).into_iter().flatten().filter_map(of);
    main.map(str::to_owned).into_iter().chain(details).collect::<Vec<_>>().join("; ")
}

/// `text` without the secrets of the request (WorkOS repeats a code that it refuses), without what controls how a text
/// is shown, and cut.
pub(crate) fn shown(text: &str, hidden: &[&str], longest: usize) -> String {
    let mut text = text.to_owned();
    for secret in hidden.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "[hidden]");
    }
    causeway_core::shown::shown(&text, Some(' ')).take(longest).collect()
}

/// A request ID as it can be shown.
pub(crate) fn shown_request_id(text: &str, hidden: &[&str]) -> String {
    shown(text, hidden, LONGEST_WORD)
}
