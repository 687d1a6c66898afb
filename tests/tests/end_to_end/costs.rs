//! The calls that the model of the costs counts with are those that are made.

use anyhow::{Result, ensure};
use causeway_tests::cost::{Calls, DUE_SHARDS, RUN, SIGN_IN, TICK, TOGETHER, WAKE_UP, WEBHOOK_FIRST};
use causeway_tests::eventually::eventually;
use serde_json::{Value, json};

use crate::ingest::deliver_signed;
use crate::measured::lines;
use crate::pool::in_line_elsewhere;
use crate::relying_party::RelyingParty;
use crate::tenancy::{SOON, cloud};

/// What these lines count.
pub fn calls<'a>(lines: impl IntoIterator<Item = &'a Value>) -> Calls {
    let mut calls = Calls::default();
    for line in lines {
        let to = |service: &str| {
            line[format!("CallsTo{service}")].as_u64().and_then(|count| u32::try_from(count).ok()).unwrap_or_default()
        };
        calls.dynamodb += to("DynamoDb");
        calls.sqs += to("Sqs");
        calls.kms += to("Kms");
        calls.cognito += to("Cognito");
        calls.workos += to("Workos");
    }
    calls
}

/// Of each service, the more calls.
fn most(one: Calls, other: Calls) -> Calls {
    Calls {
        dynamodb: one.dynamodb.max(other.dynamodb),
        sqs: one.sqs.max(other.sqs),
        kms: one.kms.max(other.kms),
        cognito: one.cognito.max(other.cognito),
        workos: one.workos.max(other.workos),
    }
}

#[tokio::test]
async fn a_scheduled_run_a_webhook_and_a_sign_in_take_the_calls_that_the_model_of_the_costs_has() -> Result<()> {
    let (pool, _, connections) = in_line_elsewhere("costs", 1).await?;
    let tenancy = &pool.tenancy;
    let cloud = &tenancy.cloud;
    eventually(SOON, "a scheduled run finds nothing to do", async || {
        cloud.invoke("schedule", &json!({})).await?;
        let mut runs = lines(cloud, "reconcile", "/span/user_pool_id", &pool.id);
        runs.retain(|run| run["cause"] == "Schedule" && run["RunsWithoutChange"] == 1);
        let Some(run) = runs.last() else { return Ok(None) };
        ensure!(calls([run]) == RUN, "{:?} is not {RUN:?}: {run}", calls([run]));
        Ok(Some(()))
    })
    .await?;

    let body = deliver_signed(tenancy, "connection.activated").await?;
    // The first webhook of a tenant looks everything up, and what it looked up spares the next ones calls: which one
    // comes first is not ours to say, since WorkOS delivers other tests' events here too.
    eventually(SOON, "the webhook is in the log", async || {
        let webhooks = lines(cloud, "ingest", "/tenant_id", &tenancy.id);
        if !webhooks.iter().any(|line| body.contains(line["event_id"].as_str().unwrap_or("no event"))) {
            return Ok(None);
        }
        let most = webhooks.iter().map(|line| calls([line])).fold(Calls::default(), most);
        ensure!(most == WEBHOOK_FIRST, "{most:?} is not {WEBHOOK_FIRST:?}: {webhooks:?}");
        Ok(Some(()))
    })
    .await?;

    let party = RelyingParty::of(&pool, &connections[0]).await?;
    // What an instance learns at the first sign-in it knows at the next. Which instance answers is not ours to say.
    eventually(SOON, "a sign-in to instances that know the pool", async || {
        let of_sign_ins = || lines(cloud, "signin", "/span/connection_id", &connections[0]);
        let before = of_sign_ins().len();
        let code = party.code("costs@example.com").await?;
        let tokens = party.redeem(&code).await?.expect(200)?.json()?;
        party.userinfo(tokens["access_token"].as_str().unwrap_or_default()).await?.expect(200)?;
        eventually(SOON, "the sign-in is in the log", async || Ok((of_sign_ins().len() >= before + 4).then_some(())))
            .await?;
        let of_sign_in = of_sign_ins().split_off(before);
        let sum = calls(&of_sign_in);
        ensure!(sum == SIGN_IN, "{sum:?} is not {SIGN_IN:?}: {of_sign_in:?}");
        Ok(Some(()))
    })
    .await
}

/// Whether a tick counted its pools in every state of health. One that could not be asked for is left out.
fn counted_every_state(tick: &Value) -> bool {
    const STATES: usize = 8;
    let states = tick
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| name.starts_with("Pools") && !matches!(name.as_str(), "PoolsWoken" | "PoolsNotWoken"));
    states.count() == STATES
}

#[tokio::test]
async fn a_tick_takes_the_calls_that_the_model_of_the_costs_has_for_the_pools_that_it_wakes_up() -> Result<()> {
    let cloud = cloud()?;
    // It wakes up what all tests have due. Calls that are made again, further pages of due pools, and pools that could
    // not be woken up add to the calls of a tick, and nothing takes from them.
    eventually(SOON, "a tick to whose calls nothing adds", async || {
        cloud.invoke("schedule", &json!({})).await?;
        let mut ticks = lines(&cloud, "schedule", "/message", "ticked");
        ticks.retain(counted_every_state);
        let mut is_exact = false;
        for tick in &ticks {
            let woken = tick["woken"].as_u64().map(u32::try_from).transpose()?.unwrap_or_default();
            let dynamodb = TICK.dynamodb + woken * WAKE_UP.dynamodb;
            let least = Calls { dynamodb, sqs: woken.div_ceil(TOGETHER), ..TICK };
            let calls = calls([tick]);
            ensure!(most(calls, least) == calls, "{calls:?} is less than {least:?}: {tick}");
            // Each shard begins a call of its own.
            let most_sent = woken.min(woken / TOGETHER + DUE_SHARDS);
            is_exact |= tick["failed"] == 0 && calls.dynamodb == dynamodb && calls.sqs <= most_sent;
        }
        Ok(is_exact.then_some(()))
    })
    .await
}
