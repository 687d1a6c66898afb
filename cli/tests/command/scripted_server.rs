//! A server on a port of its own that answers from a list.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::Value;

/// What to answer to the next request of a method and path.
pub struct Answer {
    call: String,
    bytes: Vec<u8>,
}

impl Answer {
    pub fn json(call: &str, status: u16, body: &Value) -> Self {
        Self::with_headers(call, status, "", body)
    }

    /// `headers` are whole lines, each with its `\r\n`.
    pub fn with_headers(call: &str, status: u16, headers: &str, body: &Value) -> Self {
        let body = body.to_string();
        let length = body.len();
        let head =
            format!("HTTP/1.1 {status} Status\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n");
        Self { call: call.to_owned(), bytes: [head.as_bytes(), body.as_bytes()].concat() }
    }

    /// The connection closes without an answer.
    pub fn nothing(call: &str) -> Self {
        Self { call: call.to_owned(), bytes: Vec::new() }
    }
}

/// One request, whole.
#[derive(Clone, Debug)]
pub struct Request(String);

impl Request {
    /// The method and the path with its query.
    pub fn call(&self) -> &str {
        self.0.lines().next().unwrap().trim_end_matches(" HTTP/1.1")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let (head, _) = self.0.split_once("\r\n\r\n").unwrap();
        head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub fn body(&self) -> Value {
        serde_json::from_str(self.0.split_once("\r\n\r\n").unwrap().1).unwrap()
    }
}

pub struct Server {
    pub base: String,
    requests: Arc<Mutex<Vec<Request>>>,
    script: Arc<Mutex<Vec<Answer>>>,
}

impl Server {
    /// Starts a server that gives each answer once, those of one call in their order.
    pub fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}/stage", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let script = Arc::new(Mutex::new(answers));
        let (seen, left) = (requests.clone(), script.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &seen, &left);
            }
        });
        Self { base, requests, script }
    }

    /// The requests so far, in the order of their arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// The method and path of the requests so far.
    pub fn calls(&self) -> Vec<String> {
        self.requests().iter().map(|request| request.call().replacen("/stage", "", 1)).collect()
    }

    /// Fails if an answer was not asked for.
    pub fn assert_all_given(&self) {
        let script = self.script.lock().unwrap();
        let left: Vec<_> = script.iter().map(|answer| &answer.call).collect();
        assert!(left.is_empty(), "never asked for: {left:?}");
    }
}

fn answer(mut stream: TcpStream, requests: &Mutex<Vec<Request>>, script: &Mutex<Vec<Answer>>) {
    let Some(request) = read(&mut stream) else { return };
    let bytes = {
        let mut script = script.lock().unwrap();
        let call = request.call().replacen("/stage", "", 1);
        let position = script.iter().position(|answer| call == answer.call);
        position.map(|position| script.remove(position).bytes)
    };
    requests.lock().unwrap().push(request);
    let unscripted = || b"HTTP/1.1 418 Unscripted\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".to_vec();
    let _ = stream.write_all(&bytes.unwrap_or_else(unscripted));
}

fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Some(Request(text));
            }
        }
        let count = stream.read(&mut chunk).ok().filter(|count| *count > 0)?;
        request.extend_from_slice(&chunk[..count]);
    }
}
