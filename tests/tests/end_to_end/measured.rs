//! Metrics, as the log lines carry them: the emulator makes no metrics of them, CloudWatch does.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::types::AttributeValue;
use causeway_core::timestamp::Timestamp;
use causeway_local_cloud::cloud::Cloud;
use causeway_local_cloud::eventually::eventually;
use causeway_local_cloud::tenant_role::delete_stack;
use serde_json::{Value, json};

use crate::ingest::{deliver, event, signature};
use crate::pool::in_line;
use crate::relying_party::RelyingParty;
use crate::tenancy::{SOON, Tenancy, now_in_millis, string};

/// The lines of a function's log whose field at `path` is `value`.
pub fn lines(cloud: &Cloud, function: &str, path: &str, value: &str) -> Vec<Value> {
    let log = cloud.function_log(function);
    let lines = log.lines().filter(|line| line.contains(value));
    let lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line.pointer(path).is_some_and(|found| found == value)).collect()
}

/// The value of a metric that a line declares as CloudWatch wants it; none if it does not declare it.
fn metric(line: &Value, name: &str) -> Result<Option<u64>> {
    let directive = &line["_aws"]["CloudWatchMetrics"][0];
    let declared = directive["Metrics"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !declared.iter().any(|metric| metric["Name"] == name) {
        return Ok(None);
    }
    ensure!(directive["Namespace"] == "Causeway" && directive["Dimensions"] == json!([[]]), "{line}");
    ensure!(line["_aws"]["Timestamp"].is_u64(), "{line}");
    line[name].as_u64().map(Some).with_context(|| format!("{name} is declared and not there: {line}"))
}

fn sum(lines: &[Value], name: &str) -> Result<u64> {
    lines.iter().map(|line| Ok(metric(line, name)?.unwrap_or_default())).sum()
}

/// The lines of runs that ended.
fn runs(cloud: &Cloud, pool: &str) -> Vec<Value> {
    let mut runs = lines(cloud, "reconcile", "/span/user_pool_id", pool);
    runs.retain(|line| line["message"] == "ran");
    runs
}

#[tokio::test]
async fn the_line_of_a_run_carries_its_steps_by_kind_and_its_calls_by_service() -> Result<()> {
    let (pool, _, _) = in_line("measured runs", 2).await?;
    let tenancy = &pool.tenancy;
    let cloud = &tenancy.cloud;
    eventually(SOON, "a run that found nothing to do is in the log", async || {
        let runs = runs(cloud, &pool.id);
        for (name, expected) in [("StepsCreate", 2), ("StepsWire", 2), ("StepsDelete", 0), ("RunsFailed", 0)] {
            ensure!(sum(&runs, name)? == expected, "{name} is not {expected}: {runs:?}");
        }
        ensure!(sum(&runs, "Runs")? == runs.len() as u64, "{runs:?}");
        for run in &runs {
            ensure!(run["span"]["tenant_id"] == tenancy.id && run["health"] == "Ok", "{run}");
        }
        let Some(idle) = runs.iter().rev().find(|run| run["RunsWithoutChange"] == 1) else { return Ok(None) };
        for (name, expected) in [("CallsToCognito", Some(3)), ("ThrottlesByCognito", None), ("StepsFailed", None)] {
            ensure!(metric(idle, name)? == expected, "{name} is not {expected:?}: {idle}");
        }
        for name in ["CallsToDynamoDb", "CallsToWorkos", "RunTime"] {
            ensure!(metric(idle, name)?.is_some(), "no {name}: {idle}");
        }
        Ok(Some(()))
    })
    .await
}

#[tokio::test]
async fn a_webhook_is_counted_by_what_became_of_it_and_timed_until_its_pool_is_in_line() -> Result<()> {
    let (pool, _, _) = in_line("measured webhooks", 1).await?;
    let tenancy = &pool.tenancy;
    let secret = tenancy.webhook_secret().await?;
    let (body, now) = (event("connection.activated"), now_in_millis());
    let good = signature(&secret, now, body.as_bytes())?;
    let forged = signature("another secret", now, body.as_bytes())?;
    for (sent, status) in [(None, 401), (Some(forged.as_str()), 401), (Some(good.as_str()), 200)] {
        deliver(tenancy, &tenancy.id, sent, body.as_bytes()).await?.expect(status)?;
    }
    let cloud = &tenancy.cloud;
    eventually(SOON, "the webhooks are in the logs", async || {
        let webhooks = lines(cloud, "ingest", "/tenant_id", &tenancy.id);
        let counted = |name: &str| sum(&webhooks, name);
        // Those of other tests' connections may have come before the endpoint was silenced.
        if counted("WebhooksRefusedUnsigned")? != 1 || counted("WebhooksRefusedForged")? != 1 {
            return Ok(None);
        }
        let Some(taken) = webhooks.iter().find(|line| line["event_id"] == json!(event_id(&body))) else {
            return Ok(None);
        };
        let expected = (Some(1), Some(1));
        ensure!((metric(taken, "WebhooksTaken")?, metric(taken, "CallsToSqs")?) == expected, "{taken}");
        let runs = runs(cloud, &pool.id);
        let timed = runs.iter().filter(|run| run["cause"] == "Webhook").find(|run| run["outcome"] == "NoChange");
        let Some(timed) = timed else { return Ok(None) };
        ensure!(metric(timed, "WebhookToSynced")? >= metric(timed, "RunTime")?, "{timed}");
        Ok(Some(()))
    })
    .await
}

fn event_id(body: &str) -> Option<String> {
    serde_json::from_str::<Value>(body).ok()?["id"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn sign_ins_are_counted_by_what_they_came_to() -> Result<()> {
    let tenancy = Tenancy::new("measured sign-ins").await?;
    let (organization, connections) = tenancy.organization_with(1).await?;
    let pool = tenancy.pool(&[&organization]).await?;
    let party = RelyingParty::of(&pool, &connections[0]).await?;
    let code = party.code("measured@example.com").await?;
    party.redeem(&code).await?.expect(200)?;
    party.redeem(&code).await?.expect(400)?;
    eventually(SOON, "the sign-in is in the log", async || {
        let requests = lines(&tenancy.cloud, "signin", "/span/tenant_id", &tenancy.id);
        let names = ["SignInsStarted", "SignInsReturned", "SignInsCompleted", "SignInsRefused"];
        let counts = names.map(|name| sum(&requests, name).unwrap_or_default());
        ensure!(sum(&requests, "SignInsFailed")? == 0 && counts.iter().all(|count| *count <= 1), "{requests:?}");
        Ok((counts == [1; 4]).then_some(()))
    })
    .await?;
    let mut issued = lines(&tenancy.cloud, "signin", "/span/tenant_id", &tenancy.id);
    issued.retain(|line| line["span"]["outcome"] == "tokens issued");
    let [issued] = &issued[..] else { bail!("not one line says that tokens were issued: {issued:?}") };
    assert!(metric(issued, "TokenTime")?.is_some(), "{issued}");
    Ok(())
}

/// The line of `tenants` for a call, told by the end of its path.
fn answered(cloud: &Cloud, path: &str) -> Option<Value> {
    let mut answered = lines(cloud, "tenants", "/message", "answered");
    answered.retain(|line| line["path"].as_str().is_some_and(|found| found.ends_with(path)));
    answered.pop()
}

#[tokio::test]
async fn the_line_of_a_request_says_how_long_it_took_and_what_it_asked_of_whom() -> Result<()> {
    let tenancy = Tenancy::new("measured requests").await?;
    let (organization, _) = tenancy.organization_with(1).await?;
    let pool = tenancy.registered_pool(&[&organization]).await?;
    let cloud = &tenancy.cloud;
    pool.get("/role").await?.expect(200)?;
    pool.deploy_role().await?;
    pool.verified().await?;
    let path = |call: &str| format!("{}/user-pools/{}/{call}", tenancy.id, pool.id);
    eventually(SOON, "the requests are in the log", async || {
        let Some(verified) = answered(cloud, &path("verify")) else { return Ok(None) };
        // With the external ID, without, and with another: the last of them passed.
        ensure!(metric(&verified, "CallsToSts")? >= Some(3), "{verified}");
        ensure!(metric(&verified, "ThrottlesBySts")?.is_none(), "{verified}");
        ensure!(metric(&verified, "ApiRequests")? == Some(1) && verified["duration_ms"].is_u64(), "{verified}");
        let requests = lines(cloud, "tenants", "/message", "answered");
        // Each instance puts the template there once, and hands it out in the links of all roles.
        ensure!(sum(&requests, "CallsToS3")? >= 1 && sum(&requests, "ThrottlesByS3")? == 0, "{requests:?}");
        ensure!(sum(&requests, "ApiRequests")? == requests.len() as u64, "{requests:?}");
        Ok(Some(()))
    })
    .await
}

/// The pools that are denied, each with its tenant, by the table's index.
async fn denied(cloud: &Cloud) -> Result<BTreeSet<(String, String)>> {
    let request = DynamoDb::new(&cloud.integration().sdk(&cloud.region)).query().table_name(&cloud.table_name);
    let request = request.index_name("unwell").key_condition_expression("unwell = :state");
    let found = request.expression_attribute_values(":state", string("denied")).send().await?;
    let id = |item: &HashMap<String, AttributeValue>, key: &str, prefix: &str| {
        let key = item.get(key).and_then(|value| value.as_s().ok());
        key.and_then(|key| key.strip_prefix(prefix)).map(str::to_owned)
    };
    let pools = found.items().iter().map(|item| id(item, "pk", "TENANT#").zip(id(item, "sk", "POOL#")));
    pools.collect::<Option<_>>().context("an item of the index is no pool")
}

#[tokio::test]
async fn a_tick_counts_the_pools_that_are_not_well_by_their_health() -> Result<()> {
    let (pool, _, _) = in_line("measured health", 1).await?;
    let (tenancy, cloud) = (&pool.tenancy, &pool.tenancy.cloud);
    delete_stack(&tenancy.account, tenancy.region, &pool.role_name).await?;
    pool.run().await?;
    pool.health("denied").await?;
    let ticks = || lines(cloud, "schedule", "/message", "ticked");
    let tick = eventually(SOON, "a tick counts the denied pools, this one among them", async || {
        let (before, pools) = (ticks().len(), denied(cloud).await?);
        ensure!(pools.contains(&(tenancy.id.clone(), pool.id.clone())), "{pools:?}");
        cloud.invoke("schedule", &json!({})).await?;
        let Some(tick) = ticks().split_off(before).pop() else { return Ok(None) };
        // Those of other tests come and go.
        if denied(cloud).await? != pools {
            return Ok(None);
        }
        let counted = metric(&tick, "PoolsDenied")?;
        ensure!(counted == Some(pools.len() as u64), "{counted:?} is not the number of {pools:?}");
        Ok(Some(tick))
    })
    .await?;
    for name in ["OldestSyncAge", "PoolsWoken", "PoolsBug", "CallsToDynamoDb"] {
        assert!(metric(&tick, name)?.is_some(), "no {name}: {tick}");
    }
    Ok(())
}

#[tokio::test]
async fn a_pool_that_has_failed_for_hours_is_the_oldest_sync_until_it_is_paused() -> Result<()> {
    const HOURS: u64 = 5;
    let (pool, _, _) = in_line("measured age", 1).await?;
    let (tenancy, cloud) = (&pool.tenancy, &pool.tenancy.cloud);
    let table = DynamoDb::new(&cloud.integration().sdk(&cloud.region));
    let (pk, sk) = (format!("TENANT#{}", tenancy.id), format!("POOL#{}", pool.id));
    let since = Timestamp::from_millis(now_in_millis().try_into()?).minus(Duration::from_hours(HOURS)).to_string();
    let fails_since = async || {
        let request = table.update_item().table_name(&cloud.table_name);
        let request = request.key("pk", string(&pk)).key("sk", string(&sk));
        let request = request.update_expression("SET unwell = :state, unwell_since = :since");
        let request = request.expression_attribute_values(":state", string("transient"));
        request.expression_attribute_values(":since", string(&since)).send().await
    };
    let ticks = || lines(cloud, "schedule", "/message", "ticked");
    eventually(SOON, "a tick says for how long the pool has failed", async || {
        // A run that finds all well takes it back.
        fails_since().await?;
        let before = ticks().len();
        cloud.invoke("schedule", &json!({})).await?;
        let Some(tick) = ticks().split_off(before).pop() else { return Ok(None) };
        Ok((metric(&tick, "OldestSyncAge")? >= Some(HOURS * 3600)).then_some(()))
    })
    .await?;
    pool.patch(&json!({"mode": "paused"}), None).await?.expect(200)?;
    fails_since().await?;
    eventually(SOON, "a paused pool is not counted any more", async || {
        cloud.invoke("schedule", &json!({})).await?;
        let request = table.get_item().table_name(&cloud.table_name).key("pk", string(&pk)).key("sk", string(&sk));
        let item = request.send().await?.item.context("the pool is gone")?;
        Ok((!item.contains_key("unwell") && !item.contains_key("unwell_since")).then_some(()))
    })
    .await
}
