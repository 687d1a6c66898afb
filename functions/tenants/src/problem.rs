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
use causeway_telemetry::{Metric, chain, count};
use causeway_tenancy::TenancyError;
use causeway_workos::WorkosError;
use serde::Serialize;
use tracing::Span;
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
    /// Whether Causeway or an AWS service of its own account failed, and not WorkOS or a tenant's account.
    is_own_failure: bool,
}

impl Problem {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), field: None, cause: None, is_own_failure: false }
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

    /// Somebody else is at it for a moment.
    pub fn busy(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
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
        let is_own_failure = problem.status.is_server_error();
        Self { cause: Some(chain(error)), is_own_failure, ..problem }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let problem = Self::unavailable(&error, error.class());
        if !error.is_unreadable() {
            return problem;
        }
        // Its key, and no value of it.
        Self { detail: format!("{error}: docs/operations.md, \"An item can't be read\""), ..problem }
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
        let is_own_failure = error.class() == ErrorClass::Bug;
        Self { cause: Some(detail.clone()), is_own_failure, ..Self::new(status, format!("{detail}. Try again")) }
    }
}

impl From<TenancyError> for Problem {
    fn from(error: TenancyError) -> Self {
        match error {
            TenancyError::Invalid { field, rule } => Self::invalid(field, rule),
            TenancyError::NotFound => Self::not_found(),
            TenancyError::Conflict(detail) => Self::conflict(detail),
            TenancyError::Store(error) => error.into(),
            TenancyError::Seal(error) => error.into(),
            TenancyError::Workos(error) => error.into(),
            TenancyError::Queue(error) => error.into(),
        }
    }
}

impl From<LookError> for Problem {
    fn from(error: LookError) -> Self {
        if let LookError::Table(_) | LookError::Key(_) = error {
            return Self::unavailable(&error, error.class());
        }
        let status = match error.class() {
            class if class.passes_by_itself() => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_GATEWAY,
        };
        let (detail, is_own_failure) = (chain(&error), error.class() == ErrorClass::Bug);
        let remedy = match error {
            LookError::OutOfTime => "A run has more of it: ask for one, and read its report",
            _ => "Call `verify` to see what to do",
        };
        let problem = Self::new(status, format!("{detail}. {remedy}"));
        Self { cause: Some(detail), is_own_failure, ..problem }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if self.is_own_failure {
            count(Metric::ApiFailures);
        }
        if let Some(cause) = &self.cause {
            // For the one line that the request gets.
            Span::current().record("error", cause);
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

#[cfg(test)]
mod tests {
    use causeway_telemetry::measured;

    use super::*;

    async fn failures(problem: impl Into<Problem>) -> (u16, Option<u64>) {
        let (response, metrics) = measured(async { problem.into().into_response() }).await;
        (response.status().as_u16(), metrics.get(Metric::ApiFailures))
    }

    fn of_store(class: ErrorClass) -> Problem {
        Problem::unavailable(&std::io::Error::other("the table"), class)
    }

    #[tokio::test]
    async fn only_what_causeway_or_its_own_account_could_not_do_is_a_failure_of_the_api() {
        let bug = std::io::Error::other("a mistake");
        assert_eq!(failures(Problem::bug(&bug)).await, (500, Some(1)));
        assert_eq!(failures(of_store(ErrorClass::Transient)).await, (503, Some(1)));
        assert_eq!(failures(of_store(ErrorClass::Denied)).await, (503, Some(1)));
        assert_eq!(failures(of_store(ErrorClass::Conflict)).await, (409, None));
        assert_eq!(failures(LookError::OutOfTime).await, (503, None));
        assert_eq!(failures(LookError::NoKey).await, (502, None));
        assert_eq!(failures(LookError::OpenRole { role_arn: String::new() }).await, (502, None));
        assert_eq!(failures(WorkosError::BaseUrl).await, (502, Some(1)));
        assert_eq!(failures(Problem::not_found()).await, (404, None));
    }
}
