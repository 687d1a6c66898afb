//! `causeway status`.

use std::time::Duration;

use clap::Args;
use serde_json::Value;

use crate::{
    commands::Session,
    failure::{Ending, Failure},
    shown,
};

/// How many pools are shown where not all are asked for.
const WORST: u32 = 20;
/// How many are read at a time where all are.
const PAGE: u32 = 100;
/// How a command ends that may be tried again.
const TRY_AGAIN: u8 = 7;

/// `causeway status`.
#[derive(Debug, Args)]
pub struct Status {
    /// Lists all user pools that need somebody, and nothing else
    #[arg(long)]
    unhealthy: bool,
    /// Shows it again and again, until you interrupt it; each time that it changed, where the output is no terminal
    #[arg(long)]
    watch: bool,
    /// How many seconds lie between
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..), requires = "watch")]
    every: u64,
}

impl Status {
    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        if self.watch {
            return self.watch(session).await;
        }
        let answer = self.read(session).await?;
        session.output.show(&answer, || self.text(&answer))?;
        Ok(Ending::needs_somebody(answer["fleet"]["state"] != "ok"))
    }

    /// Goes on until it is interrupted, or refused.
    async fn watch(&self, session: &Session) -> Result<Ending, Failure> {
        let mut before = Value::Null;
        loop {
            match self.read(session).await {
                Ok(answer) => {
                    session.output.show_again(&answer, &before, || self.text(&answer))?;
                    before = answer;
                }
                Err(failure) if failure.code() == TRY_AGAIN => session.output.failure(&failure),
                Err(failure) => return Err(failure),
            }
            tokio::time::sleep(Duration::from_secs(self.every)).await;
        }
    }

    fn text(&self, answer: &Value) -> Result<String, Failure> {
        let text = shown::status::status(answer, !self.unhealthy)?;
        Ok(format!("{text}{}", shown::unreadable(answer)))
    }

    /// The worst, or all, as one page.
    async fn read(&self, session: &Session) -> Result<Value, Failure> {
        let limit = if self.unhealthy { PAGE } else { WORST };
        let path = format!("/v1/status?limit={limit}");
        let mut all = session.api.get(&path).await?.body;
        while let (true, Some(cursor)) = (self.unhealthy, all["next_cursor"].as_str()) {
            let mut page = session.api.get(&format!("{path}&cursor={cursor}")).await?.body;
            for list in ["items", "unreadable"] {
                if let (Value::Array(more), Value::Array(items)) = (page[list].take(), &mut all[list]) {
                    items.extend(more);
                }
            }
            all["next_cursor"] = page["next_cursor"].take();
        }
        Ok(all)
    }
}
