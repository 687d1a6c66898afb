//! The trace of a webhook goes with its wake-up to the run that it led to.

use anyhow::{Context, Result, ensure};
use causeway_local_cloud::eventually::eventually;

use crate::ingest::deliver_signed;
use crate::measured::lines;
use crate::pool::in_line;
use crate::tenancy::SOON;

#[tokio::test]
async fn the_line_of_a_run_names_the_trace_of_the_webhook_that_led_to_it() -> Result<()> {
    let (pool, _, _) = in_line("traced", 1).await?;
    let tenancy = &pool.tenancy;
    let body = deliver_signed(tenancy, "connection.activated").await?;
    let cloud = &tenancy.cloud;
    eventually(SOON, "the run names the webhook's trace", async || {
        let mut webhooks = lines(cloud, "ingest", "/tenant_id", &tenancy.id);
        webhooks.retain(|line| body.contains(line["event_id"].as_str().unwrap_or("no event")));
        let Some(webhook) = webhooks.pop() else { return Ok(None) };
        let trace = webhook["trace_id"].as_str().context("no trace")?;
        ensure!(trace.starts_with("1-") && trace.len() == 35, "{trace} is no trace ID");
        let runs = lines(cloud, "reconcile", "/span/user_pool_id", &pool.id);
        let led_to = runs.iter().filter(|run| run["message"] == "ran").find(|run| {
            run["span"]["woken_by"].as_str().is_some_and(|woken_by| woken_by.split(',').any(|other| other == trace))
        });
        let Some(run) = led_to else { return Ok(None) };
        ensure!(run["cause"] == "Webhook" && run["span"]["trace_id"] != trace, "{run}");
        Ok(Some(()))
    })
    .await
}
