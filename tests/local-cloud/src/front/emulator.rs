//! The front's own calls to the emulated Cognito, as the root of the account that a user pool is in.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;

use crate::account::Account;
use crate::signed_http::{Answer, SignedClient};

/// The account of a user pool of the front's own, which nobody else uses.
const SCRATCH_ACCOUNT: &str = "999999999999";
const SCRATCH_REGION: &str = "us-east-1";

/// Where a user pool is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The account.
    pub account: String,
    /// The Region.
    pub region: String,
}

/// Calls the emulated Cognito as anybody's root.
#[derive(Debug)]
pub struct Emulator {
    endpoint: String,
    clients: Mutex<HashMap<Place, SignedClient>>,
    client_defaults: OnceCell<Map<String, Value>>,
}

impl Emulator {
    /// The emulator at this endpoint.
    pub fn new(endpoint: &str) -> Self {
        Self { endpoint: endpoint.to_owned(), clients: Mutex::default(), client_defaults: OnceCell::new() }
    }

    /// Calls an operation.
    pub async fn call(&self, place: &Place, operation: &str, request: &Value) -> Result<Answer> {
        let client = self.client(place)?;
        let target = format!("AWSCognitoIdentityProviderService.{operation}");
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target.as_str())];
        client.send("POST", &format!("{}/", self.endpoint), &headers, request.to_string().as_bytes()).await
    }

    async fn asked(&self, place: &Place, operation: &str, request: &Value) -> Result<Value> {
        self.call(place, operation, request).await?.expect(200).context(operation.to_owned())?.json()
    }

    fn client(&self, place: &Place) -> Result<SignedClient> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(place) {
            return Ok(client.clone());
        }
        let credentials = Account::root(&self.endpoint, &place.account).credentials();
        let client = SignedClient::new(credentials, &place.region, "cognito-idp")?;
        clients.insert(place.clone(), client.clone());
        Ok(client)
    }

    /// The names of all providers of a user pool.
    pub async fn provider_names(&self, place: &Place, pool: &str) -> Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        let mut next = Value::Null;
        loop {
            let mut request = json!({"UserPoolId": pool, "MaxResults": 60});
            if !next.is_null() {
                request["NextToken"] = next;
            }
            let page = self.asked(place, "ListIdentityProviders", &request).await?;
            let listed = page["Providers"].as_array().into_iter().flatten();
            names.extend(listed.filter_map(|one| one["ProviderName"].as_str()).map(str::to_owned));
            next = page["NextToken"].clone();
            if next.is_null() {
                return Ok(names);
            }
        }
    }

    /// The name of the provider that has an identifier.
    pub async fn provider_by_identifier(&self, place: &Place, pool: &str, identifier: &str) -> Result<Option<String>> {
        let request = json!({"UserPoolId": pool, "IdpIdentifier": identifier});
        let answer = self.call(place, "GetIdentityProviderByIdentifier", &request).await?;
        if answer.status != 200 {
            return Ok(None);
        }
        Ok(answer.json()?["IdentityProvider"]["ProviderName"].as_str().map(str::to_owned))
    }

    /// The providers that an app client offers.
    pub async fn supported(&self, place: &Place, pool: &str, client: &str) -> Result<BTreeSet<String>> {
        let request = json!({"UserPoolId": pool, "ClientId": client});
        let answer = self.asked(place, "DescribeUserPoolClient", &request).await?;
        let names = answer["UserPoolClient"]["SupportedIdentityProviders"].as_array().into_iter().flatten();
        Ok(names.filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// What an app client has that was given nothing: what `CreateUserPoolClient` makes of a name alone.
    pub async fn client_defaults(&self) -> Result<&Map<String, Value>> {
        let made = self.client_defaults.get_or_try_init(async || {
            let place = Place { account: SCRATCH_ACCOUNT.to_owned(), region: SCRATCH_REGION.to_owned() };
            let pool = self.asked(&place, "CreateUserPool", &json!({"PoolName": "defaults"})).await?;
            let pool = pool["UserPool"]["Id"].as_str().context("no user pool was made")?.to_owned();
            let request = json!({"UserPoolId": pool, "ClientName": "defaults"});
            let client = self.asked(&place, "CreateUserPoolClient", &request).await?;
            client["UserPoolClient"].as_object().cloned().context("no app client was made")
        });
        made.await
    }
}
