//! `import`: pools that get 300 providers each, one after the other, through Cognito's throttle.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use super::calls::{counted, shown, throttled};
use super::figures::{Spread, count, number};
use super::report::{Report, Table};
use super::stage::{ACCOUNT, Stage};

const CONNECTIONS: usize = 300;
/// How many pools, each with all connections.
const POOLS: usize = 3;
/// How many calls of one operation on one pool Cognito takes at once, and then each second.
const BURST: f64 = 5.0;
const RATE: f64 = 5.0;
/// How many of them a run makes each second (`shared/cognito/src/pacer.rs`).
const PACE: f64 = 4.75;
/// How many times the least time it may take.
const TIMES: f64 = 1.10;
const LIMIT: Duration = Duration::from_mins(5);

pub async fn measure(stage: &Stage, report: &mut Report) -> Result<()> {
    let tenant = stage.tenant().await?;
    let organization = tenant.workos.create_organization("import", &[]).await?;
    let mut pools = Vec::new();
    for _ in 0..POOLS {
        pools.push(stage.pool(&tenant, ACCOUNT, &[]).await?);
    }
    stage.silence_workos().await?;
    stage.connections(&organization, CONNECTIONS).await?;
    let (mut took, mut memory, mut refused, mut calls) = (Vec::new(), Vec::new(), 0, Vec::new());
    for pool in &pools {
        let instance = stage.function("reconcile").await?.start().await?;
        let answered = stage.run(&instance, pool, LIMIT).await?;
        let providers = stage.providers(pool).await?;
        ensure!(providers == CONNECTIONS, "{providers} providers and not {CONNECTIONS}");
        let of_it = stage.calls_of(&answered).await?;
        refused += throttled(&of_it);
        took.push(answered.took().as_secs_f64());
        memory.push(instance.peak_memory()?);
        calls.push(counted(&of_it));
    }
    let least = (count(CONNECTIONS) - BURST) / RATE;
    // What calls at an even pace take longer, the first of them at once: they leave the burst to the tenant.
    let pacing = (count(CONNECTIONS) - 1.0) / PACE - least;
    let (took, memory) = (Spread::of(took), Spread::of(memory));
    let times = took.median / least;
    let mut table = Table::new(&[
        "connections",
        "took, s",
        "least, s",
        "times the least",
        "of it by the pace, s",
        "throttled",
        "memory, MiB",
        "calls of the last",
    ]);
    table.row([
        CONNECTIONS.to_string(),
        took.shown(),
        number(least),
        number(times),
        number(pacing),
        refused.to_string(),
        memory.shown(),
        calls.last().map(shown).unwrap_or_default(),
    ]);
    report.table(table);
    report.figure(
        "import",
        json!({
            "connections": CONNECTIONS, "took_s": took, "least_s": least, "times": times, "pacing_s": pacing,
            "throttled": refused, "memory_mib": memory, "calls": calls,
        }),
    );
    report.target("within 1.10 of the least time that the throttle allows", number(times), times <= TIMES);
    report.target("no throttle met", refused.to_string(), refused == 0);
    Ok(())
}
