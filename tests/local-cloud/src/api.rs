//! Causeway's own API, called as an operator does.

use anyhow::{Result, ensure};
use aws_credential_types::Credentials;
use serde_json::{Value, json};

use crate::ministack::REGION;
use crate::signed_http::{Answer, SignedClient, plain_client};

/// Calls the deployed API with one set of credentials.
#[derive(Clone, Debug)]
pub struct Api {
    /// The API's base, without a trailing slash.
    pub base: String,
    client: SignedClient,
}

impl Api {
    /// The API at `base`, called with `credentials`.
    pub fn new(base: &str, credentials: Credentials) -> Result<Self> {
        Self::in_region(base, credentials, REGION)
    }

    /// The API at `base` in another Region than the local cloud's.
    pub fn in_region(base: &str, credentials: Credentials, region: &str) -> Result<Self> {
        let client = SignedClient::new(credentials, region, "execute-api")?;
        Ok(Self { base: base.to_owned(), client })
    }

    /// `GET`, signed; `path` begins with a slash.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.send("GET", path, &[], b"").await
    }

    /// Verifies the user pool of that path, which has to pass.
    pub async fn verified(&self, user_pool: &str) -> Result<()> {
        let verified = self.post(&format!("{user_pool}/verify"), &json!({})).await?.expect(200)?.json()?;
        ensure!(verified["status"] == "active", "the user pool is not active: {verified:#}");
        Ok(())
    }

    /// `POST` of JSON, signed.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        let headers = [("content-type", "application/json")];
        self.send("POST", path, &headers, body.to_string().as_bytes()).await
    }

    /// `PATCH` of JSON, signed, with an `If-Match` if one is given.
    pub async fn patch(&self, path: &str, body: &Value, version: Option<&str>) -> Result<Answer> {
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(version.map(|version| ("if-match", version)));
        self.send("PATCH", path, &headers, body.to_string().as_bytes()).await
    }

    /// Any signed request.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer> {
        self.client.send(method, &format!("{}{path}", self.base), headers, body).await
    }

    /// A request without any signature, as WorkOS, Cognito and browsers send theirs.
    pub async fn send_unsigned(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer> {
        let method = reqwest::Method::from_bytes(method.as_bytes())?;
        let mut request = plain_client()?.request(method, format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::read(request.body(body.to_vec()).send().await?).await
    }
}
