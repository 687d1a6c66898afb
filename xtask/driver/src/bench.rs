//! `cargo xtask bench`: what the functions cost in time, calls and memory. docs/benchmarks.md says what each part
//! does and what it found.

mod aws;
mod burst;
mod calls;
mod cold;
mod events;
mod figures;
mod fleet;
mod import;
mod ingest;
mod instance;
mod journey;
mod report;
mod runtime;
mod signin;
mod stage;
mod steady;

use std::time::Instant;

use anyhow::{Context, Result};

use self::report::Report;
use self::stage::Stage;
use crate::announce;

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The first event of each function, and its size.
    Cold,
    /// Webhooks.
    Ingest,
    /// A pool where nothing is to be done.
    Steady,
    /// A pool that gets 300 providers.
    Import,
    /// Sign-ins.
    Signin,
    /// Very many webhooks at once.
    Burst,
    /// Very many pools that are due.
    Fleet,
}

impl Part {
    /// All of them, in the order in which they are run.
    pub const ALL: [Self; 7] =
        [Self::Cold, Self::Ingest, Self::Signin, Self::Steady, Self::Import, Self::Burst, Self::Fleet];

    /// Its name on the command line and in file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Ingest => "ingest",
            Self::Steady => "steady",
            Self::Import => "import",
            Self::Signin => "signin",
            Self::Burst => "burst",
            Self::Fleet => "fleet",
        }
    }

    /// The part of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.name() == name)
    }

    async fn measure(self, stage: &Stage) -> Result<Report> {
        let mut report = Report::new(self.name());
        match self {
            Self::Cold => cold::measure(stage, &mut report).await,
            Self::Ingest => ingest::measure(stage, &mut report).await,
            Self::Steady => steady::measure(stage, &mut report).await,
            Self::Import => import::measure(stage, &mut report).await,
            Self::Signin => signin::measure(stage, &mut report).await,
            Self::Burst => burst::measure(stage, &mut report).await,
            Self::Fleet => fleet::measure(stage, &mut report).await,
        }?;
        Ok(report)
    }
}

/// Runs parts of the benchmark, each on a cloud of its own, so that none finds what another left. A missed target is
/// printed, and is no failure of the command.
pub async fn run(parts: &[Part]) -> Result<()> {
    let mut missed = 0;
    for part in parts {
        let begin = Instant::now();
        announce(&format!("bench {}", part.name()));
        let stage = Stage::set().await?;
        announce(&format!("measuring {}", part.name()));
        let set = begin.elapsed();
        let report = part.measure(&stage).await.with_context(|| {
            format!("{} could not be measured; the logs are in {}", part.name(), stage.cloud.log_dir.display())
        })?;
        let took = begin.elapsed();
        report.publish(took.saturating_sub(set))?;
        missed += report.missed();
        let (name, took, set) = (part.name(), took.as_secs(), set.as_secs());
        println!("\n==> bench {name}: {took} s, {set} s of them for the build and the start of its cloud");
    }
    println!("==> {missed} targets were missed; the figures are in target/bench/");
    Ok(())
}
