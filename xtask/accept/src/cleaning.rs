//! Taking away what a run has made: only what is on its list, and of that only what carries the run's name, as its tag or,
//! where it was made by what knows no tag, in its own name.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use causeway_local_cloud::eventually::eventually;
use causeway_local_cloud::query_api::{element, elements};
use causeway_machine::progress::step;
use serde_json::{Value, json};

use crate::aws::{Aws, CLOUDFORMATION, COGNITO, DYNAMODB, IAM, KMS};
use crate::finding::Finding;
use crate::ledger::{Thing, Whose};
use crate::world::{STACK, TAG, World, stack_settles};

/// How long what was asked for may take.
const LONGEST: Duration = Duration::from_mins(10);
/// As soon as AWS lets a key go.
const KEY_WAITS_DAYS: u32 = 7;

/// Takes everything away that is on the list, and says of what is left why.
pub(crate) async fn take_all_away(world: &mut World) -> Finding {
    let things = world.ledger.left();
    let mut finding = Finding::of(true, format!("{} things were on the list", things.len()));
    let taking = step("taking away what was made");
    for thing in things {
        if let Err(error) = take_away(world, &thing).await {
            let left = format!("{} is left: {error:#}", shown(&thing));
            finding = finding.with(Finding::of(false, left));
        }
    }
    taking.done();
    finding.and(format!("{} are left on it", world.ledger.left().len()))
}

/// Takes one thing away, and off the list when it is gone.
pub(crate) async fn take_away(world: &mut World, thing: &Thing) -> Result<()> {
    ensure!(world.ledger.left().contains(thing), "{} is not on the list", shown(thing));
    match thing {
        Thing::Stack { whose, name } => stack(world, *whose, name).await?,
        Thing::Role { whose, name } => role(world, *whose, name).await?,
        Thing::UserPool { name } => user_pool(world, name).await?,
        Thing::Tenant { name } => tenant(world, name).await?,
        Thing::Organization { name } => organization(world, name).await?,
        Thing::RedirectUri { containing } => redirect_uri(world, containing).await?,
    }
    world.ledger.is_gone(thing)
}

/// A thing for people.
fn shown(thing: &Thing) -> String {
    match thing {
        Thing::Stack { name, .. } => format!("the stack {name}"),
        Thing::Role { name, .. } => format!("the role {name}"),
        Thing::UserPool { name } => format!("the user pool {name}"),
        Thing::Tenant { name } => format!("Causeway's tenant {name}"),
        Thing::Organization { name } => format!("the organization {name} in WorkOS"),
        Thing::RedirectUri { containing } => format!("the redirect URI with {containing} in WorkOS"),
    }
}

/// Refuses what is not this run's.
fn is_ours(run: &str, name: &str, tag: Option<&str>) -> Result<()> {
    ensure!(tag == Some(run) || name.contains(run), "it does not carry the tag of this run");
    Ok(())
}

async fn stack(world: &World, whose: Whose, name: &str) -> Result<()> {
    let aws = world.of(whose);
    let described = match aws.asks_form(CLOUDFORMATION, "DescribeStacks", &[("StackName", name)]).await? {
        Ok(described) => described,
        Err(refused) if refused.message.contains("does not exist") => return Ok(()),
        Err(refused) => return Err(refused.into()),
    };
    let tags = described.split("<Tags>").nth(1).unwrap_or_default();
    let tag = elements(tags, "Key")
        .iter()
        .position(|key| key == TAG)
        .and_then(|at| elements(tags, "Value").into_iter().nth(at));
    is_ours(world.run(), name, tag.as_deref())?;
    let kept = if name == STACK { kept_resources(aws, name).await? } else { Vec::new() };
    // By its ID, since it is not found by its name any more when it is gone.
    let id = element(&described, "StackId")?;
    aws.form(CLOUDFORMATION, "DeleteStack", &[("StackName", name)]).await?;
    let status = match stack_settles(aws, &id).await {
        Ok(status) => status,
        Err(error) if format!("{error:#}").contains("does not exist") => "DELETE_COMPLETE".to_owned(),
        Err(error) => return Err(error),
    };
    ensure!(status == "DELETE_COMPLETE", "the stack is {status}");
    for (kind, physical) in kept {
        kept_resource(aws, &kind, &physical).await.with_context(|| format!("{kind} {physical}"))?;
    }
    Ok(())
}

