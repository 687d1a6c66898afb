//! Who takes part in the demo: a tenant's AWS account with a user pool, and its WorkOS environment.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_cognitoidentityprovider::Client as Cognito;
use aws_sdk_cognitoidentityprovider::types::{IdentityProviderTypeType, OAuthFlowType};
use causeway_local_cloud::account::Account;
use causeway_local_cloud::api::Api;
use causeway_local_cloud::browser::SignIn;
use causeway_local_cloud::chromium::application;
use causeway_local_cloud::cloud::Cloud;
use causeway_local_cloud::eventually::eventually;
use causeway_local_cloud::process::free_port;
use causeway_local_cloud::workos::WorkOs;
use causeway_machine::progress::say;
use serde_json::{Value, json};

/// A provider that the tenant made itself.
pub const FOREIGN: &str = "TenantsOwn";
/// A callback of the tenant's application for refusals. Nothing listens there: the demo reads the address.
pub const APP_CALLBACK: &str = "http://localhost:9/app/callback";
/// The domain of the first organization, which WorkOS has verified.
pub const DOMAIN: &str = "acme.example";
pub const TENANT_ACCOUNT: &str = "222222222222";
const REGION: &str = "eu-central-1";

/// A provider as the tenant sees it in Cognito.
pub struct Provider {
    pub name: String,
    pub identifiers: Vec<String>,
    pub details: BTreeMap<String, String>,
}

/// The name of the provider that Causeway makes for a connection.
pub fn provider_name(connection: &str) -> String {
    connection.replacen("conn_", "conn-", 1)
}

/// Everything that the steps act on.
pub struct Scene<'a> {
    pub cloud: &'a Cloud,
    pub api: Api,
    pub workos: WorkOs,
    pub tenant: Account,
    pub region: &'static str,
    pub cognito: Cognito,
    pub pool: String,
    pub app_client: String,
    /// Of the tenant's application.
    pub application_port: u16,
    pub role_name: String,
    pub tenant_id: String,
    pub external_id: String,
    pub organizations: Vec<String>,
    pub connections: Vec<String>,
}

impl<'a> Scene<'a> {
    /// Makes the pool, the app client, two organizations, and a connection of the first.
    pub async fn set(cloud: &'a Cloud) -> Result<Self> {
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
    pub async fn register_tenant(&mut self) -> Result<()> {
        let body = json!({ "name": "Demo", "workos": { "client_id": self.cloud.workos_client_id } });
        let tenant = self.api.post("/v1/tenants", &body).await?.expect(201)?.json()?;
        text(&tenant, "id").clone_into(&mut self.tenant_id);
        text(&tenant, "external_id").clone_into(&mut self.external_id);
        Ok(())
    }

    pub async fn register(&self, pool: &str, role_name: &str, app_clients: &[String]) -> Result<()> {
        let body = json!({
            "account_id": TENANT_ACCOUNT, "role_name": role_name, "user_pool_id": pool, "app_clients": app_clients,
        });
        let path = format!("/v1/tenants/{}/user-pools", self.tenant_id);
        self.api.post(&path, &body).await?.expect(201)?;
        Ok(())
    }

    /// Calls the API on the scene's pool.
    pub async fn call(&self, method: &str, path: &str, body: &Value, status: u16) -> Result<Value> {
        let path = format!("/v1/tenants/{}/user-pools/{}{path}", self.tenant_id, self.pool);
        let answer = if method == "GET" { self.api.get(&path).await? } else { self.api.post(&path, body).await? };
        answer.expect(status)?.json()
    }

    /// A role that whoever is allowed to by the integration account may assume, external ID or not.
    pub async fn make_open_role(&self) -> Result<()> {
        let principal = format!("arn:aws:iam::{}:root", self.cloud.integration_account);
        let trust = json!({
            "Version": "2012-10-17",
            "Statement": [{ "Effect": "Allow", "Principal": { "AWS": principal }, "Action": "sts:AssumeRole" }],
        });
        let parameters = [("RoleName", self.role_name.as_str()), ("AssumeRolePolicyDocument", &trust.to_string())];
        self.tenant.iam()?.call("CreateRole", &parameters).await?;
        Ok(())
    }

    pub async fn delete_open_role(&self) -> Result<()> {
        self.tenant.iam()?.call("DeleteRole", &[("RoleName", &self.role_name)]).await?;
        Ok(())
    }

    /// The provider of a connection, as soon as it is there.
    pub async fn provider_of(&self, connection: &str, within: Duration) -> Result<Provider> {
        self.provider_in(&self.pool, connection, within).await
    }

    pub async fn provider_in(&self, pool: &str, connection: &str, within: Duration) -> Result<Provider> {
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
    pub async fn break_provider(&self, provider: &Provider) -> Result<()> {
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

    pub async fn provider_names(&self) -> Result<Vec<String>> {
        let list = self.cognito.list_identity_providers().user_pool_id(&self.pool).max_results(60).send().await?;
        let mut names: Vec<String> = list.providers.into_iter().filter_map(|provider| provider.provider_name).collect();
        names.sort();
        Ok(names)
    }

    /// A sign-in of the tenant's application with a provider.
    pub fn sign_in<'b>(&'b self, provider: &'b str) -> SignIn<'b> {
        SignIn {
            cognito: &self.cloud.used_aws_endpoint,
            client_id: &self.app_client,
            redirect_uri: APP_CALLBACK,
            identity_provider: provider,
        }
    }

    pub async fn table(&self) -> Result<()> {
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

pub async fn make_pool(cognito: &Cognito, name: &str) -> Result<String> {
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
pub fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_default()
}
