//! From an event to a request.

use std::collections::BTreeMap;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;

use crate::{path::route_path, source::Source};

/// The ARN of who calls, as API Gateway's IAM authorizer found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller(pub String);

/// The ID by which Lambda and the log know this request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestId(pub String);

/// The route that API Gateway matched and authorised, such as `GET /v1/tenants/{tenant_id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RouteKey(pub String);

/// Why an event becomes no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the event is not one of an HTTP API")]
    Event,
    #[error("no route needs such a path")]
    Path,
    #[error("nobody has signed the call")]
    Caller,
    #[error("the query has a character that must be encoded")]
    Query,
    #[error("a header can't be read")]
    Header,
    #[error("a cookie has no name")]
    Cookie,
    #[error("the body is not in base64")]
    Body,
}

/// The members of an event that are needed, and no others: an odd one elsewhere keeps nobody out (API Gateway:
/// "Working with AWS Lambda proxy integrations for HTTP APIs", payload format 2.0).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Event {
    #[serde(default)]
    route_key: String,
    raw_path: String,
    #[serde(default)]
    raw_query_string: String,
    #[serde(default)]
    cookies: Vec<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
    request_context: Context,
}

#[derive(Debug, Deserialize)]
struct Context {
    stage: String,
    http: Http,
    #[serde(default)]
    authorizer: Option<Authorizer>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Http {
    method: String,
    source_ip: String,
}

#[derive(Debug, Deserialize)]
struct Authorizer {
    #[serde(default)]
    iam: Option<Iam>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Iam {
    #[serde(default)]
    user_arn: Option<String>,
}

impl Event {
    pub fn read(payload: &str) -> Result<Self, Refused> {
        serde_json::from_str(payload).map_err(|_| Refused::Event)
    }

    /// The route that API Gateway matched, for the log.
    pub fn route_key(&self) -> &str {
        &self.route_key
    }

    /// The request that the event stands for. `base` is the path of the public base URL; with `is_signed` an event
    /// without an IAM caller is refused.
    pub fn into_request(self, base: &str, is_signed: bool) -> Result<Request<Body>, Refused> {
        let path = route_path(&self.raw_path, &self.request_context.stage, base).ok_or(Refused::Path)?;
        let caller = self.request_context.authorizer.and_then(|authorizer| authorizer.iam?.user_arn);
        let caller = caller.filter(|arn| !arn.is_empty());
        if is_signed && caller.is_none() {
            return Err(Refused::Caller);
        }
        let mut request = Request::new(body(self.body, self.is_base64_encoded)?);
        *request.uri_mut() = uri(path, &self.raw_query_string)?;
        *request.method_mut() =
            Method::from_bytes(self.request_context.http.method.as_bytes()).map_err(|_| Refused::Event)?;
        *request.headers_mut() = headers(&self.headers, &self.cookies)?;
        let extensions = request.extensions_mut();
        extensions.insert(RouteKey(self.route_key));
        extensions.insert(Source::parse(&self.request_context.http.source_ip));
        if let Some(caller) = caller {
            extensions.insert(Caller(caller));
        }
        Ok(request)
    }
}

fn uri(path: &str, query: &str) -> Result<Uri, Refused> {
    if query.is_empty() {
        return path.parse().map_err(|_| Refused::Path);
    }
    // RFC 3986, 3.4, and those that browsers leave as they are.
    let is_sound = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'#' | b'\\');
    if !query.bytes().all(is_sound) {
        return Err(Refused::Query);
    }
    format!("{path}?{query}").parse().map_err(|_| Refused::Query)
}

fn headers(from: &BTreeMap<String, String>, cookies: &[String]) -> Result<HeaderMap, Refused> {
    let mut headers = HeaderMap::with_capacity(from.len() + 1);
    for (name, value) in from {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Refused::Header)?;
        // Beyond ASCII it is bytes to us: CloudFront writes the names of cities.
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).map_err(|_| Refused::Header)?);
    }
    if cookies.iter().any(|cookie| !cookie.contains('=')) {
        return Err(Refused::Cookie);
    }
    if !cookies.is_empty() {
        let value = HeaderValue::from_bytes(cookies.join("; ").as_bytes()).map_err(|_| Refused::Cookie)?;
        headers.insert(header::COOKIE, value);
    }
    Ok(headers)
}

fn body(body: Option<String>, is_base64: bool) -> Result<Body, Refused> {
    Ok(match body {
        None => Body::empty(),
        Some(text) if is_base64 => Body::from(STANDARD.decode(text).map_err(|_| Refused::Body)?),
        Some(text) => Body::from(text),
    })
}
