//! `fleet`: very many pools that are due at once, through `schedule`.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use causeway_local_cloud::front::control::now;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::aws::Service;
use super::calls::{Counts, counted, of_aws, shown};
use super::figures::{count, milliseconds, number};
use super::report::{Report, Table};
use super::stage::{ACCOUNT, Stage};
use crate::announce;

/// How many pools are due, one after the other.
const SIZES: [usize; 2] = [1000, 10_000];
/// What the template gives a tick.
const TICK: Duration = Duration::from_secs(50);
/// More ticks than it takes.
const MOST_TICKS: usize = 30;
/// Over how many partitions of the index the pools are spread (`causeway_store::DUE_SHARDS`).
const SHARDS: u8 = 8;
const SIDE_BY_SIDE: usize = 4;
/// How many times the calls of a pool among 1,000 a pool among 10,000 may take.
const GROWTH: f64 = 1.05;

pub async fn measure(stage: &Stage, report: &mut Report) -> Result<()> {
    let tenant = stage.tenant().await?;
    let organization = tenant.workos.create_organization("fleet", &[]).await?;
    let pool = stage.pool(&tenant, ACCOUNT, &[&organization]).await?;
    stage.silence_workos().await?;
    let key = json!({"pk": {"S": format!("TENANT#{}", tenant.id)}, "sk": {"S": format!("POOL#{}", pool.id)}});
    let asked = json!({"TableName": stage.cloud.table_name, "Key": key});
    let item = stage.service(Service::Table)?.call("GetItem", &asked).await?["Item"].clone();

    let mut table = Table::new(&[
        "due pools",
        "ticks",
        "took, s",
        "pools a second",
        "processor, ms a pool",
        "calls a pool",
        "memory, MiB",
        "calls in all",
    ]);
    let mut calls_each = Vec::new();
    for size in SIZES {
        announce(&format!("fleet: {size} pools are due"));
        make_due(stage, &item, size).await?;
        let begin = Instant::now();
        let ticked = tick(stage, size).await?;
        let took = begin.elapsed();
        let each = count(of_aws(&ticked.calls)) / count(ticked.woken);
        let processor = milliseconds(ticked.processor) / count(ticked.woken);
        let a_second = count(ticked.woken) / took.as_secs_f64();
        table.row([
            ticked.woken.to_string(),
            ticked.ticks.to_string(),
            number(took.as_secs_f64()),
            number(a_second),
            number(processor),
            number(each),
            number(ticked.memory),
            shown(&ticked.calls),
        ]);
        report.figure(
            &format!("{size} pools"),
            json!({
                "woken": ticked.woken, "ticks": ticked.ticks, "took_s": took.as_secs_f64(), "pools_a_second": a_second,
                "processor_ms_a_pool": processor, "calls_a_pool": each, "memory_mib": ticked.memory,
                "calls": ticked.calls,
            }),
        );
        calls_each.push(each);
    }
    report.table(table);
    if let [few, many] = calls_each[..] {
        let what = "a pool among 10,000 takes no more calls than one among 1,000";
        report.target(what, format!("{} and {}", number(many), number(few)), many <= few * GROWTH);
    }
    Ok(())
}

struct Ticked {
    woken: usize,
    ticks: usize,
    calls: Counts,
    processor: Duration,
    memory: f64,
}

/// Ticks until all pools were woken up.
async fn tick(stage: &Stage, pools: usize) -> Result<Ticked> {
    let schedule = stage.function("schedule").await?.start().await?;
    let since = now();
    let (mut woken, mut ticks) = (0, 0);
    while woken < pools {
        ensure!(ticks < MOST_TICKS, "only {woken} of {pools} pools were woken up in {ticks} ticks");
        let answered = schedule.invoke_within(&json!({}), TICK).await?;
        let failed = answered.body["failed"].as_u64().unwrap_or(1);
        ensure!(failed == 0, "pools were not woken up: {}", answered.body);
        woken += answered.body["woken"].as_u64().and_then(|woken| usize::try_from(woken).ok()).unwrap_or_default();
        ticks += 1;
    }
    // The pool that the others are like can be due too.
    ensure!(woken <= pools + 1, "{woken} pools were woken up, and {pools} were due");
    let calls = counted(&stage.front.calls(since, "").await?);
    Ok(Ticked { woken, ticks, calls, processor: schedule.processor_time()?, memory: schedule.peak_memory()? })
}

/// Puts pools into the table that are like one that is there, and due.
async fn make_due(stage: &Stage, like: &Value, pools: usize) -> Result<()> {
    let table = stage.service(Service::Table)?;
    let written = (0..pools).map(|number| {
        let item = due(like, &format!("eu-west-1_Fleet{pools}x{number}"));
        let request = json!({"TableName": stage.cloud.table_name, "Item": item});
        let table = table.clone();
        async move { table.call("PutItem", &request).await.map(drop) }
    });
    stream::iter(written).buffer_unordered(SIDE_BY_SIDE).try_collect::<Vec<()>>().await.context("the due pools")?;
    Ok(())
}

fn due(like: &Value, id: &str) -> Value {
    let mut item = like.clone();
    item["sk"] = json!({"S": format!("POOL#{id}")});
    item["user_pool_id"] = json!({"S": id});
    item["due_shard"] = json!({"S": format!("DUE#{}", Sha256::digest(id.as_bytes())[0] % SHARDS)});
    // As of its registration, which is over.
    item["due_at"] = like["created_at"].clone();
    item
}
