//! The commands: one use case a file.

pub mod adopt;
pub mod approve;
pub mod audit;
pub mod choose;
pub mod completions;
pub mod console;
pub mod export;
pub mod health;
pub mod links;
pub mod man_pages;
pub mod onboard;
pub mod plan;
pub mod pools;
pub mod providers;
pub mod reconcile;
pub mod refusals;
pub mod role;
pub mod runs;
pub mod sign_ins;
pub mod status;
pub mod tenants;
pub mod verify;

use serde_json::Value;

use crate::{
    api::{self, Api},
    arguments::{Command, ListArguments},
    chosen::{Choices, Chosen},
    failure::{Ending, Failure},
    output::Output,
    shown,
};

/// What a command has to work with.
#[derive(Debug)]
pub struct Session {
    /// The API of the deployment.
    pub api: Api,
    /// Where it speaks.
    pub output: Output,
}

impl Session {
    /// What is chosen for this deployment.
    pub fn chosen(&self) -> Result<Chosen, Failure> {
        Choices::of_operator()?.of(self.api.base())
    }

    /// Shows a list, `text` being made of its items.
    async fn show_list(
        &self,
        path: &str,
        arguments: ListArguments,
        text: impl FnOnce(&[Value]) -> Result<String, Failure>,
    ) -> Result<Ending, Failure> {
        let list = self.api.list(path, arguments.limit).await?;
        self.output.show(&list, || {
            let items = api::items(&list);
            let text = if items.is_empty() { "There are none.\n".to_owned() } else { text(items)? };
            Ok(format!("{text}{}", shown::unreadable(&list)))
        })?;
        Ok(Ending::Done)
    }
}

/// Does what was asked.
pub async fn run(session: &Session, command: &mut Command) -> Result<Ending, Failure> {
    if let Some((place, access)) = command.place() {
        place.resolve(session, access).await?;
    }
    match command {
        Command::Use(choose) => choose.run(session).await,
        Command::Tenants(tenants) => tenants.run(session).await,
        Command::Pools(pools) => pools.run(session).await,
        Command::Role(role) => role.run(session).await,
        Command::Verify(verify) => verify.run(session).await,
        Command::Plan(plan) => plan.run(session).await,
        Command::Reconcile(reconcile) => reconcile.run(session).await,
        Command::Approve(approve) => approve.run(session).await,
        Command::Refuse(refuse) => refuse.run(session).await,
        Command::Refusals(refusals) => refusals.run(session).await,
        Command::LetGo(let_go) => let_go.run(session).await,
        Command::Providers(providers) => providers.run(session).await,
        Command::Runs(runs) => runs.run(session).await,
        Command::SignIns(sign_ins) => sign_ins.run(session).await,
        Command::Onboard(onboard) => onboard.run(session).await,
        Command::Links(links) => links.run(session).await,
        Command::Export(export) => export.run(session).await,
        Command::Adopt(adopt) => adopt.run(session).await,
        Command::Audit(audit) => audit.run(session).await,
        Command::Console(console) => console.run(session).await,
        Command::Status(status) => status.run(session).await,
        Command::Health(health) => health.run(session).await,
        Command::DeadLetters(letters) => letters.run(session).await,
        Command::Completions(completions) => completions.run(),
        Command::ManPages(pages) => pages.run(),
    }
}
