//! A server on a port of its own that answers from a list.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use url::Url;

/// What to answer to the next request whose first line begins with `call`.
pub struct Answer {
    call: &'static str,
    bytes: Vec<u8>,
}

impl Answer {
    pub fn json(call: &'static str, status: u16, body: &Value) -> Self {
        Self::with_headers(call, status, "", body)
    }

    /// `headers` are whole lines, each with its `\r\n`.
    pub fn with_headers(call: &'static str, status: u16, headers: &str, body: &Value) -> Self {
        let body = body.to_string();
        Self::raw(call, status, &format!("{headers}content-length: {}\r\n", body.len()), body.as_bytes())
    }

    /// Any body under any `content-length`.
    pub fn raw(call: &'static str, status: u16, headers: &str, body: &[u8]) -> Self {
        let head = format!("HTTP/1.1 {status} Status\r\nconnection: close\r\n{headers}\r\n");
        Self { call, bytes: [head.as_bytes(), body].concat() }
    }

    /// The connection closes without an answer.
    pub fn nothing(call: &'static str) -> Self {
        Self { call, bytes: Vec::new() }
    }
}

pub struct Server {
    pub base: Url,
    requests: Arc<Mutex<Vec<String>>>,
    script: Arc<Mutex<Vec<Answer>>>,
}

impl Server {
    /// Starts a server that gives each answer once, those of one call in their order.
    pub async fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let script = Arc::new(Mutex::new(answers));
        let (seen, left) = (requests.clone(), script.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, seen.clone(), left.clone()));
            }
        });
        Self { base, requests, script }
    }

    /// The requests so far, whole, in the order of their arrival.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// The method and path with its query of the requests so far.
    pub fn calls(&self) -> Vec<String> {
        let first_line = |request: &String| request.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
        self.requests().iter().map(first_line).collect()
    }

    /// Fails if an answer was not asked for.
    pub fn assert_all_given(&self) {
        let left: Vec<_> = self.script.lock().unwrap().iter().map(|answer| answer.call).collect();
        assert!(left.is_empty(), "never asked for: {left:?}");
    }
}

async fn answer(mut stream: TcpStream, requests: Arc<Mutex<Vec<String>>>, script: Arc<Mutex<Vec<Answer>>>) {
    let Some(request) = read(&mut stream).await else {
        return;
    };
    let bytes = {
        let mut script = script.lock().unwrap();
        let position = script.iter().position(|answer| request.starts_with(answer.call));
        position.map(|position| script.remove(position).bytes)
    };
    requests.lock().unwrap().push(request);
    let unscripted = || b"HTTP/1.1 418 Unscripted\r\ncontent-length: 0\r\n\r\n".to_vec();
    // The client may have gone, as one does that has seen enough of a large body.
    let _ = stream.write_all(&bytes.unwrap_or_else(unscripted)).await;
    let _ = stream.shutdown().await;
}

async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Some(text);
            }
        }
        let count = stream.read(&mut chunk).await.ok().filter(|count| *count > 0)?;
        request.extend_from_slice(&chunk[..count]);
    }
}
