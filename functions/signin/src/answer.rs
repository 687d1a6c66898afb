//! The answers, as a browser or Cognito gets them.

use std::fmt::{self, Display, Formatter};

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use causeway_core::oidc::authorize::Refused;
use causeway_telemetry::{Metric, add, count};
use serde_json::Value;
use tracing::{Span, field::display};
use url::Url;

use crate::failure::Failure;

/// What a request came to.
#[derive(Debug, Clone, Copy)]
pub enum Outcome {
    /// The browser is on its way to `WorkOS`.
    SentToWorkos,
    /// The user is back, and Cognito has a code.
    SignedIn,
    /// Cognito has the tokens.
    TokensIssued,
    /// Something is wrong with the request or the sign-in: what it is.
    Refused(&'static str),
    /// Something of ours failed, or of AWS. Nothing that anybody outside sends may come to this.
    Failed,
    /// Something failed that only the tenant can mend: what it is.
    FailedForTenant(&'static str),
    /// Anything else that was answered, which says nothing about sign-ins.
    Answered(&'static str),
}

impl Display for Outcome {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::SentToWorkos => formatter.write_str("sent to WorkOS"),
            Self::SignedIn => formatter.write_str("signed in"),
            Self::TokensIssued => formatter.write_str("tokens issued"),
            Self::Refused(reason) => write!(formatter, "refused: {reason}"),
            Self::Failed => formatter.write_str("failed"),
            Self::FailedForTenant(reason) => write!(formatter, "failed for the tenant: {reason}"),
            Self::Answered(what) => formatter.write_str(what),
        }
    }
}

/// Writes down what the request came to, for the one log line that it gets, and counts it.
pub fn came_to(outcome: Outcome) {
    Span::current().record("outcome", display(outcome));
    match outcome {
        Outcome::SentToWorkos => {
            count(Metric::SignInsStarted);
            // The alarm on sign-ins that all come to nothing compares the two, and what is missing is no number.
            add(Metric::SignInsCompleted, 0);
        }
        Outcome::SignedIn => count(Metric::SignInsReturned),
        Outcome::TokensIssued => count(Metric::SignInsCompleted),
        Outcome::Refused(_) => count(Metric::SignInsRefused),
        Outcome::Failed => count(Metric::SignInsFailed),
        Outcome::FailedForTenant(_) => count(Metric::SignInsFailedForTenant),
        Outcome::Answered(_) => {}
    }
}

/// A page of plain text for the person in front of the browser.
pub fn page(status: StatusCode, text: impl Into<String>) -> Response {
    let mut text = text.into();
    text.push('\n');
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// Sends the browser on.
pub fn redirect(url: &Url) -> Response {
    match HeaderValue::from_str(url.as_str()) {
        Ok(location) => (StatusCode::FOUND, [(header::LOCATION, location)]).into_response(),
        // A URL that was parsed is ASCII without control characters.
        Err(_) => page(StatusCode::INTERNAL_SERVER_ERROR, "The sign-in can't be continued."),
    }
}

/// A JSON document that may be kept for five minutes by anybody.
pub fn public_document(document: &Value) -> Response {
    ([(header::CACHE_CONTROL, "public, max-age=300")], Json(document)).into_response()
}

/// Nothing is served under this path: it is no route, or an ID in it is malformed.
#[derive(Debug, Clone, Copy)]
pub struct NoSuchPlace;

impl IntoResponse for NoSuchPlace {
    fn into_response(self) -> Response {
        came_to(Outcome::Answered("no such place"));
        page(StatusCode::NOT_FOUND, "There is nothing here.")
    }
}

/// Why a browser is not sent on. Nobody is redirected on a refusal: until all is checked, the redirect URI is
/// whatever somebody wrote into a link.
///
/// Whatever does not exist, belongs to somebody else or is switched off is refused with one text, which does
/// not tell which of these it is.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// A parameter is wrong.
    #[error("This sign-in link is not valid: {0}.")]
    Parameter(#[from] Refused),
    /// There is no such sign-in.
    #[error("This sign-in does not exist or is switched off.")]
    NotServed,
    /// The state is not one of this tenant, or too old.
    #[error("This sign-in took too long or did not begin here. Please begin again from the application.")]
    State,
    /// WorkOS sends a browser with a code that nobody asked for.
    #[error(
        "This sign-in began at the identity provider and leads nowhere from here. Please begin at the application."
    )]
    Unsolicited,
    /// Something of ours failed.
    #[error("The sign-in can't be continued at the moment. Please try again.")]
    Failed(#[from] Failure),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, outcome) = match &self {
            Self::Parameter(_) => (StatusCode::BAD_REQUEST, Outcome::Refused("a parameter is wrong")),
            Self::NotServed => (StatusCode::BAD_REQUEST, Outcome::Refused("no such sign-in")),
            Self::Unsolicited => (StatusCode::BAD_REQUEST, Outcome::Refused("began at the identity provider")),
            Self::State => (StatusCode::BAD_REQUEST, Outcome::Refused("the state is too old or not ours")),
            Self::Failed(failure) => {
                failure.log();
                (StatusCode::SERVICE_UNAVAILABLE, failure.outcome())
            }
        };
        came_to(outcome);
        page(status, self.to_string())
    }
}
