//! One line for each request.

use std::{sync::Arc, time::Instant};

use axum::{
    Router,
    extract::Request,
    http::HeaderValue,
    middleware::{Next, from_fn},
    response::Response,
};
use causeway_edge::RequestId;
use causeway_telemetry::{METRICS, Metric, count, current_trace_id, cut, measured};
use tracing::{Instrument, field::Empty};

use crate::{page, service::Service};

/// The pages, each request of which is logged.
pub fn router(service: Arc<Service>) -> Router {
    page::router(&service.base).layer(from_fn(logged)).with_state(service)
}

/// Logs each request in one line, and answers with the request's ID, under which the log has it.
async fn logged(request: Request, next: Next) -> Response {
    let request_id = request.extensions().get::<RequestId>().cloned().unwrap_or_default().0;
    let (method, path) = (request.method().clone(), cut(&page::loggable(request.uri().path())));
    let started = Instant::now();
    let span = tracing::error_span!("request", request_id, trace_id = current_trace_id(), error = Empty);
    let (mut response, metrics) = measured(async {
        count(Metric::ApiRequests);
        next.run(request).instrument(span.clone()).await
    })
    .await;
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let status = response.status().as_u16();
    span.in_scope(|| tracing::info!(target: METRICS, %method, path, status, duration_ms, %metrics, "answered"));
    if let Ok(request_id) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("x-request-id", request_id);
    }
    response
}
