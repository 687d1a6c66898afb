//! `causeway pools remove`.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::{
    arguments::PoolArguments,
    commands::Session,
    failure::{Ending, Failure},
    question::confirm,
    shown,
    waiting::{self, WaitArguments},
};

/// `causeway pools remove`.
#[derive(Debug, Args)]
pub struct Remove {
    #[command(flatten)]
    pool: PoolArguments,
    /// What becomes of the providers that Causeway made; without it they are kept, or what was said before holds
    #[arg(long, value_enum)]
    providers: Option<Providers>,
    /// Does not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    wait: WaitArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Providers {
    /// They stay in the pool, and sign nobody in any more
    Keep,
    /// They are taken out of the app clients and deleted
    Delete,
}

impl Providers {
    fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Delete => "delete",
        }
    }
}

impl Remove {
    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        let pool = session.api.get(&self.pool.path()).await?;
        let question = match self.providers {
            Some(providers) => format!("Remove this user pool and {} its providers?", providers.name()),
            None => "Remove this user pool?".to_owned(),
        };
        confirm(&shown::pool::details(&pool.body)?, &question, self.yes)?;
        let chosen = self.providers.map(|providers| format!("?providers={}", providers.name()));
        let path = format!("{}{}", self.pool.path(), chosen.unwrap_or_default());
        let answer = session.api.delete(&path, pool.etag.as_deref()).await?.body;
        let is_gone = answer.is_null();
        if is_gone {
            return self.gone(session, &json!({ "removed": true }));
        }
        if !self.wait.wait {
            session
                .output
                .show(&answer, || Ok("It is being removed; `causeway runs` shows how far it is.\n".to_owned()))?;
            return Ok(Ending::Done);
        }
        waiting::until(self.wait, "removing the user pool", session.output, async || {
            match session.api.get(&self.pool.path()).await {
                Ok(_) => Ok(None),
                Err(failure) if failure.is_not_found() => Ok(Some(())),
                Err(failure) => Err(failure),
            }
        })
        .await?;
        self.gone(session, &json!({ "removed": true }))
    }

    fn gone(&self, session: &Session, answer: &Value) -> Result<Ending, Failure> {
        session.output.show(answer, || Ok(format!("{} is removed.\n", self.pool.user_pool)))?;
        Ok(Ending::Done)
    }
}
