//! What keeps a page from being shown.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use causeway_core::health::ErrorClass;
use causeway_queue::QueueError;
use causeway_store::{SealError, StoreError};
use causeway_telemetry::{Metric, chain, count};
use causeway_tenancy::TenancyError;
use tracing::Span;

use crate::layout::Message;

/// What keeps a page from being shown.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// There is no such page, or not for this visitor.
    #[error("there is no such page for this visitor")]
    DeadEnd,
    /// The link was opened before, in another browser.
    #[error("the link was opened before")]
    Spent,
    /// The visitor's source showed too many links and sessions that are not good.
    #[error("too many links or sessions that are not good")]
    TooManyMisses,
    /// The session asked for too many errands, or showed too many keys, within a minute.
    #[error("too many checks, choices or keys within a minute")]
    TooOften,
    /// Something else is being done for the pool or the session.
    #[error("something else is being done for this user pool or session")]
    Busy,
    /// A form is too large, or none.
    #[error("a form of at most {0} bytes is expected")]
    NoForm(usize),
    /// The use case did not succeed.
    #[error(transparent)]
    Tenancy(#[from] TenancyError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Tenancy(error.into())
    }
}

impl From<SealError> for Failure {
    fn from(error: SealError) -> Self {
        Self::Tenancy(error.into())
    }
}

impl From<QueueError> for Failure {
    fn from(error: QueueError) -> Self {
        Self::Tenancy(error.into())
    }
}

impl Failure {
    /// What the visitor is told.
    fn message(&self) -> Message {
        match self {
            Self::DeadEnd => Message::dead_end(),
            Self::Spent => Message::spent(),
            Self::TooManyMisses => Message::of(StatusCode::TOO_MANY_REQUESTS, "too many requests: wait a minute"),
            Self::TooOften => Message::of(
                StatusCode::TOO_MANY_REQUESTS,
                "you asked for several things within a minute: wait a minute",
            ),
            Self::Busy => {
                let detail = "something else of yours is being done: wait some seconds";
                Message::of(StatusCode::CONFLICT, detail)
            }
            Self::NoForm(_) => Message::of(StatusCode::BAD_REQUEST, &self.to_string()),
            Self::Tenancy(error) => match error {
                TenancyError::Invalid { rule, .. } => Message::of(StatusCode::BAD_REQUEST, rule),
                TenancyError::NotFound => Message::dead_end(),
                TenancyError::Conflict(detail) => Message::of(StatusCode::CONFLICT, detail),
                _ if self.class() == ErrorClass::Conflict => {
                    Message::of(StatusCode::CONFLICT, "somebody else changed it at the same time")
                }
                _ => Message::of(StatusCode::SERVICE_UNAVAILABLE, "this is not available at the moment"),
            },
        }
    }

    fn class(&self) -> ErrorClass {
        match self {
            Self::Tenancy(TenancyError::Store(error)) => error.class(),
            Self::Tenancy(TenancyError::Seal(error)) => error.class(),
            Self::Tenancy(TenancyError::Workos(error)) => error.class(),
            Self::Tenancy(TenancyError::Queue(_)) => ErrorClass::Transient,
            Self::Tenancy(TenancyError::Conflict(_)) => ErrorClass::Conflict,
            _ => ErrorClass::Rejected,
        }
    }

    /// Whether Causeway or an AWS service of its own account failed.
    fn is_own(&self) -> bool {
        let of_our_account =
            matches!(self, Self::Tenancy(TenancyError::Store(_) | TenancyError::Seal(_) | TenancyError::Queue(_)));
        of_our_account && self.class() != ErrorClass::Conflict
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        if self.is_own() {
            count(Metric::ApiFailures);
            let error = chain(&self);
            // For the one line that the request gets.
            Span::current().record("error", &error);
            tracing::error!(error, "the page failed");
        }
        self.message().into_response()
    }
}
