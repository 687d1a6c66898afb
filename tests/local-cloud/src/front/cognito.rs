//! Cognito's own rules, beyond its service model.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use tokio::sync::RwLock;

use super::emulator::{Emulator, Place};
use super::model::{Model, Violation};
use super::places::{Credential, Places};
use super::proxy::{Received, Reply, Upstream};
use super::throttle::Throttle;

/// What `X-Amz-Target` begins with.
pub const TARGET: &str = "AWSCognitoIdentityProviderService.";
/// How many providers a pool may have unless its quota was raised (Service Quotas: L-1B44D826).
pub const QUOTA: usize = 300;
/// What `SupportedIdentityProviders` can name without a provider of that name (Cognito API:
/// `CreateUserPoolClient`): the pool's own users. The social ones need a provider as well.
const OWN_USERS: &str = "COGNITO";
/// What an OIDC provider must have (Cognito API: `CreateIdentityProvider`, `ProviderDetails`). The four
/// endpoints can be found out from the issuer.
const OIDC_NEEDS: [&str; 4] = ["attributes_request_method", "authorize_scopes", "client_id", "oidc_issuer"];

/// The operation that takes members which the model does not have.
const UPDATE_CLIENT: &str = "UpdateUserPoolClient";

/// A refusal as AWS writes it: its type and its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Such as `InvalidParameterException`.
    pub kind: &'static str,
    /// For people.
    pub message: String,
}

impl Refusal {
    fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The throttle.
    pub fn throttled() -> Self {
        Self::new("TooManyRequestsException", "Rate exceeded")
    }

    /// A missing permission.
    pub fn denied() -> Self {
        Self::new("AccessDeniedException", "not authorized to perform this operation")
    }

    /// As it is answered.
    pub fn reply(&self) -> Reply {
        let body = json!({"__type": self.kind, "message": self.message}).to_string();
        let mut reply = Reply::new(StatusCode::BAD_REQUEST, "application/x-amz-json-1.1", body);
        reply.headers.insert("x-amzn-errortype", HeaderValue::from_static(self.kind));
        reply
    }
}

/// A call that is being answered.
struct Call<'a> {
    operation: &'a str,
    pool: String,
    place: Place,
    request: Value,
}

impl Call<'_> {
    fn text(&self, member: &str) -> &str {
        self.request[member].as_str().unwrap_or_default()
    }
}

/// Answers calls as Cognito does, with the emulator's help.
#[derive(Debug)]
pub struct Cognito {
    model: Model,
    emulator: Arc<Emulator>,
    places: Arc<Places>,
    throttle: Throttle,
    quotas: Mutex<HashMap<String, usize>>,
    /// Nobody reads a pool while a write to it is half done.
    locks: Mutex<HashMap<String, Arc<RwLock<()>>>>,
}

impl Cognito {
    /// Cognito by this model, kept by that emulator.
    pub fn new(model: Model, emulator: Arc<Emulator>, places: Arc<Places>) -> Self {
        Self {
            model,
            emulator,
            places,
            throttle: Throttle::default(),
            quotas: Mutex::default(),
            locks: Mutex::default(),
        }
    }

    /// Sets how many providers a pool may have.
    pub fn set_quota(&self, pool: &str, providers: usize) {
        self.quotas.lock().unwrap_or_else(PoisonError::into_inner).insert(pool.to_owned(), providers);
    }

    fn quota(&self, pool: &str) -> usize {
        self.quotas.lock().unwrap_or_else(PoisonError::into_inner).get(pool).copied().unwrap_or(QUOTA)
    }

    fn lock(&self, pool: &str) -> Arc<RwLock<()>> {
        self.locks.lock().unwrap_or_else(PoisonError::into_inner).entry(pool.to_owned()).or_default().clone()
    }

    /// The members of a call that Cognito passes over, for the record.
    pub fn passed_over(&self, operation: &str, received: &Received) -> Vec<String> {
        let request = serde_json::from_slice(&received.body).ok().filter(|_| operation == UPDATE_CLIENT);
        request.map(|mut request| self.model.take_unknown(operation, &mut request)).unwrap_or_default()
    }

