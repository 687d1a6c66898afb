//! What `cargo xtask COMMAND` does, once the tools are installed and this is built. The package `xtask` starts it.
#![allow(clippy::print_stdout, reason = "a command speaks to who called it")]

mod bench;
mod checks;
mod demo;
mod described;
mod fuzz;
mod mutations;
mod record;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use causeway_local_cloud::cloud::{self, Cloud, Settings};
use causeway_local_cloud::deployment::{self, Build, SigningKeys};
use causeway_local_cloud::front;
use causeway_local_cloud::interrupt::until_interrupted;
use causeway_local_cloud::{tools, workspace};
use causeway_machine::options::{self, ACCEPT_USAGE, Accept, Command, USAGE, Up};
use causeway_machine::progress::{say, step};
use causeway_machine::terminal::{Look, look};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    let outcome = if arguments.next_if(|argument| argument == "front").is_some() {
        be_the_front(&arguments.next().unwrap_or_default())
    } else {
        match options::parse(arguments) {
            Ok(command) => run(command),
            Err(problem) => {
                eprintln!("{problem}\n\n{USAGE}");
                return ExitCode::from(2);
            }
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{} {error:#}", look(Look::Bad, "error:"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    block_on(async {
        match command {
            Command::Help => {
                println!("{USAGE}");
                Ok(())
            }
            Command::Up(up) => start(up).await,
            Command::Down => {
                down();
                Ok(())
            }
            Command::Described => described::check(&Cloud::load(&cloud::cloud_file(&workspace::local()))?).await,
            Command::Demo { keep } => demo::run(keep).await,
            Command::Bench(parts) => bench::run(&parts).await,
            Command::Test { long } => checks::run(if long { checks::Size::Long } else { checks::Size::Usual }).await,
            Command::Redeploy => redeploy().await,
            Command::HelpAccept => {
                println!("{ACCEPT_USAGE}");
                Ok(())
            }
            Command::Accept(options) => Box::pin(accept(&options)).await,
            Command::Record => record::run().await,
        }
    })
}

/// Is the strict front of a local cloud, which the other commands start by this.
fn be_the_front(settings: &str) -> Result<()> {
    let settings: front::program::Settings = serde_json::from_str(settings).context("no settings of a front")?;
    block_on(async { front::program::run(&settings).await })
}

fn block_on(work: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context("cannot start the asynchronous runtime")?;
    runtime.block_on(until_interrupted(work))
}

/// How long the first part took, before it became this.
#[derive(Clone, Copy, Debug, Default)]
struct Prepared {
    all: Duration,
    compiling: Duration,
    installing: Duration,
}

/// What the first part tells of itself.
fn prepared() -> Prepared {
    let told = std::env::var("CAUSEWAY_PREPARED").unwrap_or_default();
    let mut told = told.split(',').map(|part| Duration::from_millis(part.parse().unwrap_or(0)));
    let mut next = || told.next().unwrap_or_default();
    Prepared { all: next(), compiling: next(), installing: next() }
}

/// With the strict front, which is this program.
fn with_front(settings: Settings) -> Result<Settings> {
    let front = std::env::current_exe().context("cannot tell where this program is")?;
    Ok(Settings { front: Some(front), ..settings })
}

async fn start(up: Up) -> Result<()> {
    let Up { aws_port, functions_aws_endpoint, strict } = up;
    let settings = with_front(Settings { aws_port, functions_aws_endpoint, strict, ..Settings::default() })?;
    let started = Cloud::start(&settings).await?;
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

/// Puts the functions as they are now into the cloud that runs.
async fn redeploy() -> Result<()> {
    let cloud = Cloud::load(&cloud::cloud_file(&workspace::local()))?;
    let building = step("building the functions");
    deployment::build(&tools::installed()?, Build::Quick, &cloud.log_dir.join("build.log")).await?;
    building.done();
    let deploying = step("deploying template.yaml");
    deployment::deploy_again(&cloud, SigningKeys::default()).await?;
    deploying.done();
    Ok(())
}

/// Proves a deployment, and fails where the documents are wrong about it or something was left.
async fn accept(options: &Accept) -> Result<()> {
    let local = if options.local { Some(Cloud::load(&cloud::cloud_file(&workspace::local()))?) } else { None };
    if options.clean {
        return causeway_accept::clean(options, local).await;
    }
    causeway_accept::accept(options, local).await?.is_as_documented()
}

fn down() {
    if cloud::stop(&workspace::local()) {
        println!("The local cloud has stopped.");
    } else {
        println!("No local cloud was running.");
    }
}

/// Says that a step begins.
fn announce(step: &str) {
    say(&format!("==> {step}"));
}
