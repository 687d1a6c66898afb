//! A tenant with an AWS account, user pools and `WorkOS` connections, as the tests need one each.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use aws_sdk_cognitoidentityprovider::Client as Cognito;
use aws_sdk_cognitoidentityprovider::types::OAuthFlowType;
use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_kms::Client as Kms;
use aws_sdk_kms::primitives::Blob;
use base64::{Engine, engine::general_purpose::STANDARD};
use causeway_local_cloud::account::Account;
use causeway_local_cloud::api::Api;
use causeway_local_cloud::cloud::Cloud;
pub use causeway_local_cloud::json::text;
use causeway_local_cloud::signed_http::Answer;
use causeway_local_cloud::tenant_role::role_name;
use causeway_local_cloud::workos::{WorkOs, other_api_key};
use serde_json::{Value, json};

use crate::pool::Pool;

/// The account of most tenants.
pub const ACCOUNT: &str = "222222222222";
/// The region of most tenants' pools, which is not the stack's.
pub const REGION: &str = "eu-west-1";
/// How long anything that a wake-up leads to may take while all tests run.
pub const SOON: Duration = Duration::from_mins(5);
/// The callback of every app client. Nothing listens there: tests read the address.
pub const APP_CALLBACK: &str = "http://localhost:9/app/callback";

/// The cloud that all tests share.
pub fn cloud() -> Result<Cloud> {
    Cloud::of_tests()
}

