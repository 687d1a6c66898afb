//! `steady`: looks at a pool where nothing is to be done, beside those of a straightforward reconciler.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use causeway_local_cloud::front::control::now;
use causeway_local_cloud::front::record::Call;
use causeway_local_cloud::{tools, workspace};
use serde_json::{Value, json};

use super::calls::{Counts, beginning, counted, of_aws, shown, throttled, waited};
use super::events::{request, status};
use super::figures::{Spread, count, milliseconds, number};
use super::instance::{Instance, LIMIT};
use super::report::{Report, Table};
use super::stage::{ACCOUNT, Pool, REGION, Stage, Tenant};
use crate::announce;

/// How many providers the pool has, one after the other.
const SIZES: [usize; 4] = [10, 100, 300, 1000];
/// The largest pool that the straightforward reconciler looks at: its calls grow by one for each provider, and it
/// takes as long as the throttle has it take.
const LARGEST_COMPARED: usize = 300;
const RUNS: usize = 9;
/// How often the straightforward reconciler looks: at 300 providers it takes more than a minute.
const RUNS_COMPARED: usize = 3;
/// Longer than the largest pool takes to fill, at 4.75 providers a second.
const FILLED_WITHIN: Duration = Duration::from_mins(14);
/// How many times fewer calls to Cognito are wanted at 300 providers.
const FEWER: f64 = 30.0;
/// How long a look at the largest pool and a `verify` with as many app clients may take where calls take as long as in a
/// Region.
const LOOKED_WITHIN: Duration = Duration::from_secs(8);
const VERIFIED_WITHIN: Duration = Duration::from_secs(5);
const APP_CLIENTS: usize = 10;
/// How much memory is enough for a pool of 1,000 providers, in MiB.
const MEMORY: f64 = 64.0;

pub async fn measure(stage: &Stage, report: &mut Report) -> Result<()> {
    let tenant = stage.tenant().await?;
    let organization = tenant.workos.create_organization("steady", &[]).await?;
    let pool = stage.pool(&tenant, ACCOUNT, &[]).await?;
    stage.silence_workos().await?;
    let mut table = Table::new(&[
        "providers",
        "by",
        "took, ms",
        "of it own, ms",
        "memory, MiB",
        "Cognito calls",
        "throttled",
        "all calls of one look",
    ]);
    let mut before = 0;
    for size in SIZES {
        announce(&format!("steady: {size} providers (those that are new take {} s)", (size - before) * 100 / 475));
        stage.connections(&organization, size - before).await?;
        before = size;
        fill(stage, &pool, size).await?;
        let ours = ours(stage, &pool, size, &mut table).await?;
        let cognito = |calls: &Value| calls["cognito_calls"].as_f64().unwrap_or_default();
        report.figure(&format!("{size} providers"), ours.clone());
        if size <= LARGEST_COMPARED {
            let theirs = theirs(stage, &tenant, &pool, size, &mut table).await?;
            report.figure(&format!("{size} providers, boto3"), theirs.clone());
            if size == LARGEST_COMPARED {
                let times = |name: &str| theirs[name]["min"].as_f64().unwrap_or_default() / cognito(&ours).max(1.0);
                let (all, taken) = (times("cognito_calls"), times("cognito_calls_taken"));
                let what =
                    "300 providers: at least 30 times fewer calls to Cognito than boto3's, throttled ones left out";
                report.target(what, format!("{} times ({} with them)", number(taken), number(all)), taken >= FEWER);
                report.figure("times fewer calls", json!({"taken": taken, "with_throttled": all}));
            }
        }
        if size == 1000 {
            let memory = ours["memory_mib"].as_f64().unwrap_or(f64::MAX);
            report.target("1,000 providers: within 64 MiB", format!("{} MiB", number(memory)), memory <= MEMORY);
        }
        let described = ours["described"].as_u64().unwrap_or(1);
        report.target(format!("{size} providers: none is described"), described.to_string(), described == 0);
    }
    delayed(stage, &tenant, &pool, before, (report, &mut table)).await?;
    report.table(table);
    Ok(())
}

/// The largest pool looked at, and one with ten app clients verified, where calls take as long as in a Region.
async fn delayed(
    stage: &Stage,
    tenant: &Tenant,
    pool: &Pool,
    size: usize,
    (report, table): (&mut Report, &mut Table),
) -> Result<()> {
    stage.delay_calls().await?;
    let looked = ours(stage, pool, size, table).await?;
    let slowest = looked["took_ms"]["max"].as_f64().unwrap_or(f64::MAX);
    report.figure(&format!("{size} providers with delays"), looked);
    let within = milliseconds(LOOKED_WITHIN);
    report.target(
        format!("{size} providers with delays: each look within {} s", LOOKED_WITHIN.as_secs()),
        format!("{} s at the most", number(slowest / 1000.0)),
        slowest <= within,
    );
    let took = verified(stage, tenant).await?;
    report.figure("verify with delays", json!({"took_ms": took, "app_clients": APP_CLIENTS}));
    report.target(
        format!("verify with {APP_CLIENTS} app clients and delays: within {} s", VERIFIED_WITHIN.as_secs()),
        format!("{} ms", took.shown()),
        took.max <= milliseconds(VERIFIED_WITHIN),
    );
    Ok(())
}

