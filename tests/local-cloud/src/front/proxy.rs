//! Passes HTTP requests on with their bytes and their `Host` header as they came: signatures cover both.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use futures::stream;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use crate::signed_http::plain_client;

/// A request, read to its end.
#[derive(Clone, Debug)]
pub struct Received {
    /// The method.
    pub method: Method,
    /// Path and query as they came.
    pub target: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Received {
    /// A header's value; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The path without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers, less those that concern one connection only.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// An answer of the front's own.
    pub fn new(status: StatusCode, content_type: &'static str, body: String) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self { status, headers, body: Bytes::from(body) }
    }
}

/// How a request ends.
#[derive(Clone, Debug)]
pub enum End {
    /// It is answered.
    Whole(Reply),
    /// The answer breaks off in its middle.
    Half(Reply),
    /// The connection is cut.
    Cut,
}

/// Answers requests.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request.
    fn handle(&self, request: Received) -> impl Future<Output = End> + Send;
}

/// Answers every request that comes to `listener`, until this is dropped.
pub async fn serve(listener: TcpListener, handler: Arc<impl Handler>) -> Infallible {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(connection(stream, handler.clone()))),
            // Out of files for a moment: whoever was not taken comes again.
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
        }
    }
}

async fn connection(stream: TcpStream, handler: Arc<impl Handler>) {
    let service = service_fn(|request: http::Request<Incoming>| {
        let handler = handler.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
            let target = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str).to_owned();
            let request = Received { method: parts.method, target, headers: parts.headers, body };
            match handler.handle(request).await {
                End::Whole(reply) => Ok(whole(reply)),
                End::Half(reply) => Ok(half(reply)),
                End::Cut => Err(io::Error::other("cut on purpose")),
            }
        }
    });
    // An error here is a connection that was closed, by the other side or on purpose.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

type Body = BoxBody<Bytes, io::Error>;

fn response(status: StatusCode, headers: HeaderMap, body: Body) -> http::Response<Body> {
    let mut response = http::Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

fn whole(reply: Reply) -> http::Response<Body> {
    response(reply.status, reply.headers, Full::new(reply.body).map_err(|never| match never {}).boxed())
}

fn half(reply: Reply) -> http::Response<Body> {
    let Reply { status, mut headers, body } = reply;
    headers.insert(header::CONTENT_LENGTH, body.len().into());
    let frames = [Ok(Frame::data(body.slice(..body.len() / 2))), Err(io::Error::other("cut on purpose"))];
    response(status, headers, BodyExt::boxed(StreamBody::new(stream::iter(frames))))
}

/// Sends requests on.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Where to, without a trailing slash.
    pub url: String,
    http: reqwest::Client,
}

/// Headers that concern one connection only, or that are made anew from the body.
const NOT_PASSED_ON: [header::HeaderName; 4] =
    [header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH, header::EXPECT];

fn keep_what_is_passed_on(headers: &mut HeaderMap) {
    for name in NOT_PASSED_ON {
        headers.remove(name);
    }
}

impl Upstream {
    /// Sends to `url`.
    pub fn new(url: &str) -> Result<Self> {
        Ok(Self { url: url.to_owned(), http: plain_client()? })
    }

    /// Sends a request on and reads the answer.
    pub async fn send(&self, request: &Received) -> Result<Reply> {
        let mut headers = request.headers.clone();
        keep_what_is_passed_on(&mut headers);
        let mut sent =
            self.http.request(request.method.clone(), format!("{}{}", self.url, request.target)).headers(headers);
        if !request.body.is_empty() || request.method == Method::POST {
            sent = sent.body(request.body.clone());
        }
        let answer = sent.send().await.with_context(|| format!("cannot reach {}", self.url))?;
        let (status, mut headers) = (answer.status(), answer.headers().clone());
        keep_what_is_passed_on(&mut headers);
        Ok(Reply { status, headers, body: answer.bytes().await? })
    }
}
