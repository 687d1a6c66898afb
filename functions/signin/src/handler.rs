//! The endpoints, and what every answer has in common.

use std::{sync::Arc, time::Instant};

use axum::{
    Router,
    extract::Request,
    http::{HeaderName, HeaderValue, header},
    middleware::{Next, from_fn},
    response::Response,
    routing::{get, post},
};
use causeway_edge::RequestId;
use causeway_telemetry::{METRICS, Metric, current_trace_id, measured};
use tracing::{Instrument, field::Empty};

use crate::{
    answer::NoSuchPlace,
    authorize::authorize,
    bridge::Bridge,
    callback::callback,
    discovery,
    lookup::{look_up, preflight},
    start::start,
    token::token,
    userinfo::userinfo,
};

/// What every answer carries unless it says otherwise itself.
const HEADERS: [(HeaderName, &str); 4] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// The endpoints.
pub fn router(bridge: Arc<Bridge>) -> Router {
    Router::new()
        .route("/oidc/{tenant_id}/callback", get(callback))
        .route("/oidc/{tenant_id}/{connection_id}/.well-known/openid-configuration", get(discovery::configuration))
        .route("/oidc/{tenant_id}/{connection_id}/authorize", get(authorize))
        .route("/oidc/{tenant_id}/{connection_id}/jwks", get(discovery::keys))
        .route("/oidc/{tenant_id}/{connection_id}/token", post(token))
        .route("/oidc/{tenant_id}/{connection_id}/userinfo", get(userinfo).post(userinfo))
        .route("/start/{tenant_id}/{user_pool_id}", get(start))
        .route("/discover/{tenant_id}/{user_pool_id}", get(look_up).options(preflight))
        .fallback(async || NoSuchPlace)
        .layer(from_fn(logged))
        .with_state(bridge)
}

/// Answers one request, and logs it in one line. What an endpoint learns of the request goes into the span
/// around it, so that it is on every line about it.
async fn logged(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let request_id = request.extensions().get::<RequestId>().cloned().unwrap_or_default().0;
    let span = tracing::error_span!(
        "request",
        request_id,
        trace_id = current_trace_id(),
        tenant_id = Empty,
        user_pool_id = Empty,
        connection_id = Empty,
        outcome = Empty
    );
    let is_for_tokens = request.uri().path().ends_with("/token");
    let (mut response, mut metrics) = measured(next.run(request).instrument(span.clone())).await;
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    span.in_scope(|| {
        let (status, duration_ms) = (response.status(), milliseconds(started));
        // Of requests that are refused strangers can make any number: they say nothing of how long Cognito waits.
        if is_for_tokens && (status.is_success() || status.is_server_error()) {
            metrics.add(Metric::TokenTime, duration_ms);
        }
        tracing::info!(target: METRICS, status = status.as_u16(), duration_ms, %metrics, "answered");
    });
    response
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