/// What the template keeps when its stack is deleted.
async fn kept_resources(aws: &Aws, stack: &str) -> Result<Vec<(String, String)>> {
    let resources = aws.form(CLOUDFORMATION, "DescribeStackResources", &[("StackName", stack)]).await?;
    let kinds = elements(&resources, "ResourceType").into_iter().zip(elements(&resources, "PhysicalResourceId"));
    let is_kept =
        |kind: &str| ["AWS::DynamoDB::", "AWS::KMS::Key", "AWS::S3::Bucket"].iter().any(|one| kind.starts_with(one));
    Ok(kinds.filter(|(kind, _)| is_kept(kind) && kind != "AWS::S3::BucketPolicy").collect())
}

async fn kept_resource(aws: &Aws, kind: &str, id: &str) -> Result<()> {
    if kind.starts_with("AWS::DynamoDB::") {
        let update = json!({"TableName": id, "DeletionProtectionEnabled": false});
        if let Err(refused) = aws.asks(DYNAMODB, "UpdateTable", &update).await? {
            ensure!(refused.code == "ResourceNotFoundException" || refused.code == "ValidationException", "{refused}");
        }
        return eventually(LONGEST, "the table goes", async || {
            match aws.asks(DYNAMODB, "DeleteTable", &json!({"TableName": id})).await? {
                Err(refused) if refused.code == "ResourceNotFoundException" => Ok(Some(())),
                _ => Ok(None),
            }
        })
        .await;
    }
    if kind == "AWS::KMS::Key" {
        let body = json!({"KeyId": id, "PendingWindowInDays": KEY_WAITS_DAYS});
        return match aws.asks(KMS, "ScheduleKeyDeletion", &body).await? {
            Ok(_) => Ok(()),
            // It waits already, or is gone.
            Err(refused) if ["KMSInvalidStateException", "NotFoundException"].contains(&refused.code.as_str()) => {
                Ok(())
            }
            Err(refused) => Err(refused.into()),
        };
    }
    // Of the bucket there is one object at most.
    for path in ["/role.yaml", "/"] {
        if let Err(refused) = aws.path(&format!("{id}.s3"), "s3", "DELETE", path).await? {
            ensure!(refused.status == 404, "{refused}");
        }
    }
    Ok(())
}

async fn role(world: &World, whose: Whose, name: &str) -> Result<()> {
    let aws = world.of(whose);
    let tags = match aws.asks_form(IAM, "ListRoleTags", &[("RoleName", name)]).await? {
        Ok(tags) => tags,
        Err(refused) if refused.code == "NoSuchEntity" => return Ok(()),
        Err(refused) => return Err(refused.into()),
    };
    let tag = elements(&tags, "Key")
        .iter()
        .position(|key| key == TAG)
        .and_then(|at| elements(&tags, "Value").into_iter().nth(at));
    is_ours(world.run(), name, tag.as_deref())?;
    let policies = aws.form(IAM, "ListRolePolicies", &[("RoleName", name)]).await?;
    for policy in elements(&policies, "member") {
        aws.form(IAM, "DeleteRolePolicy", &[("RoleName", name), ("PolicyName", &policy)]).await?;
    }
    aws.form(IAM, "DeleteRole", &[("RoleName", name)]).await.map(drop)
}

async fn user_pool(world: &World, name: &str) -> Result<()> {
    let mut next = Value::Null;
    loop {
        let mut body = json!({"MaxResults": 60});
        if next.is_string() {
            body["NextToken"] = next.clone();
        }
        let list = world.tenant.json(COGNITO, "ListUserPools", &body).await?;
        let found = list["UserPools"].as_array().into_iter().flatten().find(|pool| pool["Name"] == name);
        if let Some(id) = found.and_then(|pool| pool["Id"].as_str()) {
            return delete_user_pool(world, name, id).await;
        }
        next = list["NextToken"].clone();
        if !next.is_string() {
            return Ok(());
        }
    }
}

async fn delete_user_pool(world: &World, name: &str, id: &str) -> Result<()> {
    let body = json!({"UserPoolId": id});
    let described = world.tenant.json(COGNITO, "DescribeUserPool", &body).await?["UserPool"].clone();
    is_ours(world.run(), name, described["UserPoolTags"][TAG].as_str())?;
    if let Some(domain) = described["Domain"].as_str().filter(|domain| !domain.is_empty()) {
        let body = json!({"UserPoolId": id, "Domain": domain});
        world.tenant.json(COGNITO, "DeleteUserPoolDomain", &body).await?;
    }
    world.tenant.json(COGNITO, "DeleteUserPool", &body).await.map(drop)
}

