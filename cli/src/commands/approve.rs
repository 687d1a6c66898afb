//! `causeway approve`.

use causeway_core::{meaning::meaning, plan::RecordedStep};
use clap::Args;
use serde_json::{Value, json};

use crate::{
    arguments::PoolArguments,
    commands::{Session, plan, reconcile::show_run_after},
    failure::{Ending, Failure},
    ids::connection_id,
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
    pub pool: PoolArguments,
    /// Approves only if the steps that are held back are those of this hash, as a plan showed it
    #[arg(long)]
    hash: Option<String>,
    /// Approves only what is held back of this connection; may be repeated
    #[arg(long = "connection", value_name = "ID", value_parser = connection_id, conflicts_with = "hash")]
    connections: Vec<String>,
    /// Does not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    wait: WaitArguments,
}

impl Approve {
    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        let body = match &self.hash {
            // Whoever says what is meant and asks nothing needs no plan, and no right to ask for one.
            Some(hash) if self.yes => json!({ "hash": hash }),
            None if self.yes && !self.connections.is_empty() => json!({ "connection_ids": self.connections }),
            _ => match self.shown(session).await? {
                Some(body) => body,
                None => return Ok(Ending::Done),
            },
        };
        let approved = session.api.post(&format!("{}/approvals", self.pool.path()), body).await?;
        if self.wait.wait {
            return show_run_after(session, &self.pool, &approved.body, self.wait).await;
        }
        session.output.show(&approved.body, || Ok(approval(&approved.body)))?;
        Ok(Ending::Done)
    }

    /// Shows what is held back and asks, and gives back what to approve; nothing where nothing is held back.
    async fn shown(&self, session: &Session) -> Result<Option<Value>, Failure> {
        let answer = plan::of(session, &self.pool).await?;
        let plan = Plan::read(&answer)?;
        let is_meant = |step: &&Step| step.held && step.is_of(&self.connections);
        let held: Vec<Step> = plan.steps.iter().filter(is_meant).cloned().collect();
        if held.is_empty() && self.hash.is_none() {
            session.output.show(&answer, || Ok("Nothing is held back.\n".to_owned()))?;
            return Ok(None);
        }
        let question = question(&answer, &held, &self.connections)?;
        if !self.connections.is_empty() {
            confirm(&steps::list(&held), &question, self.yes)?;
            return Ok(Some(json!({ "connection_ids": self.connections })));
        }
        // Of another hash: the API says what is wrong with it, in the same words to all.
        let hash = self.hash.as_ref().unwrap_or(&plan.hash);
        if *hash == plan.hash {
            confirm(&format!("{}\nHash {hash}", steps::list(&held)), &question, self.yes)?;
        }
        Ok(Some(json!({ "hash": hash })))
    }
}

/// What is asked: by what the held steps mean for those who sign in, of these connections or of all. It is made of the
/// steps that are shown, by the same code as the API's summary of a whole plan.
fn question(plan: &Value, held: &[Step], connections: &[String]) -> Result<String, Failure> {
    let steps: Vec<RecordedStep> = shown::read(&plan["steps"], "the steps of a plan")?;
    let is_meant = |id: &str| connections.is_empty() || connections.iter().any(|one| one == id);
    let meant = steps.into_iter().filter(|step| step.held && is_meant(step.connection_id.as_str()));
    let meaning = meaning(&meant.collect::<Vec<_>>());
    Ok(format!("{meaning} Let {} through?", shown::count(held.len(), "step", "steps")))
}

fn approval(answer: &Value) -> String {
    let until = answer["expires_at"].as_str().map(shown::time).unwrap_or_default();
    format!("Approved. A run is on its way; the approval is good for these steps, until {until}.\n")
}
