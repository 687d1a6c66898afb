//! What a measurement plays on: a local cloud of its own, with tenants, user pools and connections.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use causeway_local_cloud::api::Api;
use causeway_local_cloud::cloud::{Cloud, Settings, Started};
use causeway_local_cloud::deployment::{Build, Triggers};
use causeway_local_cloud::front::control::Control;
use causeway_local_cloud::front::faults::Faults;
use causeway_local_cloud::front::record::Call;
use causeway_local_cloud::json::text;
use causeway_local_cloud::tenant_role::{RoleParameters, deploy_tenant_role, role_name};
use causeway_local_cloud::workos::WorkOs;
use causeway_local_cloud::{deployment, tools, workspace};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use super::aws::{Caller, Service};
use super::events::{wake_up, wake_ups};
use super::instance::{Instance, Program};
use super::runtime::Answered;
use crate::with_front;

/// The Region of the tenants' pools, which is not the stack's.
pub const REGION: &str = "eu-west-1";
/// The first tenant's AWS account.
pub const ACCOUNT: &str = "222222222222";
/// More providers than any measurement makes in a pool.
const QUOTA: usize = 1000;
/// How long each answer takes at least where calls take as long as in a Region, in milliseconds: Cognito's and the
/// table's.
pub const DELAYS: [(&str, u64); 2] = [("cognito-idp", 250), ("dynamodb", 10)];
/// How many connections are made in the emulated `WorkOS` side by side.
const SIDE_BY_SIDE: usize = 8;

/// A local cloud on which nothing moves by itself.
pub struct Stage {
    _started: Started,
    pub cloud: Cloud,
    pub front: Control,
    pub hello: PathBuf,
    next_key: AtomicUsize,
}

/// A tenant.
pub struct Tenant {
    pub id: String,
    pub external_id: String,
    pub workos: WorkOs,
    pub api: Api,
}

/// A user pool that is active.
#[derive(Clone, Debug)]
pub struct Pool {
    pub tenant: String,
    pub id: String,
    pub account: String,
}

impl Stage {
    /// Builds the functions as they are shipped and starts a cloud.
    pub async fn set() -> Result<Self> {
        let settings = with_front(Settings {
            home: workspace::local().join("bench"),
            strict: true,
            build: Build::Shipped,
            triggers: Triggers::None,
            ..Settings::default()
        })?;
        let started = Cloud::start(&settings).await?;
        let cloud = started.cloud()?.clone();
        let tools = tools::installed()?;
        let log = cloud.log_dir.join("hello-build.log");
        let hello = deployment::build_alone(&tools, "hello", Build::Shipped, &log).await?;
        Ok(Self { front: cloud.front()?, _started: started, cloud, hello, next_key: AtomicUsize::new(0) })
    }

    /// Has each call from now on take as long as in a Region.
    pub async fn delay_calls(&self) -> Result<()> {
        for (service, takes_ms) in DELAYS {
            let faults =
                Faults { service: service.to_owned(), containing: vec![String::new()], takes_ms, ..Faults::default() };
            self.front.set_faults(service, Some(faults)).await?;
        }
        Ok(())
    }

    /// A function.
    pub async fn function(&self, name: &str) -> Result<Program> {
        Program::of(&self.cloud, name).await
    }

    /// The function that does nothing.
    pub fn hello(&self) -> Program {
        Program::hello(&self.cloud, self.hello.clone())
    }

    /// Registers a tenant with an API key of its own, and so a rate limit of its own at the emulator.
    pub async fn tenant(&self) -> Result<Tenant> {
        let key = self.next_api_key()?;
        let api = self.cloud.api(&self.cloud.integration())?;
        let workos = json!({"client_id": self.cloud.workos_client_id, "api_key": key});
        let body = json!({"name": "bench", "workos": workos});
        let made = api.post("/v1/tenants", &body).await?.expect(201)?.json()?;
        Ok(Tenant {
            id: text(&made, "id")?,
            external_id: text(&made, "external_id")?,
            workos: WorkOs::new(&self.cloud.workos_emulator_url, key)?,
            api,
        })
    }

    /// An API key of `WorkOS`, another one each time for as long as there are any.
    fn next_api_key(&self) -> Result<&str> {
        let (number, keys) = (self.next_key.fetch_add(1, Ordering::Relaxed), &self.cloud.workos_api_keys);
        keys.get(number % keys.len().max(1)).map(String::as_str).context("there are no API keys")
    }

    /// A pool in an account, with everything that a tenant does for it. Without organizations it takes all
    /// connections.
    pub async fn pool(&self, tenant: &Tenant, account: &str, organizations: &[&str]) -> Result<Pool> {
        self.pool_with(tenant, account, organizations, 1).await
    }

