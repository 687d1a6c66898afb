//! What Causeway registers with WorkOS: the callback of sign-ins and the endpoint of webhooks.

use std::collections::BTreeSet;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use crate::{call::Request, client::Workos, error::WorkosError};

const ENDPOINTS: &str = "/webhook_endpoints";

/// A webhook endpoint that is registered with WorkOS (WorkOS API: `WebhookEndpoint`).
#[derive(Debug, Clone)]
pub struct WebhookEndpoint {
    /// WorkOS's ID.
    pub id: String,
    /// What WorkOS signs its webhooks with.
    pub secret: SecretString,
}

#[derive(Deserialize)]
struct EndpointRecord {
    id: String,
    endpoint_url: Option<String>,
    secret: Option<SecretString>,
    status: Option<String>,
    events: Option<Vec<String>>,
}

impl EndpointRecord {
    /// `None` for a record that can't be read, or whose ID could lead a path elsewhere.
    fn read(record: &RawValue) -> Option<Self> {
        let record: Self = serde_json::from_str(record.get()).ok()?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        (!record.id.is_empty() && record.id.chars().all(is_plain)).then_some(record)
    }

    /// `None` if the answer does not show the secret: WorkOS's documentation says that a list carries it,
    /// and WorkOS's emulator shows its beginning followed by asterisks.
    fn with_secret(self) -> Option<WebhookEndpoint> {
        let id = self.id;
        self.secret
            .filter(|secret| {
                let text = secret.expose_secret();
                !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && c != '*') && !text.ends_with("...")
            })
            .map(|secret| WebhookEndpoint { id, secret })
    }

    /// Whether it is switched on and delivers every event that is asked for. No events means all.
    fn delivers(&self, events: &[String]) -> bool {
        let disabled = self.status.as_deref() == Some("disabled");
        let chosen = self.events.as_deref().unwrap_or_default();
        let all = chosen.is_empty();
        !disabled && (all || (!events.is_empty() && events.iter().all(|event| chosen.contains(event))))
    }
}

impl Workos {
    /// Registers the URI that sign-ins come back to (WorkOS API: `POST /user_management/redirect_uris`). One
    /// that is registered already is as good: WorkOS has no call to list them.
    pub async fn register_redirect_uri(&self, key: &SecretString, uri: &str) -> Result<(), WorkosError> {
        match self.send(&Request::post("/user_management/redirect_uris", key, json!({ "uri": uri }))).await {
            Ok(_) => Ok(()),
            Err(error) if says_already_exists(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Registers a webhook endpoint (WorkOS API: `POST /webhook_endpoints`). Where one with the same URL is
    /// there, it is taken over, if WorkOS shows its secret and it delivers `events`; else it is deleted and
    /// made anew (`GET /webhook_endpoints`, `DELETE /webhook_endpoints/{id}`).
    pub async fn register_webhook_endpoint(
        &self,
        key: &SecretString,
        url: &str,
        events: &[String],
    ) -> Result<WebhookEndpoint, WorkosError> {
        let taken = match self.create_webhook_endpoint(key, url, events).await {
            Err(error) if is_duplicate_endpoint(&error) => error,
            outcome => return outcome,
        };
        let Some(record) = self.webhook_endpoint_of_url(key, url).await? else {
            return Err(taken);
        };
        let id = record.id.clone();
        if record.delivers(events)
            && let Some(endpoint) = record.with_secret()
        {
            return Ok(endpoint);
        }
        self.delete_webhook_endpoint(key, &id).await?;
        self.create_webhook_endpoint(key, url, events).await
    }

    /// Whether the webhook endpoint of this ID is registered with this URL, switched on, and delivers every
    /// one of `events` (WorkOS API: `GET /webhook_endpoints`: WorkOS documents no call that reads a single one).
    pub async fn webhook_endpoint_delivers(
        &self,
        key: &SecretString,
        id: &str,
        url: &str,
        events: &[String],
    ) -> Result<bool, WorkosError> {
        let records = self.whole_list(ENDPOINTS, key, EndpointRecord::read).await?;
        Ok(records
            .iter()
            .flatten()
            .any(|record| record.id == id && record.endpoint_url.as_deref() == Some(url) && record.delivers(events)))
    }

    /// The ID of the webhook endpoint with this URL, if it is switched on and delivers every one of `events`: one that
    /// somebody made by hand.
    pub async fn webhook_endpoint_at(
        &self,
        key: &SecretString,
        url: &str,
        events: &[String],
    ) -> Result<Option<String>, WorkosError> {
        let record = self.webhook_endpoint_of_url(key, url).await?;
        Ok(record.filter(|record| record.delivers(events)).map(|record| record.id))
    }

    /// The IDs of the webhook endpoints with any of these URLs, whatever they deliver (WorkOS API:
    /// `GET /webhook_endpoints`).
    pub async fn webhook_endpoints_of(
        &self,
        key: &SecretString,
        urls: &BTreeSet<String>,
    ) -> Result<BTreeSet<String>, WorkosError> {
        let records = self.whole_list(ENDPOINTS, key, EndpointRecord::read).await?;
        let is_one = |record: &EndpointRecord| record.endpoint_url.as_ref().is_some_and(|url| urls.contains(url));
        Ok(records.into_iter().flatten().filter(is_one).map(|record| record.id).collect())
    }

    async fn create_webhook_endpoint(
        &self,
        key: &SecretString,
        url: &str,
        events: &[String],
    ) -> Result<WebhookEndpoint, WorkosError> {
        let body = json!({ "endpoint_url": url, "events": events });
        let answer = self.send(&Request::post(ENDPOINTS, key, body)).await?;
        let endpoint = answer.read::<EndpointRecord>()?.with_secret();
        endpoint.ok_or_else(|| answer.unreadable("the new webhook endpoint comes without its secret"))
    }

    async fn webhook_endpoint_of_url(
        &self,
        key: &SecretString,
        url: &str,
    ) -> Result<Option<EndpointRecord>, WorkosError> {
        let records = self.whole_list(ENDPOINTS, key, EndpointRecord::read).await?;
        Ok(records.into_iter().flatten().find(|record| record.endpoint_url.as_deref() == Some(url)))
    }

    /// Deletes a webhook endpoint (WorkOS API: `DELETE /webhook_endpoints/{id}`). One that is not there is as good.
    pub async fn delete_webhook_endpoint(&self, key: &SecretString, id: &str) -> Result<(), WorkosError> {
        match self.send(&Request::delete(format!("{ENDPOINTS}/{id}"), key)).await {
            Ok(_) => Ok(()),
            Err(error) if error.has_status(404) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// WorkOS documents the status 422 for it; its own command line tool expects 409 as well.
fn says_already_exists(error: &WorkosError) -> bool {
    error.refusal().is_some_and(|refusal| matches!(refusal.status, 409 | 422) && refusal.already_exists)
}

fn is_duplicate_endpoint(error: &WorkosError) -> bool {
    error.refusal().is_some_and(|refusal| {
        refusal.status == 409 && refusal.code.as_deref().is_none_or(|code| code == "duplicate_endpoint")
    })
}
