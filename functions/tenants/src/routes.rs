//! The routes of the API, as the template declares them one by one so that IAM can grant each apart.

use std::sync::Arc;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    http::HeaderValue,
    middleware::{Next, from_fn},
    response::Response,
    routing::{get, post},
};
use lambda_http::RequestExt;
use tracing::Instrument;

use crate::{problem::Problem, reconcile, reports, service::Service, tenants, user_pools, verify};

/// The API.
pub fn router(service: Arc<Service>) -> Router {
    const POOL: &str = "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}";
    let of_pool = |name: &str| format!("{POOL}/{name}");
    Router::new()
        .route("/v1/tenants", post(tenants::create).get(tenants::list))
        .route("/v1/tenants/{tenant_id}", get(tenants::read))
        .route("/v1/tenants/{tenant_id}/user-pools", post(user_pools::create).get(user_pools::list))
        .route(POOL, get(user_pools::read))
        .route(&of_pool("role"), get(user_pools::role))
        .route(&of_pool("verify"), post(verify::verify))
        .route(&of_pool("reconcile"), post(reconcile::reconcile))
        .route(&of_pool("approvals"), post(reconcile::approve))
        .route(&of_pool("providers"), get(reports::providers))
        .route(&of_pool("runs"), get(reports::runs))
        .fallback(|| async { Problem::not_found() })
        // A body is refused by its size where the field can be named; Lambda takes none over 6 MB.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(logged))
        .with_state(service)
}

/// Logs each request in one line, and answers with the request's ID, under which the log has it.
async fn logged(request: Request, next: Next) -> Response {
    let request_id = request.lambda_context_ref().map(|context| context.request_id.clone()).unwrap_or_default();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let span = tracing::info_span!("request", request_id);
    let mut response = next.run(request).instrument(span.clone()).await;
    span.in_scope(|| tracing::info!(%method, path, status = response.status().as_u16(), "answered"));
    if let Ok(request_id) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("x-request-id", request_id);
    }
    response
}
