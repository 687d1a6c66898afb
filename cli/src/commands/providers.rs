//! `causeway providers`.

use clap::Args;

use crate::{
    arguments::{ListArguments, PoolArguments},
    commands::Session,
    failure::{Ending, Failure},
    shown,
};

/// `causeway providers`.
#[derive(Debug, Args)]
pub struct Providers {
    #[command(flatten)]
    pub pool: PoolArguments,
    #[command(flatten)]
    list: ListArguments,
}

impl Providers {
    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        session.show_list(&format!("{}/providers", self.pool.path()), self.list, shown::lists::providers).await
    }
}
