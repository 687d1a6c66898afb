//! WorkOS as far as the bridge asks it.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use url::Url;

#[derive(Default)]
struct State {
    profile: Option<Value>,
    /// The text of a whole answer, in place of one with the profile.
    answer: Option<String>,
    refuses: Option<(&'static str, Value)>,
    organization: Option<Value>,
    hangs: bool,
    verifier: Option<String>,
    calls: Vec<String>,
}

/// A made-up WorkOS. It answers with what it was given, and with 400 where it was given nothing.
#[derive(Clone, Default)]
pub struct WorkosServer(Arc<Mutex<State>>);

impl WorkosServer {
    /// Begins to answer.
    pub async fn start(&self) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = self.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(server.clone().answer(stream));
            }
        });
        url.parse().unwrap()
    }

    /// The profile that the next codes stand for.
    pub fn has_profile(&self, profile: Option<Value>) {
        self.0.lock().unwrap().profile = profile;
    }

    /// Answers every code with this text.
    pub fn says(&self, answer: String) {
        self.0.lock().unwrap().answer = Some(answer);
    }

    /// Answers every code with this status, such as `401 Unauthorized`, and this body.
    pub fn refuses(&self, status: &'static str, body: Value) {
        self.0.lock().unwrap().refuses = Some((status, body));
    }

    /// The one organization that there is.
    pub fn has_organization(&self, organization: Option<Value>) {
        self.0.lock().unwrap().organization = organization;
    }

    /// Never answers what is asked of an organization.
    pub fn hangs(&self) {
        self.0.lock().unwrap().hangs = true;
    }

    /// The verifier that came with the last code.
    pub fn verifier(&self) -> Option<String> {
        self.0.lock().unwrap().verifier.clone()
    }

    /// What was asked since the last time, in order.
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().calls)
    }

    async fn answer(self, mut stream: TcpStream) {
        let Some((line, body)) = read(&mut stream).await else { return };
        let hangs = self.0.lock().unwrap().hangs && line.starts_with("GET /organizations/");
        let (status, body) = self.0.lock().unwrap().answer(line, &body);
        if hangs {
            std::future::pending::<()>().await;
        }
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

impl State {
    /// The status and the body.
    fn answer(&mut self, line: String, body: &str) -> (&'static str, String) {
        let is_for_tokens = line.starts_with("POST /sso/token ");
        self.calls.push(line);
        let answer = if is_for_tokens {
            assert!(body.contains("workos key") && body.contains("client_1"), "{body}");
            let form: Value = serde_json::from_str(body).unwrap();
            self.verifier = form["code_verifier"].as_str().map(str::to_owned);
            if let Some((status, body)) = &self.refuses {
                return (*status, body.to_string());
            }
            if let Some(answer) = &self.answer {
                return ("200 OK", answer.clone());
            }
            self.profile.clone().map(|profile| {
                json!({
                    "access_token": "canary", "profile": profile,
                    "oauth_tokens": { "provider": "OktaSAML", "access_token": "canary", "refresh_token": "canary" },
                })
            })
        } else {
            self.organization.clone()
        };
        match answer {
            Some(answer) => ("200 OK", answer.to_string()),
            None => ("400 Bad Request", json!({ "error": "invalid_grant", "error_description": "canary" }).to_string()),
        }
    }
}

/// The request line and the body.
async fn read(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut received = Vec::new();
    loop {
        let mut some = [0; 4096];
        let count = stream.read(&mut some).await.ok().filter(|count| *count > 0)?;
        received.extend_from_slice(&some[..count]);
        let text = String::from_utf8_lossy(&received).to_string();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
        if body.len() >= length.unwrap_or(0) {
            return Some((head.lines().next()?.to_owned(), body.to_owned()));
        }
    }
}
