//! `burst`: 2,000 webhooks over 50 pools, while connections are added.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use causeway_local_cloud::front::control::now;
use causeway_local_cloud::json::text;
use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use super::aws::Service;
use super::calls::{counted, shown, throttled};
use super::events::{message, status, webhook};
use super::figures::{Spread, count, number};
use super::instance::{Instance, LIMIT, Program};
use super::report::{Report, Table};
use super::runtime::Answered;
use super::stage::{Pool, Stage, Tenant};
use crate::announce;

const POOLS: usize = 50;
const WEBHOOKS: usize = 2000;
/// How many webhooks each pool gets.
const EACH: usize = WEBHOOKS / POOLS;
/// How many connections each pool gets meanwhile, the last one right before its last webhook: no later wake-up makes
/// up for one that is lost.
const ADDED: usize = 4;
const INGESTING: usize = 4;
const RECONCILING: usize = 5;
/// How many scenes are set side by side.
const SIDE_BY_SIDE: usize = 5;
/// How long all of it may take.
const WITHIN: Duration = Duration::from_mins(6);
/// How long the queue is looked at in vain before it counts as empty.
const EMPTY: usize = 10;
const PAUSE: Duration = Duration::from_millis(100);

/// How far it has come.
#[derive(Default)]
struct Progress {
    /// Webhooks that were answered.
    sent: AtomicUsize,
    /// Wake-ups that are on the queue, as `ingest` says.
    woken: AtomicUsize,
    /// Messages that were taken off the queue.
    received: AtomicUsize,
    /// Batches that were run.
    batches: AtomicUsize,
}

/// A tenant with one pool, in an account of its own.
struct Customer {
    tenant: Tenant,
    pool: Pool,
    organization: String,
    secret: String,
}

pub async fn measure(stage: &Stage, report: &mut Report) -> Result<()> {
    let customers = customers(stage).await?;
    announce("burst: the webhooks come");
    let (since, begin) = (now(), Instant::now());
    let reconcile = stage.function("reconcile").await?;
    let progress = Progress::default();
    let (took, ()) = tokio::try_join!(send(stage, &customers, &progress), reconcile_all(stage, &reconcile, &progress))?;
    let equal = begin.elapsed();
    let (woken, received) = (progress.woken.into_inner(), progress.received.into_inner());

    let mut lost = 0;
    for customer in &customers {
        if stage.providers(&customer.pool).await? != ADDED {
            lost += 1;
        }
    }
    let calls = stage.front.calls(since, "").await?;
    let (counts, refused) = (counted(&calls), throttled(&calls));
    let (runs, took) = (reconcile.printed("\"message\":\"ran\""), Spread::of_times(took));
    let mut table = Table::new(&[
        "webhooks",
        "pools",
        "wake-ups",
        "messages received",
        "pools not in line at the end",
        "runs",
        "batches",
        "webhook answered in, ms",
        "all equal after, s",
        "throttled",
    ]);
    table.row([
        WEBHOOKS.to_string(),
        POOLS.to_string(),
        woken.to_string(),
        received.to_string(),
        lost.to_string(),
        runs.to_string(),
        progress.batches.into_inner().to_string(),
        took.shown(),
        number(equal.as_secs_f64()),
        refused.to_string(),
    ]);
    report.table(table);
    println!("calls: {}", shown(&counts));
    report.figure(
        "burst",
        json!({
            "webhooks": WEBHOOKS, "pools": POOLS, "added": POOLS * ADDED, "wake_ups": woken, "received": received,
            "not_in_line": lost, "runs": runs,
            "webhook_ms": took, "equal_after_s": equal.as_secs_f64(), "throttled": refused, "calls": counts,
            "webhooks_per_run": count(WEBHOOKS) / count(runs.max(1)),
        }),
    );
    let what = "no event is lost: each wakes its pool up, and each wake-up comes once";
    let is_whole = woken == WEBHOOKS && received == WEBHOOKS;
    report.target(what, format!("{woken} wake-ups, {received} messages"), is_whole);
    report.target("no change is lost: every pool is in line", format!("{lost} are not"), lost == 0);
    Ok(())
}

/// All tenants, with nothing on the queue for them.
async fn customers(stage: &Stage) -> Result<Vec<Customer>> {
    announce(&format!("burst: {POOLS} tenants with a pool each"));
    let customers = stream::iter((0..POOLS).map(|number| customer(stage, number)));
    let customers: Vec<Customer> = customers.buffer_unordered(SIDE_BY_SIDE).try_collect().await?;
    stage.silence_workos().await?;
    let purge = json!({"QueueUrl": stage.cloud.queue_url});
    // The wake-ups that the registrations put there.
    stage.service(Service::Queue)?.call("PurgeQueue", &purge).await?;
    Ok(customers)
}