/// How long `verify` takes, each time by the same instance.
async fn verified(stage: &Stage, tenant: &Tenant) -> Result<Spread> {
    let pool = stage.pool_with(tenant, ACCOUNT, &[], APP_CLIENTS).await?;
    let instance = stage.function("tenants").await?.start().await?;
    let path = format!("/v1/tenants/{}/user-pools/{}/verify", pool.tenant, pool.id);
    let mut took = Vec::new();
    for _ in 0..RUNS {
        let answered = instance.invoke(&request("POST", &path, "", &[], "")).await?;
        ensure!(status(&answered.body) == 200, "verify was refused: {}", answered.body);
        took.push(answered.took());
    }
    Ok(Spread::of_times(took))
}

/// Brings the pool in line, by an instance of its own, so that what it needed counts for nothing afterwards.
async fn fill(stage: &Stage, pool: &Pool, size: usize) -> Result<()> {
    let instance = stage.function("reconcile").await?.start().await?;
    stage.run(&instance, pool, FILLED_WITHIN).await?;
    // The first look after that describes what was made, if anything.
    stage.run(&instance, pool, FILLED_WITHIN).await?;
    let providers = stage.providers(pool).await?;
    ensure!(providers == size, "{providers} providers and not {size}");
    Ok(())
}

async fn ours(stage: &Stage, pool: &Pool, size: usize, table: &mut Table) -> Result<Value> {
    let instance: Instance = stage.function("reconcile").await?.start().await?;
    stage.run(&instance, pool, LIMIT).await?;
    let (mut took, mut own, mut calls) = (Vec::new(), Vec::new(), Vec::<Call>::new());
    for _ in 0..RUNS {
        let answered = stage.run(&instance, pool, LIMIT).await?;
        calls = stage.calls_of(&answered).await?;
        let others = Duration::from_micros(waited(&calls, answered.begin_micros, answered.end_micros));
        took.push(answered.took());
        own.push(answered.took().saturating_sub(others));
    }
    let (took, own, memory) = (Spread::of_times(took), Spread::of_times(own), instance.peak_memory()?);
    let counts = counted(&calls);
    let cognito = beginning(&counts, "cognito-idp:");
    table.row([
        size.to_string(),
        "reconcile".to_owned(),
        took.shown(),
        own.shown(),
        number(memory),
        cognito.to_string(),
        throttled(&calls).to_string(),
        shown(&counts),
    ]);
    Ok(json!({
        "took_ms": took, "own_ms": own, "memory_mib": memory, "cognito_calls": cognito,
        "aws_calls": of_aws(&counts), "described": beginning(&counts, "cognito-idp:DescribeIdentityProvider"),
        "throttled": throttled(&calls), "calls": counts,
    }))
}

/// What one look of the straightforward reconciler took.
struct Look {
    took: f64,
    memory: f64,
    cognito: usize,
    throttled: usize,
    counts: Counts,
}

async fn theirs(stage: &Stage, tenant: &Tenant, pool: &Pool, size: usize, table: &mut Table) -> Result<Value> {
    let mut looks = Vec::new();
    for _ in 0..RUNS_COMPARED {
        looks.push(look(stage, tenant, pool, size).await?);
    }
    let of = |figure: fn(&Look) -> f64| Spread::of(looks.iter().map(figure));
    let (took, memory) = (of(|look| look.took), of(|look| look.memory));
    let (cognito, throttled) = (of(|look| count(look.cognito)), of(|look| count(look.throttled)));
    // Its SDK makes a throttled call again: each was asked for once.
    let taken = of(|look| count(look.cognito - look.throttled));
    table.row([
        size.to_string(),
        "boto3".to_owned(),
        took.shown(),
        String::new(),
        memory.shown(),
        cognito.shown(),
        throttled.shown(),
        looks.last().map(|look| shown(&look.counts)).unwrap_or_default(),
    ]);
    Ok(json!({
        "took_ms": took, "memory_mib": memory, "cognito_calls": cognito, "throttled": throttled,
        "cognito_calls_taken": taken, "calls": looks.iter().map(|look| &look.counts).collect::<Vec<_>>(),
    }))
}

async fn look(stage: &Stage, tenant: &Tenant, pool: &Pool, size: usize) -> Result<Look> {
    let since = now();
    let python = tools::installed()?.ministack.join("bin/python");
    let mut command = Command::new(python);
    command.arg(workspace::root().join("tests/tools/plain_reconciler.py"));
    command.args([&stage.cloud.strict_endpoint, &stage.cloud.workos_url, &tenant.workos.api_key]);
    command.args([ACCOUNT, REGION, &pool.id]).env_remove("AWS_PROFILE").env("AWS_CONFIG_FILE", "/dev/null");
    let output = tokio::task::spawn_blocking(move || command.output()).await?.context("cannot start Python")?;
    ensure!(output.status.success(), "the plain reconciler failed: {}", String::from_utf8_lossy(&output.stderr));
    let said: Value = serde_json::from_slice(&output.stdout).context("the plain reconciler said no JSON")?;
    ensure!(said["drift"] == 0 && said["providers"] == size, "the plain reconciler saw something else: {said}");
    let calls = stage.front.calls(since, "").await?;
    let counts = counted(&calls);
    Ok(Look {
        took: said["took_ms"].as_f64().unwrap_or_default(),
        memory: said["memory_mib"].as_f64().unwrap_or_default(),
        cognito: beginning(&counts, "cognito-idp:"),
        throttled: throttled(&calls),
        counts,
    })
}
