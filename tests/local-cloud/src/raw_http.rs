//! HTTP requests byte by byte, over a socket: no client in between that tidies a path up or refuses to send it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use aws_credential_types::Credentials;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use rustls::pki_types::ServerName;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

use crate::ministack::REGION;
use crate::signed_http::Answer;

/// As long as other clients wait here.
const DEADLINE: Duration = Duration::from_mins(1);

/// Causeway's API, spoken to by somebody who writes requests by hand.
#[derive(Clone, Debug)]
pub struct RawApi {
    /// `Host` and where the socket leads.
    host: String,
    /// The path of the API's base, without a trailing slash.
    base: String,
    credentials: Option<Credentials>,
    region: String,
    /// Whether the socket is encrypted, for whose name it vouches then.
    tls: Option<String>,
}

impl RawApi {
    /// The API at `base`, called with `credentials` or without a signature.
    pub fn new(base: &str, credentials: Option<Credentials>) -> Result<Self> {
        let url = Url::parse(base)?;
        let name = url.host_str().context("no host")?;
        let host = url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
        let tls = (url.scheme() == "https").then(|| name.to_owned());
        let base = url.path().trim_end_matches('/').to_owned();
        Ok(Self { host, base, credentials, region: REGION.to_owned(), tls })
    }

    /// The same in another Region than the local cloud's.
    #[must_use]
    pub fn in_region(self, region: &str) -> Self {
        Self { region: region.to_owned(), ..self }
    }

    /// Sends one request. `target` is path and query behind the API's base, as they are sent. None where the
    /// connection was closed without an answer, as servers may for what is no HTTP.
    pub async fn send(
        &self,
        method: &str,
        target: &[u8],
        headers: &[(&str, Vec<u8>)],
        body: &[u8],
    ) -> Result<Option<Answer>> {
        let target = [self.base.as_bytes(), target].concat();
        let mut head = [method.as_bytes(), b" ", &target, b" HTTP/1.1\r\n"].concat();
        let own = [("host", self.host.clone()), ("connection", "close".to_owned())];
        let length = ("content-length", body.len().to_string());
        for (name, value) in own.into_iter().chain([length]).chain(self.signature(method, &target, body)?) {
            head.extend(format!("{name}: {value}\r\n").into_bytes());
        }
        for (name, value) in headers {
            head.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        let request = [&head, &b"\r\n"[..], body].concat();
        let answered = tokio::time::timeout(DEADLINE, self.exchange(&request));
        let answer = answered.await.with_context(|| format!("no answer to {method} {}", target.escape_ascii()))??;
        if answer.is_empty() {
            return Ok(None);
        }
        parsed(&answer).map(Some).with_context(|| format!("{method} {}", target.escape_ascii()))
    }

    async fn exchange(&self, request: &[u8]) -> Result<Vec<u8>> {
        match &self.tls {
            None if self.host.contains(':') => Ok(spoken(TcpStream::connect(&self.host).await?, request).await),
            None => Ok(spoken(TcpStream::connect((self.host.as_str(), 80)).await?, request).await),
            Some(name) => {
                let address = if self.host.contains(':') { self.host.clone() } else { format!("{}:443", self.host) };
                let name = ServerName::try_from(name.clone())?;
                let socket = TcpStream::connect(address).await?;
                Ok(spoken(encrypting()?.connect(name, socket).await?, request).await)
            }
        }
    }

    /// The headers of a Signature Version 4 over the bytes as they are sent.
    fn signature(&self, method: &str, target: &[u8], body: &[u8]) -> Result<Vec<(&'static str, String)>> {
        let Some(credentials) = &self.credentials else { return Ok(Vec::new()) };
        let time = timestamp();
        let (day, _) = time.split_once('T').context("no time")?;
        let scope = format!("{day}/{}/execute-api/aws4_request", self.region);
        let token = credentials.session_token();
        let token_line = token.map(|token| format!("x-amz-security-token:{token}\n")).unwrap_or_default();
        let signed = if token.is_some() { "host;x-amz-date;x-amz-security-token" } else { "host;x-amz-date" };
        let at = target.iter().position(|byte| *byte == b'?').unwrap_or(target.len());
        let (path, query) = (&target[..at], target.get(at + 1..).unwrap_or_default());
        let canonical = [
            method,
            &encoded(&without_dot_segments(path), b"/-_.~"),
            &canonical_query(query),
            &format!("host:{}\nx-amz-date:{time}\n{token_line}", self.host),
            signed,
            &hex::encode(Sha256::digest(body)),
        ]
        .join("\n");
        let to_sign =
            ["AWS4-HMAC-SHA256", &time, &scope, &hex::encode(Sha256::digest(canonical.as_bytes()))].join("\n");
        let mut key = format!("AWS4{}", credentials.secret_access_key()).into_bytes();
        for part in scope.split('/') {
            key = mac(&key, part)?;
        }
        let signature = hex::encode(mac(&key, &to_sign)?);
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={signed}, Signature={signature}",
            credentials.access_key_id()
        );
        let mut headers = vec![("x-amz-date", time), ("authorization", authorization)];
        headers.extend(token.map(|token| ("x-amz-security-token", token.to_owned())));
        Ok(headers)
    }
}