    /// The same with a number of app clients.
    pub async fn pool_with(
        &self,
        tenant: &Tenant,
        account: &str,
        organizations: &[&str],
        app_clients: usize,
    ) -> Result<Pool> {
        let cognito = self.cognito(account)?;
        let made = cognito.call("CreateUserPool", &json!({"PoolName": "bench"})).await?;
        let id = text(&made["UserPool"], "Id")?;
        let client = json!({
            "UserPoolId": id, "ClientName": "application",
            "CallbackURLs": ["http://localhost:9/app/callback"],
            "AllowedOAuthFlows": ["code"], "AllowedOAuthScopes": ["openid"], "AllowedOAuthFlowsUserPoolClient": true,
            "SupportedIdentityProviders": ["COGNITO"],
        });
        let mut client_ids = Vec::new();
        for _ in 0..app_clients {
            let made = cognito.call("CreateUserPoolClient", &client).await?;
            client_ids.push(text(&made["UserPoolClient"], "ClientId")?);
        }
        self.front.set_quota(&id, QUOTA).await?;
        let role_name = role_name(&id);
        let mut body = json!({
            "account_id": account, "role_name": role_name, "user_pool_id": id,
            "app_clients": client_ids,
        });
        if !organizations.is_empty() {
            body["organizations"] = json!(organizations);
        }
        let path = format!("/v1/tenants/{}/user-pools", tenant.id);
        tenant.api.post(&path, &body).await?.expect(201)?;
        let parameters = RoleParameters {
            external_id: tenant.external_id.clone(),
            user_pool_id: id.clone(),
            role_name,
            integration_account_id: self.cloud.integration_account.clone(),
        };
        deploy_tenant_role(&self.cloud.account(account), REGION, &parameters).await?;
        tenant.api.verified(&format!("{path}/{id}")).await?;
        Ok(Pool { tenant: tenant.id.clone(), id, account: account.to_owned() })
    }

    /// Makes connections of an organization, with as many API keys as it takes to stay within their rates.
    pub async fn connections(&self, organization: &str, number: usize) -> Result<Vec<String>> {
        // 1,000 requests a minute and key.
        let clients: Vec<WorkOs> = (0..=number / 500)
            .map(|_| WorkOs::new(&self.cloud.workos_emulator_url, self.next_api_key()?))
            .collect::<Result<_>>()?;
        let made = (0..number).map(|number| {
            let client = &clients[number / 500];
            async move { client.create_connection(organization, &format!("c{number}")).await }
        });
        stream::iter(made).buffer_unordered(SIDE_BY_SIDE).try_collect().await
    }

    /// Has `WorkOS` deliver no events, so that only the measurement's own come.
    pub async fn silence_workos(&self) -> Result<()> {
        let workos = self.cloud.workos()?;
        for endpoint in workos.webhook_endpoints().await? {
            let path = format!("/webhook_endpoints/{}", text(&endpoint, "id")?);
            workos.call("PUT", &path, Some(&json!({"enabled": false}))).await?.expect(200)?;
        }
        Ok(())
    }

    /// Cognito as the root of an account.
    pub fn cognito(&self, account: &str) -> Result<Caller> {
        Caller::new(&self.cloud.account(account), REGION, Service::Pools)
    }

    /// A service in the integration account.
    pub fn service(&self, service: Service) -> Result<Caller> {
        Caller::new(&self.cloud.integration(), &self.cloud.region, service)
    }

    /// The secret that a tenant's webhooks are signed with, opened as `ingest` opens it.
    pub async fn webhook_secret(&self, tenant: &str) -> Result<String> {
        let key = json!({"pk": {"S": format!("TENANT#{tenant}")}, "sk": {"S": "TENANT"}});
        let request = json!({"TableName": self.cloud.table_name, "Key": key});
        let item = self.service(Service::Table)?.call("GetItem", &request).await?;
        let sealed = text(&item["Item"]["webhook_secret"], "S")?;
        let session = self.cloud.function_session("Ingest").await?;
        let keys = Caller::new(&session, &self.cloud.region, Service::Keys)?;
        let context = json!({"tenant": tenant, "purpose": "webhook-secret"});
        let opened = keys.call("Decrypt", &json!({"CiphertextBlob": sealed, "EncryptionContext": context})).await?;
        Ok(String::from_utf8(STANDARD.decode(text(&opened, "Plaintext")?)?)?)
    }

    /// What went through the front while an event was worked on.
    pub async fn calls_of(&self, answered: &Answered) -> Result<Vec<Call>> {
        let mut calls = self.front.calls(answered.begin_micros / 1000, "").await?;
        calls.retain(|call| call.at_micros >= answered.begin_micros && call.at_micros <= answered.end_micros);
        Ok(calls)
    }

    /// Runs a pool once.
    pub async fn run(&self, instance: &Instance, pool: &Pool, limit: std::time::Duration) -> Result<Answered> {
        let event = wake_ups(&[wake_up(&pool.tenant, &pool.id, "api")]);
        let answered = instance.invoke_within(&event, limit).await?;
        let failures = answered.body["batchItemFailures"].as_array().map_or(0, Vec::len);
        ensure!(failures == 0, "the run was not recorded: {}", answered.body);
        Ok(answered)
    }

    /// How many providers a pool has.
    pub async fn providers(&self, pool: &Pool) -> Result<usize> {
        let cognito = self.cognito(&pool.account)?;
        let (mut count, mut next) = (0, Value::Null);
        loop {
            let mut request = json!({"UserPoolId": pool.id, "MaxResults": 60});
            if !next.is_null() {
                request["NextToken"] = next;
            }
            let page = cognito.call("ListIdentityProviders", &request).await?;
            count += page["Providers"].as_array().map_or(0, Vec::len);
            next = page["NextToken"].clone();
            if next.is_null() {
                return Ok(count);
            }
        }
    }
}
