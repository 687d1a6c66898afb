//! `causeway runs`.

use clap::Args;

use crate::{
    api,
    arguments::{ListArguments, PoolArguments},
    commands::Session,
    failure::{Ending, Failure},
    shown::{self, run::Run},
};

/// `causeway runs`.
#[derive(Debug, Args)]
pub struct Runs {
    #[command(flatten)]
    pool: PoolArguments,
    /// Shows the whole report of this run
    #[arg(conflicts_with = "limit")]
    run: Option<String>,
    #[command(flatten)]
    list: ListArguments,
}

impl Runs {
    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        let path = format!("{}/runs", self.pool.path());
        let Some(id) = &self.run else {
            return session.show_list(&path, self.list, shown::run::list).await;
        };
        let reports = session.api.list(&path, None).await?;
        let Some(report) = api::items(&reports).iter().find(|report| report["id"] == **id) else {
            return Err(Failure::NotFound(format!("there is no report of a run {id}")));
        };
        let run = Run::read(report)?;
        session.output.show(report, || Ok(run.text()))?;
        Ok(Ending::Done)
    }
}
