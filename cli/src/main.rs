//! `causeway`: the operator's command line, over the HTTP API of the function `tenants`.
//!
//! [`api`] calls it, [`commands`] has one use case a file, [`shown`] turns what the API answered into text for
//! people. `docs/cli.md` is the manual.
#![allow(clippy::doc_markdown, reason = "the documentation of arguments is their help, which has no markdown")]

mod api;
mod arguments;
mod chosen;
mod commands;
mod console;
mod failure;
mod ids;
mod output;
mod place;
mod question;
mod secret_input;
mod shown;
mod waiting;

use std::process::ExitCode;

use clap::Parser;

use crate::{
    api::{Api, address::Address, caller},
    arguments::{Arguments, Command},
    commands::Session,
    failure::{Ending, Failure},
    output::Output,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // Refuses arguments that it can't read with status 2, by itself.
    let arguments = Arguments::parse();
    let output = Output::new(arguments.json);
    let code = match run(arguments, output).await {
        Ok(ending) => ending.code(),
        Err(failure) => {
            output.failure(&failure);
            failure.code()
        }
    };
    ExitCode::from(code)
}

async fn run(mut arguments: Arguments, output: Output) -> Result<Ending, Failure> {
    match &arguments.command {
        Command::Completions(completions) => return completions.run(),
        Command::ManPages(pages) => return pages.run(),
        _ => {}
    }
    let caller = caller::of_environment(arguments.connection.profile.as_deref()).await;
    let region = arguments.connection.region.as_deref();
    let address = Address::new(arguments.connection.api_url.as_deref(), region, caller.region.as_deref())?;
    let session = Session { api: Api::new(address, caller.credentials)?, output };
    commands::run(&session, &mut arguments.command).await
}
