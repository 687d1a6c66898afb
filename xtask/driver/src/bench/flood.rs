//! `flood`: one tenant's webhooks for a minute without a pause, while changes of other tenants come.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use causeway_local_cloud::front::control::now;
use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use super::burst::{settle, started, work_off};
use super::events::{status, webhook};
use super::figures::{Spread, number};
use super::instance::Instance;
use super::queues::Queue;
use super::report::{Report, Table};
use super::stage::{ACCOUNT, Pool, Stage, Tenant};
use crate::announce;

/// How many pools the tenant has that sends, how many webhooks a second, and for how long.
const POOLS: usize = 50;
const EACH_SECOND: u32 = 40;
const LASTS: Duration = Duration::from_mins(1);
/// How many other tenants have a change, one after the other, and how soon it has to arrive.
const OTHERS: u32 = 6;
const ARRIVES: Duration = Duration::from_secs(2);
const INGESTING: usize = 2;
const RECONCILING: usize = 5;
/// How many scenes are set side by side.
const SIDE_BY_SIDE: usize = 5;
/// How often it is looked whether a change has arrived.
const PAUSE: Duration = Duration::from_millis(20);

/// A tenant whose one pool gets one change.
struct Other {
    tenant: Tenant,
    pool: Pool,
    organization: String,
    secret: String,
}

pub async fn measure(stage: &Stage, report: &mut Report) -> Result<()> {
    let (reconcile, schedule) = (stage.function("reconcile").await?, stage.function("schedule").await?);
    let wake_ups = Queue::new(stage, &stage.cloud.queue_url)?;
    let timer = Queue::new(stage, reconcile.variable("TIMER_URL")?)?;
    announce(&format!("flood: a tenant with {POOLS} pools, and {OTHERS} others"));
    let (tenant, secret) = flooding(stage).await?;
    let others: Vec<Other> =
        stream::iter((0..OTHERS).map(|number| other(stage, number))).buffered(SIDE_BY_SIDE).try_collect().await?;
    stage.silence_workos().await?;
    let (reconciling, passing) = (started(&reconcile, RECONCILING).await?, started(&schedule, 1).await?);
    settle((&wake_ups, &reconciling), (&timer, &passing)).await?;
    stage.delay_calls().await?;

    announce(&format!("flood: {EACH_SECOND} webhooks a second for {} s", LASTS.as_secs()));
    let (since, is_over) = (now(), AtomicBool::new(false));
    let ingesting = started(&stage.function("ingest").await?, INGESTING).await?;
    // Beside them, so that what is measured is not how one instance does one thing after another.
    let of_others = started(&stage.function("ingest").await?, 1).await?;
    let flood = async {
        let changes = (0..).zip(&others).map(|(number, other)| change(stage, &of_others[0], other, number));
        let played = tokio::try_join!(send(&ingesting, &tenant, &secret), try_join_all(changes));
        is_over.store(true, Ordering::Relaxed);
        played
    };
    let ((answers, arrived), ()) =
        tokio::try_join!(flood, work_off((&wake_ups, &reconciling), (&timer, &passing), &is_over))?;

    let looks = stage.front.calls(since, "").await?;
    let looks = looks.iter().filter(|call| call.operation == "DescribeUserPool").count();
    let received = wake_ups.received.into_inner();
    let (arrived, slowest) = (Spread::of_times(arrived.iter().copied()), arrived.iter().copied().max());
    let answered = |status: u64| answers.get(&status).copied().unwrap_or_default();
    let mut table = Table::new(&[
        "webhooks of the one tenant",
        "taken",
        "answered 429",
        "messages received",
        "looks",
        "another tenant's change arrived after, ms",
    ]);
    table.row([
        answers.values().sum::<usize>().to_string(),
        answered(200).to_string(),
        answered(429).to_string(),
        received.to_string(),
        looks.to_string(),
        arrived.shown(),
    ]);
    report.table(table);
    report.figure(
        "flood",
        json!({
            "taken": answered(200), "refused": answered(429), "received": received, "looks": looks,
            "pools": POOLS, "arrived_ms": arrived,
        }),
    );
    let slowest = slowest.unwrap_or(Duration::MAX);
    let what = format!("another tenant's change arrives within {} s", ARRIVES.as_secs());
    report.target(what, format!("{} s at the most", number(slowest.as_secs_f64())), slowest <= ARRIVES);
    let most = POOLS * (usize::try_from(LASTS.as_secs())? / 15 + 2) + others.len();
    report.target(format!("at most {most} looks: one at each pool in 15 s"), looks.to_string(), looks <= most);
    Ok(())
}

