//! `causeway tenants update`.

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::{
    arguments::TenantArgument,
    commands::Session,
    failure::{Ending, Failure},
    secret_input::{SecretSource, secret_source},
    shown,
};

/// `causeway tenants update`.
#[derive(Debug, Args)]
pub struct Update {
    #[command(flatten)]
    pub tenant: TenantArgument,
    #[command(flatten)]
    changes: Changes,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct Changes {
    /// Its new name
    #[arg(long)]
    name: Option<String>,
    /// Whom to turn to about it: an address, a name, a channel. Nothing is sent there
    #[arg(long, value_name = "TEXT", conflicts_with = "no_contact")]
    contact: Option<String>,
    /// Nobody in particular is to be turned to
    #[arg(long)]
    no_contact: bool,
    /// Where its new WorkOS API key is: a file, env:NAME, or - for standard input; tried before it replaces the old
    #[arg(long, value_name = "SOURCE", value_parser = secret_source)]
    api_key_from: Option<SecretSource>,
    /// Takes a key that sees none of the tenant's connections: it is probably of another environment
    #[arg(long, requires = "api_key_from")]
    confirm_environment: bool,
    /// Where the secret of its webhook endpoint is, if it was made by hand: a file, env:NAME, or -
    #[arg(long, value_name = "SOURCE", value_parser = secret_source)]
    webhook_secret_from: Option<SecretSource>,
}

impl Update {
    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        let changes = &self.changes;
        if changes.api_key_from == Some(SecretSource::Stdin) && changes.webhook_secret_from == Some(SecretSource::Stdin)
        {
            return Err(Failure::Usage("standard input holds one secret only".to_owned()));
        }
        let read =
            |source: &Option<SecretSource>, what: &str| source.as_ref().map(|source| source.read(what)).transpose();
        let key = read(&changes.api_key_from, "the WorkOS API key")?;
        let secret = read(&changes.webhook_secret_from, "the webhook secret")?;
        let body = changes.body(key.as_ref(), secret.as_ref());
        let etag = session.api.get(&self.tenant.path()).await?.etag;
        let answer = session.api.patch(&self.tenant.path(), body, etag.as_deref()).await?.body;
        session.output.show(&answer, || shown::tenant::details(&answer))?;
        Ok(Ending::Done)
    }
}

impl Changes {
    fn body(&self, key: Option<&SecretString>, secret: Option<&SecretString>) -> Value {
        let mut body = json!({});
        if let Some(name) = &self.name {
            body["name"] = json!(name);
        }
        if let Some(contact) = &self.contact {
            body["contact"] = json!(contact);
        } else if self.no_contact {
            body["contact"] = Value::Null;
        }
        if let Some(key) = key {
            body["workos"]["api_key"] = json!(key.expose_secret());
        }
        if self.confirm_environment {
            body["workos"]["confirm_environment"] = json!(true);
        }
        if let Some(secret) = secret {
            body["workos"]["webhook_secret"] = json!(secret.expose_secret());
        }
        body
    }
}
