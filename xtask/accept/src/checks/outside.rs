//! What can be seen from outside, and what is to be seen inside.

use std::time::Duration;

use anyhow::{Context, Result};
use causeway_local_cloud::eventually::eventually;
use causeway_local_cloud::query_api::{element, elements};
use causeway_local_cloud::signed_http::plain_client;
use causeway_machine::options::FUNCTIONS;
use serde_json::{Value, json};

use super::last::give_up_a_message;
use crate::aws::{CLOUDFORMATION, CLOUDWATCH, LOGS};
use crate::finding::Finding;
use crate::world::{SOON, STACK, World};

/// How long CloudWatch may be behind.
const METRICS_LAG: Duration = Duration::from_mins(15);
/// How long an alarm may take to fire, or to end.
const ALARM: Duration = Duration::from_mins(7);
/// An endpoint that is answered for whoever asks.
const ENDPOINT: &str = "/oidc/tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N/conn_01KAPJ7M7VYGJ5GM8WXT1C4D2N";

pub(super) async fn discovery(world: &mut World) -> Result<Finding> {
    let base = world.domain.clone().unwrap_or(world.deployed()?.api_url.clone());
    let issuer = format!("{base}{ENDPOINT}");
    let http = plain_client()?;
    let document = http.get(format!("{issuer}/.well-known/openid-configuration")).send().await?;
    let (status, cached) = (document.status().as_u16(), document.headers().get("cache-control").cloned());
    let document: Value = document.json().await.with_context(|| format!("{status} with no JSON"))?;
    let keys = document["jwks_uri"].as_str().context("no jwks_uri")?;
    let keys: Value = http.get(keys).send().await?.json().await?;
    let keys = keys["keys"].as_array().cloned().unwrap_or_default();
    let is_for_signing = |key: &Value| key["kty"] == "RSA" && key["kid"].is_string();
    Ok(Finding::of(document["issuer"] == *issuer, format!("{status}, with the issuer that was asked for"))
        .with(Finding::of(!keys.is_empty() && keys.iter().all(is_for_signing), format!("{} RSA keys", keys.len())))
        .with(Finding::of(cached.is_some(), format!("cache-control: {cached:?}"))))
}

/// What a function has logged lately that matches a filter.
pub(super) async fn logged(world: &World, function: &str, filter: &str, minutes: u64) -> Result<Vec<String>> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let since = now.saturating_sub(Duration::from_mins(minutes)).as_millis();
    let body = json!({
        "logGroupName": format!("/causeway/{STACK}/{function}"), "filterPattern": filter, "limit": 1000,
        "startTime": u64::try_from(since)?,
    });
    let found = world.integration.json(LOGS, "FilterLogEvents", &body).await?;
    let events = found["events"].as_array().into_iter().flatten();
    Ok(events.filter_map(|event| event["message"].as_str()).map(str::to_owned).collect())
}

pub(super) async fn log_lines(world: &mut World) -> Result<Finding> {
    let answered = eventually(SOON, "the function tenants has logged an answer", async || {
        let lines =
            logged(world, "tenants", "{ $.fields.message = \"answered\" || $.message = \"answered\" }", 60).await?;
        Ok((!lines.is_empty()).then_some(lines.len()))
    })
    .await?;
    let mut finding = Finding::of(true, format!("{answered} wide lines of tenants"));
    for function in FUNCTIONS {
        let lines = logged(world, function, "", 60).await?;
        let odd = lines.iter().filter(|line| serde_json::from_str::<Value>(line).is_err()).count();
        finding =
            finding.with(Finding::of(odd == 0, format!("{function}: {} lines, {odd} of them no JSON", lines.len())));
    }
    Ok(finding)
}

pub(super) async fn metrics(world: &mut World) -> Result<Finding> {
    let wanted = ["ApiRequests", "OldestSyncAge"];
    let named = eventually(METRICS_LAG, "CloudWatch lists the metrics", async || {
        let list = world.integration.form(CLOUDWATCH, "ListMetrics", &[("Namespace", "Causeway")]).await?;
        let named = elements(&list, "MetricName");
        Ok(wanted.iter().all(|name| named.iter().any(|one| one == name)).then_some(named))
    })
    .await?;
    Ok(Finding::of(true, format!("in the namespace Causeway: {named:?}")))
}

pub(super) async fn alarm_ends(world: &mut World) -> Result<Finding> {
    let parameters = [("StackName", STACK), ("LogicalResourceId", "DeadLetterAlarm")];
    let resource = world.integration.form(CLOUDFORMATION, "DescribeStackResource", &parameters).await?;
    let alarm = element(&resource, "PhysicalResourceId")?;
    give_up_a_message(world, "alarm", "not a wake-up").await?;
    let fires = alarm_is(world, &alarm, "ALARM").await?;
    let api = world.operator().await?;
    eventually(SOON, "the message is taken off", async || {
        let done =
            api.post("/v1/dead-letters/redrive", &json!({"discard_malformed": true})).await?.expect(200)?.json()?;
        Ok((done["discarded"].as_u64() > Some(0)).then_some(()))
    })
    .await?;
    let ends = alarm_is(world, &alarm, "OK").await?;
    Ok(Finding::of(true, format!("DeadLetterAlarm fired after {fires} s and ended after {ends} s")))
}

/// Waits for a state of an alarm, and gives how many seconds that took.
async fn alarm_is(world: &World, alarm: &str, wanted: &str) -> Result<u64> {
    let begin = std::time::Instant::now();
    eventually(ALARM, &format!("the alarm is {wanted}"), async || {
        let parameters = [("AlarmNames.member.1", alarm)];
        let described = world.integration.form(CLOUDWATCH, "DescribeAlarms", &parameters).await?;
        Ok((element(&described, "StateValue")? == wanted).then_some(()))
    })
    .await?;
    Ok(begin.elapsed().as_secs())
}
