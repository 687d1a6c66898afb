//! The calls that the model of the costs counts with are those that are made.
//!
//! What is counted is waited for, and then held to the model by what can't be repeated until it fits.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use causeway_local_cloud::cost::{
    Calls, DUE_SHARDS, ORGANIZATIONS, RUN, SIGN_IN, TICK, TOGETHER, WAKE_UP, WEBHOOK_FIRST, WEBHOOK_NEXT, WEBHOOK_SOON,
};
use causeway_local_cloud::eventually::eventually;
use serde_json::{Value, json};

use crate::ingest::deliver_signed;
use crate::measured::lines;
use crate::pool::{Pool, client_secret, in_line_elsewhere};
use crate::relying_party::{RelyingParty, cognito_callback, get};
use crate::tenancy::{SOON, Tenancy, cloud, text};

/// When a call that got no answer is made again (`causeway_aws`). What took less time made no call for being late.
const ATTEMPT: Duration = Duration::from_secs(4);

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

/// Whether calls may have been made again, which counts them twice.
fn may_have_repeated(line: &Value, took: &str) -> bool {
    let throttled = line.as_object().into_iter().flatten().any(|(name, _)| name.starts_with("Throttles"));
    throttled || line[took].as_u64().is_none_or(|millis| u128::from(millis) >= ATTEMPT.as_millis())
}

#[tokio::test]
async fn a_scheduled_run_a_webhook_and_a_sign_in_take_the_calls_that_the_model_of_the_costs_has() -> Result<()> {
    let (pool, _, connections) = in_line_elsewhere("costs", 1).await?;
    of_a_sign_in(&pool, &connections[0]).await?;
    of_scheduled_runs(&pool).await?;
    of_webhooks(&pool.tenancy).await
}

/// Each run that finds nothing to do takes the same calls, those too that somebody else's tick woke up. The runs
/// before are left out: one of them was the first after the provider was made, and has described it.
async fn of_scheduled_runs(pool: &Pool) -> Result<()> {
    let cloud = &pool.tenancy.cloud;
    let of_pool = || lines(cloud, "reconcile", "/span/user_pool_id", &pool.id);
    let before = of_pool().len();
    let runs = eventually(SOON, "a scheduled run finds nothing to do", async || {
        cloud.invoke("schedule", &json!({})).await?;
        let mut runs = of_pool().split_off(before);
        runs.retain(|run| run["cause"] == "Schedule" && run["RunsWithoutChange"] == 1);
        runs.retain(|run| !may_have_repeated(run, "RunTime"));
        Ok((!runs.is_empty()).then_some(runs))
    })
    .await?;
    let plain = RUN.calls();
    let with_organizations = Calls { workos: plain.workos + ORGANIZATIONS.calls().workos, ..plain };
    for run in &runs {
        let calls = calls([run]);
        ensure!([plain, with_organizations].contains(&calls), "{calls:?} is not {plain:?}: {run}");
    }
    Ok(())
}

/// Each webhook looks up what its instance does not know of the tenant any more, and nothing else. Which instance it
/// comes to is not ours to say, nor whether that has taken another test's event before: `WorkOS` delivers those here
/// too until the endpoint is silenced.
async fn of_webhooks(tenancy: &Tenancy) -> Result<()> {
    let expected = of_a_webhook();
    let mut counted = 0;
    for _ in 0..5 {
        let begin = Instant::now();
        let body = deliver_signed(tenancy, "connection.activated").await?;
        let was_quick = begin.elapsed() < ATTEMPT;
        let line = eventually(SOON, "the webhook is in the log", async || {
            let mut webhooks = lines(&tenancy.cloud, "ingest", "/tenant_id", &tenancy.id).into_iter();
            Ok(webhooks.find(|line| body.contains(line["event_id"].as_str().unwrap_or("no event"))))
        })
        .await?;
        if was_quick {
            let calls = calls([&line]);
            ensure!(expected.contains(&calls), "{calls:?} is none of {expected:?}: {line}");
            counted += 1;
        }
    }
    ensure!(counted > 0, "no webhook was taken in time");
    let webhooks = lines(&tenancy.cloud, "ingest", "/tenant_id", &tenancy.id);
    ensure!(webhooks.iter().any(|line| calls([line]).kms == WEBHOOK_FIRST.calls().kms), "none opened the secret");
    Ok(())
}

/// What a webhook may take: what its instance has to look up, and what a pool needs for which a message waits or not.
fn of_a_webhook() -> Vec<Calls> {
    let [first, soon, next] = [WEBHOOK_FIRST, WEBHOOK_SOON, WEBHOOK_NEXT].map(|webhook| webhook.calls());
    let looked_up = Calls { dynamodb: first.dynamodb - soon.dynamodb, kms: first.kms, ..Calls::default() };
    let pools = Calls { dynamodb: 1, ..Calls::default() };
    let sent = Calls { dynamodb: soon.dynamodb - pools.dynamodb, sqs: soon.sqs, ..Calls::default() };
    let mut all = Vec::new();
    for needed in [next, sent] {
        for known in [Calls::default(), pools, looked_up, sum(looked_up, pools)] {
            all.push(sum(needed, known));
        }
    }
    all
}

