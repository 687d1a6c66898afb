//! `/token`: Cognito redeems a code. When warm, two calls to the table and one signature, and none to WorkOS.
//!
//! A code that was not made here for this endpoint and pool, or is over, is refused before anything is read. So what a
//! request can have looked up is what somebody has signed in to in the last minute. Whence it comes bounds nothing:
//! Cognito's addresses are shared by everybody's pools.

use std::sync::Arc;

use axum::{
    Json,
    body::to_bytes,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use causeway_core::{
    oidc::{
        bearer::{Bearer, BearerKind, BearerScope},
        id_token::UnsignedIdToken,
        sign_in_log::{SignInEntry, SignInError},
        token::{SignedIn, TokenError, TokenRequest, bound_to, is_form},
    },
    timestamp::Timestamp,
};
use serde_json::Value;
use tracing::{Span, field::display};

use crate::{
    answer::{Outcome, came_to},
    bridge::Bridge,
    directory::{Asker, Served},
    endpoint::Endpoint,
    failure::Failure,
    sign_in_log,
};

/// The longest form that is read.
const LONGEST_FORM: usize = 16 * 1024;

/// Answers a code with an ID token and an access token.
pub async fn token(State(bridge): State<Arc<Bridge>>, endpoint: Endpoint, request: Request) -> Response {
    match redeem(&bridge, &endpoint, request).await {
        Ok(answer) => {
            came_to(Outcome::TokensIssued);
            ([(header::PRAGMA, "no-cache")], Json(answer)).into_response()
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// Why there are no tokens.
enum Refusal {
    /// The request is refused; the text is for the log.
    Refused(TokenError, &'static str),
    /// The client shows its secret in a header, which is not offered here.
    WrongAuthentication,
    /// Something of ours failed.
    Failed(Failure),
}

impl<E: Into<Failure>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (error, outcome) = match &self {
            Self::Refused(error, reason) => (*error, Outcome::Refused(reason)),
            Self::WrongAuthentication => (TokenError::InvalidClient, Outcome::Refused("secret in a header")),
            Self::Failed(failure) => {
                failure.log();
                (TokenError::TemporarilyUnavailable, failure.outcome())
            }
        };
        came_to(outcome);
        let (status, body) = error.answer();
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = (status, [(header::PRAGMA, "no-cache")], Json(body)).into_response();
        if matches!(self, Self::WrongAuthentication) {
            // RFC 6749, 5.2: asked for where a client used a header, though none would be taken.
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
        }
        response
    }
}

async fn redeem(bridge: &Bridge, endpoint: &Endpoint, request: Request) -> Result<Value, Refusal> {
    let request = read(request).await?;
    let (now, pool) = ((bridge.now)(), &request.user_pool_id);
    Span::current().record("user_pool_id", display(pool));
    let code = checked(bridge, endpoint, &request, now).await?;
    let served = bridge.directory.served(endpoint, pool, Asker::Holder).await?;
    let served = served.ok_or(Refusal::Refused(TokenError::InvalidClient, "no such sign-in"))?;
    if !is_the_client(bridge, endpoint, &served, &request, now).await? {
        return Err(Refusal::Refused(TokenError::InvalidClient, "wrong client secret"));
    }
    if !bridge.shown.take(&code.lookup(), now) {
        return Err(Refusal::Refused(TokenError::InvalidGrant, "code shown too often"));
    }
    // Before the code is taken, so that a key that can't be had costs no code.
    let key = bridge.signer.key().await?;
    let signed_in = match take(bridge, endpoint, &request, &code, now).await {
        Ok(signed_in) => signed_in,
        Err(refusal) => {
            // Only who holds the client secret comes here.
            let error = if matches!(refusal, Refusal::Refused(..)) {
                SignInError::CodeNotGood
            } else {
                SignInError::NotAvailable
            };
            sign_in_log::write_over(bridge, endpoint, pool, error, now).await;
            return Err(refusal);
        }
    };
    let unsigned = UnsignedIdToken::new(&endpoint.issuer, pool, &key.public.id, &signed_in.claims, now);
    let log = async |entry: Option<SignInEntry>| {
        if let Some(entry) = entry {
            sign_in_log::write(bridge, &endpoint.tenant_id, pool, &entry).await;
        }
    };
    let entry = signed_in.entry.clone();
    let (signed, ()) = tokio::join!(bridge.signer.sign(&key, &unsigned), log(entry.map(|entry| entry.signed_in(now))));
    match signed {
        Ok(id_token) => Ok(signed_in.answer(&id_token, now)),
        Err(error) => {
            tracing::warn!("the code is spent: the user has to sign in again");
            let failure = Failure::from(error);
            log(signed_in.entry.map(|entry| entry.over(failure.sign_in_error(), now))).await;
            Err(failure.into())
        }
    }
}

/// Reads the form. Whatever shows a secret elsewhere is refused, even where the form has the right one too:
/// queries and headers end up in the logs of what stands in between.
async fn read(request: Request) -> Result<TokenRequest, Refusal> {
    let (parts, body) = request.into_parts();
    if parts.headers.contains_key(header::AUTHORIZATION) {
        return Err(Refusal::WrongAuthentication);
    }
    if parts.uri.query().is_some_and(|query| !query.is_empty()) {
        return Err(Refusal::Refused(TokenError::InvalidRequest, "parameters in the query"));
    }
    if !has_a_form(&parts.headers) {
        return Err(Refusal::Refused(TokenError::InvalidRequest, "not a form"));
    }
    let body = to_bytes(body, LONGEST_FORM).await;
    let body = body.map_err(|_| Refusal::Refused(TokenError::InvalidRequest, "form too long"))?;
    let form = str::from_utf8(&body);
    let form = form.map_err(|_| Refusal::Refused(TokenError::InvalidRequest, "form not in UTF-8"))?;
    TokenRequest::parse(form).map_err(|error| Refusal::Refused(error, "form not valid"))
}

fn has_a_form(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(is_form)
}

/// The code, if it is one of ours for this endpoint and pool, and is not over.
async fn checked(
    bridge: &Bridge,
    endpoint: &Endpoint,
    request: &TokenRequest,
    now: Timestamp,
) -> Result<Bearer, Refusal> {
    let key = bridge.bearer_key.get().await?;
    let kind = BearerKind::Code(&endpoint.connection_id, &request.user_pool_id);
    let scope = BearerScope { kind, tenant: &endpoint.tenant_id };
    let code = request.code.checked(scope, key, now);
    code.ok_or(Refusal::Refused(TokenError::InvalidGrant, "code not good"))
}

/// Whether the secret is one of the claim's. Before it is not, the claim is read once more: a secret is
/// written there before Cognito gets it.
async fn is_the_client(
    bridge: &Bridge,
    endpoint: &Endpoint,
    served: &Served,
    request: &TokenRequest,
    now: Timestamp,
) -> Result<bool, Failure> {
    if served.claim.secrets.accepts(&request.secret, now) {
        return Ok(true);
    }
    let claim = bridge.directory.claim_again(endpoint, &request.user_pool_id).await?;
    Ok(claim.is_some_and(|claim| claim.secrets.accepts(&request.secret, now)))
}

async fn take(
    bridge: &Bridge,
    endpoint: &Endpoint,
    request: &TokenRequest,
    code: &Bearer,
    now: Timestamp,
) -> Result<SignedIn, Refusal> {
    let (tenant, connection, pool) = (&endpoint.tenant_id, &endpoint.connection_id, &request.user_pool_id);
    let stored = bridge.store.take_code(&code.lookup(), tenant, pool, connection, &request.redirect_uri, now).await?;
    let stored = stored.ok_or(Refusal::Refused(TokenError::InvalidGrant, "code not good"))?;
    Ok(code.open(&stored.sealed, &bound_to(tenant, pool, connection))?)
}
