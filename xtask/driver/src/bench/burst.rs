//! `burst`: 2,000 webhooks over 50 pools, while connections are added, with calls that take as long as in a Region.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use causeway_local_cloud::front::control::now;
use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use super::calls::{counted, shown, throttled};
use super::events::{status, webhook};
use super::figures::{Spread, count, number};
use super::instance::{Instance, Program};
use super::queues::Queue;
use super::report::{Report, Table};
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
/// What the line of a run has.
const RAN: &str = "\"message\":\"ran\"";
/// How long all of it may take.
const WITHIN: Duration = Duration::from_mins(6);

/// A tenant with one pool, in an account of its own.
struct Customer {
    tenant: Tenant,
    pool: Pool,
    organization: String,
    secret: String,
}

pub async fn measure(stage: &Stage, report: &mut Report) -> Result<()> {
    let (reconcile, schedule) = (stage.function("reconcile").await?, stage.function("schedule").await?);
    let wake_ups = Queue::new(stage, &stage.cloud.queue_url)?;
    let timer = Queue::new(stage, reconcile.variable("TIMER_URL")?)?;
    let customers = customers(stage).await?;
    let (reconciling, passing) = (started(&reconcile, RECONCILING).await?, started(&schedule, 1).await?);
    settle((&wake_ups, &reconciling), (&timer, &passing)).await?;
    let runs_before = reconcile.printed(RAN);
    stage.delay_calls().await?;
    announce("burst: the webhooks come");
    let (since, begin, is_over) = (now(), Instant::now(), AtomicBool::new(false));
    let send = async {
        let sent = send(stage, &customers).await;
        is_over.store(true, Ordering::Relaxed);
        sent
    };
    let ((took, woken), ()) =
        tokio::try_join!(send, work_off((&wake_ups, &reconciling), (&timer, &passing), &is_over))?;
    let equal = begin.elapsed();

    let mut lost = 0;
    for customer in &customers {
        if stage.providers(&customer.pool).await? != ADDED {
            lost += 1;
        }
    }
    let calls = stage.front.calls(since, "").await?;
    let (counts, refused) = (counted(&calls), throttled(&calls));
    let (runs, took) = (reconcile.printed(RAN) - runs_before, Spread::of_times(took));
    let (received, batches) = (wake_ups.received.into_inner(), wake_ups.batches.into_inner());
    let mut table = Table::new(&[
        "webhooks",
        "pools",
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
        received.to_string(),
        lost.to_string(),
        runs.to_string(),
        batches.to_string(),
        took.shown(),
        number(equal.as_secs_f64()),
        refused.to_string(),
    ]);
    report.table(table);
    println!("calls: {}", shown(&counts));
    report.figure(
        "burst",
        json!({
            "webhooks": WEBHOOKS, "pools": POOLS, "added": POOLS * ADDED, "woken": woken, "received": received,
            "not_in_line": lost, "runs": runs,
            "webhook_ms": took, "equal_after_s": equal.as_secs_f64(), "throttled": refused, "calls": counts,
            "webhooks_per_run": count(WEBHOOKS) / count(runs.max(1)),
        }),
    );
    let what = "each event has its pool looked at, and most by a message that waits already";
    report.target(what, format!("{woken} events, {received} messages"), woken == WEBHOOKS && received < WEBHOOKS / 4);
    report.target("no change is lost: every pool is in line", format!("{lost} are not"), lost == 0);
    Ok(())
}

/// So many instances of a function.
pub async fn started(program: &Program, number: usize) -> Result<Vec<Instance>> {
    let mut instances = Vec::new();
    for _ in 0..number {
        instances.push(program.start().await?);
    }
    Ok(instances)
}

/// Works both queues off: what the timer passes on comes onto the other.
pub async fn work_off(
    (wake_ups, reconciling): (&Queue, &[Instance]),
    (timer, passing): (&Queue, &[Instance]),
    is_over: &AtomicBool,
) -> Result<()> {
    let nothing_waits = AtomicBool::new(false);
    let pass_on = async {
        let passed = timer.work_off(passing, is_over, WITHIN).await;
        nothing_waits.store(true, Ordering::Relaxed);
        passed
    };
    tokio::try_join!(wake_ups.work_off(reconciling, &nothing_waits, WITHIN), pass_on).map(drop)
}

/// Works off what the registrations put on the queues: a wake-up that is thrown away would count as one that waits, and
/// the first webhooks would be left to it.
pub async fn settle(wake_ups: (&Queue, &[Instance]), timer: (&Queue, &[Instance])) -> Result<()> {
    work_off(wake_ups, timer, &AtomicBool::new(true)).await?;
    wake_ups.0.count_anew();
    timer.0.count_anew();
    Ok(())
}

/// All tenants.
async fn customers(stage: &Stage) -> Result<Vec<Customer>> {
    announce(&format!("burst: {POOLS} tenants with a pool each"));
    let customers = stream::iter((0..POOLS).map(|number| customer(stage, number)));
    let customers: Vec<Customer> = customers.buffer_unordered(SIDE_BY_SIDE).try_collect().await?;
    stage.silence_workos().await?;
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
async fn send(stage: &Stage, customers: &[Customer]) -> Result<(Vec<Duration>, usize)> {
    let (instances, woken) = (started(&stage.function("ingest").await?, INGESTING).await?, AtomicUsize::new(0));
    let streams = (0..INGESTING).map(|lane| {
        let (instance, woken) = (&instances[lane], &woken);
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
                    woken.fetch_add(woken_by(&answered.body)?, Ordering::Relaxed);
                }
            }
            anyhow::Ok(took)
        }
    });
    let took = try_join_all(streams).await?.into_iter().flatten().collect();
    Ok((took, woken.into_inner()))
}

/// How many pools a webhook's answer says are looked at for it.
pub fn woken_by(answer: &Value) -> Result<usize> {
    let body: Value = serde_json::from_str(answer["body"].as_str().context("a webhook is answered with nothing")?)?;
    let woken = body["woken"].as_u64().context("a webhook's answer does not say what it woke up")?;
    Ok(usize::try_from(woken)?)
}
