//! A function's door: events in, answers out, whatever is in them.

use std::{
    panic::AssertUnwindSafe,
    time::{Duration, SystemTime},
};

use axum::{
    Router,
    body::Body,
    extract::{MatchedPath, Request},
    http::{HeaderValue, StatusCode, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};
use causeway_core::provider::BaseUrl;
use causeway_telemetry::{METRICS, Measurements, Metric, cut};
use futures::FutureExt;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{json, value::RawValue};
use tower::ServiceExt;

use crate::{
    answer::Answer,
    event::{Event, Refused, RequestId, RouteKey},
};

/// The largest body of an answer, in bytes: Lambda fails an invocation whose answer is over 6 MB, and text grows in JSON
/// (Lambda: "Lambda quotas").
const LARGEST_ANSWER: usize = 2_500_000;
/// How long before the function's end a request is given up.
const MARGIN: Duration = Duration::from_secs(1);

/// Whom a function is there for. What an IAM signature guards and what anybody may reach are never one function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Callers whom API Gateway's IAM authorizer has let in. Without one there is no answer, whatever the route says.
    Signed,
    /// Anybody.
    Open,
}

/// A router behind the door.
#[derive(Debug, Clone)]
pub struct Edge {
    router: Router,
    base_path: String,
    door: Door,
}

/// What the router answers where it matched another route than API Gateway.
#[derive(Debug, Clone, Copy)]
struct OffRoute;

impl Edge {
    /// Puts a router behind a door. Its routes are written as the template's route keys are; `base` is the public base
    /// URL, whose path may come before them.
    pub fn new(router: Router, base: &BaseUrl, door: Door) -> Self {
        let router =
            router.route_layer(from_fn(only_its_own_route)).method_not_allowed_fallback(async || off_route_response());
        Self { router, base_path: base.path(), door }
    }

    /// Answers an event within a time, so that nobody can have the function end with an error by what takes long.
    async fn answer_within(&self, time: Duration, payload: &str, request_id: RequestId) -> Answer {
        let answered = tokio::time::timeout(time, self.answer(payload, request_id.clone())).await;
        if let Ok(answer) = answered {
            return answer;
        }
        tracing::error!(request_id = cut(&request_id.0), why = "it took too long", "a request was not answered");
        self.plain(StatusCode::SERVICE_UNAVAILABLE, "it took too long: try again in a minute").await
    }

    /// Answers an event, whatever it holds.
    pub async fn answer(&self, payload: &str, request_id: RequestId) -> Answer {
        if let Ok(answer) = AssertUnwindSafe(self.response(payload, &request_id)).catch_unwind().await {
            return answer;
        }
        self.panicked(&request_id);
        self.plain(StatusCode::INTERNAL_SERVER_ERROR, "something is wrong with Causeway").await
    }

    async fn response(&self, payload: &str, request_id: &RequestId) -> Answer {
        let event = match Event::read(payload) {
            Ok(event) => event,
            Err(refused) => return self.bad_request(refused).await,
        };
        let route = event.route_key().to_owned();
        let off_route = |why| off_route(request_id, &route, why);
        let response = match event.into_request(&self.base_path, self.door == Door::Signed) {
            Ok(request) => self.routed(request, request_id).await,
            Err(Refused::Path) => {
                off_route("no route needs such a path");
                self.nothing_here(request_id).await
            }
            Err(Refused::Caller) => {
                off_route("nobody has signed the call");
                return self.plain(StatusCode::FORBIDDEN, "the call must be signed").await;
            }
            Err(refused) => return self.bad_request(refused).await,
        };
        let response = if response.extensions().get::<OffRoute>().is_some() {
            off_route("it leads to another route than API Gateway authorised");
            self.nothing_here(request_id).await
        } else {
            response
        };
        match Answer::of(response).await {
            Some(answer) if answer.body.len() > LARGEST_ANSWER => {
                self.plain(StatusCode::SERVICE_UNAVAILABLE, "the answer is larger than can be sent").await
            }
            Some(answer) => answer,
            None => self.plain(StatusCode::INTERNAL_SERVER_ERROR, "the answer broke off").await,
        }
    }

    /// Counts and logs a panic, of which nothing but its place is known ([`causeway_telemetry::start`]). One behind
    /// signed calls holds a release: no stranger can cause it.
    fn panicked(&self, request_id: &RequestId) {
        let mut metrics = Measurements::default();
        metrics.count(Metric::HandlerPanics);
        if self.door == Door::Signed {
            metrics.count(Metric::ApiFailures);
        }
        let request_id = cut(&request_id.0);
        tracing::error!(target: METRICS, request_id, why = "the handler panicked", %metrics, "a request was not answered");
    }

