//! A user pool of a tenant: what the API shows of it, and what Cognito has.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use aws_sdk_cognitoidentityprovider::operation::describe_identity_provider::DescribeIdentityProviderError;
use aws_sdk_cognitoidentityprovider::types::{IdentityProviderType, UserPoolClientType};
use aws_sdk_dynamodb::Client as DynamoDb;
use causeway_local_cloud::eventually::eventually;
use causeway_local_cloud::signed_http::Answer;
use causeway_local_cloud::tenant_role::{RoleParameters, deploy_tenant_role};
use causeway_local_cloud::workos::{OTHER_CLIENT_ID, other_api_key};
use serde_json::{Value, json};

use crate::tenancy::{ACCOUNT, REGION, SOON, Tenancy, now_in_millis, string, text};

/// The name of the provider that is made for a connection.
pub fn provider_name(connection: &str) -> String {
    connection.replacen("conn_", "conn-", 1)
}

/// A user pool of a tenant.
#[derive(Clone)]
pub struct Pool {
    pub tenancy: Tenancy,
    pub id: String,
    pub app_client: String,
    pub role_name: String,
}

/// A new tenant's pool in line with an organization that has so many connections, with nothing on the queue for it.
/// Gives the organization and the connections with it.
pub async fn in_line(name: &str, connections: usize) -> Result<(Pool, String, Vec<String>)> {
    in_line_of(Tenancy::new(name).await?, connections).await
}

/// The same in the other `WorkOS` environment, which has so few connections that each list of them is one page.
pub async fn in_line_elsewhere(name: &str, connections: usize) -> Result<(Pool, String, Vec<String>)> {
    static COUNT: AtomicUsize = AtomicUsize::new(2);
    let key = other_api_key(COUNT.fetch_add(1, Ordering::Relaxed));
    let tenancy = Tenancy::of_environment(name, OTHER_CLIENT_ID, &key, ACCOUNT, REGION).await?;
    in_line_of(tenancy, connections).await
}

