//! `causeway onboard`: from nothing to a link that the tenant's platform engineer goes on with.

use std::fmt::Write;

use clap::Args;
use serde_json::{Value, json};

use crate::{
    commands::{Session, links::NewLink, pools::options::Mode, tenants::create::register},
    failure::{Ending, Failure},
    ids::{tenant_id, user_pool_id},
    secret_input::{SecretSource, secret_source},
    shown,
};

/// `causeway onboard`.
#[derive(Debug, Args)]
pub struct Onboard {
    /// A tenant that is registered already, such as by an attempt that was interrupted
    #[arg(long, value_parser = tenant_id, conflicts_with_all = ["name", "client_id", "contact", "api_key_from"])]
    tenant: Option<String>,
    /// The new tenant's name, for people
    #[arg(long, required_unless_present = "tenant")]
    name: Option<String>,
    /// The client ID of its WorkOS environment, client_...
    #[arg(long, required_unless_present = "tenant")]
    client_id: Option<String>,
    /// Whom to turn to about it: an address, a name, a channel. Nothing is sent there
    #[arg(long, value_name = "TEXT")]
    contact: Option<String>,
    /// Where its WorkOS API key is: a file, env:NAME, or - for standard input. Without it the tenant gives it on the page
    #[arg(long, value_name = "SOURCE", value_parser = secret_source)]
    api_key_from: Option<SecretSource>,
    /// Registers this user pool too, in the first account; else the tenant does it on the page
    #[arg(long, value_parser = user_pool_id, requires_all = ["role_name", "account_ids"])]
    user_pool: Option<String>,
    /// The role that the tenant makes for the user pool
    #[arg(long, requires = "user_pool")]
    role_name: Option<String>,
    /// What runs may do in the user pool; sync without it
    #[arg(long, value_enum, requires = "user_pool")]
    mode: Option<Mode>,
    #[command(flatten)]
    link: NewLink,
}

impl Onboard {
    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        let tenant = self.registered_tenant(session).await?;
        let id = tenant["id"].as_str().unwrap_or_default().to_owned();
        let go_on = |failure| Failure::Partly {
            done: format!("The tenant {id} is registered. Go on with `causeway onboard --tenant {id}`"),
            failure: Box::new(failure),
        };
        let tenant_path = format!("/v1/tenants/{id}");
        let pool = self.registered_pool(session, &tenant_path).await.map_err(go_on)?;
        let link = self.link.make(session, &tenant_path, None).await.map_err(go_on)?;
        let answer = json!({ "tenant": tenant, "user_pool": pool, "onboarding_link": link });
        session.output.show(&answer, || self.text(&answer, &id))?;
        Ok(Ending::Done)
    }

    async fn registered_tenant(&self, session: &Session) -> Result<Value, Failure> {
        if let Some(id) = &self.tenant {
            return Ok(session.api.get(&format!("/v1/tenants/{id}")).await?.body);
        }
        let (name, client_id) =
            (self.name.as_deref().unwrap_or_default(), self.client_id.as_deref().unwrap_or_default());
        register(session, name, client_id, self.contact.as_deref(), self.api_key_from.as_ref(), None).await
    }

    /// The user pool that was asked for; null without one.
    async fn registered_pool(&self, session: &Session, tenant_path: &str) -> Result<Value, Failure> {
        let Some(user_pool) = &self.user_pool else { return Ok(Value::Null) };
        let mut body = json!({
            "account_id": self.link.first_account(),
            "role_name": self.role_name,
            "user_pool_id": user_pool,
        });
        if let Some(mode) = self.mode {
            body["mode"] = json!(mode.name());
        }
        Ok(session.api.create(&format!("{tenant_path}/user-pools"), body, None).await?.body)
    }

    fn text(&self, answer: &Value, tenant: &str) -> Result<String, Failure> {
        let mut parts = vec![shown::tenant::details(&answer["tenant"])?];
        if !answer["user_pool"].is_null() {
            parts.push(shown::pool::details(&answer["user_pool"])?);
        }
        parts.push(shown::link::made(&answer["onboarding_link"])?);
        let pool = self.user_pool.as_deref().unwrap_or("USER_POOL");
        let mut next = "Give it to the tenant's platform engineer: the page says what to do. Meanwhile:\n".to_owned();
        let mut commands = vec![(format!("pools list {tenant}"), "how far it is")];
        if self.link.is_for_any_account() {
            commands.push((format!("pools admit {tenant} {pool}"), "lets the first user pool of an account in"));
        }
        commands.push((format!("role {tenant} {pool}"), "the role, to hand over without the page"));
        commands.push((format!("verify {tenant} {pool}"), "the checks"));
        for (command, what) in commands {
            let _ = writeln!(next, "  causeway {command:<70} {what}");
        }
        parts.push(next);
        Ok(parts.join("\n"))
    }
}
