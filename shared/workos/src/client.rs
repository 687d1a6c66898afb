//! The HTTP client: sends a request, repeats it where that is right, and reads the answer whole.

use std::{fmt, time::Duration};

use reqwest::{
    Client, Method, Response,
    header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER},
    redirect::Policy,
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
        // What TLS is made with is chosen once in a process: an error means that it was before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder()
            .user_agent(concat!("causeway/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .build()
            .map_err(|error| WorkosError::Setup { source: error.without_url() })?;
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
        let call = &request.call;
        let method = Method::from_bytes(call.method.as_bytes()).unwrap_or(Method::GET);
        let mut builder = self.http.request(method, self.url(call)?).query(&request.query);
        if let Some(key) = request.key {
            builder = builder.header(AUTHORIZATION, authorization(call, key)?);
        }
        if let Some(body) = &request.body {
            builder = builder.json(body);
        }
        let response = builder.send().await.map_err(|error| WorkosError::from_transport(call, error))?;
        let status = response.status();
        let request_id = header(response.headers(), "x-request-id").map(|id| shown_request_id(id, &request.hidden));
        if status.is_success() {
            let body = whole_body(call, response).await?;
            return Ok(Answer { call: call.clone(), request_id, body });
        }
        let retry_after = header(response.headers(), RETRY_AFTER.as_str()).and_then(|text| text.trim().parse().ok());
        // The status alone says what matters: a body that broke off only costs WorkOS's words.
        let body = whole_body(call, response).await.unwrap_or_default();
        let refusal = Refusal::read(call.clone(), status.as_u16(), &body, &request.hidden);
        let retry_after = retry_after.map(Duration::from_secs);
        Err(Box::new(Refusal { request_id, retry_after, ..refusal }).into())
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

async fn whole_body(call: &Call, mut response: Response) -> Result<Vec<u8>, WorkosError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| WorkosError::from_transport(call, error))? {
        if body.len() + chunk.len() > LARGEST_BODY {
            return Err(WorkosError::TooLarge { call: call.clone(), limit: LARGEST_BODY });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
