//! `cargo xtask test`: every check that CI runs, in the order in which they fail soonest.

mod parts;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use causeway_local_cloud::cloud::{CLOUD_FILE_VARIABLE, Cloud, Settings, Started};
use causeway_local_cloud::command_line::{self, PROGRAM_VARIABLE};
use causeway_local_cloud::demo::play;
use causeway_local_cloud::deployment::{Build, Triggers};
use causeway_local_cloud::process::run_shown;
use causeway_local_cloud::{deployment, tools, workspace};
use causeway_machine::options::Accept;
use causeway_machine::progress::say;

use self::parts::Parts;
use crate::{described, fuzz, mutations, with_front};

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

    /// What property tests draw their inputs from, in proptest's variable: always the same ones for a change of the code,
    /// so that a check that fails is the change's own. Anything else draws new ones each time.
    fn draws(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Usual => Some(("PROPTEST_RNG_SEED", "20261201")),
            Self::Long => None,
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

/// Of the whole workspace, whatever is built of it: dependencies then have the same features, and are built once.
/// The end-to-end tests are built by this only where they are named.
const TESTS: [&str; 2] = ["test", "--workspace"];

/// Runs all checks and stops at the first that fails.
pub async fn run(size: Size) -> Result<()> {
    let parts = Parts::begin();
    let outcome = all(size, &parts).await;
    parts.show();
    outcome
}

async fn all(size: Size, parts: &Parts) -> Result<()> {
    parts.run("format", cargo(&["fmt", "--all", "--check"])).await?;
    // Only checks, and so has a look of its own at every dependency: the compiler's work can't be shared with it.
    // All targets are without the end-to-end tests, which `cargo test` leaves out.
    let targets = ["--all-targets", "--test", "end_to_end"];
    let clippy = [&["clippy", "--workspace", "--locked"][..], &targets, &["--", "-D", "warnings"]].concat();
    parts.run("clippy", cargo(&clippy)).await?;
    parts.run("unit and property tests", unit_and_property_tests(size)).await?;
    if let Size::Long = size {
        parts.run("fuzz targets", fuzz::run()).await?;
        parts.run("mutation tests", mutations::run()).await?;
    }
    parts.run("template", async { deployment::validate(&tools::installed()?).await }).await?;
    let (clouds, ()) = tokio::try_join!(parts.run("local clouds", start()), parts.run("simulation", simulation(size)))?;
    // The tests mostly wait, and leave the processors time for what they don't need: the build comes behind everything.
    let ship = parts.run("a function as shipped", ship());
    tokio::try_join!(parts.run("end-to-end tests", end_to_end(&clouds.tested, size)), ship, async {
        parts.run("demo", demo()).await?;
        parts.run("API as described", Box::pin(described::check(clouds.described.cloud()?))).await?;
        parts.run("acceptance", Box::pin(acceptance(clouds.described.cloud()?))).await?;
        // They would be in the way of all others, which have the first cloud.
        parts.run("tests that deploy", tests(&clouds.described, size, &["--ignored", "--test-threads", "1"])).await
    })?;
    drop(clouds);
    if let Size::Long = size {
        parts.run("x86_64 as shipped", x86_64()).await?;
    }
    Ok(())
}

async fn cargo(arguments: &[&str]) -> Result<()> {
    run_shown("cargo", cargo_command().args(arguments)).await
}

async fn unit_and_property_tests(size: Size) -> Result<()> {
    run_shown("cargo test", cargo_command().args(TESTS).envs(size.draws())).await
}

/// Builds one function with the profile that is shipped, as it is built for AWS, so that this can't break unseen. All of
/// them so take four times as long.
async fn ship() -> Result<()> {
    deployment::build_shipped(&tools::installed()?, "ingest", &home().join("logs/shipped-build.log")).await
}

/// Builds all functions for the processor that no release is built for, as `docs/deploy.md` says, and deploys them where
/// this machine can run them.
async fn x86_64() -> Result<()> {
    const PROCESSOR: &str = "x86_64";
    deployment::build_by_settings(&tools::installed()?, PROCESSOR, &home().join("logs/x86_64-build.log")).await?;
    if deployment::host_architecture()? != PROCESSOR {
        say("built for x86_64 and not deployed, since this machine is another");
        return Ok(());
    }
    let home = workspace::local().join("shipped");
    let settings = with_front(Settings { home, build: Build::Shipped, strict: true, ..Settings::default() })?;
    // It has answered once it has started.
    Cloud::start(&settings).await.map(drop)
}

/// A folder of its own, so that a cloud that somebody works with is left alone.
fn home() -> PathBuf {
    workspace::local().join("test")
}

/// Lets many more user pools live through everything than while one works on the code.
async fn simulation(size: Size) -> Result<()> {
    let mut command = cargo_command();
    command
        .args(TESTS)
        .args(["--test", "convergence"])
        .env("SIMULATED_LIVES", size.simulated_lives())
        .envs(size.draws());
    run_shown("cargo test", &mut command).await
}

/// The clouds of a run.
struct Clouds {
    /// The one that the end-to-end tests share.
    tested: Started,
    /// The one whose API is asked for everything that its document has, and changed by it; then that of the tests that
    /// deploy.
    described: Started,
}

/// Starts one after the other, since both deploy from the same folder.
async fn start() -> Result<Clouds> {
    let at =
        async |home: PathBuf| Cloud::start(&with_front(Settings { home, strict: true, ..Settings::default() })?).await;
    Ok(Clouds { tested: at(home()).await?, described: at(workspace::local().join("described")).await? })
}

/// Plays what `cargo xtask demo` shows, on a cloud of its own, whose schedule ticks as quickly.
async fn demo() -> Result<()> {
    let settings = Settings {
        strict: true,
        triggers: Triggers::Quick,
        home: workspace::local().join("demo"),
        ..Settings::default()
    };
    let started = Cloud::start(&with_front(settings)?).await?;
    Box::pin(play(started.cloud()?)).await.map(drop)
}

async fn end_to_end(started: &Started, size: Size) -> Result<()> {
    // They mostly wait, so that more of them than processors run side by side.
    let mut side_by_side = vec!["--test-threads", "8"];
    if let Size::Long = size {
        // At full size each of these has the queue to itself: others would wait for longer than they may.
        side_by_side.extend(LARGE.iter().flat_map(|name| ["--skip", name]));
        tests(started, size, &side_by_side).await?;
        return tests(started, size, &[&LARGE[..], &["--test-threads", "1"]].concat()).await;
    }
    tests(started, size, &side_by_side).await
}

/// Runs end-to-end tests on a cloud, with these options of the test program.
async fn tests(started: &Started, size: Size, options: &[&str]) -> Result<()> {
    let program = command_line::build().await?;
    let mut command = cargo_command();
    command
        .args(TESTS)
        .args(["--test", "end_to_end", "--"])
        .args(options)
        .env(CLOUD_FILE_VARIABLE, started.file())
        .env("CAUSEWAY_FAULTS", size.faults())
        .env("CAUSEWAY_BURST", size.burst())
        .env(PROGRAM_VARIABLE, &program);
    let outcome = run_shown("cargo test", &mut command).await;
    let logs = &started.cloud()?.log_dir;
    outcome.with_context(|| format!("the cloud's logs are in {}", logs.display()))
}

/// Proves the deployment on a local cloud as one on AWS is proven, as far as that goes: there too nothing may be otherwise
/// than the documents say.
async fn acceptance(cloud: &Cloud) -> Result<()> {
    let options = Accept { yes: true, local: true, ..Accept::default() };
    let report = causeway_accept::accept(&options, Some(cloud.clone())).await?;
    report.is_as_documented()?;
    let unanswered = report.unanswered();
    ensure!(unanswered.is_empty(), "could not be told: {}", unanswered.join(", "));
    Ok(())
}

fn cargo_command() -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(workspace::root());
    command
}
