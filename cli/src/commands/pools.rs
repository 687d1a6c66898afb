//! `causeway pools`.

pub mod create;
pub mod options;

use clap::{Args, Subcommand};

use crate::{
    arguments::{ListArguments, PoolArguments, TenantArgument},
    commands::{Session, pools::create::Create},
    failure::{Ending, Failure},
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
}

impl Pools {
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
        }
    }
}
