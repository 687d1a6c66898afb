//! `/userinfo`: the claims of a sign-in for who holds its access token (RFC 6750, OpenID Connect Core 5.3).

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use causeway_core::oidc::token::{access_token_of, bound_to};
use serde_json::{Map, Value, json};
use tracing::{Span, field::display};

use crate::{
    answer::{Outcome, came_to},
    bridge::Bridge,
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
    /// The token is unknown, has ended, or is another connection's; or users may no longer sign in.
    NotGood,
    /// Too many tokens that are not good were shown to this connection.
    TooMany,
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
            Self::TooMany => {
                came_to(Outcome::Refused("too many wrong access tokens"));
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
    let connection = (endpoint.tenant_id.clone(), endpoint.connection_id.clone());
    if !bridge.wrong_tokens.take(&connection, (bridge.now)()) {
        return Err(Refusal::TooMany);
    }
    let stored = bridge.store.access(&token.lookup(), (bridge.now)()).await?.ok_or(Refusal::NotGood)?;
    if stored.tenant_id != endpoint.tenant_id || stored.connection_id != endpoint.connection_id {
        return Err(Refusal::NotGood);
    }
    Span::current().record("user_pool_id", display(&stored.user_pool_id));
    if bridge.directory.served(endpoint, &stored.user_pool_id).await?.is_none() {
        return Err(Refusal::NotGood);
    }
    bridge.wrong_tokens.give_back(&connection);
    let bound_to = bound_to(&stored.tenant_id, &stored.user_pool_id, &stored.connection_id);
    Ok(token.open(&stored.sealed, &bound_to)?)
}
