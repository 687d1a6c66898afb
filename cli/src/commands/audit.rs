//! `causeway audit`.

use clap::Args;

use crate::{
    arguments::{ListArguments, TenantArgument},
    commands::Session,
    failure::{Ending, Failure},
    shown,
};

/// `causeway audit`.
#[derive(Debug, Args)]
pub struct Audit {
    #[command(flatten)]
    pub tenant: TenantArgument,
    #[command(flatten)]
    list: ListArguments,
}

impl Audit {
    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        session.show_list(&format!("{}/audit", self.tenant.path()), self.list, shown::audit::list).await
    }
}