async fn in_line_of(tenancy: Tenancy, connections: usize) -> Result<(Pool, String, Vec<String>)> {
    let (organization, connections) = tenancy.organization_with(connections).await?;
    let pool = tenancy.pool(&[&organization]).await?;
    pool.settles_on(&connections.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    pool.drained().await?;
    Ok((pool, organization, connections))
}

impl Pool {
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.tenancy.get(&format!("/user-pools/{}{path}", self.id)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.tenancy.post(&format!("/user-pools/{}{path}", self.id), body).await
    }

    pub async fn patch(&self, body: &Value, version: Option<&str>) -> Result<Answer> {
        self.tenancy.patch(&format!("/user-pools/{}", self.id), body, version).await
    }

    /// The pool as the API shows it.
    pub async fn shown(&self) -> Result<Value> {
        self.get("").await?.expect(200)?.json()
    }

    /// What a list of the pool shows.
    pub async fn items(&self, path: &str) -> Result<Vec<Value>> {
        let list = self.get(path).await?.expect(200)?.json()?;
        list["items"].as_array().cloned().context("no items")
    }

    /// Deploys the role as the tenant does.
    pub async fn deploy_role(&self) -> Result<String> {
        let parameters = RoleParameters {
            external_id: self.tenancy.external_id.clone(),
            user_pool_id: self.id.clone(),
            role_name: self.role_name.clone(),
            integration_account_id: self.tenancy.cloud.integration_account.clone(),
        };
        deploy_tenant_role(&self.tenancy.account, self.tenancy.region, &parameters).await
    }

    /// What `verify` answers.
    pub async fn verify(&self) -> Result<Value> {
        let verified = self.post("/verify", &json!({})).await?.expect(200)?.json()?;
        if !self.tenancy.listens {
            self.tenancy.stop_listening().await?;
        }
        Ok(verified)
    }

    /// Verifies the pool, which has to pass.
    pub async fn verified(&self) -> Result<()> {
        let verified = self.verify().await?;
        ensure!(verified["status"] == "active", "the pool is not active: {verified:#}");
        Ok(())
    }

    /// The plan of a dry run.
    pub async fn plan(&self) -> Result<Value> {
        self.post("/reconcile", &json!({"dry_run": true})).await?.expect(200)?.json()
    }

    /// Asks for a run and waits for one that began after that.
    pub async fn run(&self) -> Result<Value> {
        let asked = now_in_millis();
        self.post("/reconcile", &json!({})).await?.expect(202)?;
        // One that began later than asked for has seen all that was done before.
        self.has_run_since(asked).await
    }

    /// Waits for a run that began since then, whoever asked for it.
    pub async fn has_run_since(&self, millis: i128) -> Result<Value> {
        let ended = async || Ok(self.runs_since(millis).await?.pop());
        eventually(SOON, "a run that began since then ends", ended).await
    }

    /// Sets a time of the pool's item to the past, as if it had come since: that of its registration.
    pub async fn set_as_created(&self, path: &str) -> Result<()> {
        let cloud = &self.tenancy.cloud;
        let request = DynamoDb::new(&cloud.integration().sdk(&cloud.region)).update_item();
        let request = request.table_name(&cloud.table_name).condition_expression("attribute_exists(pk)");
        let request = request.key("pk", string(&format!("TENANT#{}", self.tenancy.id)));
        let request = request.key("sk", string(&format!("POOL#{}", self.id)));
        let names = path.split('.').enumerate();
        let written: Vec<String> = names.clone().map(|(number, _)| format!("#p{number}")).collect();
        let request = names
            .fold(request, |request, (number, name)| request.expression_attribute_names(format!("#p{number}"), name));
        request.update_expression(format!("SET {} = created_at", written.join("."))).send().await?;
        Ok(())
    }

    /// Asks for runs until everything that was on the queue for the pool before has been run. A run can begin
    /// while its wake-up is still behind others, but not the one that is asked for after it.
    pub async fn drained(&self) -> Result<()> {
        self.run().await?;
        self.run().await.map(drop)
    }

    /// The runs that began since then, the newest first.
    pub async fn runs_since(&self, millis: i128) -> Result<Vec<Value>> {
        let mut runs = self.items("/runs").await?;
        runs.retain(|run| text(run, "id").is_ok_and(|id| began(&id) >= millis));
        Ok(runs)
    }

    /// What runs did since then, in order.
    pub async fn steps_since(&self, millis: i128) -> Result<Vec<Value>> {
        let runs = self.runs_since(millis).await?;
        let steps = runs.iter().rev().filter_map(|run| run["steps"].as_array());
        Ok(steps.flatten().filter(|step| step["held"] == false).cloned().collect())
    }

    /// A provider as Cognito has it.
    pub async fn provider(&self, name: &str) -> Result<Option<IdentityProviderType>> {
        let request = self.tenancy.seen.describe_identity_provider().user_pool_id(&self.id).provider_name(name);
        match request.send().await {
            Ok(answer) => Ok(answer.identity_provider),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DescribeIdentityProviderError::is_resource_not_found_exception) =>
            {
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The provider of a connection, as soon as it is there.
    pub async fn provider_of(&self, connection: &str) -> Result<IdentityProviderType> {
        let name = provider_name(connection);
        eventually(SOON, &format!("the provider {name} appears"), async || self.provider(&name).await).await
    }

    /// Changes one of a provider's details, as somebody with access to the pool can.
    pub async fn tamper(&self, provider: &IdentityProviderType, field: &str, value: &str) -> Result<()> {
        let mut details = provider.provider_details.clone().context("no details")?;
        details.insert(field.to_owned(), value.to_owned());
        let request = self.tenancy.cognito.update_identity_provider().user_pool_id(&self.id);
        let name = provider.provider_name.clone().context("no name")?;
        request.provider_name(name).set_provider_details(Some(details)).send().await?;
        Ok(())
    }

    /// Waits until the pool has exactly the providers of these connections.
    pub async fn settles_on(&self, connections: &[&str]) -> Result<()> {
        let mut expected: Vec<String> = connections.iter().copied().map(provider_name).collect();
        expected.sort();
        eventually(SOON, &format!("the pool has exactly {expected:?}"), async || {
            Ok((self.provider_names().await? == expected).then_some(()))
        })
        .await
    }

    /// The names of all providers.
    pub async fn provider_names(&self) -> Result<Vec<String>> {
        let list = self.tenancy.seen.list_identity_providers().user_pool_id(&self.id).max_results(60);
        let pages = list.into_paginator().send().try_collect().await?;
        let providers = pages.into_iter().flat_map(|page| page.providers);
        let mut names: Vec<String> = providers.filter_map(|provider| provider.provider_name).collect();
        names.sort();
        Ok(names)
    }

    /// The app client as Cognito has it.
    pub async fn app_client(&self) -> Result<UserPoolClientType> {
        let request = self.tenancy.seen.describe_user_pool_client().user_pool_id(&self.id);
        let answer = request.client_id(&self.app_client).send().await?;
        answer.user_pool_client.context("no app client")
    }

    /// Has the app client offer exactly these providers, as somebody does who keeps all else that it has.
    pub async fn offer(&self, names: &[&str]) -> Result<()> {
        let client = self.app_client().await?;
        let request = self.tenancy.cognito.update_user_pool_client().user_pool_id(&self.id).client_id(&self.app_client);
        let request = request
            .set_callback_urls(client.callback_urls)
            .set_allowed_o_auth_flows(client.allowed_o_auth_flows)
            .set_allowed_o_auth_scopes(client.allowed_o_auth_scopes)
            .set_allowed_o_auth_flows_user_pool_client(client.allowed_o_auth_flows_user_pool_client);
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        request.set_supported_identity_providers(Some(names)).send().await?;
        Ok(())
    }

    /// The providers of the app client.
    pub async fn supported(&self) -> Result<Vec<String>> {
        Ok(self.app_client().await?.supported_identity_providers.unwrap_or_default())
    }

    /// Waits for a state of the pool's health and gives the health.
    pub async fn health(&self, state: &str) -> Result<Value> {
        eventually(SOON, &format!("the pool's health is {state}"), async || {
            let health = self.shown().await?["health"].clone();
            Ok((health["state"] == state).then_some(health))
        })
        .await
    }
}

/// The client secret that Cognito holds.
pub fn client_secret(provider: &IdentityProviderType) -> Result<String> {
    detail(provider, "client_secret")
}

/// One of a provider's details.
pub fn detail(provider: &IdentityProviderType, name: &str) -> Result<String> {
    let details = provider.provider_details.as_ref().context("a provider has details")?;
    details.get(name).cloned().with_context(|| format!("the provider has no {name}"))
}

/// A provider's identifiers, in order.
pub fn identifiers(provider: &IdentityProviderType) -> Vec<String> {
    let mut identifiers = provider.idp_identifiers.clone().unwrap_or_default();
    identifiers.sort();
    identifiers
}

/// When a run began: its ID is a ULID, whose first ten characters are the time.
fn began(run_id: &str) -> i128 {
    const DIGITS: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    run_id.chars().take(10).fold(0, |millis, c| {
        let digit = DIGITS.find(c).unwrap_or_default();
        millis * 32 + i128::try_from(digit).unwrap_or_default()
    })
}
