//! The routes of the API, as the template declares them one by one so that IAM can grant each apart.

use std::{sync::Arc, time::Instant};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    http::HeaderValue,
    middleware::{Next, from_fn, from_fn_with_state},
    response::Response,
};
use causeway_edge::RequestId;
use causeway_telemetry::{METRICS, Measurements, Metric, count, current_trace_id, cut, measured};
use tracing::{Instrument, field::Empty};
#[cfg(test)]
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    adoption, audit, dead_letters, external_id_rotation, idempotency, onboarding_links, openapi, pool_changes,
    problem::Problem, reconcile, removal, reports, service::Service, sign_ins, tenant_changes, tenants, user_pools,
    verify, webhook_rotation,
};

/// The API.
pub fn router(service: Arc<Service>) -> Router {
    let (router, _) = api().split_for_parts();
    router
        // The last is the first to see a request.
        .layer(from_fn_with_state(service.clone(), audit::recorded))
        .layer(from_fn_with_state(service.clone(), idempotency::once))
        .fallback(|| async { Problem::not_found() })
        // A body is refused by its size where the field can be named; Lambda takes none over 6 MB.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(logged))
        .with_state(service)
}

/// The description of the API.
#[cfg(test)]
pub fn described() -> OpenApi {
    openapi::completed::completed(api().into_openapi())
}

/// The calls. Each handler names its own path and is described by its types: docs/openapi.json.
fn api() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(openapi::document))
        .routes(routes!(dead_letters::health))
        .routes(routes!(dead_letters::list))
        .routes(routes!(dead_letters::redrive))
        .routes(routes!(tenants::create, tenants::list))
        .routes(routes!(tenants::read, tenant_changes::update, removal::remove_tenant))
        .routes(routes!(external_id_rotation::rotate_external_id))
        .routes(routes!(webhook_rotation::rotate_webhook))
        .routes(routes!(audit::list))
        .routes(routes!(user_pools::create, user_pools::list))
        .routes(routes!(user_pools::read, pool_changes::update, removal::remove_user_pool))
        .routes(routes!(user_pools::role))
        .routes(routes!(onboarding_links::create, onboarding_links::list))
        .routes(routes!(onboarding_links::revoke))
        .routes(routes!(onboarding_links::admit))
        .routes(routes!(verify::verify))
        .routes(routes!(reconcile::reconcile))
        .routes(routes!(reconcile::approve))
        .routes(routes!(adoption::adopt))
        .routes(routes!(reports::providers))
        .routes(routes!(reports::runs))
        .routes(routes!(sign_ins::sign_ins))
}

/// Logs each request in one line, and answers with the request's ID, under which the log has it.
async fn logged(request: Request, next: Next) -> Response {
    let request_id = request.extensions().get::<RequestId>().cloned().unwrap_or_default().0;
    let (method, path) = (request.method().clone(), cut(request.uri().path()));
    let started = Instant::now();
    let span = tracing::error_span!("request", request_id, trace_id = current_trace_id(), error = Empty);
    let (mut response, metrics) = measured_as_request(next.run(request).instrument(span.clone())).await;
    let (status, duration_ms) = (response.status().as_u16(), milliseconds(started));
    span.in_scope(|| tracing::info!(target: METRICS, %method, path, status, duration_ms, %metrics, "answered"));
    if let Ok(request_id) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("x-request-id", request_id);
    }
    response
}

/// Works on one request, and gives what it is measured by.
async fn measured_as_request<T>(work: impl Future<Output = T>) -> (T, Measurements) {
    measured(async {
        count(Metric::ApiRequests);
        work.await
    })
    .await
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    #[tokio::test]
    async fn each_request_is_counted_once_and_as_a_failure_beside_that() {
        let found = async |answer: Problem| measured_as_request(async { answer.into_response() }).await.1.to_string();
        assert_eq!(found(Problem::not_found()).await, r#"{"ApiRequests":1}"#);
        let bug = Problem::bug(&std::io::Error::other("a mistake"));
        assert_eq!(found(bug).await, r#"{"ApiFailures":1,"ApiRequests":1}"#);
    }
}
