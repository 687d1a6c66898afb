//! Who takes part in the demo: a tenant's AWS account with a user pool, and its WorkOS environment.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::account::Account;
use crate::api::Api;
use crate::browser::SignIn;
use crate::chromium::application;
use crate::cloud::Cloud;
use crate::eventually::eventually;
use crate::process::free_port;
use crate::workos::WorkOs;
use anyhow::{Context, Result, ensure};
use aws_sdk_cognitoidentityprovider::Client as Cognito;
use aws_sdk_cognitoidentityprovider::types::{IdentityProviderTypeType, OAuthFlowType};
use causeway_machine::progress::say;
use serde_json::{Value, json};

/// A provider that the tenant made itself.
pub(super) const FOREIGN: &str = "TenantsOwn";
/// A callback of the tenant's application for refusals. Nothing listens there: the demo reads the address.
pub(super) const APP_CALLBACK: &str = "http://localhost:9/app/callback";
/// The domain of the first organization, which WorkOS has verified.
pub(super) const DOMAIN: &str = "acme.example";
/// The account of the demo's tenant.
pub const TENANT_ACCOUNT: &str = "222222222222";
const REGION: &str = "eu-central-1";

/// A provider as the tenant sees it in Cognito.
pub(super) struct Provider {
    pub(super) name: String,
    pub(super) identifiers: Vec<String>,
    pub(super) details: BTreeMap<String, String>,
}

/// The name of the provider that Causeway makes for a connection.
pub(super) fn provider_name(connection: &str) -> String {
    connection.replacen("conn_", "conn-", 1)
}

/// Everything that the steps act on.
pub struct Scene<'a> {
    /// The cloud that it plays on.
    pub cloud: &'a Cloud,
    /// Causeway's API, called by an operator.
    pub api: Api,
    pub(super) workos: WorkOs,
    pub(super) tenant: Account,
    pub(super) region: &'static str,
    pub(super) cognito: Cognito,
    /// The tenant's user pool.
    pub pool: String,
    pub(super) app_client: String,
    /// Of the tenant's application.
    pub(super) application_port: u16,
    pub(super) role_name: String,
    /// The tenant, once it is registered.
    pub tenant_id: String,
    pub(super) external_id: String,
    pub(super) organizations: Vec<String>,
    pub(super) connections: Vec<String>,
}

impl<'a> Scene<'a> {
    /// Makes the pool, the app client, two organizations, and a connection of the first.
    pub(super) async fn set(cloud: &'a Cloud) -> Result<Self> {
        let workos = cloud.workos()?;
        let tenant = cloud.account(TENANT_ACCOUNT);
        let cognito = Cognito::new(&cloud.tenant_account(TENANT_ACCOUNT).sdk(REGION));
        let pool = make_pool(&cognito, "demo").await?;
        let application_port = free_port()?;
        let app_client = make_app_client(cloud, &pool, application_port).await?;
        cognito
            .create_identity_provider()
            .user_pool_id(&pool)
            .provider_name(FOREIGN)
            .provider_type(IdentityProviderTypeType::Saml)
            .provider_details("MetadataURL", "https://idp.example/metadata")
            .send()
            .await
            .context("the tenant's own provider")?;
        let acme = workos.create_organization("Acme", &[DOMAIN]).await?;
        let globex = workos.create_organization("Globex", &["globex.example"]).await?;
        // Whoever signs in with it is user@acme.example: the emulator takes the connection's first domain.
        let body = json!({ "organization_id": acme, "name": "Acme", "domains": [DOMAIN] });
        let made = workos.call("POST", "/connections", Some(&body)).await?.expect(201)?.json()?;
        let connection = text(&made, "id").to_owned();
        Ok(Self {
            api: cloud.api(&cloud.integration())?,
            cloud,
            workos,
            tenant,
            region: REGION,
            cognito,
            role_name: "CausewayDemo".to_owned(),
            pool,
            app_client,
            application_port,
            tenant_id: String::new(),
            external_id: String::new(),
            organizations: vec![acme, globex],
            connections: vec![connection],
        })
    }

    /// Registers the tenant, without its WorkOS API key: that comes from the tenant.
    pub(super) async fn register_tenant(&mut self) -> Result<()> {
        let body = json!({ "name": "Demo", "workos": { "client_id": self.cloud.workos_client_id } });
        let tenant = self.api.post("/v1/tenants", &body).await?.expect(201)?.json()?;
        text(&tenant, "id").clone_into(&mut self.tenant_id);
        text(&tenant, "external_id").clone_into(&mut self.external_id);
        Ok(())
    }

    pub(super) async fn register(&self, pool: &str, role_name: &str, app_clients: &[String]) -> Result<()> {
        let body = json!({
            "account_id": TENANT_ACCOUNT, "role_name": role_name, "user_pool_id": pool, "app_clients": app_clients,
        });
        let path = format!("/v1/tenants/{}/user-pools", self.tenant_id);
        self.api.post(&path, &body).await?.expect(201)?;
        Ok(())
    }

