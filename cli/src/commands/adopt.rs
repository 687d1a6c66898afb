//! `causeway adopt`.

mod all;

use std::path::PathBuf;

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
pub struct Adopt {
    /// The tenant and its user pool, as for other commands, and the provider's name in the user pool; with --all the user
    /// pool only
    #[arg(value_names = ["TENANT", "USER_POOL", "PROVIDER"], num_args = 0..=3, required_unless_present = "all")]
    named: Vec<String>,
    /// The user pool, once the provider is told from it.
    #[arg(skip)]
    pool: PoolArguments,
    /// The provider, where one is named.
    #[arg(skip)]
    provider: String,
    /// All providers of an export, or none where it is not what is here
    #[arg(long, requires = "from", conflicts_with_all = ["connection", "subject"])]
    all: bool,
    /// The export that `causeway export` made where the user pool comes from
    #[arg(long, value_name = "FILE", requires = "all")]
    from: Option<PathBuf>,
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
    /// The user pool that is named. A provider stands last.
    pub fn pool(&mut self) -> &mut PoolArguments {
        let mut named = std::mem::take(&mut self.named);
        if !self.all {
            self.provider = named.pop().unwrap_or_default();
        }
        self.pool.named = named;
        &mut self.pool
    }

    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        if let Some(file) = &self.from {
            return all::run(session, &self.pool, file, self.yes).await;
        }
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
