//! `causeway tenants create`.

use clap::Args;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::{
    arguments::IdempotencyArgument,
    commands::Session,
    failure::{Ending, Failure},
    secret_input::{SecretSource, secret_source},
    shown,
};

/// `causeway tenants create`.
#[derive(Debug, Args)]
pub struct Create {
    #[command(flatten)]
    tenant: NewTenant,
    #[command(flatten)]
    idempotency: IdempotencyArgument,
}

/// What a tenant is registered with.
#[derive(Debug, Args)]
pub struct NewTenant {
    /// The tenant's name, for people
    #[arg(long)]
    name: String,
    /// The client ID of its WorkOS environment, client_...
    #[arg(long)]
    client_id: String,
    /// Where its WorkOS API key is: a file, env:NAME, or - for standard input; may come later
    #[arg(long, value_name = "SOURCE", value_parser = secret_source)]
    api_key_from: Option<SecretSource>,
}

impl NewTenant {
    /// Registers it and gives the API's answer.
    pub async fn register(
        &self,
        session: &Session,
        idempotency: &IdempotencyArgument,
    ) -> Result<serde_json::Value, Failure> {
        let key = self.api_key_from.as_ref().map(|source| source.read("the WorkOS API key")).transpose()?;
        let mut body = json!({ "name": self.name, "workos": { "client_id": self.client_id } });
        if let Some(key) = &key {
            body["workos"]["api_key"] = json!(key.expose_secret());
        }
        Ok(session.api.post("/v1/tenants", body, idempotency.idempotency_key.as_deref()).await?.body)
    }
}

impl Create {
    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        let tenant = self.tenant.register(session, &self.idempotency).await?;
        session.output.show(&tenant, || shown::tenant::details(&tenant))?;
        Ok(Ending::Done)
    }
}
