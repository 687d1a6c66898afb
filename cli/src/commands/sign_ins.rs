//! `causeway sign-ins`.

use clap::Args;

use crate::{
    arguments::{ListArguments, PoolArguments},
    commands::Session,
    failure::{Ending, Failure},
    ids::connection_id,
    shown,
};

/// `causeway sign-ins`.
#[derive(Debug, Args)]
pub struct SignIns {
    #[command(flatten)]
    pub pool: PoolArguments,
    /// Only those of this connection, conn_...
    #[arg(long, value_name = "ID", value_parser = connection_id)]
    connection: Option<String>,
    #[command(flatten)]
    list: ListArguments,
}

impl SignIns {
    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        let of = self.connection.as_ref().map(|connection| format!("?connection_id={connection}")).unwrap_or_default();
        session.show_list(&format!("{}/sign-ins{of}", self.pool.path()), self.list, shown::lists::sign_ins).await
    }
}
