//! The tenant that a run makes: a user pool with an app client in the tenant's account, registered with Causeway, and a
//! connection of WorkOS for it.

use anyhow::{Context, Result, ensure};
use causeway_local_cloud::api::Api;
use causeway_local_cloud::eventually::eventually;
use causeway_local_cloud::process::free_port;
use serde_json::{Value, json};

use crate::aws::{Aws, COGNITO, Place};
use crate::ledger::Thing;
use crate::world::{SOON, TAG, World};

/// The organization that each staging environment of WorkOS has, with a connection of its Test Identity Provider.
const TEST_ORGANIZATION: &str = "org_test_idp";

/// The tenant.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) tenant_id: String,
    pub(crate) pool: String,
    /// What Cognito's own pages are found by on AWS.
    pub(crate) pool_domain: String,
    pub(crate) app_client: String,
    /// Where the application of the app client listens.
    pub(crate) port: u16,
    pub(crate) role_name: String,
    pub(crate) organization: String,
    pub(crate) connection: String,
    /// What the pages of Cognito asked for in the last sign-in.
    pub(crate) visited: Vec<String>,
}

impl Scene {
    /// The user pool in Causeway's API.
    pub(crate) fn path(&self) -> String {
        format!("/v1/tenants/{}/user-pools/{}", self.tenant_id, self.pool)
    }

    /// The name of the provider that Causeway makes.
    pub(crate) fn provider(&self) -> String {
        self.connection.replacen("conn_", "conn-", 1)
    }
}

impl World {
    /// The tenant, or why there is none.
    pub(crate) fn set_scene(&self) -> Result<&Scene> {
        self.scene.as_ref().context("there is no tenant: an earlier check could not make it")
    }

    /// Makes a user pool of the tenant's with the run's tag.
    pub(crate) async fn make_pool(&mut self, what: &str) -> Result<String> {
        let name = self.name(what);
        self.ledger.makes(Thing::UserPool { name: name.clone() })?;
        let groups = json!({
            "Name": "groups", "AttributeDataType": "String", "Mutable": true,
            "StringAttributeConstraints": {"MinLength": "0", "MaxLength": "2048"},
        });
        let body = json!({"PoolName": name, "UserPoolTags": {TAG: self.run()}, "Schema": [groups]});
        let made = self.tenant.json(COGNITO, "CreateUserPool", &body).await?;
        text(&made["UserPool"], "Id")
    }

    /// Makes the tenant, up to its registration.
    pub(crate) async fn make_scene(&mut self) -> Result<()> {
        let pool = self.make_pool("pool").await?;
        let pool_domain = self.name("login");
        if self.tenant.place == Place::Aws {
            let body = json!({"UserPoolId": pool, "Domain": pool_domain});
            self.tenant.json(COGNITO, "CreateUserPoolDomain", &body).await?;
        }
        let port = free_port()?;
        let app_client = make_app_client(&self.tenant, &pool, port, &json!({})).await?;
        let (organization, connection) = self.find_connection().await?;
        let api = self.operator().await?;
        let tenant_id = self.register_tenant(&api, "tenant").await?;
        let role_name = format!("Causeway{}", self.run());
        let body = json!({
            "account_id": self.tenant.account, "role_name": role_name, "user_pool_id": pool,
            "app_clients": [app_client], "organizations": [organization],
            "attribute_mapping": {"email": "email", "name": "name", "custom:groups": "groups"},
        });
        api.post(&format!("/v1/tenants/{tenant_id}/user-pools"), &body).await?.expect(201)?;
        let visited = Vec::new();
        self.scene = Some(Scene {
            tenant_id,
            pool,
            pool_domain,
            app_client,
            port,
            role_name,
            organization,
            connection,
            visited,
        });
        Ok(())
    }

