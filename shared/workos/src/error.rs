//! What can go wrong with a call to WorkOS.

use std::time::Duration;

use causeway_core::health::ErrorClass;
use causeway_http::HttpError;

use crate::{call::Call, refusal::Refusal};

/// How WorkOS calls a code that it does not redeem (RFC 6749, 5.2; the others are its emulator's).
const REFUSED_CODE: [&str; 3] = ["invalid_grant", "invalid_code", "expired_code"];

/// OAuth's words for a client that WorkOS does not let in: unknown, with another's key, or without the right
/// to redeem codes (RFC 6749, 5.2).
const REFUSED_CLIENT: [&str; 2] = ["invalid_client", "unauthorized_client"];

/// Whether an answer of this status is about what was asked, and not about when or how often.
pub(crate) fn is_about_the_request(status: u16) -> bool {
    (400..500).contains(&status) && status != 429
}

/// A call to WorkOS that failed. Holds no secret: no key, no code, no query and nothing of an answer's body
/// but WorkOS's words about a refusal.
#[derive(Debug, thiserror::Error)]
pub enum WorkosError {
    /// The base URL is not one of HTTP.
    #[error("the base URL of WorkOS's API is not an http or https URL")]
    BaseUrl,
    /// A call can't be written as HTTP.
    #[error("{call}: the call can't be written as a request")]
    Unwritable {
        /// The call.
        call: Call,
    },
    /// The API key has characters that no header can carry, so that WorkOS can't know it.
    #[error("{call}: the API key has characters that no WorkOS API key has")]
    UnusableKey {
        /// The call.
        call: Call,
    },
    /// No connection could be made, so nothing was sent.
    #[error("{call}: no connection to WorkOS")]
    Unreachable {
        /// The call.
        call: Call,
        /// Why.
        #[source]
        source: HttpError,
    },
    /// WorkOS took too long.
    #[error("{call}: WorkOS did not answer in time")]
    TimedOut {
        /// The call.
        call: Call,
    },
    /// The connection ended before the answer did.
    #[error("{call}: WorkOS's answer broke off")]
    BrokenOff {
        /// The call.
        call: Call,
        /// Why; nothing where the answer ended in the middle of its JSON.
        #[source]
        source: Option<HttpError>,
    },
    /// WorkOS answered with a status other than 2xx.
    #[error(transparent)]
    Refused(#[from] Box<Refusal>),
    /// `WorkOS` refuses the cursor that it gave with the page before: the record that it names is gone.
    #[error("the list changed while it was read")]
    RefusedCursor(#[source] Box<Refusal>),
    /// The answer is larger than any that Causeway asks for.
    #[error("{call}: WorkOS's answer is larger than {limit} bytes")]
    TooLarge {
        /// The call.
        call: Call,
        /// The limit.
        limit: usize,
    },
    /// The answer is not what WorkOS's API says it is.
    #[error("{call}: WorkOS's answer can't be read: {problem} (request {})", .request_id.as_deref().unwrap_or("without ID"))]
    Unreadable {
        /// The call.
        call: Call,
        /// What is wrong with it.
        problem: String,
        /// WorkOS's ID of the request (header `X-Request-ID`).
        request_id: Option<String>,
    },
}

impl WorkosError {
    /// What kind of failure it is.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::BaseUrl | Self::Unwritable { .. } => ErrorClass::Bug,
            Self::UnusableKey { .. } => ErrorClass::Denied,
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::BrokenOff { .. } | Self::RefusedCursor(_) => {
                ErrorClass::Transient
            }
            Self::Refused(refusal) => match refusal.status {
                401 | 403 => ErrorClass::Denied,
                429 => ErrorClass::Throttled,
                500.. => ErrorClass::Transient,
                _ => ErrorClass::Rejected,
            },
            Self::TooLarge { .. } | Self::Unreadable { .. } => ErrorClass::Rejected,
        }
    }

    /// How long WorkOS asked to wait (header `Retry-After`), where it did.
    pub fn retry_after(&self) -> Option<Duration> {
        self.refusal().and_then(|refusal| refusal.retry_after)
    }

    /// WorkOS's refusal, if that is what it is.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) | Self::RefusedCursor(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// Whether WorkOS says of the code that it was to redeem that it is used, too old or none of its own.
    pub fn refuses_code(&self) -> bool {
        self.refusal().is_some_and(|refusal| {
            refusal.status == 400 && refusal.code.as_deref().is_some_and(|code| REFUSED_CODE.contains(&code))
        })
    }

    /// Whether WorkOS says of the client that it is unknown, has another's key, or may not redeem codes.
    pub fn refuses_client(&self) -> bool {
        self.refusal().is_some_and(|refusal| {
            is_about_the_request(refusal.status)
                && refusal.code.as_deref().is_some_and(|code| REFUSED_CLIENT.contains(&code))
        })
    }

    /// Whether WorkOS answered with `status`.
    pub(crate) fn has_status(&self, status: u16) -> bool {
        self.refusal().is_some_and(|refusal| refusal.status == status)
    }

    /// The error for a request that got no whole answer.
    pub(crate) fn from_transport(call: &Call, source: HttpError) -> Self {
        let call = call.clone();
        match source {
            HttpError::Unreachable(_) => Self::Unreachable { call, source },
            HttpError::TooLarge(limit) => Self::TooLarge { call, limit },
            HttpError::Unanswered(_) | HttpError::BrokenOff(_) => Self::BrokenOff { call, source: Some(source) },
        }
    }
}
