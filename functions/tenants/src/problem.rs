//! Errors as the API answers them: RFC 9457, `application/problem+json`.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use causeway_core::health::ErrorClass;
use causeway_queue::{DeadLetterError, QueueError};
use causeway_reconciler::LookError;
use causeway_store::{SealError, StoreError};
use causeway_telemetry::chain;
use causeway_workos::WorkosError;
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of errors.
pub const PROBLEM: &str = "application/problem+json";

/// An error as it is answered (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemAnswer {
    /// Always `about:blank`: the status says what kind of problem it is.
    r#type: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What is wrong, and what to do about it.
    detail: String,
    /// The field of the body, the parameter or the header that breaks a rule; `(body)` where it is none in
    /// particular.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

/// An error with what to do about it.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    detail: String,
    field: Option<String>,
    /// The whole story, for the log; never part of the answer.
    cause: Option<String>,
}

impl Problem {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), field: None, cause: None }
    }

    /// A field of the request breaks its rule.
    pub fn invalid(field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..Self::new(StatusCode::BAD_REQUEST, rule) }
    }

    /// What was asked for does not exist, or is not the caller's to see: the answer is the same.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is nothing here: check the tenant ID and the user pool ID")
    }

    /// The request does not fit the present state.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What is wrong, and what to do about it.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The field that breaks its rule, if it is one.
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// What is to be changed is not the version that `If-Match` names.
    pub fn precondition_failed() -> Self {
        let detail = "it is not the version of `If-Match` any more: read it, and send the `ETag` of what you have read";
        Self { field: Some("If-Match".to_owned()), ..Self::new(StatusCode::PRECONDITION_FAILED, detail) }
    }

    /// The `Idempotency-Key` belongs to another request.
    pub fn key_of_another_request() -> Self {
        let detail = "this Idempotency-Key came with another body before: send another key";
        let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
        Self { field: Some("Idempotency-Key".to_owned()), ..problem }
    }

    /// A mistake of Causeway's.
    pub fn bug(error: &dyn std::error::Error) -> Self {
        Self::unavailable(error, ErrorClass::Bug)
    }

    fn unavailable(error: &dyn std::error::Error, class: ErrorClass) -> Self {
        let problem = match class {
            ErrorClass::Conflict => Self::conflict("somebody else changed it at the same time: read it and try again"),
            ErrorClass::Bug => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "something is wrong with Causeway: report it with the header X-Request-ID of this answer",
            ),
            _ => Self::new(StatusCode::SERVICE_UNAVAILABLE, "not available at the moment: try again"),
        };
        Self { cause: Some(chain(error)), ..problem }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::unavailable(&error, error.class())
    }
}

impl From<SealError> for Problem {
    fn from(error: SealError) -> Self {
        Self::unavailable(&error, error.class())
    }
}

impl From<QueueError> for Problem {
    fn from(error: QueueError) -> Self {
        Self::unavailable(&error, ErrorClass::Transient)
    }
}

impl From<DeadLetterError> for Problem {
    fn from(error: DeadLetterError) -> Self {
        Self::unavailable(&error, ErrorClass::Transient)
    }
}

impl From<WorkosError> for Problem {
    fn from(error: WorkosError) -> Self {
        let detail = chain(&error);
        let status =
            if error.class().passes_by_itself() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::BAD_GATEWAY };
        Self { cause: Some(detail.clone()), ..Self::new(status, format!("{detail}. Try again")) }
    }
}

impl From<LookError> for Problem {
    fn from(error: LookError) -> Self {
        if let LookError::Store(_) | LookError::Seal(_) = error {
            return Self::unavailable(&error, error.class());
        }
        let status = match error.class() {
            class if class.passes_by_itself() => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_GATEWAY,
        };
        let detail = chain(&error);
        let remedy = match error {
            LookError::OutOfTime => "A run has more of it: ask for one, and read its report",
            _ => "Call `verify` to see what to do",
        };
        Self { cause: Some(detail.clone()), ..Self::new(status, format!("{detail}. {remedy}")) }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if let Some(cause) = &self.cause {
            if self.status.is_server_error() {
                tracing::error!(status = self.status.as_u16(), error = cause, "the request failed");
            } else {
                tracing::warn!(status = self.status.as_u16(), error = cause, "the request was refused");
            }
        }
        let body = ProblemAnswer {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: self.detail,
            field: self.field,
        };
        let mut response = (self.status, Json(body)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM));
        response
    }
}