    /// Calls the API on the scene's pool.
    pub(super) async fn call(&self, method: &str, path: &str, body: &Value, status: u16) -> Result<Value> {
        let path = format!("/v1/tenants/{}/user-pools/{}{path}", self.tenant_id, self.pool);
        let answer = if method == "GET" { self.api.get(&path).await? } else { self.api.post(&path, body).await? };
        answer.expect(status)?.json()
    }

    /// A role that whoever is allowed to by the integration account may assume, external ID or not.
    pub(super) async fn make_open_role(&self) -> Result<()> {
        let principal = format!("arn:aws:iam::{}:root", self.cloud.integration_account);
        let trust = json!({
            "Version": "2012-10-17",
            "Statement": [{ "Effect": "Allow", "Principal": { "AWS": principal }, "Action": "sts:AssumeRole" }],
        });
        let parameters = [("RoleName", self.role_name.as_str()), ("AssumeRolePolicyDocument", &trust.to_string())];
        self.tenant.iam()?.call("CreateRole", &parameters).await?;
        Ok(())
    }

    pub(super) async fn delete_open_role(&self) -> Result<()> {
        self.tenant.iam()?.call("DeleteRole", &[("RoleName", &self.role_name)]).await?;
        Ok(())
    }

    /// The provider of a connection, as soon as it is there.
    pub(super) async fn provider_of(&self, connection: &str, within: Duration) -> Result<Provider> {
        self.provider_in(&self.pool, connection, within).await
    }

    pub(super) async fn provider_in(&self, pool: &str, connection: &str, within: Duration) -> Result<Provider> {
        let name = provider_name(connection);
        eventually(within, &format!("the provider {name} appears"), async || {
            let request = self.cognito.describe_identity_provider().user_pool_id(pool).provider_name(&name);
            let answer = request.send().await?;
            let provider = answer.identity_provider.context("an empty answer")?;
            Ok(Some(Provider {
                name: name.clone(),
                identifiers: provider.idp_identifiers.unwrap_or_default(),
                details: provider.provider_details.unwrap_or_default().into_iter().collect(),
            }))
        })
        .await
    }

    /// Points a provider's token endpoint elsewhere, as somebody with access to the pool could.
    pub(super) async fn break_provider(&self, provider: &Provider) -> Result<()> {
        let mut details = provider.details.clone();
        details.insert("token_url".to_owned(), "https://elsewhere.example/token".to_owned());
        self.cognito
            .update_identity_provider()
            .user_pool_id(&self.pool)
            .provider_name(&provider.name)
            .set_provider_details(Some(details.into_iter().collect()))
            .send()
            .await?;
        Ok(())
    }

    pub(super) async fn provider_names(&self) -> Result<Vec<String>> {
        let list = self.cognito.list_identity_providers().user_pool_id(&self.pool).max_results(60).send().await?;
        let mut names: Vec<String> = list.providers.into_iter().filter_map(|provider| provider.provider_name).collect();
        names.sort();
        Ok(names)
    }

    /// A sign-in of the tenant's application with a provider.
    pub(super) fn sign_in<'b>(&'b self, provider: &'b str) -> SignIn<'b> {
        SignIn {
            cognito: &self.cloud.used_aws_endpoint,
            client_id: &self.app_client,
            redirect_uri: APP_CALLBACK,
            identity_provider: provider,
        }
    }

    pub(super) async fn table(&self) -> Result<()> {
        let providers = self.call("GET", "/providers", &json!(null), 200).await?;
        say(&format!("    {:<32} {:<10} {:<8} identifiers", "provider", "state", "in sync"));
        for provider in providers["items"].as_array().into_iter().flatten() {
            let identifiers: Vec<&str> =
                provider["identifiers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            say(&format!(
                "    {:<32} {:<10} {:<8} {}",
                text(provider, "provider_name"),
                text(provider, "connection_state"),
                provider["in_sync"].to_string(),
                identifiers.join(" ")
            ));
        }
        ensure!(providers["items"].as_array().is_some_and(|items| items.len() == 1), "not one provider: {providers}");
        Ok(())
    }
}

pub(super) async fn make_pool(cognito: &Cognito, name: &str) -> Result<String> {
    let pool = cognito.create_user_pool().pool_name(name).send().await?.user_pool;
    pool.and_then(|pool| pool.id).context("no user pool was made")
}

/// By the strict front, which alone knows providers by their identifiers, and so learns of the app client.
async fn make_app_client(cloud: &Cloud, pool: &str, application_port: u16) -> Result<String> {
    let client = Cognito::new(&Account::root(&cloud.strict_endpoint, TENANT_ACCOUNT).sdk(REGION))
        .create_user_pool_client()
        .user_pool_id(pool)
        .client_name("application")
        .callback_urls(APP_CALLBACK)
        .callback_urls(format!("{}/callback", application(application_port)))
        .allowed_o_auth_flows(OAuthFlowType::Code)
        .allowed_o_auth_scopes("openid")
        .allowed_o_auth_scopes("email")
        .allowed_o_auth_scopes("profile")
        .allowed_o_auth_flows_user_pool_client(true)
        .supported_identity_providers("COGNITO")
        .send()
        .await?
        .user_pool_client;
    client.and_then(|client| client.client_id).context("no app client was made")
}

/// The text of a member, empty where there is none.
pub(super) fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_default()
}
