//! `causeway runs`.

use clap::Args;
use ulid::Ulid;

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
    /// The tenant and its user pool, as for other commands, and a run, whose whole report is shown
    #[arg(value_names = ["TENANT", "USER_POOL", "RUN"], num_args = 0..=3)]
    named: Vec<String>,
    /// The user pool, once the run is told from it.
    #[arg(skip)]
    pool: PoolArguments,
    /// The run, where one is named.
    #[arg(skip)]
    pub run: Option<String>,
    #[command(flatten)]
    list: ListArguments,
}

impl Runs {
    /// The user pool that is named. A run's ID has a form that no other ID has, and it stands last.
    pub fn pool(&mut self) -> &mut PoolArguments {
        let mut named = std::mem::take(&mut self.named);
        let is_run = |last: &String, places: usize| places == 3 || Ulid::from_string(last).is_ok();
        let places = named.len();
        self.run = named.pop_if(|last| is_run(last, places));
        self.pool.named = named;
        &mut self.pool
    }

    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        let path = format!("{}/runs", self.pool.path());
        if self.run.is_some() && self.list.limit.is_some() {
            return Err(Failure::Usage("--limit is for the list, and not for one run".to_owned()));
        }
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
