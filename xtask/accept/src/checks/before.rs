//! Before anything is made.

use anyhow::{Context, Result};
use causeway_local_cloud::query_api::element;
use serde_json::{Value, json};

use crate::aws::{CLOUDFORMATION, Place, TAGGING};
use crate::finding::Finding;
use crate::ledger::Whose;
use crate::world::{STACK, TAG, World};

/// What is needed so that 100 stay unreserved and as many can be reserved.
const ENOUGH_INSTANCES: u64 = 200;

pub(super) async fn accounts(world: &mut World) -> Result<Finding> {
    let mut finding = Finding::of(world.integration.account != world.tenant.account, "two accounts");
    for (whose, aws) in [("integration", &world.integration), ("tenant's", &world.tenant)] {
        let (_, arn) = aws.identity().await?;
        let kind = arn.split(':').nth(5).and_then(|name| name.split('/').next()).unwrap_or("unknown").to_owned();
        // The local cloud's accounts have nobody else.
        let is_root = kind == "root" && aws.place == Place::Aws;
        finding = finding.with(Finding::of(!is_root, format!("the {whose} account as {kind}, in {}", aws.region)));
    }
    Ok(finding)
}

pub(super) async fn lambda_quota(world: &mut World) -> Result<Finding> {
    let answer = world.integration.path("lambda", "lambda", "GET", "/2016-08-19/account-settings").await??;
    let settings: Value = answer.json()?;
    let limit = settings["AccountLimit"]["ConcurrentExecutions"].as_u64().context("no limit")?;
    let unreserved = settings["AccountLimit"]["UnreservedConcurrentExecutions"].as_u64().unwrap_or(limit);
    Ok(Finding::of(limit >= ENOUGH_INSTANCES, format!("{limit} at once, {unreserved} of them unreserved")))
}

pub(super) async fn public_access(world: &mut World) -> Result<Finding> {
    let host = format!("{}.s3-control", world.integration.account);
    let path = "/v20180820/configuration/publicAccessBlock";
    match world.integration.path(&host, "s3", "GET", path).await? {
        Ok(answer) => {
            let text = answer.text();
            let blocked: Vec<&str> =
                ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"]
                    .into_iter()
                    .filter(|name| element(&text, name).is_ok_and(|value| value == "true"))
                    .collect();
            Ok(Finding::of(
                blocked.is_empty(),
                format!("the account blocks {blocked:?}: LaunchLinks has to be disabled"),
            ))
        }
        Err(refused) if refused.code == "NoSuchPublicAccessBlockConfiguration" => {
            Ok(Finding::of(true, "the account has no such setting"))
        }
        Err(refused) => Err(refused.into()),
    }
}

pub(super) async fn leftovers(world: &mut World) -> Result<Finding> {
    let mut finding = Finding::of(true, "looked for what has the tag of a run");
    for whose in [Whose::Integration, Whose::Tenant] {
        let body = json!({"TagFilters": [{"Key": TAG}]});
        let found = world.of(whose).json(TAGGING, "GetResources", &body).await?;
        for resource in found["ResourceTagMappingList"].as_array().into_iter().flatten() {
            let of_this_run = resource["Tags"].to_string().contains(&format!("\"{}\"", world.run()));
            if !of_this_run {
                finding = finding.with(Finding::of(false, format!("{} is left", resource["ResourceARN"])));
            }
        }
    }
    let stack = world.integration.asks_form(CLOUDFORMATION, "DescribeStacks", &[("StackName", STACK)]).await?;
    Ok(match (stack, world.local.is_some()) {
        (Ok(_), true) => finding.and("the stack of the local cloud is there, as it has to be"),
        (Ok(stack), false) => {
            let of_this_run = stack.contains(TAG) && stack.contains(world.run());
            let seen = "a stack of Causeway's is in this account already: take an account without one";
            if of_this_run { finding } else { finding.with(Finding::of(false, seen)) }
        }
        (Err(_), _) => finding,
    })
}