async fn tenant(world: &mut World, name: &str) -> Result<()> {
    is_ours(world.run(), name, None)?;
    // A deployment that is gone has no tenants.
    if world.deployment.is_none() && world.look_at_deployment().await.is_err() {
        return Ok(());
    }
    let api = world.operator().await?;
    let mut cursor = String::new();
    let id = loop {
        let list = api.get(&format!("/v1/tenants?limit=100{cursor}")).await?.expect(200)?.json()?;
        let found = list["items"].as_array().into_iter().flatten().find(|tenant| tenant["name"] == name);
        if let Some(id) = found.and_then(|tenant| tenant["id"].as_str()) {
            break id.to_owned();
        }
        match list["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(()),
        }
    };
    let tenant = format!("/v1/tenants/{id}");
    let pools = api.get(&format!("{tenant}/user-pools")).await?.expect(200)?.json()?;
    for pool in pools["items"].as_array().into_iter().flatten().filter_map(|pool| pool["user_pool_id"].as_str()) {
        let answer = api.send("DELETE", &format!("{tenant}/user-pools/{pool}?providers=keep"), &[], b"").await?;
        ensure!(answer.status < 300 || answer.status == 404, "{}: {}", answer.status, answer.text());
    }
    eventually(LONGEST, "the tenant goes", async || {
        let answer = api.send("DELETE", &tenant, &[], b"").await?;
        ensure!(
            answer.status < 300 || answer.status == 404 || answer.status == 409,
            "{}: {}",
            answer.status,
            answer.text()
        );
        Ok((answer.status != 409).then_some(()))
    })
    .await
}

async fn organization(world: &World, name: &str) -> Result<()> {
    is_ours(world.run(), name, None)?;
    let mut after = String::new();
    loop {
        let path = format!("/organizations?limit=100&order=desc{after}");
        let page = world.workos.call("GET", &path, None).await?.expect(200)?.json()?;
        for found in page["data"].as_array().into_iter().flatten().filter(|one| one["name"] == name) {
            let id = found["id"].as_str().context("an organization without an ID")?;
            delete_connections(world, id).await?;
            let answer = world.workos.call("DELETE", &format!("/organizations/{id}"), None).await?;
            ensure!(answer.status < 300 || answer.status == 404, "{}: {}", answer.status, answer.text());
        }
        match page["list_metadata"]["after"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return Ok(()),
        }
    }
}

async fn delete_connections(world: &World, organization: &str) -> Result<()> {
    let path = format!("/connections?organization_id={organization}&limit=100");
    let list = world.workos.call("GET", &path, None).await?.expect(200)?.json()?;
    for id in list["data"].as_array().into_iter().flatten().filter_map(|connection| connection["id"].as_str()) {
        let answer = world.workos.call("DELETE", &format!("/connections/{id}"), None).await?;
        ensure!(answer.status < 300 || answer.status == 404, "{}: {}", answer.status, answer.text());
    }
    Ok(())
}

async fn redirect_uri(world: &World, containing: &str) -> Result<()> {
    let answer = world.workos.call("GET", "/user_management/redirect_uris?limit=100", None).await?;
    // Older environments, and the emulator, have no call that lists or deletes them.
    if answer.status == 404 && world.local.is_some() {
        return Ok(());
    }
    let list = answer.expect(200).context("take it away in the dashboard")?.json()?;
    for found in list["data"].as_array().into_iter().flatten() {
        let is_it = found["uri"].as_str().is_some_and(|uri| uri.contains(containing));
        if let Some(id) = found["id"].as_str().filter(|_| is_it) {
            let answer = world.workos.call("DELETE", &format!("/user_management/redirect_uris/{id}"), None).await?;
            ensure!(answer.status < 300 || answer.status == 404, "take it away in the dashboard: {}", answer.status);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_carries_another_runs_tag_or_none_is_not_ours() {
        assert!(
            is_ours("r1", "causeway", Some("r1")).is_ok() && is_ours("r1", "causeway-accept-r1-pool", None).is_ok()
        );
        for (name, tag) in [("causeway", None), ("causeway", Some("r2")), ("causeway-accept-r2-pool", Some("r2"))] {
            assert!(is_ours("r1", name, tag).is_err(), "{name} {tag:?}");
        }
    }
}
