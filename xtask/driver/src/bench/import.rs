//! `import`: pools that get 300 providers each, one after the other, through Cognito's throttle, the last two with calls
//! that take as long as in a Region.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use super::calls::{Counts, counted, shown, throttled};
use super::figures::{Spread, count, number};
use super::report::{Report, Table};
use super::stage::{ACCOUNT, Pool, Stage};

const CONNECTIONS: usize = 300;
/// How many pools, each with all connections, get them without delays and with them.
const POOLS: usize = 2;
/// How many calls of one operation on one pool Cognito takes at once, and then each second.
const BURST: f64 = 5.0;
const RATE: f64 = 5.0;
/// How many of them a run makes each second (`shared/cognito/src/pacer.rs`).
const PACE: f64 = 4.75;
/// How many times the least time it may take, with calls that take next to no time and with those of a Region.
const TIMES: f64 = 1.10;
const TIMES_DELAYED: f64 = 1.15;
const LIMIT: Duration = Duration::from_mins(5);

/// What the imports of some pools took.
struct Imports {
    took: Spread,
    memory: Spread,
    throttled: usize,
    calls: Vec<Counts>,
}

pub async fn measure(stage: &Stage, report: &mut Report) -> Result<()> {
    let tenant = stage.tenant().await?;
    let organization = tenant.workos.create_organization("import", &[]).await?;
    let mut pools = Vec::new();
    for _ in 0..2 * POOLS {
        pools.push(stage.pool(&tenant, ACCOUNT, &[]).await?);
    }
    stage.silence_workos().await?;
    stage.connections(&organization, CONNECTIONS).await?;
    let mut table = Table::new(&[
        "connections",
        "calls take",
        "took, s",
        "least, s",
        "times the least",
        "of it by the pace, s",
        "throttled",
        "memory, MiB",
        "calls of the last",
    ]);
    let (without, with) = pools.split_at(POOLS);
    let imports = imported(stage, without).await?;
    add(report, &mut table, "import", "what the emulator takes", &imports, TIMES);
    stage.delay_calls().await?;
    let imports = imported(stage, with).await?;
    add(report, &mut table, "import with delays", "as long as in a Region", &imports, TIMES_DELAYED);
    report.table(table);
    Ok(())
}

async fn imported(stage: &Stage, pools: &[Pool]) -> Result<Imports> {
    let (mut took, mut memory, mut refused, mut calls) = (Vec::new(), Vec::new(), 0, Vec::new());
    for pool in pools {
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
    Ok(Imports { took: Spread::of(took), memory: Spread::of(memory), throttled: refused, calls })
}

fn add(report: &mut Report, table: &mut Table, figure: &str, calls_take: &str, imports: &Imports, target: f64) {
    let least = (count(CONNECTIONS) - BURST) / RATE;
    // What calls at an even pace take longer, the first of them at once: they leave the burst to the tenant.
    let pacing = (count(CONNECTIONS) - 1.0) / PACE - least;
    let times = imports.took.median / least;
    table.row([
        CONNECTIONS.to_string(),
        calls_take.to_owned(),
        imports.took.shown(),
        number(least),
        number(times),
        number(pacing),
        imports.throttled.to_string(),
        imports.memory.shown(),
        imports.calls.last().map(shown).unwrap_or_default(),
    ]);
    report.figure(
        figure,
        json!({
            "connections": CONNECTIONS, "took_s": imports.took, "least_s": least, "times": times, "pacing_s": pacing,
            "throttled": imports.throttled, "memory_mib": imports.memory, "calls": imports.calls,
        }),
    );
    report.target(format!("{figure}: within {target} of the least time"), number(times), times <= target);
    let throttled = imports.throttled;
    report.target(format!("{figure}: throttled at most once a run"), throttled.to_string(), throttled <= POOLS);
}
