//! `causeway pools remove`.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::{
    arguments::PoolArguments,
    commands::Session,
    failure::{Ending, Failure},
    question::confirm,
    shown::{self, pool::Standing},
    waiting::{self, Seen, WaitArguments},
};

/// `causeway pools remove`.
#[derive(Debug, Args)]
pub struct Remove {
    #[command(flatten)]
    pub pool: PoolArguments,
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
        let mut pool = session.api.get(&self.pool.path()).await?;
        let question = match self.providers {
            Some(providers) => format!("Remove this user pool and {} its providers?", providers.name()),
            None => "Remove this user pool?".to_owned(),
        };
        let mut left = Vec::new();
        if matches!(self.providers, Some(Providers::Delete)) && pool.body["status"] == "active" {
            // A removal needs nobody's account, so that it goes on where nobody can look.
            if let Ok(verified) = session.api.post(&format!("{}/verify", self.pool.path()), json!({})).await {
                left = shown::checks::unnamed(&verified.body);
                // The checks that pass count as a change.
                pool = session.api.get(&self.pool.path()).await?;
            }
        }
        confirm(&format!("{}{}", shown::pool::details(&pool.body)?, shown::checks::left(&left)), &question, self.yes)?;
        let chosen = self.providers.map(|providers| format!("?providers={}", providers.name()));
        let path = format!("{}{}", self.pool.path(), chosen.unwrap_or_default());
        let answer = session.api.delete(&path, pool.etag.as_deref()).await?.body;
        let is_gone = answer.is_null();
        if is_gone {
            return self.gone(session, &left);
        }
        if !self.wait.wait {
            let text = "It is being removed; `causeway runs` shows how far it is.\n";
            session.output.show(&answer, || Ok(format!("{text}{}", shown::checks::left(&left))))?;
            return Ok(Ending::Done);
        }
        self.wait_until_gone(session, shown::pool::last_run(&pool.body)?.map(|run| run.id)).await?;
        self.gone(session, &left)
    }

    /// `before` is the last run before the removal began: what it left is no answer to it.
    async fn wait_until_gone(&self, session: &Session, before: Option<String>) -> Result<(), Failure> {
        waiting::until(self.wait, "removing the user pool", session.output, async || {
            match session.api.get(&self.pool.path()).await {
                Ok(answer) => {
                    let standing = Standing::of(&answer.body)?;
                    let has_run = standing.last_run.as_ref().map(|run| &run.id) != before.as_ref();
                    let needed = standing.needs_somebody().filter(|_| has_run);
                    Ok(needed.map_or_else(|| Seen::GoesOn(standing.text()), Seen::NeedsSomebody))
                }
                Err(failure) if failure.is_not_found() => Ok(Seen::Ended(())),
                Err(failure) => Err(failure),
            }
        })
        .await
    }

    fn gone(&self, session: &Session, left: &[Value]) -> Result<Ending, Failure> {
        let answer = json!({ "removed": true, "left_in_app_clients": left });
        let text = || Ok(format!("{} is removed.\n{}", self.pool.user_pool, shown::checks::left(left)));
        session.output.show(&answer, text)?;
        Ok(Ending::Done)
    }
}
