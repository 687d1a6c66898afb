//! `causeway health` and `causeway dead-letters`.

use clap::Args;
use serde_json::json;

use crate::{
    arguments::ListArguments,
    commands::Session,
    failure::{Ending, Failure},
    shown,
};

/// `causeway health`.
#[derive(Debug, Args)]
pub struct Health {}

impl Health {
    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        let answer = session.api.get("/v1/health").await?.body;
        session.output.show(&answer, || shown::health::health(&answer))?;
        Ok(Ending::needs_somebody(answer["state"] != "ok"))
    }
}

/// `causeway dead-letters`.
#[derive(Debug, Args)]
pub struct DeadLetters {
    /// Sends the wake-ups among them back to the queue
    #[arg(long)]
    redrive: bool,
    /// Takes those off that are no wake-ups and would only be given up again
    #[arg(long, requires = "redrive")]
    discard_malformed: bool,
}

impl DeadLetters {
    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        if !self.redrive {
            let all = ListArguments { limit: None };
            return session.show_list("/v1/dead-letters", all, shown::health::dead_letters).await;
        }
        let body = json!({ "discard_malformed": self.discard_malformed });
        let answer = session.api.post("/v1/dead-letters/redrive", body).await?.body;
        session.output.show(&answer, || shown::health::redriven(&answer))?;
        Ok(Ending::needs_somebody(answer["malformed"] != 0 || answer["out_of_time"] == true))
    }
}
