//! The commands of the project: `cargo xtask COMMAND`.
#![allow(clippy::print_stdout, reason = "a command speaks to who called it")]

mod bench;
mod checks;
mod demo;
mod described;
mod mutations;
mod options;

use std::process::ExitCode;

use anyhow::{Context, Result};
use causeway_tests::cloud::{self, Cloud, Settings};
use causeway_tests::front;
use causeway_tests::interrupt::until_interrupted;
use causeway_tests::workspace;

use crate::options::{Command, USAGE};

fn main() -> ExitCode {
    let command = match options::parse(std::env::args().skip(1)) {
        Ok(command) => command,
        Err(problem) => {
            eprintln!("{problem}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context("cannot start the asynchronous runtime")?;
    runtime.block_on(until_interrupted(async {
        match command {
            Command::Help => {
                println!("{USAGE}");
                Ok(())
            }
            Command::Up(settings) => up(&with_front(settings)?).await,
            Command::Down => {
                down();
                Ok(())
            }
            Command::Described => described::check(&Cloud::load(&cloud::cloud_file(&workspace::local()))?).await,
            Command::Demo { keep } => demo::run(keep).await,
            Command::Bench(parts) => bench::run(&parts).await,
            Command::Test(size) => checks::run(size).await,
            Command::Front(settings) => front::program::run(&settings).await,
        }
    }))
}

/// With the strict front, which is this program.
fn with_front(settings: Settings) -> Result<Settings> {
    let front = std::env::current_exe().context("cannot tell where this program is")?;
    Ok(Settings { front: Some(front), ..settings })
}

async fn up(settings: &Settings) -> Result<()> {
    let started = Cloud::start(settings, &announce).await?;
    let cloud = started.cloud()?;
    println!("\nThe local cloud runs. `cargo xtask down` stops it.");
    println!("  AWS      {}", cloud.aws_endpoint);
    println!("  front    {}", cloud.strict_endpoint);
    println!("  API      {}", cloud.api_url);
    println!("  WorkOS   {}", cloud.workos_url);
    println!("  details  {}", started.file().display());
    println!("  logs     {}", cloud.log_dir.display());
    started.detach();
    Ok(())
}

fn down() {
    if cloud::stop(&workspace::local()) {
        println!("The local cloud has stopped.");
    } else {
        println!("No local cloud was running.");
    }
}

/// Shows that a long step begins.
fn announce(step: &str) {
    println!("==> {step}");
}