async fn customer(stage: &Stage, number: usize) -> Result<Customer> {
    let tenant = stage.tenant().await?;
    let organization = tenant.workos.create_organization(&format!("burst {number}"), &[]).await?;
    let account = format!("3{number:011}");
    let pool = stage.pool(&tenant, &account, &[&organization]).await?;
    let secret = stage.webhook_secret(&tenant.id).await?;
    Ok(Customer { tenant, pool, organization, secret })
}

/// Delivers all webhooks, a few side by side. Those of each pool come with its changes among them.
async fn send(stage: &Stage, customers: &[Customer], progress: &Progress) -> Result<Vec<Duration>> {
    let ingest = stage.function("ingest").await?;
    let mut instances = Vec::new();
    for _ in 0..INGESTING {
        instances.push(ingest.start().await?);
    }
    let streams = (0..INGESTING).map(|lane| {
        let instance = &instances[lane];
        async move {
            let mut took = Vec::new();
            for round in 0..EACH {
                for customer in customers.iter().skip(lane).step_by(INGESTING) {
                    if (round + 1) % (EACH / ADDED) == 0 {
                        customer.tenant.workos.create_connection(&customer.organization, &format!("c{round}")).await?;
                    }
                    let event = format!("event_{}x{round}", customer.pool.id.replace('-', "_"));
                    let answered =
                        instance.invoke(&webhook(&customer.tenant.id, &customer.secret, &event, now())?).await?;
                    ensure!(status(&answered.body) == 200, "a webhook was refused: {}", answered.body);
                    took.push(answered.took());
                    progress.woken.fetch_add(woken_by(&answered.body)?, Ordering::Relaxed);
                    progress.sent.fetch_add(1, Ordering::Relaxed);
                }
            }
            anyhow::Ok(took)
        }
    });
    Ok(try_join_all(streams).await?.into_iter().flatten().collect())
}

/// How many wake-ups a webhook's answer says are on the queue.
fn woken_by(answer: &Value) -> Result<usize> {
    let body: Value = serde_json::from_str(answer["body"].as_str().context("a webhook is answered with nothing")?)?;
    let woken = body["woken"].as_u64().context("a webhook's answer does not say what it woke up")?;
    Ok(usize::try_from(woken)?)
}

/// Takes messages off the queue as Lambda does and has a few instances run them, until all webhooks were taken and
/// the queue is empty.
async fn reconcile_all(stage: &Stage, reconcile: &Program, progress: &Progress) -> Result<()> {
    let mut instances = Vec::new();
    for _ in 0..RECONCILING {
        instances.push(reconcile.start().await?);
    }
    let begin = Instant::now();
    let lanes = instances.iter().map(|instance| async move {
        let mut in_vain = 0;
        while in_vain < EMPTY || progress.sent.load(Ordering::Relaxed) < WEBHOOKS {
            if begin.elapsed() > WITHIN {
                bail!("the queue is not empty after {} s", WITHIN.as_secs());
            }
            let received = batch(stage, instance).await?;
            if received > 0 {
                progress.received.fetch_add(received, Ordering::Relaxed);
                progress.batches.fetch_add(1, Ordering::Relaxed);
                in_vain = 0;
            } else {
                in_vain += 1;
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(())
    });
    try_join_all(lanes).await.map(drop)
}

/// Has an instance run up to ten messages, and gives how many there were.
async fn batch(stage: &Stage, instance: &Instance) -> Result<usize> {
    let (queue, url) = (stage.service(Service::Queue)?, &stage.cloud.queue_url);
    let received = queue
        .call("ReceiveMessage", &json!({"QueueUrl": url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 360}))
        .await?;
    let messages = received["Messages"].as_array().cloned().unwrap_or_default();
    if messages.is_empty() {
        return Ok(0);
    }
    let records = messages.iter().map(|one| Ok(message(&text(one, "MessageId")?, &text(one, "Body")?)));
    let records = records.collect::<Result<Vec<Value>>>()?;
    let answered: Answered = instance.invoke_within(&json!({"Records": records}), LIMIT * 5).await?;
    let failures = answered.body["batchItemFailures"].as_array().map_or(0, Vec::len);
    ensure!(failures == 0, "runs were not recorded: {}", answered.body);
    for one in &messages {
        let handle = text(one, "ReceiptHandle")?;
        queue.call("DeleteMessage", &json!({"QueueUrl": url, "ReceiptHandle": handle})).await?;
    }
    Ok(messages.len())
}
