//! `causeway verify`.

use clap::Args;
use serde_json::json;

use crate::{
    arguments::PoolArguments,
    commands::Session,
    failure::{Ending, Failure},
    shown::checks,
};

/// `causeway verify`.
#[derive(Debug, Args)]
pub struct Verify {
    #[command(flatten)]
    pub pool: PoolArguments,
}

impl Verify {
    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        session.output.progress("the checks run");
        let answer = session.api.post(&format!("{}/verify", self.pool.path()), json!({})).await?.body;
        session.output.end_of_progress();
        let verified = checks::read(&answer)?;
        session.output.show(&answer, || Ok(verified.text(session.output.width())))?;
        Ok(Ending::needs_somebody(verified.fails()))
    }
}