    /// Answers one call: the answer, and why it was refused if the front refused it.
    pub async fn answer(&self, received: &Received, upstream: &Upstream) -> Result<(Reply, Option<Refusal>)> {
        let operation = received.header("x-amz-target").trim_start_matches(TARGET).to_owned();
        let refused = |refusal: Refusal| Ok((refusal.reply(), Some(refusal)));
        let Ok(mut request) = serde_json::from_slice::<Value>(&received.body) else {
            return refused(Refusal::new("SerializationException", "the body is no JSON"));
        };
        // What an app client shows is sent back with members that this model does not have; AWS passes over them.
        if operation == UPDATE_CLIENT {
            self.model.take_unknown(&operation, &mut request);
        }
        match self.model.check(&operation, &request)? {
            Some(Violation::Form(message)) => return refused(Refusal::new("SerializationException", message)),
            Some(Violation::Constraints(message)) => {
                return refused(Refusal::new("InvalidParameterException", message));
            }
            None => {}
        }
        let pool = request["UserPoolId"].as_str().unwrap_or_default().to_owned();
        let Some(place) = self.places.of_caller(&Credential::of(received), &pool) else {
            // Unsigned calls, such as a user's own, concern nothing that is checked here.
            return Ok((upstream.send(received).await?, None));
        };
        let account = format!("{}/{}", place.account, place.region);
        if !pool.is_empty() && !self.throttle.lets_through(&operation, &pool, &account, Instant::now()) {
            return refused(Refusal::throttled());
        }
        let call = Call { operation: &operation, pool, place, request };
        let lock = self.lock(&call.pool);
        if call.operation.starts_with("Describe") || call.operation.starts_with("List") {
            let _reading = lock.read().await;
            return Ok((self.read(&call, upstream.send(received).await?)?, None));
        }
        let _writing = lock.write().await;
        if let Some(refusal) = self.refusal(&call).await? {
            return refused(refusal);
        }
        let reply = upstream.send(received).await?;
        let reply = if call.operation == UPDATE_CLIENT { self.replaced(&call, reply).await? } else { reply };
        Ok((self.read(&call, reply)?, None))
    }

    /// What the emulator would let through and Cognito does not.
    async fn refusal(&self, call: &Call<'_>) -> Result<Option<Refusal>> {
        match call.operation {
            "CreateIdentityProvider" => {
                if let Some(refusal) = details_refused(call.text("ProviderType"), &call.request["ProviderDetails"]) {
                    return Ok(Some(refusal));
                }
                self.full(call).await
            }
            "UpdateIdentityProvider" if call.request["ProviderDetails"].is_object() => self.update_refused(call).await,
            "CreateUserPoolClient" | "UpdateUserPoolClient" => self.unknown_names(call).await,
            _ => Ok(None),
        }
    }

    async fn full(&self, call: &Call<'_>) -> Result<Option<Refusal>> {
        let Some(names) = self.provider_names(call).await? else { return Ok(None) };
        let is_full = names.len() >= self.quota(&call.pool) && !names.contains(call.text("ProviderName"));
        Ok(is_full.then(|| {
            Refusal::new(
                "LimitExceededException",
                "The maximum number of identity providers for the user pool is reached",
            )
        }))
    }

    async fn update_refused(&self, call: &Call<'_>) -> Result<Option<Refusal>> {
        let request = json!({"UserPoolId": call.pool, "ProviderName": call.text("ProviderName")});
        let described = self.emulator.call(&call.place, "DescribeIdentityProvider", &request).await?;
        if described.status != 200 {
            return Ok(None);
        }
        let kind = described.json()?["IdentityProvider"]["ProviderType"].as_str().unwrap_or_default().to_owned();
        Ok(details_refused(&kind, &call.request["ProviderDetails"]))
    }

    async fn unknown_names(&self, call: &Call<'_>) -> Result<Option<Refusal>> {
        let named = call.request["SupportedIdentityProviders"].as_array().into_iter().flatten();
        let named: Vec<&str> = named.filter_map(Value::as_str).filter(|name| *name != OWN_USERS).collect();
        if named.is_empty() {
            return Ok(None);
        }
        let Some(there) = self.provider_names(call).await? else { return Ok(None) };
        let unknown = named.into_iter().find(|name| !there.contains(*name));
        Ok(unknown.map(|name| {
            let message = format!("The provider {name} does not exist for User Pool {}", call.pool);
            Refusal::new("InvalidParameterException", message)
        }))
    }

    /// The providers of the call's pool; `None` where there is no such pool for the caller, which the emulator
    /// then says itself.
    async fn provider_names(&self, call: &Call<'_>) -> Result<Option<std::collections::BTreeSet<String>>> {
        let request = json!({"UserPoolId": call.pool});
        if self.emulator.call(&call.place, "DescribeUserPool", &request).await?.status != 200 {
            return Ok(None);
        }
        self.emulator.provider_names(&call.place, &call.pool).await.map(Some)
    }

