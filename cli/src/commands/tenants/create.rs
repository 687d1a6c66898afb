//! `causeway tenants create`.

use clap::Args;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

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
    /// The tenant's name, for people
    #[arg(long)]
    name: String,
    /// The client ID of its WorkOS environment, client_...
    #[arg(long)]
    client_id: String,
    /// Whom to turn to about it: an address, a name, a channel. Nothing is sent there
    #[arg(long, value_name = "TEXT")]
    contact: Option<String>,
    /// Where its WorkOS API key is: a file, env:NAME, or - for standard input; may come later
    #[arg(long, value_name = "SOURCE", value_parser = secret_source)]
    api_key_from: Option<SecretSource>,
    #[command(flatten)]
    idempotency: IdempotencyArgument,
}

/// Registers a tenant and gives the API's answer.
pub async fn register(
    session: &Session,
    name: &str,
    client_id: &str,
    contact: Option<&str>,
    api_key: Option<&SecretSource>,
    idempotency_key: Option<&str>,
) -> Result<Value, Failure> {
    let key = api_key.map(|source| source.read("the WorkOS API key")).transpose()?;
    let mut body = json!({ "name": name, "workos": { "client_id": client_id } });
    if let Some(contact) = contact {
        body["contact"] = json!(contact);
    }
    if let Some(key) = &key {
        body["workos"]["api_key"] = json!(key.expose_secret());
    }
    Ok(session.api.create("/v1/tenants", body, idempotency_key).await?.body)
}

impl Create {
    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        let key = self.idempotency.idempotency_key.as_deref();
        let (contact, api_key) = (self.contact.as_deref(), self.api_key_from.as_ref());
        let tenant = register(session, &self.name, &self.client_id, contact, api_key, key).await?;
        session.output.show(&tenant, || shown::tenant::details(&tenant))?;
        Ok(Ending::Done)
    }
}
