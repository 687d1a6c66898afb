//! `causeway links`: the onboarding links of a tenant.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::{
    arguments::{IdempotencyArgument, ListArguments, TenantArgument},
    commands::Session,
    failure::{Ending, Failure},
    ids::link_id,
    place::{Access, Place},
    shown,
};

/// `causeway links`.
#[derive(Debug, Args)]
pub struct Links {
    #[command(subcommand)]
    command: LinksCommand,
}

#[derive(Debug, Subcommand)]
enum LinksCommand {
    /// Lists the onboarding links of a tenant, without their addresses, which are not kept
    List {
        #[command(flatten)]
        tenant: TenantArgument,
        #[command(flatten)]
        list: ListArguments,
    },
    /// Makes an onboarding link
    Create {
        #[command(flatten)]
        tenant: TenantArgument,
        #[command(flatten)]
        link: NewLink,
        #[command(flatten)]
        idempotency: IdempotencyArgument,
    },
    /// Revokes an onboarding link, and the session that it was traded for
    #[command(allow_missing_positional = true)]
    Revoke {
        #[command(flatten)]
        tenant: TenantArgument,
        /// The link's ID
        #[arg(value_parser = link_id)]
        link: String,
    },
}

/// What an onboarding link is made with.
#[derive(Debug, Args)]
pub struct NewLink {
    /// An AWS account that it is for; may be repeated. Without it any, but the first user pool of an account waits for
    /// `causeway pools admit`
    #[arg(long = "account-id", value_name = "ID")]
    account_ids: Vec<String>,
    /// After how many hours it ends, at most 720; 168 without it
    #[arg(long, value_name = "HOURS")]
    expires_in_hours: Option<u32>,
}

impl NewLink {
    /// The first account that it names.
    pub fn first_account(&self) -> Option<&str> {
        self.account_ids.first().map(String::as_str)
    }

    /// Whether it names none.
    pub fn is_for_any_account(&self) -> bool {
        self.account_ids.is_empty()
    }

    /// Makes it and gives the API's answer, which has the address this once.
    pub async fn make(&self, session: &Session, tenant_path: &str, key: Option<&str>) -> Result<Value, Failure> {
        let mut body = json!({});
        if !self.account_ids.is_empty() {
            body["account_ids"] = json!(self.account_ids);
        }
        if let Some(hours) = self.expires_in_hours {
            body["expires_in_hours"] = json!(hours);
        }
        Ok(session.api.create(&format!("{tenant_path}/onboarding-links"), body, key).await?.body)
    }
}

impl Links {
    /// The tenant that it is about.
    pub fn place(&mut self) -> (Place<'_>, Access) {
        match &mut self.command {
            LinksCommand::List { tenant, .. } => (Place::Tenant(tenant), Access::Look),
            LinksCommand::Create { tenant, .. } | LinksCommand::Revoke { tenant, .. } => {
                (Place::Tenant(tenant), Access::Change)
            }
        }
    }

    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        match &self.command {
            LinksCommand::List { tenant, list } => {
                let path = format!("{}/onboarding-links", tenant.path());
                return session.show_list(&path, *list, shown::link::list).await;
            }
            LinksCommand::Create { tenant, link, idempotency } => {
                let answer = link.make(session, &tenant.path(), idempotency.idempotency_key.as_deref()).await?;
                session.output.show(&answer, || shown::link::made(&answer))?;
            }
            LinksCommand::Revoke { tenant, link } => {
                session.api.delete(&format!("{}/onboarding-links/{link}", tenant.path()), None).await?;
                session.output.show(&json!({ "revoked": true }), || Ok("Revoked.\n".to_owned()))?;
            }
        }
        Ok(Ending::Done)
    }
}