    /// "If you don't provide a value for an attribute, Amazon Cognito sets it to its default value" (Cognito
    /// API: `UpdateUserPoolClient`). The emulator keeps it, so it is set to its default afterwards. A name has
    /// none.
    async fn replaced(&self, call: &Call<'_>, reply: Reply) -> Result<Reply> {
        if reply.status != StatusCode::OK {
            return Ok(reply);
        }
        let defaults = self.emulator.client_defaults().await?;
        let mut reset = json!({"UserPoolId": call.pool, "ClientId": call.text("ClientId")});
        for member in self.model.members("UpdateUserPoolClient") {
            if member != "ClientName" && call.request[member].is_null() && reset[member].is_null() {
                reset[member] = defaults.get(member).cloned().unwrap_or_default();
            }
        }
        let answer = self.emulator.call(&call.place, "UpdateUserPoolClient", &reset).await?.expect(200)?;
        Ok(Reply { body: Bytes::from(answer.body), ..reply })
    }

    /// Learns from an answer, and adds the keys that Cognito shows of an OIDC provider and nobody sent.
    fn read(&self, call: &Call<'_>, reply: Reply) -> Result<Reply> {
        let has_more = call.operation.ends_with("IdentityProvider") || call.operation.contains("UserPool");
        if reply.status != StatusCode::OK || !has_more || reply.body.is_empty() {
            return Ok(reply);
        }
        let mut answer: Value = serde_json::from_slice(&reply.body).context("the emulator's answer is no JSON")?;
        self.places.learn_pool(&call.place, &answer);
        if call.operation == "DescribeUserPoolClient" {
            return Ok(Reply { body: Bytes::from(with_newer_members(answer).to_string()), ..reply });
        }
        let provider = &mut answer["IdentityProvider"];
        if provider["ProviderType"] != "OIDC" {
            return Ok(reply);
        }
        if let Some(details) = provider["ProviderDetails"].as_object_mut() {
            details.entry("attributes_url_add_attributes").or_insert_with(|| json!("false"));
        }
        Ok(Reply { body: Bytes::from(answer.to_string()), ..reply })
    }
}

/// How the name of an app client begins that registered itself. The emulator has no endpoint for that.
pub const REGISTERED_ITSELF: &str = "registered-itself";

/// An app client with what the API shows since November 2026, and with a member that no API has yet: whoever sends an
/// app client back must not lose what it does not know.
fn with_newer_members(mut answer: Value) -> Value {
    let client = &mut answer["UserPoolClient"];
    let registered_itself = client["ClientName"].as_str().is_some_and(|name| name.starts_with(REGISTERED_ITSELF));
    client["ClientType"] = json!(if registered_itself { "DCR" } else { "REGULAR" });
    client["ClientSecretArn"] = Value::Null;
    client["OfTheFuture"] = json!({"Is": ["kept"]});
    answer
}

fn details_refused(kind: &str, details: &Value) -> Option<Refusal> {
    let missing: Vec<&str> = match kind {
        "OIDC" => OIDC_NEEDS.into_iter().filter(|key| details[key].as_str().is_none_or(str::is_empty)).collect(),
        "SAML" if details["MetadataURL"].is_null() && details["MetadataFile"].is_null() => vec!["MetadataURL"],
        _ => Vec::new(),
    };
    let message = || format!("Missing required field in ProviderDetails: {}", missing.join(", "));
    (!missing.is_empty()).then(|| Refusal::new("InvalidParameterException", message()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_needs_the_details_of_its_kind() {
        let refused = |kind: &str, details: Value| details_refused(kind, &details).map(|refusal| refusal.message);
        let all = json!({
            "attributes_request_method": "GET", "authorize_scopes": "openid", "client_id": "a", "oidc_issuer": "b",
        });
        assert_eq!(refused("OIDC", all.clone()), None);
        assert!(refused("OIDC", json!({})).is_some_and(|message| message.contains("client_id, oidc_issuer")));
        for key in OIDC_NEEDS {
            let mut fewer = all.clone();
            fewer[key] = json!("");
            assert!(refused("OIDC", fewer).is_some_and(|message| message.ends_with(key)), "{key}");
        }
        assert!(refused("SAML", json!({})).is_some());
        assert_eq!(refused("SAML", json!({"MetadataURL": "https://a"})), None);
    }
}
