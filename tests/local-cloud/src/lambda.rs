//! Functions: invoked directly, or as they are configured.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use aws_credential_types::Credentials;
use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::signed_http::SignedClient;

impl Cloud {
    /// Invokes a function, `function` being its name here, and gives what it answered.
    pub async fn invoke(&self, function: &str, payload: &Value) -> Result<Value> {
        let name = self.function_names.get(function).map_or(function, String::as_str);
        let client = SignedClient::new(self.integration().credentials(), &self.region, "lambda")?;
        let url = format!("{}/2015-03-31/functions/{name}/invocations", self.aws_endpoint);
        client.send("POST", &url, &[], payload.to_string().as_bytes()).await?.expect(200)?.json()
    }

    /// What a function is configured with, `function` being its name here.
    pub async fn configuration(&self, function: &str) -> Result<Configuration> {
        let name = self.function_names.get(function).map_or(function, String::as_str);
        let shown = self.lambda("GET", &format!("/2015-03-31/functions/{name}/configuration"), b"").await?;
        let variables = shown["Environment"]["Variables"].as_object().context("a function without variables")?;
        let variables = variables.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
        let role = shown["Role"].as_str().context("a function without a role")?;
        Ok(Configuration {
            variables: variables.collect(),
            memory_megabytes: shown["MemorySize"].as_u64().context("a function without memory")?,
            credentials: self.integration().assume_role(role, None).await?.credentials(),
        })
    }

    /// Has nobody take messages off the queue of wake-ups.
    pub(crate) async fn leave_queue_alone(&self) -> Result<()> {
        const MAPPINGS: &str = "/2015-03-31/event-source-mappings";
        let mappings = self.lambda("GET", MAPPINGS, b"").await?;
        for mapping in mappings["EventSourceMappings"].as_array().into_iter().flatten() {
            let id = mapping["UUID"].as_str().context("a mapping without an ID")?;
            let disabled = json!({"Enabled": false}).to_string();
            self.lambda("PUT", &format!("{MAPPINGS}/{id}"), disabled.as_bytes()).await?;
        }
        Ok(())
    }

    async fn lambda(&self, method: &str, path: &str, body: &[u8]) -> Result<Value> {
        let client = SignedClient::new(self.integration().credentials(), &self.region, "lambda")?;
        let answer = client.send(method, &format!("{}{path}", self.aws_endpoint), &[], body).await?;
        anyhow::ensure!((200..300).contains(&answer.status), "{path}: {} {}", answer.status, answer.text());
        answer.json()
    }
}

/// How a function is deployed.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The template's environment variables.
    pub variables: BTreeMap<String, String>,
    /// How much memory it may use.
    pub memory_megabytes: u64,
    /// A session of its role.
    pub credentials: Credentials,
}
