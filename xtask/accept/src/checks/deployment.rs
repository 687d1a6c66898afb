//! The deployment, with the rights of docs/iam/deploy.json.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use causeway_attackers::open_routes;
use causeway_local_cloud::eventually::eventually;
use serde_json::{Value, json};

use crate::aws::{CLOUDFORMATION, CLOUDTRAIL};
use crate::finding::Finding;
use crate::ledger::Whose;
use crate::world::{STACK, TAG, World};

/// How long `CloudTrail` may be behind.
const CLOUDTRAIL_LAG: Duration = Duration::from_mins(15);
/// How releases take over here: a share of the calls of each minute goes to the new one, so that one that errs shows.
pub(super) const CANARY: &str = "LambdaLinear10PercentEvery1Minute";

pub(super) async fn deploys(world: &mut World) -> Result<Finding> {
    let stack = world.integration.asks_form(CLOUDFORMATION, "DescribeStacks", &[("StackName", STACK)]).await?;
    if let (Ok(stack), None) = (&stack, &world.local)
        && !(stack.contains(TAG) && stack.contains(world.run()))
    {
        return Ok(Finding::cannot_tell("a stack of this name is there that is not this run's, and is left alone"));
    }
    let template = world.template();
    if world.local.is_none() && !template.is_file() {
        let why = "there are no built functions: `sam build --config-env integration`, or a release's zip, comes first";
        return Ok(Finding::cannot_tell(why));
    }
    let policy = world.policy_of_file("deploy")?;
    let session = world.session("deployer", &[("deploy", policy)]).await?;
    let release = format!("accept-{}", world.run());
    let begin = std::time::Instant::now();
    let outcome = world.deploy(&session, &release, CANARY, &template).await;
    let took = begin.elapsed().as_secs();
    // Also where it failed: what there is then is looked at.
    world.look_at_deployment().await.context(format!("after {took} s: {outcome:?}"))?;
    Ok(match outcome {
        Ok(()) => Finding::of(true, format!("deployed in {took} s by a session that has deploy.json and nothing more")),
        Err(error) => Finding::of(false, format!("{error:#}")),
    })
}

pub(super) async fn denied_calls(world: &mut World) -> Result<Finding> {
    let role = world.name("deployer");
    let events = eventually(CLOUDTRAIL_LAG, "CloudTrail shows the deployment", async || {
        let body = json!({"LookupAttributes": [{"AttributeKey": "Username", "AttributeValue": "causeway-accept"}]});
        let found = world.integration.json(CLOUDTRAIL, "LookupEvents", &body).await?;
        let events = found["Events"].as_array().cloned().unwrap_or_default();
        let events = events.iter().filter_map(|event| event["CloudTrailEvent"].as_str());
        let events: Vec<Value> = events.filter_map(|event| serde_json::from_str(event).ok()).collect();
        let of_role = |event: &Value| event["userIdentity"].to_string().contains(&role);
        let events: Vec<Value> = events.into_iter().filter(of_role).collect();
        // The last call of a deployment, so that those before it are there too.
        Ok(events.iter().any(|event| event["eventName"] == "ExecuteChangeSet").then_some(events))
    })
    .await?;
    let denied = denied(&events);
    let seen = format!("{} calls by the session, denied: {denied:?}", events.len());
    Ok(Finding::of(denied.is_empty(), seen))
}

/// The calls that IAM refused, each once.
fn denied(events: &[Value]) -> BTreeSet<String> {
    let is_denied = |event: &&Value| {
        event["errorCode"].as_str().is_some_and(|code| code.contains("AccessDenied") || code.contains("Unauthorized"))
    };
    let denied = events.iter().filter(is_denied);
    denied
        .map(|event| format!("{}:{}", event["eventSource"].as_str().unwrap_or_default(), event["eventName"]))
        .collect()
}

pub(super) async fn stage_limits(world: &mut World) -> Result<Finding> {
    let path = format!("/v2/apis/{}/stages/%24default", world.deployed()?.api_id);
    let stage = world.of(Whose::Integration).path("apigateway", "apigateway", "GET", &path).await??.json()?;
    let limited = stage["routeSettings"].as_object().or(stage["RouteSettings"].as_object());
    let limited: BTreeSet<&String> = limited.map(|routes| routes.keys().collect()).unwrap_or_default();
    let missing: Vec<String> =
        open_routes().iter().map(causeway_attackers::Route::key).filter(|key| !limited.contains(key)).collect();
    Ok(Finding::of(missing.is_empty() && !limited.is_empty(), format!("{} routes have a limit", limited.len()))
        .and(format!("open routes without one: {missing:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_trail_the_denied_calls_are_named_once() {
        let event = |name: &str, code: Value| json!({"eventSource": "kms", "eventName": name, "errorCode": code});
        let events = [
            event("TagResource", json!("AccessDenied")),
            event("TagResource", json!("AccessDenied")),
            event("Describe", json!("Client.UnauthorizedOperation")),
            event("GetKey", json!("NotFoundException")),
            event("CreateKey", Value::Null),
        ];
        let named: Vec<String> = denied(&events).into_iter().collect();
        assert_eq!(named, ["kms:\"Describe\"", "kms:\"TagResource\""]);
    }
}
