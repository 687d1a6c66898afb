//! `cargo xtask test`: every check that CI runs, in the order in which they fail soonest.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};
use causeway_tests::cloud::{CLOUD_FILE_VARIABLE, Cloud, Settings, Started};
use causeway_tests::command_line::{self, PROGRAM_VARIABLE};
use causeway_tests::deployment::Build;
use causeway_tests::process::run_shown;
use causeway_tests::{deployment, prerequisites, tools, workspace};

use crate::{announce, described, mutations, with_front};

/// How large the scenarios are that are played.
#[derive(Clone, Copy, Debug)]
pub enum Size {
    /// For every change of the code.
    Usual,
    /// For once in a while.
    Long,
}

impl Size {
    /// How many lives of a user pool are simulated.
    fn simulated_lives(self) -> &'static str {
        match self {
            Self::Usual => "10000",
            Self::Long => "200000",
        }
    }

    /// How many webhooks come at once.
    fn burst(self) -> &'static str {
        match self {
            Self::Usual => "200",
            Self::Long => "5000",
        }
    }

    /// How many user pools there are, and how many changes, while everything fails.
    fn faults(self) -> &'static str {
        match self {
            Self::Usual => "2x20",
            Self::Long => "20x200",
        }
    }
}

/// The end-to-end tests whose size [`Size`] sets.
const LARGE: [&str; 2] = ["faults::", "burst::"];

/// All packages but the one whose tests need a cloud. The command is built by it too, for tests of its own.
const UNIT_TESTS: [&str; 4] = ["test", "--workspace", "--exclude", "causeway-tests"];

/// Runs all checks and stops at the first that fails.
pub async fn run(size: Size) -> Result<()> {
    let begin = Instant::now();
    prerequisites::check_with_browser()?;
    phase("format", cargo(&["fmt", "--all", "--check"])).await?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    // Installing waits for registries mostly, the compiler for processors.
    tokio::try_join!(phase("clippy", cargo(&clippy)), phase("tools", install()))?;
    phase("unit and property tests", unit_tests()).await?;
    // Each leaves the other a processor for most of its time.
    tokio::try_join!(phase("simulation", simulation(size)), phase("functions", build()))?;
    if let Size::Long = size {
        phase("mutation tests", mutations::run()).await?;
    }
    phase("template", async { deployment::validate(&tools::install(&announce).await?).await }).await?;
    on_a_cloud(size).await?;
    println!("==> all checks passed in {} s", begin.elapsed().as_secs());
    Ok(())
}

async fn phase(name: &str, work: impl Future<Output = Result<()>>) -> Result<()> {
    announce(name);
    let begin = Instant::now();
    let outcome = work.await;
    let verdict = if outcome.is_ok() { "ok" } else { "FAILED" };
    println!("==> {name}: {verdict} after {:.1} s", begin.elapsed().as_secs_f64());
    outcome.with_context(|| name.to_owned())
}

async fn cargo(arguments: &[&str]) -> Result<()> {
    run_shown("cargo", cargo_command().args(arguments)).await
}

async fn install() -> Result<()> {
    tools::install(&announce).await?;
    tools::install_browser(&announce).await?;
    tools::install_checks(&announce).await.map(drop)
}

/// Builds the functions as a local cloud does, which then finds them built.
async fn build() -> Result<()> {
    let logs = home().join("logs");
    std::fs::create_dir_all(&logs)?;
    deployment::build(&tools::install(&announce).await?, Build::default(), &logs.join("build.log")).await
}

/// A folder of its own, so that a cloud that somebody works with is left alone.
fn home() -> PathBuf {
    workspace::local().join("test")
}

/// All tests but the end-to-end ones, which need a cloud.
async fn unit_tests() -> Result<()> {
    cargo(&UNIT_TESTS).await?;
    let mut arguments = vec!["test", "--package", "causeway-tests", "--lib"];
    for about_files in ["template", "releases", "documents"] {
        arguments.extend(["--test", about_files]);
    }
    cargo(&arguments).await
}

/// Lets many more user pools live through everything than while one works on the code.
async fn simulation(size: Size) -> Result<()> {
    let mut command = cargo_command();
    command
        .args(["test", "--package", "causeway-core", "--test", "convergence"])
        .env("PROPTEST_CASES", size.simulated_lives());
    run_shown("cargo test", &mut command).await
}

/// What needs a cloud, on one.
async fn on_a_cloud(size: Size) -> Result<()> {
    let settings = with_front(Settings { home: home(), strict: true, ..Settings::default() })?;
    announce("local cloud");
    let started = Cloud::start(&settings, &announce).await?;
    phase("end-to-end tests", end_to_end(&started, size)).await?;
    // The last: what it makes and changes is in nobody's way any more.
    phase("API as described", Box::pin(described::check(started.cloud()?))).await
}

async fn end_to_end(started: &Started, size: Size) -> Result<()> {
    // As the unit tests left it: a build of its own would have other features, and take minutes.
    let program = command_line::build(&[&UNIT_TESTS[..], &["--no-run"]].concat()).await?;
    let logs = &started.cloud()?.log_dir;
    // They mostly wait, so that more of them than processors run side by side.
    let side_by_side = ["--test-threads", "8"];
    // What deploys again would be in the way of all others.
    let alone = ["--ignored", "--test-threads", "1"];
    let mut rounds = vec![side_by_side.to_vec(), alone.to_vec()];
    if let Size::Long = size {
        // At full size each of these has the queue to itself: others would wait for longer than they may.
        rounds[0].extend(LARGE.iter().flat_map(|name| ["--skip", name]));
        rounds.push([&LARGE[..], &["--test-threads", "1"]].concat());
    }
    for options in rounds {
        let mut command = cargo_command();
        command
            .args(["test", "--package", "causeway-tests", "--test", "end_to_end", "--"])
            .args(&options)
            .env(CLOUD_FILE_VARIABLE, started.file())
            .env("CAUSEWAY_FAULTS", size.faults())
            .env("CAUSEWAY_BURST", size.burst())
            .env(PROGRAM_VARIABLE, &program);
        let outcome = run_shown("cargo test", &mut command).await;
        outcome.with_context(|| format!("the cloud's logs are in {}", logs.display()))?;
    }
    Ok(())
}

fn cargo_command() -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(workspace::root());
    command
}
