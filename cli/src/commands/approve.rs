//! `causeway approve`.

use clap::Args;
use serde_json::{Value, json};

use crate::{
    arguments::PoolArguments,
    commands::{Session, plan, reconcile::show_run_after},
    failure::{Ending, Failure},
    question::confirm,
    shown::{
        self,
        steps::{self, Plan, Step},
    },
    waiting::WaitArguments,
};

/// `causeway approve`.
#[derive(Debug, Args)]
pub struct Approve {
    #[command(flatten)]
    pool: PoolArguments,
    /// Approves only if the steps that are held back are those of this hash, as a plan showed it
    #[arg(long)]
    hash: Option<String>,
    /// Does not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    wait: WaitArguments,
}

impl Approve {
    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        let hash = match &self.hash {
            // Whoever has the hash and asks nothing needs no plan, and no right to ask for one.
            Some(hash) if self.yes => hash.clone(),
            _ => match self.shown(session).await? {
                Some(hash) => hash,
                None => return Ok(Ending::Done),
            },
        };
        let approved = session.api.post(&format!("{}/approvals", self.pool.path()), json!({ "hash": hash })).await?;
        if self.wait.wait {
            return show_run_after(session, &self.pool, &approved.body, self.wait).await;
        }
        session.output.show(&approved.body, || Ok(approval(&approved.body)))?;
        Ok(Ending::Done)
    }

    /// Shows what is held back and asks, and gives back the hash to approve; none where nothing is held back.
    async fn shown(&self, session: &Session) -> Result<Option<String>, Failure> {
        let answer = plan::of(session, &self.pool).await?;
        let plan = Plan::read(&answer)?;
        let held: Vec<Step> = plan.steps.iter().filter(|step| step.held).cloned().collect();
        if held.is_empty() && self.hash.is_none() {
            session.output.show(&answer, || Ok("Nothing is held back.\n".to_owned()))?;
            return Ok(None);
        }
        // Of another hash: the API says what is wrong with it, in the same words to all.
        let hash = self.hash.as_ref().unwrap_or(&plan.hash);
        if *hash == plan.hash {
            let question = format!("Let {} through?", shown::count(held.len(), "step", "steps"));
            confirm(&format!("{}\nHash {hash}", steps::list(&held)), &question, self.yes)?;
        }
        Ok(Some(hash.clone()))
    }
}

fn approval(answer: &Value) -> String {
    let until = answer["expires_at"].as_str().map(shown::time).unwrap_or_default();
    format!("Approved. A run is on its way; the approval is good for these steps, until {until}.\n")
}