/// Of each service, all calls.
fn sum(one: Calls, other: Calls) -> Calls {
    Calls {
        dynamodb: one.dynamodb + other.dynamodb,
        sqs: one.sqs + other.sqs,
        kms: one.kms + other.kms,
        cognito: one.cognito + other.cognito,
        workos: one.workos + other.workos,
    }
}

/// The first sign-in of a tenant: no instance knows anything of it but from the requests before.
async fn of_a_sign_in(pool: &Pool, connection: &str) -> Result<()> {
    let cloud = &pool.tenancy.cloud;
    let party = stranger(pool, connection).await?;
    let code = party.code("costs@example.com").await?;
    let tokens = party.redeem(&code).await?.expect(200)?.json()?;
    party.userinfo(&text(&tokens, "access_token")?).await?.expect(200)?;
    get(&text(&party.discovery, "jwks_uri")?).await?.expect(200)?;
    let requests = eventually(SOON, "the sign-in is in the log", async || {
        let mut requests = lines(cloud, "signin", "/span/connection_id", connection);
        requests.retain(|line| line["message"] == "answered");
        Ok((requests.len() >= SIGN_IN.len()).then_some(requests))
    })
    .await?;
    ensure!(requests.len() == SIGN_IN.len(), "more requests than those of the sign-in: {requests:?}");
    for endpoint in SIGN_IN {
        let line = requests.iter().find(|line| line["span"]["outcome"] == endpoint.outcome);
        let line = line.with_context(|| format!("{} is not in the log: {requests:?}", endpoint.name))?;
        ensure!(!may_have_repeated(line, "duration_ms"), "too slow to be counted: {line}");
        let mut calls = calls([line]);
        let allowed = [endpoint.next.calls(), endpoint.new.calls()];
        // The public key is all tenants', so that it may be known or not.
        if endpoint.needs_public_key && !allowed.contains(&calls) {
            calls.kms = calls.kms.saturating_sub(1);
        }
        ensure!(allowed.contains(&calls), "{calls:?} of {} is none of {allowed:?}: {line}", endpoint.name);
    }
    Ok(())
}

/// A relying party that asks the issuer for nothing before a sign-in, as Cognito: discovery would make the tenant known.
async fn stranger(pool: &Pool, connection: &str) -> Result<RelyingParty> {
    let issuer = format!("{}/oidc/{}/{connection}", pool.tenancy.cloud.api_url, pool.tenancy.id);
    let discovery = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "jwks_uri": format!("{issuer}/jwks"),
    });
    let secret = client_secret(&pool.provider_of(connection).await?)?;
    Ok(RelyingParty { issuer, client_id: pool.id.clone(), secret, redirect_uri: cognito_callback(pool), discovery })
}

/// Whether a tick counted its pools in every state of health. One that could not be asked for is left out.
fn counted_every_state(tick: &Value) -> bool {
    const STATES: usize = 10;
    let states = tick
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| name.starts_with("Pools") && !matches!(name.as_str(), "PoolsWoken" | "PoolsNotWoken"));
    states.count() == STATES
}

/// What a tick woke up, if nothing is known to add to its calls: every pool that was due was woken up, and they were
/// on the first page of each shard.
fn woken_plainly(tick: &Value) -> Option<u32> {
    const PAGE: u32 = 50;
    let woken = tick["woken"].as_u64().and_then(|woken| u32::try_from(woken).ok())?;
    let is_plain = tick["failed"] == 0 && woken < PAGE && counted_every_state(tick);
    is_plain.then_some(woken)
}

#[tokio::test]
async fn a_tick_takes_the_calls_that_the_model_of_the_costs_has_for_the_pools_that_it_wakes_up() -> Result<()> {
    const ENOUGH: usize = 5;
    let cloud = cloud()?;
    // It wakes up what all tests have due.
    let ticks = eventually(SOON, "some ticks to whose calls nothing is known to add", async || {
        cloud.invoke("schedule", &json!({})).await?;
        let ticks = lines(&cloud, "schedule", "/message", "ticked").into_iter();
        let ticks: Vec<_> = ticks.filter_map(|tick| Some((woken_plainly(&tick)?, tick))).collect();
        Ok((ticks.len() >= ENOUGH).then_some(ticks))
    })
    .await?;
    // While all tests run the emulator can be late to answer, and a call is made again: nothing on the line tells. So
    // a few may have more calls, and none fewer.
    let mut with_more = Vec::new();
    for (woken, tick) in &ticks {
        let dynamodb = TICK.calls().dynamodb + woken * WAKE_UP.calls().dynamodb;
        let least = Calls { dynamodb, sqs: woken.div_ceil(TOGETHER), ..TICK.calls() };
        // Each shard begins a call of its own.
        let most_sent = (*woken).min(woken / TOGETHER + DUE_SHARDS);
        let calls = calls([tick]);
        ensure!(most(calls, least) == calls, "{calls:?} is less than {least:?}: {tick}");
        if (Calls { sqs: calls.sqs.min(most_sent), ..least }) != calls {
            with_more.push(tick);
        }
    }
    if with_more.len() * 2 >= ticks.len() {
        bail!("{} of {} ticks made more calls than the model has: {with_more:?}", with_more.len(), ticks.len());
    }
    Ok(())
}
