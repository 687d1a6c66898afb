//! HTTP requests signed as AWS wants them (Signature Version 4).

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, anyhow};
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use reqwest::header::HeaderMap;
use reqwest::{Method, Url};

/// What a server answered, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("{} with no JSON: {}", self.status, self.text()))
    }

    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// This answer if its status is `status`, else an error that shows it.
    pub fn expect(self, status: u16) -> Result<Self> {
        if self.status == status {
            return Ok(self);
        }
        Err(anyhow!("expected {status}, got {}: {}", self.status, self.text()))
    }

    pub(crate) async fn read(response: reqwest::Response) -> Result<Self> {
        Ok(Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await?.to_vec(),
        })
    }
}

/// How long an unused connection is kept: shorter than what any emulator's server keeps it for, five seconds for
/// Node's. A request that is written to a connection while its server closes it is lost.
const KEPT_UNUSED: Duration = Duration::from_secs(2);

/// A plain HTTP client that follows no redirects, so that each one can be looked at.
pub fn plain_client() -> Result<reqwest::Client> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_mins(1))
        .pool_idle_timeout(KEPT_UNUSED)
        .no_proxy()
        .build()
        .context("cannot make an HTTP client")
}

/// Signs and sends requests to one service in one region with one set of credentials.
#[derive(Clone, Debug)]
pub struct SignedClient {
    http: reqwest::Client,
    credentials: Credentials,
    region: String,
    service: String,
}

impl SignedClient {
    /// A client for `service`, for example `execute-api`, in `region`.
    pub fn new(credentials: Credentials, region: &str, service: &str) -> Result<Self> {
        Ok(Self { http: plain_client()?, credentials, region: region.to_owned(), service: service.to_owned() })
    }

    /// Sends one signed request.
    pub async fn send(&self, method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer> {
        let request = self.signed(method, url, headers, body)?;
        let response = self.http.execute(request).await;
        Answer::read(response.with_context(|| format!("{method} {url}"))?).await
    }

    /// One signed request, to be changed or sent elsewhere before it is used.
    pub fn signed(&self, method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<reqwest::Request> {
        // What is signed has to be the URL as it is sent, with its escapes.
        let url = Url::parse(url).with_context(|| format!("no URL: {url}"))?;
        let identity = self.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(&self.service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let signable = SignableRequest::new(method, url.as_str(), headers.iter().copied(), SignableBody::Bytes(body))?;
        let (instructions, _) = sign(signable, &parameters)?.into_parts();
        let mut request = http::Request::builder().method(method).uri(url.as_str());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(body.to_vec())?;
        instructions.apply_to_request_http1x(&mut request);
        let mut sent = reqwest::Request::new(Method::from_bytes(method.as_bytes())?, url);
        *sent.headers_mut() = request.headers().clone();
        *sent.body_mut() = Some(body.to_vec().into());
        Ok(sent)
    }
}
