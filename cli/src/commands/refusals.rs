//! `causeway refuse`, `causeway refusals` and `causeway let-go`.

use clap::Args;
use serde_json::{Value, json};

use crate::{
    arguments::{ListArguments, PoolArguments},
    commands::Session,
    failure::{Ending, Failure},
    ids::connection_id,
    shown,
};

/// `causeway refuse`.
#[derive(Debug, Args)]
pub struct Refuse {
    #[command(flatten)]
    pub pool: PoolArguments,
    /// A connection of which nothing is to be taken; may be repeated
    #[arg(long = "connection", value_name = "ID", value_parser = connection_id, required = true)]
    connections: Vec<String>,
    /// Why, for whoever looks at it later
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Until when, such as 2026-12-31T00:00:00Z; without it until it is let go
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

impl Refuse {
    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        let mut body = json!({ "connection_ids": self.connections, "reason": self.reason });
        if let Some(until) = &self.until {
            body["until"] = json!(until);
        }
        // The same refusal twice is the later one.
        let answer = session.api.post(&format!("{}/refusals", self.pool.path()), body).await?.body;
        session.output.show(&answer, || refused(&answer))?;
        Ok(Ending::Done)
    }
}

fn refused(answer: &Value) -> Result<String, Failure> {
    let list = shown::lists::refusals(answer["items"].as_array().map(Vec::as_slice).unwrap_or_default())?;
    Ok(format!("{list}\nNothing is taken from these. A run is on its way.\n"))
}

/// `causeway refusals`.
#[derive(Debug, Args)]
pub struct Refusals {
    #[command(flatten)]
    pub pool: PoolArguments,
    #[command(flatten)]
    list: ListArguments,
}

impl Refusals {
    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        session.show_list(&format!("{}/refusals", self.pool.path()), self.list, shown::lists::refusals).await
    }
}

/// `causeway let-go`.
#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
pub struct LetGo {
    #[command(flatten)]
    pub pool: PoolArguments,
    /// The connection
    #[arg(value_parser = connection_id)]
    connection: String,
}

impl LetGo {
    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        let path = format!("{}/refusals/{}", self.pool.path(), self.connection);
        session.api.delete(&path, None).await?;
        let answer = json!({ "let_go": true });
        session.output.show(&answer, || {
            Ok(format!("{} is refused no more: what would be taken from it is held back again.\n", self.connection))
        })?;
        Ok(Ending::Done)
    }
}
