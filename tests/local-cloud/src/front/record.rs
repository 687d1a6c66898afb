//! What went through the front, for tests that count calls.

use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// More calls than any run of the tests makes; the older half is forgotten beyond that.
const MOST: usize = 200_000;
/// How much of a request's text is kept, in bytes: enough for whom it is about.
const KEPT: usize = 1500;

/// One call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Call {
    /// When it came, in milliseconds since 1970.
    pub at: u64,
    /// The same in microseconds.
    pub at_micros: u64,
    /// How long the answer took, in microseconds.
    pub took_micros: u64,
    /// The service as signatures name it, or `workos`.
    pub service: String,
    /// The operation, or method and path where the service has no names for them.
    pub operation: String,
    /// The HTTP status of the answer; 0 where the connection was cut.
    pub status: u16,
    /// Why the front itself answered, if it did.
    pub refused: Option<String>,
    /// Members of the request that the service passed over, as its model does not have them.
    pub passed_over: Vec<String>,
    /// Whom it is about: the beginning of the request.
    #[serde(skip)]
    about: String,
}

impl Call {
    /// A call that comes now.
    pub fn new(service: &str, operation: &str, about: &str) -> Self {
        let end = about.floor_char_boundary(KEPT);
        let at_micros = now_in_micros();
        Self {
            at: at_micros / 1000,
            at_micros,
            took_micros: 0,
            service: service.to_owned(),
            operation: operation.to_owned(),
            status: 0,
            refused: None,
            passed_over: Vec::new(),
            about: about[..end].to_owned(),
        }
    }

    /// The same call, answered now.
    fn answered(self) -> Self {
        Self { took_micros: now_in_micros().saturating_sub(self.at_micros), ..self }
    }
}

/// All calls, in the order in which they were answered.
#[derive(Debug, Default)]
pub struct Record {
    calls: Mutex<Vec<Call>>,
}

impl Record {
    /// Adds a call that was answered.
    pub fn add(&self, call: Call) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if calls.len() >= MOST {
            calls.drain(..MOST / 2);
        }
        calls.push(call.answered());
    }

    /// The calls since then, in milliseconds since 1970, whose request contains `text`.
    pub fn calls(&self, since: u64, text: &str) -> Vec<Call> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.iter().filter(|call| call.at >= since && call.about.contains(text)).cloned().collect()
    }
}

/// Milliseconds since 1970.
pub fn now() -> u64 {
    now_in_micros() / 1000
}

/// Microseconds since 1970.
pub fn now_in_micros() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    u64::try_from(now).unwrap_or(u64::MAX)
}