/// The tenant whose webhooks come without a pause, with its pools and its secret.
async fn flooding(stage: &Stage) -> Result<(Tenant, String)> {
    let tenant = stage.tenant().await?;
    let organization = tenant.workos.create_organization("flood", &[]).await?;
    tenant.workos.create_connection(&organization, "flood").await?;
    let organizations = [organization.as_str()];
    // One after the other: each verify writes the tenant's item.
    for _ in 0..POOLS {
        stage.pool(&tenant, ACCOUNT, &organizations).await?;
    }
    let secret = stage.webhook_secret(&tenant.id).await?;
    Ok((tenant, secret))
}

async fn other(stage: &Stage, number: u32) -> Result<Other> {
    let tenant = stage.tenant().await?;
    let organization = tenant.workos.create_organization(&format!("beside {number}"), &[]).await?;
    let pool = stage.pool(&tenant, &format!("4{number:011}"), &[&organization]).await?;
    let secret = stage.webhook_secret(&tenant.id).await?;
    Ok(Other { tenant, pool, organization, secret })
}

/// Delivers the one tenant's webhooks at an even pace, and gives how many were answered with which status.
async fn send(instances: &[Instance], tenant: &Tenant, secret: &str) -> Result<BTreeMap<u64, usize>> {
    let lanes = (0..).zip(instances).map(|(lane, instance): (u32, _)| async move {
        let lanes = u32::try_from(instances.len())?;
        let mut pace = tokio::time::interval(Duration::from_secs(1) * lanes / EACH_SECOND);
        let (begin, mut answers) = (Instant::now(), BTreeMap::<u64, usize>::new());
        for number in 0.. {
            pace.tick().await;
            if begin.elapsed() >= LASTS {
                break;
            }
            let event = format!("event_flood{lane}x{number}");
            let answered = instance.invoke(&webhook(&tenant.id, secret, &event, now())?).await?;
            *answers.entry(status(&answered.body)).or_default() += 1;
        }
        anyhow::Ok(answers)
    });
    let mut all = BTreeMap::<u64, usize>::new();
    for (status, number) in try_join_all(lanes).await?.into_iter().flatten() {
        *all.entry(status).or_default() += number;
    }
    Ok(all)
}

/// Adds a connection to a tenant in its turn, tells of it, and gives how long it took to be in the pool.
async fn change(stage: &Stage, ingest: &Instance, other: &Other, number: u32) -> Result<Duration> {
    // From the beginning of the flood to its end.
    tokio::time::sleep(LASTS * number / OTHERS + Duration::from_millis(500)).await;
    other.tenant.workos.create_connection(&other.organization, "new").await?;
    let begin = Instant::now();
    let event = format!("event_beside{number}");
    let answered = ingest.invoke(&webhook(&other.tenant.id, &other.secret, &event, now())?).await?;
    ensure!(status(&answered.body) == 200, "a webhook was refused: {}", answered.body);
    while stage.providers(&other.pool).await? == 0 {
        ensure!(begin.elapsed() < LASTS, "the change of another tenant did not arrive");
        tokio::time::sleep(PAUSE).await;
    }
    Ok(begin.elapsed())
}
