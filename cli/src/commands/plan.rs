//! `causeway plan`.

use clap::Args;
use serde_json::{Value, json};

use crate::{
    arguments::PoolArguments,
    commands::Session,
    failure::{Ending, Failure},
    shown::steps::Plan as Planned,
};

/// `causeway plan`.
#[derive(Debug, Args)]
pub struct Plan {
    #[command(flatten)]
    pub pool: PoolArguments,
}

impl Plan {
    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        let answer = of(session, &self.pool).await?;
        let plan = Planned::read(&answer)?;
        session.output.show(&answer, || Ok(plan.text(&self.pool.tenant, &self.pool.user_pool)))?;
        Ok(Ending::needs_somebody(plan.held() > 0))
    }
}

/// The present plan of a user pool.
pub async fn of(session: &Session, pool: &PoolArguments) -> Result<Value, Failure> {
    session.output.progress("looking at both sides");
    let body = json!({ "dry_run": true });
    let answer = session.api.post(&format!("{}/reconcile", pool.path()), body).await?.body;
    session.output.end_of_progress();
    Ok(answer)
}