/// Says a request and hears the answer to its end.
async fn spoken(mut socket: impl AsyncRead + AsyncWrite + Unpin, request: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    // Whoever refuses a request half-way closes the connection, after its answer or without one.
    if socket.write_all(request).await.is_ok() {
        let _ended = socket.read_to_end(&mut answer).await;
    }
    answer
}

/// Trusts whom this machine trusts.
fn encrypting() -> Result<TlsConnector> {
    let mut trusted = rustls::RootCertStore::empty();
    trusted.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let configuration = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(configuration)))
}

fn mac(key: &[u8], text: &str) -> Result<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).context("any key fits")?;
    mac.update(text.as_bytes());
    Ok(mac.finalize().into_bytes().to_vec())
}

/// Now, as signatures write it: `20260312T190358Z`.
fn timestamp() -> String {
    let now = OffsetDateTime::now_utc();
    let (date, time) = (now.date(), now.time());
    let date = format!("{:04}{:02}{:02}", date.year(), u8::from(date.month()), date.day());
    format!("{date}T{:02}{:02}{:02}Z", time.hour(), time.minute(), time.second())
}

/// What AWS signs of a path: without its dot segments, and without empty ones.
fn without_dot_segments(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    for segment in path.split(|byte| *byte == b'/') {
        match segment {
            b".." => drop(kept.pop()),
            b"" | b"." => {}
            other => kept.push(other),
        }
    }
    let end = if path.ends_with(b"/") && !kept.is_empty() { &b"/"[..] } else { b"" };
    [b"/", &kept.join(&b'/')[..], end].concat()
}

fn canonical_query(query: &[u8]) -> String {
    let pairs = url::form_urlencoded::parse(query);
    let mut pairs: Vec<(String, String)> =
        pairs.map(|(name, value)| (encoded(name.as_bytes(), b"-_.~"), encoded(value.as_bytes(), b"-_.~"))).collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

fn encoded(bytes: &[u8], kept: &[u8]) -> String {
    let is_kept = |byte: u8| byte.is_ascii_alphanumeric() || kept.contains(&byte);
    bytes
        .iter()
        .map(|byte| if is_kept(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn parsed(answer: &[u8]) -> Result<Answer> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").context("no end of the headers")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("no status")?.parse()?;
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        headers.append(HeaderName::from_bytes(name.as_bytes())?, HeaderValue::from_str(value.trim())?);
    }
    let body = &answer[end + 4..];
    let is_chunked = headers.get("transfer-encoding").is_some_and(|value| value == "chunked");
    Ok(Answer { status, body: if is_chunked { unchunked(body)? } else { body.to_vec() }, headers })
}

fn unchunked(mut rest: &[u8]) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n").context("no end of a chunk's size")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end])?.trim(), 16)?;
        if size == 0 {
            return Ok(body);
        }
        let Some(chunk) = rest.get(end + 2..end + 2 + size) else { bail!("a chunk is cut off") };
        body.extend(chunk);
        rest = rest.get(end + 2 + size + 2..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_signed_without_its_dot_segments() {
        for (path, signed) in
            [("/a/../b", "/b"), ("/a/./b/", "/a/b/"), ("//a", "/a"), ("/..", "/"), ("/a%2f..", "/a%2f..")]
        {
            assert_eq!(String::from_utf8(without_dot_segments(path.as_bytes())).unwrap(), signed);
        }
        assert_eq!(encoded(b"/a%5C", b"/-_.~"), "/a%255C");
    }

    #[test]
    fn the_parts_of_an_answer_are_put_together() {
        let answer =
            b"HTTP/1.1 404 Not Found\r\nX-A: b\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n";
        let answer = parsed(answer).unwrap();
        assert_eq!((answer.status, answer.header("x-a"), &*answer.text()), (404, Some("b"), "abcd"));
        assert!(parsed(b"HTTP/1.1 200").is_err());
    }
}
