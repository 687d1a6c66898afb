//! `causeway adopt`.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::{
    arguments::PoolArguments,
    commands::Session,
    failure::{Ending, Failure},
    question::confirm,
    shown,
};

/// `causeway adopt`.
#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
pub struct Adopt {
    #[command(flatten)]
    pub pool: PoolArguments,
    /// The provider's name in the user pool
    provider: String,
    /// The connection that it is for, conn_...; without it the one whose ID is among its identifiers
    #[arg(long)]
    connection: Option<String>,
    /// What becomes the user's name in the pool; a user whose name changes is a new user
    #[arg(long, value_enum)]
    subject: Option<Subject>,
    /// Does not ask
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Subject {
    /// The ID of WorkOS's profile
    ProfileId,
    /// The ID that the customer's identity provider has for the user
    IdpId,
}

impl Adopt {
    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        let path = format!("{}/adopt", self.pool.path());
        let mut body = self.body(false);
        if !self.yes {
            let proposal = session.api.post(&path, self.body(true)).await?.body;
            confirm(&shown::adoption::text(&proposal)?, "Take this provider over?", false)?;
            // For the connection that was shown, and no other.
            body["connection_id"] = proposal["connection_id"].clone();
        }
        let answer = session.api.post_once(&path, body).await?.body;
        session.output.show(&answer, || shown::adoption::text(&answer))?;
        Ok(Ending::Done)
    }

    fn body(&self, is_trial: bool) -> Value {
        let mut body = json!({ "provider_name": self.provider });
        if let Some(connection) = &self.connection {
            body["connection_id"] = json!(connection);
        }
        if let Some(subject) = self.subject {
            body["subject"] = json!(if subject == Subject::ProfileId { "profile_id" } else { "idp_id" });
        }
        if is_trial {
            body["dry_run"] = json!(true);
        }
        body
    }
}
