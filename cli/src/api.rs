//! The HTTP API, called with Signature Version 4. Knows nothing of how answers are shown.

pub mod address;
pub mod caller;
mod kept;
pub mod problem;
mod retry;
mod signature;

use std::time::Duration;

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use reqwest::{Method, Response, header};
use serde_json::{Value, json};

use crate::{
    api::{address::Address, problem::Problem, retry::Outcome},
    failure::Failure,
};

/// The most items of a page.
const LARGEST_PAGE: u32 = 100;
/// Longer than API Gateway waits for a function, which is 30 s.
const TIME_LIMIT: Duration = Duration::from_secs(40);
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// What the API answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The entity tag, where it has one.
    pub etag: Option<String>,
    /// The body; null where there is none.
    pub body: Value,
}

/// The items of a list that [`Api::list`] read.
pub fn items(list: &Value) -> &[Value] {
    list["items"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// One call.
struct Call<'a> {
    method: Method,
    /// With its query, beginning with a slash.
    path: &'a str,
    headers: Vec<(&'static str, String)>,
    body: Option<Value>,
    /// Whether doing it twice does no more than doing it once.
    is_repeatable: bool,
}

impl<'a> Call<'a> {
    fn new(method: Method, path: &'a str, is_repeatable: bool) -> Self {
        Self { method, path, headers: Vec::new(), body: None, is_repeatable }
    }

    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// The API of one deployment.
#[derive(Debug, Clone)]
pub struct Api {
    http: reqwest::Client,
    address: Address,
    credentials: SharedCredentialsProvider,
}

impl Api {
    /// The API there, called with these credentials.
    pub fn new(address: Address, credentials: SharedCredentialsProvider) -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("causeway/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_LIMIT)
            .timeout(TIME_LIMIT)
            // A signature is for one address only.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|source| Failure::Local { what: "no HTTP client".to_owned(), source: source.into() })?;
        Ok(Self { http, address, credentials })
    }

    /// The base URL of the deployment.
    pub fn base(&self) -> &str {
        self.address.base()
    }

    /// Reads.
    pub async fn get(&self, path: &str) -> Result<Answer, Failure> {
        self.send(Call::new(Method::GET, path, true)).await
    }

    /// Reads a list from page to page, as it would be answered in one: all of it, or the first `limit` items.
    /// The path may have a query. What stands in the table and can't be read is in `unreadable`, where there is any.
    pub async fn list(&self, path: &str, limit: Option<u32>) -> Result<Value, Failure> {
        let (mut items, mut unreadable, mut cursor) = (Vec::new(), Vec::new(), Value::Null);
        let separator = if path.contains('?') { '&' } else { '?' };
        loop {
            let read = u32::try_from(items.len()).unwrap_or(u32::MAX);
            let wanted = limit.map_or(LARGEST_PAGE, |limit| limit.saturating_sub(read).min(LARGEST_PAGE));
            if wanted == 0 {
                break;
            }
            let after = cursor.as_str().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let mut page = self.get(&format!("{path}{separator}limit={wanted}{after}")).await?.body;
            let next = page["next_cursor"].take();
            if let Value::Array(found) = page["items"].take() {
                items.extend(found);
            }
            if let Value::Array(found) = page["unreadable"].take() {
                unreadable.extend(found);
            }
            let is_last = next.is_null() || next == cursor;
            cursor = next;
            if is_last {
                break;
            }
        }
        let mut list = json!({ "items": items, "next_cursor": cursor });
        if !unreadable.is_empty() {
            list["unreadable"] = Value::Array(unreadable);
        }
        Ok(list)
    }

    /// Has something done that twice does no more than once: a look, a wake-up.
    pub async fn post(&self, path: &str, body: Value) -> Result<Answer, Failure> {
        let mut call = Call::new(Method::POST, path, true);
        call.body = Some(body);
        self.send(call).await
    }

    /// Has something done that twice is more than once. It is not sent again where nobody knows what became of it.
    pub async fn post_once(&self, path: &str, body: Value) -> Result<Answer, Failure> {
        let mut call = Call::new(Method::POST, path, false);
        call.body = Some(body);
        self.send(call).await
    }

    /// Creates something. Of calls with one key only one counts, so that this can be sent again where nobody
    /// knows what became of it.
    pub async fn create(&self, path: &str, body: Value, key: Option<&str>) -> Result<Answer, Failure> {
        let key = match key {
            Some(key) => key.to_owned(),
            None => random_key()?,
        };
        let mut call = Call::new(Method::POST, path, true);
        call.headers.push(("idempotency-key", key));
        call.body = Some(body);
        self.send(call).await
    }

    /// Changes something, if it still has this entity tag.
    pub async fn patch(&self, path: &str, body: Value, etag: Option<&str>) -> Result<Answer, Failure> {
        let mut call = Call::new(Method::PATCH, path, false);
        call.headers.extend(etag.map(|etag| ("if-match", etag.to_owned())));
        call.body = Some(body);
        self.send(call).await
    }

    /// Removes something, if it still has this entity tag.
    pub async fn delete(&self, path: &str, etag: Option<&str>) -> Result<Answer, Failure> {
        let mut call = Call::new(Method::DELETE, path, false);
        call.headers.extend(etag.map(|etag| ("if-match", etag.to_owned())));
        self.send(call).await
    }

    async fn send(&self, call: Call<'_>) -> Result<Answer, Failure> {
        let credentials = self.credentials.provide_credentials().await.map_err(Failure::NoCredentials)?;
        let url = self.address.url(call.path);
        let body = call.body.as_ref().map(Value::to_string).unwrap_or_default();
        let mut headers: Vec<(&str, &str)> = call.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        if call.body.is_some() {
            headers.push((header::CONTENT_TYPE.as_str(), "application/json"));
        }
        for attempt in 0.. {
            // Signed each time, as a signature carries the time.
            let mut request = http::Request::builder().method(call.method.as_str()).uri(&url);
            for (name, value) in &headers {
                request = request.header(*name, *value);
            }
            let request = request.body(body.clone()).map_err(|source| unsendable(&call, source.into()))?;
            let request = signature::sign(request, &credentials, &self.address.region);
            let request = request.and_then(|request| Ok(reqwest::Request::try_from(request)?));
            let sent = self.http.execute(request.map_err(|source| unsendable(&call, source))?).await;
            let outcome = Outcome::of(&sent);
            if let Some(pause) = retry::pause(attempt, outcome, call.is_repeatable, random_fraction()?) {
                tokio::time::sleep(pause).await;
                continue;
            }
            let response = sent.map_err(|source| unanswered(&call, outcome, source))?;
            return read(&call, response, &self.address).await;
        }
        unreachable!("the attempts are bounded")
    }
}

async fn read(call: &Call<'_>, response: Response, address: &Address) -> Result<Answer, Failure> {
    let status = response.status().as_u16();
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let etag = header("etag");
    let request_id = header("x-request-id").or_else(|| header("apigw-requestid"));
    let body = response.bytes().await.map_err(|source| unanswered(call, Outcome::Lost, source))?;
    if !(200..300).contains(&status) {
        let problem = Problem::read(call.name(), status, request_id, &body, &address.region);
        return Err(Failure::Problem(Box::new(problem)));
    }
    if body.is_empty() {
        return Ok(Answer { etag, body: Value::Null });
    }
    let body = serde_json::from_slice(&body).map_err(|source| Failure::Unreadable { call: call.name(), source })?;
    Ok(Answer { etag, body })
}

fn unanswered(call: &Call<'_>, outcome: Outcome, source: reqwest::Error) -> Failure {
    let what = match outcome {
        Outcome::Lost if call.method != Method::GET => {
            "no answer. It is not known whether it was done: look before you try again"
        }
        Outcome::NotSent => "can't be reached",
        _ => "no answer",
    };
    // Without the address, which the call says and which has the cursor of a list.
    Failure::NoAnswer { call: call.name(), what, source: source.without_url() }
}

fn unsendable(call: &Call<'_>, source: Box<dyn std::error::Error + Send + Sync>) -> Failure {
    Failure::Local { what: format!("{} can't be sent", call.name()), source }
}

/// 128 random bits.
fn random_key() -> Result<String, Failure> {
    Ok(hex::encode(random::<16>()?))
}

/// A random number from 0 to 1.
fn random_fraction() -> Result<f64, Failure> {
    Ok(f64::from(u32::from_le_bytes(random()?)) / f64::from(u32::MAX))
}

/// Random bytes, which nobody can guess.
pub fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|source| Failure::Local { what: "no random numbers".to_owned(), source: source.to_string().into() })?;
    Ok(bytes)
}
