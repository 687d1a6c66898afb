//! `/userinfo`: the claims of a sign-in for who holds its access token (RFC 6750, OpenID Connect Core 5.3).
//!
//! A token that was not made here for this endpoint, or is over, is refused before anything is read.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use causeway_core::oidc::{
    bearer::{BearerKind, BearerScope},
    token::{access_token_of, bound_to},
};
use serde_json::{Map, Value, json};
use tracing::{Span, field::display};

use crate::{
    answer::{Outcome, came_to},
    bridge::Bridge,
    directory::Asker,
    endpoint::Endpoint,
    failure::Failure,
};

/// Answers an access token with the claims of its user.
pub async fn userinfo(State(bridge): State<Arc<Bridge>>, endpoint: Endpoint, headers: HeaderMap) -> Response {
    match claims(&bridge, &endpoint, &headers).await {
        Ok(claims) => {
            came_to(Outcome::Answered("claims answered"));
            Json(claims).into_response()
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// Why there are no claims.
enum Refusal {
    /// There is no access token in the header, the only place where one is taken from.
    NoToken,
    /// The token is not one of ours, has ended, or is another connection's; or users may no longer sign in.
    NotGood,
    /// The token was shown too often.
    TooOften,
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
        let refuse = |challenge: &'static str, outcome| {
            came_to(outcome);
            (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)]).into_response()
        };
        match self {
            // RFC 6750, 3.1: who shows no token is not told of an error.
            Self::NoToken => refuse("Bearer", Outcome::Refused("no access token")),
            Self::NotGood => refuse(r#"Bearer error="invalid_token""#, Outcome::Refused("access token not good")),
            Self::TooOften => {
                came_to(Outcome::Refused("access token shown too often"));
                (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "1")]).into_response()
            }
            Self::Failed(failure) => {
                failure.log();
                came_to(failure.outcome());
                let body = Json(json!({ "error": "temporarily_unavailable" }));
                (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
            }
        }
    }
}

async fn claims(bridge: &Bridge, endpoint: &Endpoint, headers: &HeaderMap) -> Result<Map<String, Value>, Refusal> {
    let authorization = headers.get(header::AUTHORIZATION).ok_or(Refusal::NoToken)?;
    let token = authorization.to_str().ok().and_then(access_token_of).ok_or(Refusal::NotGood)?;
    let (now, key) = ((bridge.now)(), bridge.bearer_key.get().await?);
    let scope = BearerScope { kind: BearerKind::Access(&endpoint.connection_id), tenant: &endpoint.tenant_id };
    let token = token.checked(scope, key, now).ok_or(Refusal::NotGood)?;
    let lookup = token.lookup();
    if !bridge.shown.take(&lookup, now) {
        return Err(Refusal::TooOften);
    }
    let stored = bridge.store.access(&lookup, now).await?.ok_or(Refusal::NotGood)?;
    if stored.tenant_id != endpoint.tenant_id || stored.connection_id != endpoint.connection_id {
        return Err(Refusal::NotGood);
    }
    Span::current().record("user_pool_id", display(&stored.user_pool_id));
    if bridge.directory.served(endpoint, &stored.user_pool_id, Asker::Holder).await?.is_none() {
        return Err(Refusal::NotGood);
    }
    let bound_to = bound_to(&stored.tenant_id, &stored.user_pool_id, &stored.connection_id);
    Ok(token.open(&stored.sealed, &bound_to)?)
}
