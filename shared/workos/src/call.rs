//! One call to WorkOS: what is asked, and when it may be asked again.

use std::{fmt, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::error::WorkosError;

/// How often a call is repeated at most.
const REPEATS: u32 = 2;
/// The longest wait that a caller is kept for; one that is longer belongs to the schedule.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// The wait before the first repeat where WorkOS names none; the second waits twice as long.
const PAUSE: Duration = Duration::from_millis(200);

/// Which call of WorkOS's API, without the query, which can carry what should not be in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The method.
    pub method: &'static str,
    /// The path, from the root of WorkOS's API.
    pub path: String,
}

impl fmt::Display for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method, self.path)
    }
}

/// When a call may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It reads: whenever the failure may pass.
    Reads,
    /// It writes: only where it surely was not carried out.
    Writes,
    /// It spends what it carries: only where it never left.
    Spends,
}

impl Repeat {
    /// How long to wait before the next attempt; `None` if there is none. A timeout is not repeated, as the
    /// caller has waited long enough.
    pub(crate) fn wait_after(self, error: &WorkosError, repeats: u32) -> Option<Duration> {
        let may_repeat = match error {
            WorkosError::Unreachable { .. } => true,
            WorkosError::Refused(refusal) if refusal.status == 429 => self != Self::Spends,
            WorkosError::Refused(refusal) => self == Self::Reads && refusal.status >= 500,
            WorkosError::BrokenOff { .. } => self == Self::Reads,
            _ => false,
        };
        if !may_repeat || repeats >= REPEATS {
            return None;
        }
        Some(error.retry_after().unwrap_or(PAUSE * (repeats + 1))).filter(|wait| *wait <= LONGEST_WAIT)
    }
}

/// A request, which can be sent more than once.
pub(crate) struct Request<'a> {
    pub(crate) call: Call,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) key: Option<&'a SecretString>,
    pub(crate) body: Option<Value>,
    pub(crate) repeat: Repeat,
    /// What must not show in an error even where WorkOS repeats it.
    pub(crate) hidden: Vec<&'a str>,
}

impl<'a> Request<'a> {
    fn new(method: &'static str, path: String, key: &'a SecretString, repeat: Repeat) -> Self {
        let hidden = vec![key.expose_secret()];
        Self { call: Call { method, path }, query: Vec::new(), key: Some(key), body: None, repeat, hidden }
    }

    pub(crate) fn get(path: impl Into<String>, key: &'a SecretString) -> Self {
        Self::new("GET", path.into(), key, Repeat::Reads)
    }

    pub(crate) fn delete(path: impl Into<String>, key: &'a SecretString) -> Self {
        Self::new("DELETE", path.into(), key, Repeat::Writes)
    }

    pub(crate) fn post(path: impl Into<String>, key: &'a SecretString, body: Value) -> Self {
        Self { body: Some(body), ..Self::new("POST", path.into(), key, Repeat::Writes) }
    }

    pub(crate) fn with_query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }
}

/// An answer of status 2xx.
pub(crate) struct Answer {
    pub(crate) call: Call,
    pub(crate) request_id: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Reads the body as JSON of the shape `T`.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, WorkosError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            if error.is_eof() {
                return WorkosError::BrokenOff { call: self.call.clone(), source: None };
            }
            self.unreadable(describe(&error))
        })
    }

    /// The error for an answer that is JSON and not what it should be.
    pub(crate) fn unreadable(&self, problem: impl Into<String>) -> WorkosError {
        WorkosError::Unreadable {
            call: self.call.clone(),
            problem: problem.into(),
            request_id: self.request_id.clone(),
        }
    }
}

/// What is wrong with an answer. The parser's own words can quote the value that it did not expect, which
/// may be a secret, so only those are passed on that name nothing but a field of ours.
fn describe(error: &serde_json::Error) -> String {
    let place = format!("at line {} column {}", error.line(), error.column());
    let words = error.to_string();
    if error.is_data() && words.starts_with("missing field") {
        return words;
    }
    let kind = if error.is_data() { "a value of the wrong type or form" } else { "not JSON" };
    format!("{kind} {place}")
}

/// A field of an object that must be there, though it may be null.
pub(crate) fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer)
}
