//! How releases take over on AWS.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::deployment::CANARY;
use crate::aws::CODEDEPLOY;
use crate::finding::Finding;
use crate::world::{STACK, World, stack_settles};

/// Deploys a release, and gives what came of it and how many seconds it took.
async fn release(world: &mut World, name: &str, how: &str, template: &Path) -> Result<(Result<()>, u64)> {
    let policy = world.policy_of_file("deploy")?;
    let session = world.session("deployer", &[("deploy", policy)]).await?;
    let begin = std::time::Instant::now();
    let release = format!("accept-{}-{name}", world.run());
    let outcome = world.deploy(&session, &release, how, template).await;
    Ok((outcome, begin.elapsed().as_secs()))
}

/// How the newest deployments of `CodeDeploy` ended.
async fn deployments(world: &World) -> Result<Vec<String>> {
    let listed = world.integration.json(CODEDEPLOY, "ListDeployments", &json!({})).await?;
    let mut ended = Vec::new();
    // The functions' own, of the last release.
    for id in listed["deployments"].as_array().into_iter().flatten().take(6) {
        let one = world.integration.json(CODEDEPLOY, "GetDeployment", &json!({"deploymentId": id})).await?;
        ended.push(one["deploymentInfo"]["status"].as_str().unwrap_or("unknown").to_owned());
    }
    Ok(ended)
}

fn is_this_runs(world: &World) -> Result<()> {
    ensure!(
        world.ledger.left().iter().any(|thing| format!("{thing:?}").contains(&format!("\"{STACK}\""))),
        "the stack is not this run's"
    );
    Ok(())
}

pub(super) async fn good_canary(world: &mut World) -> Result<Finding> {
    is_this_runs(world)?;
    let template = world.template();
    let (outcome, took) = release(world, "good", CANARY, &template).await?;
    let ended = deployments(world).await?;
    let seen = format!("after {took} s: {}; deployments {ended:?}", told(&outcome));
    Ok(Finding::of(outcome.is_ok() && ended.iter().all(|status| status == "Succeeded"), seen))
}

pub(super) async fn bad_canary(world: &mut World) -> Result<Finding> {
    is_this_runs(world)?;
    let template = erring_template(world)?;
    let (outcome, took) = release(world, "bad", CANARY, &template).await?;
    let status = stack_settles(&world.integration, STACK).await?;
    let ended = deployments(world).await?;
    let seen = format!("after {took} s: {}; the stack is {status}, deployments {ended:?}", told(&outcome));
    Ok(Finding::of(outcome.is_err() && status == "UPDATE_ROLLBACK_COMPLETE", seen))
}

pub(super) async fn rollback(world: &mut World) -> Result<Finding> {
    is_this_runs(world)?;
    let template = world.template();
    let (outcome, took) = release(world, "back", "LambdaAllAtOnce", &template).await?;
    let seen = format!("after {took} s: {}", told(&outcome));
    Ok(Finding::of(outcome.is_ok(), seen))
}

fn told(outcome: &Result<()>) -> String {
    outcome.as_ref().map_or_else(|error| format!("{error:#}"), |()| "deployed".to_owned())
}

/// The built template with a table that is not there for the function that is called every minute.
fn erring_template(world: &World) -> Result<PathBuf> {
    let template = std::fs::read_to_string(world.template())?;
    let erring = with_erring_schedule(&template).context("the template's function `schedule` was not found")?;
    // Beside the good one, whose folders it names.
    let file = world.build.join("template-that-errs.yaml");
    std::fs::write(&file, erring)?;
    Ok(file)
}

fn with_erring_schedule(template: &str) -> Option<String> {
    let at = template.find("\n  ScheduleFunction:")?;
    let end = template[at + 3..].find("\n  ReconcileFunction:").map_or(template.len(), |end| at + 3 + end);
    let function = &template[at..end];
    let line = function.find("TABLE_NAME:")?;
    let value = &function[line..];
    // `!Ref Table`, or `Ref: Table` on a line of its own, as SAM writes it.
    let (from, to) = if value.trim_start_matches("TABLE_NAME:").starts_with(" !Ref Table") {
        ("TABLE_NAME: !Ref Table".to_owned(), "TABLE_NAME: not-there")
    } else {
        let rest = value.split_once("Ref: Table")?.0;
        (format!("{rest}Ref: Table"), "TABLE_NAME: not-there")
    };
    Some(format!("{}{}{}", &template[..at], function.replacen(&from, to, 1), &template[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_release_that_errs_one_function_has_another_table_and_nothing_else_differs() {
        let own = std::fs::read_to_string(causeway_local_cloud::workspace::root().join("template.yaml")).unwrap();
        let by_sam = "\n  ScheduleFunction:\n    X:\n      TABLE_NAME:\n        Ref: Table\n      Q: 1\n  ReconcileFunction:\n      TABLE_NAME:\n        Ref: Table\n";
        for template in [own.as_str(), by_sam] {
            let erring = with_erring_schedule(template).unwrap();
            assert_eq!(erring.matches("TABLE_NAME: not-there").count(), 1, "{erring}");
            assert_eq!(erring.matches("TABLE_NAME:").count(), template.matches("TABLE_NAME:").count());
            let at = erring.find("not-there").unwrap();
            assert!(
                erring.find("\n  ScheduleFunction:").unwrap() < at
                    && at < erring.find("\n  ReconcileFunction:").unwrap()
            );
        }
    }
}