    /// Registers a tenant of this run.
    pub(crate) async fn register_tenant(&mut self, api: &Api, what: &str) -> Result<String> {
        let name = self.name(what);
        self.ledger.makes(Thing::Tenant { name: name.clone() })?;
        let workos = json!({"client_id": self.workos_client_id, "api_key": self.workos.api_key});
        let made = api.post("/v1/tenants", &json!({"name": name, "workos": workos})).await?.expect(201)?.json()?;
        let id = text(&made, "id")?;
        self.ledger.makes(Thing::RedirectUri { containing: format!("/oidc/{id}/callback") })?;
        Ok(id)
    }

    /// The connection of the Test Identity Provider; where there is none, as in the emulator, one that is made.
    async fn find_connection(&mut self) -> Result<(String, String)> {
        let path = format!("/connections?organization_id={TEST_ORGANIZATION}&limit=10");
        let answer = self.workos.call("GET", &path, None).await?;
        let found = if answer.status == 200 { answer.json()? } else { Value::Null };
        let found = found["data"].as_array().cloned().unwrap_or_default();
        if let Some(connection) = found.iter().find(|connection| connection["state"] == "active") {
            return Ok((TEST_ORGANIZATION.to_owned(), text(connection, "id")?));
        }
        let organization = self.make_organization("organization").await?;
        let name = self.name("connection");
        let domain = format!("{}.example", self.run());
        let body = json!({"organization_id": organization, "name": name, "domains": [domain]});
        let made = self.workos.call("POST", "/connections", Some(&body)).await?;
        ensure!(
            made.status == 201,
            "the environment has no active connection in {TEST_ORGANIZATION}: is it a staging environment?"
        );
        Ok((organization, text(&made.json()?, "id")?))
    }

    /// Makes an organization of this run.
    pub(crate) async fn make_organization(&mut self, what: &str) -> Result<String> {
        let name = self.name(what);
        self.ledger.makes(Thing::Organization { name: name.clone() })?;
        let made = self.workos.call("POST", "/organizations", Some(&json!({"name": name}))).await?.expect(201)?;
        text(&made.json()?, "id")
    }

    /// Has Causeway check the pool, and gives the checks that fail.
    pub(crate) async fn verify(&mut self) -> Result<(String, Vec<String>)> {
        let (api, path) = (self.operator().await?, self.set_scene()?.path());
        let verified = api.post(&format!("{path}/verify"), &json!({})).await?.expect(200)?.json()?;
        let checks = verified["checks"].as_array().context("no checks")?;
        let failed = checks.iter().filter(|check| check["outcome"] == "fail");
        Ok((text(&verified, "status")?, failed.map(|check| text(check, "name")).collect::<Result<_>>()?))
    }

    /// Waits for a provider of the tenant's pool.
    pub(crate) async fn provider(&self, name: &str) -> Result<Value> {
        let body = json!({"UserPoolId": self.set_scene()?.pool, "ProviderName": name});
        eventually(SOON, &format!("the provider {name} is there"), async || {
            let described = self.tenant.json(COGNITO, "DescribeIdentityProvider", &body).await?;
            Ok(Some(described["IdentityProvider"].clone()))
        })
        .await
    }
}

/// Makes an app client for an application of this machine. `more` goes over what every one has.
pub(crate) async fn make_app_client(tenant: &Aws, pool: &str, port: u16, more: &Value) -> Result<String> {
    let mut body = json!({
        "UserPoolId": pool,
        "ClientName": "application",
        "CallbackURLs": [format!("http://localhost:{port}/callback")],
        "AllowedOAuthFlows": ["code"],
        "AllowedOAuthScopes": ["openid", "email", "profile"],
        "AllowedOAuthFlowsUserPoolClient": true,
        "SupportedIdentityProviders": ["COGNITO"],
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    let made = tenant.json(COGNITO, "CreateUserPoolClient", &body).await?;
    text(&made["UserPoolClient"], "ClientId")
}

/// A member that is a text.
pub(crate) fn text(value: &Value, member: &str) -> Result<String> {
    causeway_local_cloud::json::text(value, member)
}