/// `name` with something behind it that no other test and no other run of the tests has.
pub fn unique(name: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    format!("{name}{now:x}x{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// An API key of `WorkOS` that no other test has, as long as there are any: each has a rate limit.
pub fn next_api_key(cloud: &Cloud) -> Result<String> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let (_, keys) = cloud.workos_api_keys.split_last().context("the cloud has no further API keys")?;
    let key = keys.get(COUNT.fetch_add(1, Ordering::Relaxed) % keys.len().max(1));
    key.cloned().context("the cloud has too few API keys")
}

/// The API key of the one test that uses a rate limit up.
pub fn last_api_key(cloud: &Cloud) -> Result<String> {
    cloud.workos_api_keys.last().cloned().context("the cloud has no further API keys")
}

/// A registered tenant.
#[derive(Clone)]
pub struct Tenancy {
    pub cloud: Cloud,
    pub api: Api,
    pub workos: WorkOs,
    pub account: Account,
    /// Cognito as the tenant's own tools have it: by the way that Causeway takes too, and within the same rates.
    pub cognito: Cognito,
    /// Cognito as the tests look at it: what is only looked at takes nothing of the rates.
    pub seen: Cognito,
    pub id: String,
    pub external_id: String,
    pub region: &'static str,
    /// Whether `WorkOS` delivers its events. Without, what other tests do there wakes this tenant's pools up
    /// no more than what this one does.
    pub listens: bool,
    /// Everything that the API answered.
    pub answers: Arc<Mutex<Vec<String>>>,
}

impl Tenancy {
    pub async fn new(name: &str) -> Result<Self> {
        let api_key = next_api_key(&cloud()?)?;
        Self::with(name, &api_key, ACCOUNT, REGION).await
    }

    pub async fn with(name: &str, api_key: &str, account: &str, region: &'static str) -> Result<Self> {
        let client_id = cloud()?.workos_client_id;
        Self::of_environment(name, &client_id, api_key, account, region).await
    }

    /// A tenant with the `WorkOS` environment of a client ID.
    pub async fn of_environment(
        name: &str,
        client_id: &str,
        api_key: &str,
        account: &str,
        region: &'static str,
    ) -> Result<Self> {
        let workos = json!({"client_id": client_id, "api_key": api_key});
        Self::registered(name, workos, api_key, account, region).await
    }

    /// A tenant whose WorkOS API key Causeway has not got yet.
    pub async fn without_key(name: &str, account: &str) -> Result<Self> {
        let cloud = cloud()?;
        let workos = json!({"client_id": cloud.workos_client_id});
        Self::registered(name, workos, &next_api_key(&cloud)?, account, REGION).await
    }

    async fn registered(name: &str, workos: Value, api_key: &str, account: &str, region: &'static str) -> Result<Self> {
        let cloud = cloud()?;
        let api = cloud.api(&cloud.integration())?;
        let account = cloud.account(account);
        let answer = api.post("/v1/tenants", &json!({"name": name, "workos": workos})).await?.expect(201)?;
        let tenant = answer.json()?;
        Ok(Self {
            workos: WorkOs::new(&cloud.workos_url, api_key)?,
            cognito: Cognito::new(&cloud.tenant_account(&account.id).sdk(region)),
            seen: Cognito::new(&account.sdk(region)),
            account,
            id: text(&tenant, "id")?,
            external_id: text(&tenant, "external_id")?,
            region,
            listens: false,
            answers: Arc::new(Mutex::new(vec![answer.text()])),
            api,
            cloud,
        })
    }

    /// A call below the tenant.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        Ok(self.noted(self.api.get(&format!("/v1/tenants/{}{path}", self.id)).await?))
    }

    /// A call below the tenant.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        Ok(self.noted(self.api.post(&format!("/v1/tenants/{}{path}", self.id), body).await?))
    }

    /// A change below the tenant, of the version that is given if one is.
    pub async fn patch(&self, path: &str, body: &Value, version: Option<&str>) -> Result<Answer> {
        let path = format!("/v1/tenants/{}{path}", self.id);
        Ok(self.noted(self.api.patch(&path, body, version).await?))
    }

    fn noted(&self, answer: Answer) -> Answer {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).push(answer.text());
        answer
    }

    /// An organization with one verified domain.
    pub async fn organization(&self) -> Result<String> {
        let name = unique("org");
        self.workos.create_organization(&name, &[&format!("{name}.example")]).await
    }

    /// An organization with a number of connections.
    pub async fn organization_with(&self, connections: usize) -> Result<(String, Vec<String>)> {
        let organization = self.organization().await?;
        let mut made = Vec::new();
        for number in 0..connections {
            made.push(self.workos.create_connection(&organization, &format!("c{number}")).await?);
        }
        Ok((organization, made))
    }

    /// A user pool with an app client, in Cognito only.
    pub async fn user_pool(&self) -> Result<Pool> {
        let pool = self.cognito.create_user_pool().pool_name(unique("pool")).send().await?.user_pool;
        let id = pool.and_then(|pool| pool.id).context("no user pool was made")?;
        let client = self
            .cognito
            .create_user_pool_client()
            .user_pool_id(&id)
            .client_name("application")
            .callback_urls(APP_CALLBACK)
            .logout_urls("http://localhost:9/app/bye")
            .allowed_o_auth_flows(OAuthFlowType::Code)
            .allowed_o_auth_scopes("openid")
            .allowed_o_auth_scopes("email")
            .allowed_o_auth_scopes("profile")
            .allowed_o_auth_flows_user_pool_client(true)
            .access_token_validity(17)
            .refresh_token_validity(3)
            .supported_identity_providers("COGNITO")
            .send()
            .await?
            .user_pool_client;
        let app_client = client.and_then(|client| client.client_id).context("no app client was made")?;
        Ok(Pool { tenancy: self.clone(), role_name: role_name(&id), id, app_client })
    }

    /// What a pool of these organizations is registered with.
    pub fn registration(&self, pool: &Pool, organizations: &[&str]) -> Value {
        json!({
            "account_id": self.account.id,
            "role_name": pool.role_name,
            "user_pool_id": pool.id,
            "app_clients": [pool.app_client],
            "organizations": organizations,
        })
    }

    /// A pool that is registered, and not verified.
    pub async fn registered_pool(&self, organizations: &[&str]) -> Result<Pool> {
        let pool = self.user_pool().await?;
        self.post("/user-pools", &self.registration(&pool, organizations)).await?.expect(201)?;
        Ok(pool)
    }

    /// A pool that is verified.
    pub async fn pool(&self, organizations: &[&str]) -> Result<Pool> {
        let pool = self.registered_pool(organizations).await?;
        pool.deploy_role().await?;
        pool.verified().await?;
        Ok(pool)
    }

    /// Has `WorkOS` deliver no more events, if it does.
    pub async fn stop_listening(&self) -> Result<()> {
        // Not with the tenant's own key, which may be a wrong one.
        for workos in [self.cloud.workos()?, WorkOs::new(&self.cloud.workos_url, &other_api_key(1))?] {
            for endpoint in workos.webhook_endpoints().await? {
                if self.webhook_suffix(&text(&endpoint, "endpoint_url")?).is_some() {
                    let path = format!("/webhook_endpoints/{}", text(&endpoint, "id")?);
                    workos.call("PUT", &path, Some(&json!({"enabled": false}))).await?.expect(200)?;
                }
            }
        }
        Ok(())
    }

    /// What stands behind the tenant in the URL of one of its webhook endpoints: nothing for the first one, `/1` for
    /// the next. None for an endpoint of somebody else.
    pub fn webhook_suffix<'a>(&self, url: &'a str) -> Option<&'a str> {
        let (_, suffix) = url.split_once(&format!("/webhooks/{}", self.id))?;
        (suffix.is_empty() || suffix.starts_with('/')).then_some(suffix)
    }

    /// The secret that the tenant's webhooks are signed with.
    pub async fn webhook_secret(&self) -> Result<String> {
        self.opened("webhook_secret", "webhook-secret", "Ingest").await
    }

    /// A secret of the tenant's item, opened as a function may that is allowed to.
    pub async fn opened(&self, attribute: &str, purpose: &str, function: &str) -> Result<String> {
        let session = self.cloud.function_session(function).await?.sdk(&self.cloud.region);
        let request = DynamoDb::new(&session).get_item().table_name(&self.cloud.table_name);
        let request = request.key("pk", string(&format!("TENANT#{}", self.id))).key("sk", string("TENANT"));
        let item = request.send().await?.item.context("no such tenant")?;
        let sealed = item.get(attribute).and_then(|value| value.as_s().ok()).context("no such attribute")?;
        let request = Kms::new(&session).decrypt().ciphertext_blob(Blob::new(STANDARD.decode(sealed)?));
        let request = request.encryption_context("tenant", &self.id).encryption_context("purpose", purpose);
        let plain = request.send().await?.plaintext.context("nothing was sealed")?;
        Ok(String::from_utf8(plain.into_inner())?)
    }
}

/// A text as DynamoDB holds it.
pub fn string(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// A check of `verify`'s by its name.
pub fn check<'a>(verified: &'a Value, name: &str) -> Result<&'a Value> {
    let checks = verified["checks"].as_array().context("no checks")?;
    checks.iter().find(|check| check["name"] == name).with_context(|| format!("no check {name} in {verified:#}"))
}

pub fn now_in_millis() -> i128 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.as_millis().try_into().unwrap_or_default()
}