    async fn routed(&self, mut request: Request, request_id: &RequestId) -> Response {
        request.extensions_mut().insert(request_id.clone());
        let Ok(response) = self.router.clone().oneshot(request).await;
        response
    }

    /// What the router answers where nothing is. No route of ours is at `/`.
    async fn nothing_here(&self, request_id: &RequestId) -> Response {
        self.routed(Request::new(Body::empty()), request_id).await
    }

    async fn bad_request(&self, refused: Refused) -> Answer {
        self.plain(StatusCode::BAD_REQUEST, &format!("the request can't be read: {refused}")).await
    }

    /// An answer that no route gives.
    async fn plain(&self, status: StatusCode, text: &str) -> Answer {
        let mut response = match self.door {
            Door::Signed => {
                let title = status.canonical_reason().unwrap_or("Error");
                let problem = json!({"type": "about:blank", "title": title, "status": status.as_u16(), "detail": text});
                ([(header::CONTENT_TYPE, "application/problem+json")], problem.to_string()).into_response()
            }
            Door::Open => ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], format!("{text}\n")).into_response(),
        };
        *response.status_mut() = status;
        for (name, value) in [
            (header::CACHE_CONTROL, "no-store"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains"),
        ] {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        Answer::of(response).await.unwrap_or_else(|| Answer::empty(status))
    }
}

/// Lets a request through that has matched the route which API Gateway authorised.
async fn only_its_own_route(request: Request, next: Next) -> Response {
    let extensions = request.extensions();
    let (key, matched) = (extensions.get::<RouteKey>(), extensions.get::<MatchedPath>());
    let is_its_own =
        key.zip(matched).is_some_and(|(key, matched)| contains(&key.0, request.method().as_str(), matched.as_str()));
    if is_its_own {
        return next.run(request).await;
    }
    off_route_response()
}

fn off_route_response() -> Response {
    let mut response = StatusCode::NOT_FOUND.into_response();
    response.extensions_mut().insert(OffRoute);
    response
}

/// Whether a route key of API Gateway is that of a route of ours, or its `{proxy+}` contains it.
fn contains(key: &str, method: &str, route: &str) -> bool {
    let Some((authorised, path)) = key.split_once(' ') else { return false };
    let is_in = match path.strip_suffix("{proxy+}") {
        Some(prefix) => route.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty()),
        None => path == route,
    };
    authorised == method && is_in
}

/// Logs a request that no route has answered. Its path stays out: that of a link holds a secret.
fn off_route(request_id: &RequestId, route: &str, why: &str) {
    let mut metrics = Measurements::default();
    metrics.count(Metric::RequestsOffRoute);
    let (request_id, route) = (cut(&request_id.0), cut(route));
    tracing::warn!(target: METRICS, request_id, route, why, %metrics, "a request was refused unread");
}

/// Answers Lambda's invocations until the instance ends.
///
/// # Errors
///
/// Where Lambda's runtime API can't be reached.
pub async fn run(edge: Edge) -> Result<(), Error> {
    // As raw JSON: an event that can't be read is answered, and does not fail the invocation.
    let edge = &edge;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Box<RawValue>>| async move {
        let time = event.context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
        let request_id = RequestId(event.context.request_id);
        Ok::<_, Error>(edge.answer_within(time.saturating_sub(MARGIN), event.payload.get(), request_id).await)
    }))
    .await
}

#[cfg(test)]
mod tests {
    use axum::routing::get;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_request_that_takes_too_long_is_answered_before_the_function_ends() {
        let router = Router::new().route("/slow", get(async || tokio::time::sleep(Duration::from_mins(1)).await));
        let edge = Edge::new(router, &BaseUrl::parse("https://a.example").unwrap(), Door::Open);
        let event = json!({
            "routeKey": "GET /slow", "rawPath": "/slow",
            "requestContext": {"stage": "$default", "http": {"method": "GET", "sourceIp": "192.0.2.1"}},
        });
        let answer = async |seconds| {
            let time = Duration::from_secs(seconds);
            edge.answer_within(time, &event.to_string(), RequestId::default()).await.status_code
        };
        assert_eq!((answer(59).await, answer(61).await), (503, 200));
    }
}
