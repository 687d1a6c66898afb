//! The HTTP client: sends a request, repeats it where that is right, and reads the answer whole.

use std::{fmt, time::Duration};

use bytes::Bytes;
use causeway_http::{Client, whole};
use http::{
    HeaderMap, HeaderValue,
    header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, USER_AGENT},
};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::{
    call::{Answer, Call, Request},
    error::WorkosError,
    refusal::{Refusal, shown_request_id},
};

/// How long making a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long one request may take with all of its answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an unused connection is kept. A function that is frozen between two invocations does not see
/// its connections being closed, and a code that is sent down a dead one can't be sent again.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest answer that is read.
const LARGEST_BODY: usize = 5_000_000;

/// WorkOS's API. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Workos {
    http: Client,
    base: Url,
}

impl fmt::Debug for Workos {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Workos").field("host", &self.base.host_str()).finish_non_exhaustive()
    }
}

impl Workos {
    /// A client of the API at `base`, such as `https://api.workos.com`; a path of `base` is kept.
    pub fn new(base: Url) -> Result<Self, WorkosError> {
        if !matches!(base.scheme(), "http" | "https") {
            return Err(WorkosError::BaseUrl);
        }
        let http = Client::new(CONNECT_TIMEOUT, IDLE_TIMEOUT);
        Ok(Self { http, base })
    }

    /// Sends `request` until it is answered, or may not be repeated. Any status but 2xx is an error.
    pub(crate) async fn send(&self, request: &Request<'_>) -> Result<Answer, WorkosError> {
        let mut repeats = 0;
        loop {
            let answer = self.attempt(request).await;
            let throttled = matches!(&answer, Err(WorkosError::Refused(refusal)) if refusal.status == 429);
            causeway_telemetry::call(causeway_telemetry::Service::Workos, throttled);
            let error = match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let Some(wait) = request.repeat.wait_after(&error, repeats) else {
                return Err(error);
            };
            tracing::debug!(%error, ?wait, "WorkOS is asked again");
            tokio::time::sleep(wait).await;
            repeats += 1;
        }
    }

    async fn attempt(&self, request: &Request<'_>) -> Result<Answer, WorkosError> {
        let answered = tokio::time::timeout(REQUEST_TIMEOUT, self.answered(request)).await;
        answered.unwrap_or_else(|_| Err(WorkosError::TimedOut { call: request.call.clone() }))
    }

    async fn answered(&self, request: &Request<'_>) -> Result<Answer, WorkosError> {
        let call = &request.call;
        let failed = |error| WorkosError::from_transport(call, error);
        let (parts, body) = self.http.send(self.written(request)?).await.map_err(failed)?.into_parts();
        let (status, headers) = (parts.status, parts.headers);
        let request_id = header(&headers, "x-request-id").map(|id| shown_request_id(id, &request.hidden));
        if status.is_success() {
            let body = whole(body, LARGEST_BODY).await.map_err(failed)?;
            return Ok(Answer { call: call.clone(), request_id, body });
        }
        let retry_after = header(&headers, RETRY_AFTER.as_str()).and_then(|text| text.trim().parse().ok());
        // The status alone says what matters: a body that broke off only costs WorkOS's words.
        let body = whole(body, LARGEST_BODY).await.unwrap_or_default();
        let refusal = Refusal::read(call.clone(), status.as_u16(), &body, &request.hidden);
        let retry_after = retry_after.map(Duration::from_secs);
        Err(Box::new(Refusal { request_id, retry_after, ..refusal }).into())
    }

    /// The request as HTTP has it.
    fn written(&self, request: &Request<'_>) -> Result<http::Request<Bytes>, WorkosError> {
        let call = &request.call;
        let mut url = self.url(call)?;
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        let builder = http::Request::builder().method(call.method).uri(url.as_str());
        let mut builder = builder.header(USER_AGENT, concat!("causeway/", env!("CARGO_PKG_VERSION")));
        if let Some(key) = request.key {
            builder = builder.header(AUTHORIZATION, authorization(call, key)?);
        }
        let body = match &request.body {
            Some(body) => {
                builder = builder.header(CONTENT_TYPE, "application/json");
                Bytes::from(body.to_string())
            }
            None => Bytes::new(),
        };
        builder.body(body).map_err(|_| WorkosError::Unwritable { call: call.clone() })
    }

    fn url(&self, call: &Call) -> Result<Url, WorkosError> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| WorkosError::BaseUrl)?
            .pop_if_empty()
            .extend(call.path.split('/').filter(|segment| !segment.is_empty()));
        Ok(url)
    }
}

fn authorization(call: &Call, key: &SecretString) -> Result<HeaderValue, WorkosError> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret()))
        .map_err(|_| WorkosError::UnusableKey { call: call.clone() })?;
    value.set_sensitive(true);
    Ok(value)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
