//! `causeway pools`.

pub mod create;
pub mod options;
mod remove;
mod update;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    arguments::{ListArguments, PoolArguments, TenantArgument},
    commands::{
        Session,
        pools::{create::Create, remove::Remove, update::Update},
    },
    failure::{Ending, Failure},
    place::{Access, Place},
    shown,
};

/// `causeway pools`.
#[derive(Debug, Args)]
pub struct Pools {
    #[command(subcommand)]
    command: PoolsCommand,
}

#[derive(Debug, Subcommand)]
enum PoolsCommand {
    /// Lists the user pools of a tenant, the last registered first
    List {
        #[command(flatten)]
        tenant: TenantArgument,
        #[command(flatten)]
        list: ListArguments,
    },
    /// Shows one user pool: its options, health and last run
    Show(PoolArguments),
    /// Registers a user pool
    Create(Create),
    /// Lets in a user pool that an onboarding link registered in an account that it did not name
    Admit(PoolArguments),
    /// Changes the options of a user pool; what is not named stays
    Update(Update),
    /// Removes a user pool from Causeway, and its providers if asked
    Remove(Remove),
}

impl Pools {
    /// What it is about.
    pub fn place(&mut self) -> (Place<'_>, Access) {
        match &mut self.command {
            PoolsCommand::List { tenant, .. } => (Place::Tenant(tenant), Access::Look),
            PoolsCommand::Show(pool) => (Place::Pool(pool), Access::Look),
            PoolsCommand::Create(create) => (Place::NewPool(&mut create.pool), Access::Change),
            PoolsCommand::Admit(pool) => (Place::Pool(pool), Access::Change),
            PoolsCommand::Update(update) => (Place::Pool(&mut update.pool), Access::Change),
            PoolsCommand::Remove(remove) => (Place::Pool(&mut remove.pool), Access::Remove),
        }
    }

    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        match &self.command {
            PoolsCommand::List { tenant, list } => {
                session.show_list(&format!("{}/user-pools", tenant.path()), *list, shown::pool::list).await
            }
            PoolsCommand::Show(pool) => {
                let answer = session.api.get(&pool.path()).await?.body;
                session.output.show(&answer, || shown::pool::details(&answer))?;
                Ok(Ending::Done)
            }
            PoolsCommand::Create(create) => create.run(session).await,
            PoolsCommand::Admit(pool) => {
                let answer = session.api.post(&format!("{}/admission", pool.path()), json!({})).await?.body;
                session.output.show(&answer, || shown::pool::details(&answer))?;
                Ok(Ending::Done)
            }
            PoolsCommand::Update(update) => update.run(session).await,
            PoolsCommand::Remove(remove) => remove.run(session).await,
        }
    }
}
