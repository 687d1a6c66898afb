//! `ingest`: webhooks to a warm instance, beside a function that does nothing.

use std::time::Duration;

use anyhow::{Result, ensure};
use causeway_local_cloud::front::control::now;
use serde_json::json;

use super::calls::{counted, of_aws, shown, waited};
use super::events::{status, webhook};
use super::figures::{Spread, count, milliseconds, number};
use super::report::{Report, Table};
use super::stage::{ACCOUNT, Stage};

const WEBHOOKS: usize = 200;
/// Between two webhooks: an instance takes 20 a second of a tenant.
const PAUSE: Duration = Duration::from_millis(55);

pub async fn measure(stage: &Stage, report: &mut Report) -> Result<()> {
    let mut table = Table::new(&[
        "function",
        "pools of the tenant",
        "took, ms",
        "of it own, ms",
        "processor, ms each",
        "AWS calls each",
        "calls in all",
    ]);
    for pools in [1, 5] {
        webhooks(stage, report, &mut table, pools).await?;
    }
    hello(stage, report, &mut table).await?;
    report.table(table);
    Ok(())
}

/// Webhooks of a tenant with so many pools.
async fn webhooks(stage: &Stage, report: &mut Report, table: &mut Table, pools: usize) -> Result<()> {
    let tenant = stage.tenant().await?;
    let organization = tenant.workos.create_organization("ingest", &[]).await?;
    for _ in 0..pools {
        stage.pool(&tenant, ACCOUNT, &[&organization]).await?;
    }
    stage.silence_workos().await?;
    let secret = stage.webhook_secret(&tenant.id).await?;
    let event = |number: usize| webhook(&tenant.id, &secret, &format!("event_{pools}x{}x{number}", now()), now());
    let instance = stage.function("ingest").await?.start().await?;
    for number in 0..5 {
        let answered = instance.invoke(&event(number)?).await?;
        ensure!(status(&answered.body) == 200, "a webhook was refused: {}", answered.body);
    }
    let expected = json!({"woken": pools}).to_string();
    let (mut took, mut own, mut calls) = (Vec::new(), Vec::new(), Vec::new());
    let before = instance.processor_time()?;
    for number in 0..WEBHOOKS {
        tokio::time::sleep(PAUSE).await;
        let answered = instance.invoke(&event(number)?).await?;
        ensure!(answered.body["body"] == expected.as_str(), "{}", answered.body);
        let of_it = stage.calls_of(&answered).await?;
        let others = Duration::from_micros(waited(&of_it, answered.begin_micros, answered.end_micros));
        took.push(answered.took());
        own.push(answered.took().saturating_sub(others));
        calls.extend(of_it);
    }
    let processor = milliseconds(instance.processor_time()?.saturating_sub(before)) / count(WEBHOOKS);
    let counts = counted(&calls);
    let each = count(of_aws(&counts)) / count(WEBHOOKS);
    let (took, own) = (Spread::of_times(took), Spread::of_times(own));
    table.row([
        "ingest".to_owned(),
        pools.to_string(),
        took.shown(),
        own.shown(),
        number(processor),
        number(each),
        shown(&counts),
    ]);
    report.figure(
        &format!("{pools} pools"),
        json!({
            "webhooks": WEBHOOKS, "took_ms": took, "own_ms": own, "processor_ms": processor,
            "aws_calls_each": each, "calls": counts, "memory_mib": instance.peak_memory()?,
        }),
    );
    // What was looked up is looked up again once a minute.
    let what = format!("one AWS call per warm webhook, of a tenant with {pools} pools");
    report.target(what, number(each), each < 1.05);
    Ok(())
}

async fn hello(stage: &Stage, report: &mut Report, table: &mut Table) -> Result<()> {
    let instance = stage.hello().start().await?;
    let event = webhook("tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N", "secret", "event_1", now())?;
    for _ in 0..5 {
        instance.invoke(&event).await?;
    }
    let mut took = Vec::new();
    let before = instance.processor_time()?;
    for _ in 0..WEBHOOKS {
        took.push(instance.invoke(&event).await?.took());
        tokio::time::sleep(PAUSE).await;
    }
    let processor = milliseconds(instance.processor_time()?.saturating_sub(before)) / count(WEBHOOKS);
    let took = Spread::of_times(took);
    let cells = [took.shown(), took.shown(), number(processor), "0".to_owned(), "none".to_owned()];
    table.row(["hello".to_owned(), String::new()].into_iter().chain(cells));
    report.figure("hello", json!({"took_ms": took, "processor_ms": processor}));
    Ok(())
}
