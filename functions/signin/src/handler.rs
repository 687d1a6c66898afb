//! From an event of the HTTP API to the endpoint that answers it, and what every answer has in common.

use std::{convert::Infallible, sync::Arc, time::Instant};

use axum::{
    Router,
    http::{HeaderName, HeaderValue, Uri, header},
    response::Response,
    routing::{get, post},
};
use causeway_edge::Source;
use causeway_telemetry::{METRICS, Metric, current_trace_id, measured};
use lambda_http::{Request, RequestExt, Service, request::RequestContext};
use tracing::{Instrument, field::Empty};

use crate::{
    answer::NoSuchPlace, authorize::authorize, bridge::Bridge, callback::callback, discovery, start::start,
    token::token, userinfo::userinfo,
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
        .fallback(async || NoSuchPlace)
        .with_state(bridge)
}

/// Answers one request, and logs it in one line. What an endpoint learns of the request goes into the span
/// around it, so that it is on every line about it.
pub async fn handle(mut router: Router, request: Request) -> Result<Response, Infallible> {
    let started = Instant::now();
    let request_id = request.lambda_context_ref().map(|context| context.request_id.clone()).unwrap_or_default();
    let span = tracing::error_span!(
        "request",
        request_id,
        trace_id = current_trace_id(),
        tenant_id = Empty,
        user_pool_id = Empty,
        connection_id = Empty,
        outcome = Empty
    );
    let mut request = with_path_of_the_event(request);
    let source = source(&request);
    request.extensions_mut().insert(source);
    let is_for_tokens = request.uri().path().ends_with("/token");
    let (response, mut metrics) = measured(router.call(request).instrument(span.clone())).await;
    let mut response = response?;
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    span.in_scope(|| {
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        if is_for_tokens {
            metrics.add(Metric::TokenTime, duration_ms);
        }
        tracing::info!(target: METRICS, status = response.status().as_u16(), duration_ms, %metrics, "answered");
    });
    Ok(response)
}

/// Where a request comes from, as API Gateway saw it.
fn source(request: &Request) -> Source {
    let RequestContext::ApiGatewayV2(context) = request.request_context() else { return Source::parse("") };
    Source::parse(context.http.source_ip.as_deref().unwrap_or_default())
}

/// The request with the path of the event as it is: `lambda_http` puts the name of any stage but `$default`
/// before it.
fn with_path_of_the_event(mut request: Request) -> Request {
    let path = request.raw_http_path().to_owned();
    let uri = match request.uri().query() {
        Some(query) => format!("{path}?{query}").parse(),
        None => path.parse::<Uri>(),
    };
    // A path that is no URI leads nowhere, as its IDs are malformed.
    *request.uri_mut() = uri.unwrap_or_else(|_| Uri::from_static("/"));
    request
}
