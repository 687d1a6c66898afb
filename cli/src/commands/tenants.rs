//! `causeway tenants`.

pub mod create;
mod remove;
mod update;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::{
    arguments::{ListArguments, TenantArgument},
    commands::{
        Session,
        tenants::{create::Create, remove::Remove, update::Update},
    },
    failure::{Ending, Failure},
    place::{Access, Place},
    shown,
};

/// `causeway tenants`.
#[derive(Debug, Args)]
pub struct Tenants {
    #[command(subcommand)]
    command: TenantsCommand,
}

#[derive(Debug, Subcommand)]
enum TenantsCommand {
    /// Lists the tenants, the newest first
    List(ListArguments),
    /// Shows one tenant
    Show(TenantArgument),
    /// Registers a tenant
    Create(Create),
    /// Changes a tenant: its name, its contact, its WorkOS API key, its webhook secret
    Update(Update),
    /// Gives a tenant another external ID; both are good until every role of the tenant takes the new one only
    RotateExternalId(TenantArgument),
    /// Gives a tenant another webhook endpoint with another secret; what the former one delivers is taken for days
    RotateWebhook(RotateWebhook),
    /// Removes a tenant that has no user pools
    Remove(Remove),
}

/// `causeway tenants rotate-webhook`.
#[derive(Debug, Args)]
struct RotateWebhook {
    #[command(flatten)]
    tenant: TenantArgument,
    /// Ends every former endpoint and secret at once, since one of them is in wrong hands
    #[arg(long)]
    end_former: bool,
}

impl Tenants {
    /// The tenant that it is about; `None` where it lists them or makes one.
    pub fn place(&mut self) -> Option<(Place<'_>, Access)> {
        let (tenant, access) = match &mut self.command {
            TenantsCommand::List(_) | TenantsCommand::Create(_) => return None,
            TenantsCommand::Show(tenant) => (tenant, Access::Look),
            TenantsCommand::Update(update) => (&mut update.tenant, Access::Change),
            TenantsCommand::RotateExternalId(tenant) => (tenant, Access::Change),
            TenantsCommand::RotateWebhook(rotate) => (&mut rotate.tenant, Access::Change),
            TenantsCommand::Remove(remove) => (&mut remove.tenant, Access::Remove),
        };
        Some((Place::Tenant(tenant), access))
    }

    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        match &self.command {
            TenantsCommand::List(list) => session.show_list("/v1/tenants", *list, shown::tenant::list).await,
            TenantsCommand::Show(tenant) => {
                let answer = session.api.get(&tenant.path()).await?.body;
                session.output.show(&answer, || shown::tenant::details(&answer))?;
                Ok(Ending::Done)
            }
            TenantsCommand::Create(create) => create.run(session).await,
            TenantsCommand::Update(update) => update.run(session).await,
            TenantsCommand::RotateExternalId(tenant) => {
                session.output.remark(EXTERNAL_ID);
                let ending = rotate(session, tenant, "external-id-rotation", json!({})).await?;
                session.output.remark(&shown::tenant::after_rotation(&tenant.tenant));
                Ok(ending)
            }
            TenantsCommand::RotateWebhook(RotateWebhook { tenant, end_former }) => {
                session.output.remark(if *end_former { END_FORMER } else { WEBHOOK });
                // A deployment of a previous release takes no body.
                let body = if *end_former { json!({ "end_former": true }) } else { json!({}) };
                rotate(session, tenant, "webhook-rotation", body).await
            }
            TenantsCommand::Remove(remove) => remove.run(session).await,
        }
    }
}

/// What a rotation is about to do.
const EXTERNAL_ID: &str = "Gives the tenant another external ID. Both are good until every role takes the new one only, \
                           for which each is deployed twice.";
const WEBHOOK: &str = "Registers another webhook endpoint with WorkOS, with another secret. What the former ones deliver \
                       is taken for four days.";
const END_FORMER: &str = "Registers another webhook endpoint with WorkOS, with another secret. What the former ones \
                          deliver is taken no more, within a minute.";

async fn rotate(session: &Session, tenant: &TenantArgument, what: &str, body: Value) -> Result<Ending, Failure> {
    let answer = session.api.post_once(&format!("{}/{what}", tenant.path()), body).await?.body;
    session.output.show(&answer, || shown::tenant::details(&answer))?;
    Ok(Ending::Done)
}
