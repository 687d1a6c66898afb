//! `cargo xtask bench`: what the functions cost in time, calls and memory. docs/benchmarks.md says what each part
//! does and what it found.

mod aws;
mod burst;
mod calls;
mod cold;
mod events;
mod figures;
mod fleet;
mod flood;
mod import;
mod ingest;
mod instance;
mod journey;
mod queues;
mod report;
mod runtime;
mod signin;
mod stage;
mod steady;

use std::time::Instant;

use anyhow::{Context, Result};
pub use causeway_machine::options::Part;

use self::report::Report;
use self::stage::Stage;
use crate::announce;

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
        let report = measure(*part, &stage).await.with_context(|| {
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

async fn measure(part: Part, stage: &Stage) -> Result<Report> {
    let mut report = Report::new(part.name());
    match part {
        Part::Cold => cold::measure(stage, &mut report).await,
        Part::Ingest => ingest::measure(stage, &mut report).await,
        Part::Steady => steady::measure(stage, &mut report).await,
        Part::Import => import::measure(stage, &mut report).await,
        Part::Signin => signin::measure(stage, &mut report).await,
        Part::Burst => burst::measure(stage, &mut report).await,
        Part::Flood => flood::measure(stage, &mut report).await,
        Part::Fleet => fleet::measure(stage, &mut report).await,
    }?;
    Ok(report)
}
