//! The emulated `WorkOS`: starting it, and doing in it what a customer's administrator does.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::eventually::eventually;
use crate::process::Running;
use crate::signed_http::{Answer, plain_client};

/// The API key that is always there.
pub const DEFAULT_API_KEY: &str = "sk_test_default";
/// A client ID; the emulator takes any.
pub const CLIENT_ID: &str = "client_01CAUSEWAY";
/// How many further API keys there are: `sk_test_1` and on. Each has its own rate limit.
pub const FURTHER_API_KEYS: usize = 120;

/// The ID of the Test Organization.
pub const TEST_ORGANIZATION: &str = "org_test_idp";
/// The ID of the connection of the Test Organization.
pub const TEST_CONNECTION: &str = "conn_test_idp";

/// The client ID of the other environment, which knows nothing of the first.
pub const OTHER_CLIENT_ID: &str = "client_02CAUSEWAY";
/// How many API keys the other environment has.
const OTHER_API_KEYS: usize = 10;

const START_DEADLINE: Duration = Duration::from_secs(30);

/// An API key of its own for the tenant of that number, from 1 to [`FURTHER_API_KEYS`].
#[must_use]
pub fn api_key(number: usize) -> String {
    format!("sk_test_{number}")
}

/// An API key of the other environment, of a number from 1 to 10.
#[must_use]
pub fn other_api_key(number: usize) -> String {
    format!("sk_other_{number}")
}

/// Starts an emulator and waits until it is healthy.
///
/// `seed` holds what there is from the start (`organizations`, `connections`, ...); the API keys are
/// added to it.
pub async fn start(tool: &Path, port: u16, seed: Value, logs: &Path) -> Result<Running> {
    let mut seed = match seed {
        Value::Object(seed) => seed,
        _ => serde_json::Map::new(),
    };
    let keys = (1..=FURTHER_API_KEYS).map(api_key);
    let keys: serde_json::Map<_, _> = std::iter::once(DEFAULT_API_KEY.to_owned())
        .chain(keys)
        .map(|key| (key, json!({"environment": "test"})))
        .collect();
    seed.insert("apiKeys".to_owned(), Value::Object(keys));
    let others = (1..=OTHER_API_KEYS).map(|number| (other_api_key(number), json!({"environment": "test"})));
    let others: serde_json::Map<_, _> = others.collect();
    seed.insert("other".to_owned(), json!({"apiKeys": others, "clientId": OTHER_CLIENT_ID}));
    std::fs::create_dir_all(logs)?;
    let seed_file = logs.join(format!("workos-seed-{port}.json"));
    std::fs::write(&seed_file, Value::Object(seed).to_string())?;
    let log = logs.join("workos.log");
    let mut command = Command::new("node");
    command.arg(tool.join("emulator.mjs")).arg(port.to_string()).arg(&seed_file);
    let running = Running::start("workos", &mut command, &log)?;
    let (http, url) = (plain_client()?, format!("http://127.0.0.1:{port}/health"));
    eventually(START_DEADLINE, "WorkOS's emulator is healthy", async || {
        Ok(http.get(&url).send().await?.status().is_success().then_some(()))
    })
    .await
    .with_context(|| format!("see {}", log.display()))?;
    Ok(running)
}

/// Calls the emulated `WorkOS` with one API key.
#[derive(Clone, Debug)]
pub struct WorkOs {
    /// Where it is.
    pub url: String,
    /// The API key.
    pub api_key: String,
    http: reqwest::Client,
}

impl WorkOs {
    /// A client for the emulator at `url`.
    pub fn new(url: &str, api_key: &str) -> Result<Self> {
        let http = plain_client()?;
        Ok(Self { url: url.to_owned(), api_key: api_key.to_owned(), http })
    }

    /// Makes an organization with verified domains and gives its ID.
    pub async fn create_organization(&self, name: &str, domains: &[&str]) -> Result<String> {
        let domains: Vec<_> = domains.iter().map(|domain| json!({"domain": domain, "state": "verified"})).collect();
        let body = json!({"name": name, "domain_data": domains});
        id(&self.call("POST", "/organizations", Some(&body)).await?.expect(201)?)
    }

    /// Makes an active connection and gives its ID.
    pub async fn create_connection(&self, organization: &str, name: &str) -> Result<String> {
        let body = json!({"organization_id": organization, "name": name});
        id(&self.call("POST", "/connections", Some(&body)).await?.expect(201)?)
    }

    /// Has the identity provider say something else of a user from now on: the members of the profile that change.
    pub async fn changes_profile(&self, email: &str, changes: &Value) -> Result<()> {
        self.call("PUT", &format!("/router/profiles/{email}"), Some(changes)).await?.expect(200).map(drop)
    }

    /// Has this API key see the Test Organization, as one of a staging environment does.
    pub async fn shows_test_organization(&self) -> Result<()> {
        self.call("PUT", "/router/test-organization", Some(&json!({}))).await?.expect(200).map(drop)
    }

    /// Deletes a connection.
    pub async fn delete_connection(&self, connection: &str) -> Result<()> {
        let path = format!("/connections/{connection}");
        self.call("DELETE", &path, None).await?.expect(204).map(drop)
    }

    /// Deletes an organization.
    pub async fn delete_organization(&self, organization: &str) -> Result<()> {
        let path = format!("/organizations/{organization}");
        self.call("DELETE", &path, None).await?.expect(204).map(drop)
    }

    /// The webhook endpoints that are registered.
    pub async fn webhook_endpoints(&self) -> Result<Vec<Value>> {
        let answer = self.call("GET", "/webhook_endpoints?limit=100", None).await?.expect(200)?;
        Ok(answer.json()?["data"].as_array().cloned().unwrap_or_default())
    }

    /// Any call.
    pub async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer> {
        let method = reqwest::Method::from_bytes(method.as_bytes())?;
        let mut request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.api_key);
        if let Some(body) = body {
            request = request.json(body);
        }
        Answer::read(request.send().await.with_context(|| format!("WorkOS {path}"))?).await
    }
}

fn id(answer: &Answer) -> Result<String> {
    let id = answer.json()?["id"].as_str().map(str::to_owned);
    id.with_context(|| format!("no id in {}", answer.text()))
}
