//! The one line that a request of the API or of the onboarding page gets.

use std::time::Instant;

use axum::{extract::Request, http::HeaderValue, middleware::Next, response::Response};
use causeway_telemetry::{METRICS, Measurements, Metric, count, current_trace_id, cut, measured};
use tracing::{Instrument, field::Empty};

use crate::event::RequestId;

/// Logs a request in one line, and answers with its ID, under which the log has it. `path` is what may be logged of its
/// path.
pub async fn logged(request: Request, next: Next, path: &str) -> Response {
    let request_id = request.extensions().get::<RequestId>().cloned().unwrap_or_default().0;
    let (method, path) = (request.method().clone(), cut(path));
    let started = Instant::now();
    let span = tracing::error_span!("request", request_id, trace_id = current_trace_id(), error = Empty);
    let (mut response, metrics) = measured_as_request(next.run(request).instrument(span.clone())).await;
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let status = response.status().as_u16();
    span.in_scope(|| tracing::info!(target: METRICS, %method, path, status, duration_ms, %metrics, "answered"));
    if let Ok(request_id) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("x-request-id", request_id);
    }
    response
}

/// Works on one request, and gives what it is measured by.
pub async fn measured_as_request<T>(work: impl Future<Output = T>) -> (T, Measurements) {
    measured(async {
        count(Metric::ApiRequests);
        work.await
    })
    .await
}
