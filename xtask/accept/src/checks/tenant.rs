//! A tenant's user pool, and the role in each form in which Causeway hands it out.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tokio::process::Command;

use crate::aws::{Aws, IAM, Place};
use crate::cleaning::take_away;
use crate::finding::Finding;
use crate::ledger::{Thing, Whose};
use crate::scene::text;
use crate::world::{SOON, TAG, World};

/// How long a program may take.
const LONGEST: Duration = Duration::from_mins(3);

pub(super) async fn pool(world: &mut World) -> Result<Finding> {
    world.make_scene().await?;
    let (scene, region) = (world.set_scene()?, &world.tenant.region);
    Ok(Finding::of(true, format!("a pool in {region} for {} with {}", scene.organization, scene.connection)))
}

pub(super) async fn wrong_external_id(world: &mut World) -> Result<Finding> {
    let role = world.set_scene()?.role_name.clone();
    let principal = json!({"AWS": format!("arn:aws:iam::{}:root", world.integration.account)});
    let statement = json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"});
    let trust = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    let thing = Thing::Role { whose: Whose::Tenant, name: role.clone() };
    world.ledger.makes(thing.clone())?;
    let tag = [("Tags.member.1.Key", TAG), ("Tags.member.1.Value", world.ledger.run.as_str())];
    let parameters = [&[("RoleName", role.as_str()), ("AssumeRolePolicyDocument", &trust)][..], &tag].concat();
    world.tenant.form(IAM, "CreateRole", &parameters).await?;
    // Until it can be entered at all, it is refused for another reason.
    let refused = eventually_verified(world, |status, failed| {
        status == "pending" && failed.iter().any(|check| check.contains("external_id"))
    })
    .await;
    take_away(world, &thing).await?;
    let (status, failed) = refused?;
    Ok(Finding::of(
        status == "pending",
        format!("a role that anybody of the account enters: the pool stays {status}, {failed:?} fail"),
    ))
}

/// Asks for the checks until they come to something.
async fn eventually_verified(
    world: &mut World,
    wanted: impl Fn(&str, &[String]) -> bool,
) -> Result<(String, Vec<String>)> {
    let deadline = std::time::Instant::now() + SOON;
    loop {
        let (status, failed) = world.verify().await?;
        if wanted(&status, &failed) || std::time::Instant::now() > deadline {
            return Ok((status, failed));
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

async fn passes(world: &mut World, form: &str) -> Result<Finding> {
    let (status, failed) = eventually_verified(world, |status, failed| status == "active" && failed.is_empty()).await?;
    let seen = format!("the role by {form}: the pool is {status}, failed checks: {failed:?}");
    Ok(Finding::of(status == "active" && failed.is_empty(), seen))
}

/// The role in a form.
async fn role(world: &mut World, form: &str) -> Result<String> {
    let (api, path) = (world.operator().await?, world.set_scene()?.path());
    text(&api.get(&format!("{path}/role")).await?.expect(200)?.json()?, form)
}

/// A program of this machine.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// A program that acts for the tenant: it gets the session of the tenant's account, and nothing else of this process.
fn for_tenant(program: &str, tenant: &Aws) -> Command {
    let mut command = Command::new(program);
    let credentials = &tenant.credentials;
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", std::env::temp_dir())
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_PAGER", "")
        .env("AWS_REGION", &tenant.region)
        .env("AWS_DEFAULT_REGION", &tenant.region)
        .env("AWS_ACCESS_KEY_ID", credentials.access_key_id())
        .env("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key());
    if let Some(token) = credentials.session_token() {
        command.env("AWS_SESSION_TOKEN", token);
    }
    if let Place::At(url) = &tenant.place {
        command.env("AWS_ENDPOINT_URL", url);
    }
    command
}

async fn ran(mut command: Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(LONGEST, output).await.context("it took too long")??;
    ensure!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    Ok(())
}

pub(super) async fn role_by_aws_cli(world: &mut World) -> Result<Finding> {
    if program("aws").is_none() {
        return Ok(Finding::cannot_tell("the AWS CLI is not on the path of this machine"));
    }
    let commands = role(world, "aws_cli").await?;
    let thing = Thing::Role { whose: Whose::Tenant, name: world.set_scene()?.role_name.clone() };
    world.ledger.makes(thing.clone())?;
    let mut shell = for_tenant("sh", &world.tenant);
    shell.args(["-euc", &commands]);
    let finding = match ran(shell).await {
        Ok(()) => passes(world, "the AWS CLI").await,
        Err(error) => Ok(Finding::of(false, format!("the commands failed: {error:#}"))),
    };
    take_away(world, &thing).await?;
    finding
}

pub(super) async fn role_by_terraform(world: &mut World) -> Result<Finding> {
    if program("terraform").is_none() {
        return Ok(Finding::cannot_tell("Terraform is not on the path of this machine"));
    }
    let configuration = role(world, "terraform").await?;
    let thing = Thing::Role { whose: Whose::Tenant, name: world.set_scene()?.role_name.clone() };
    world.ledger.makes(thing.clone())?;
    let folder = world.logs.join("terraform");
    tokio::fs::create_dir_all(&folder).await?;
    tokio::fs::write(folder.join("role.tf"), configuration).await?;
    let mut finding = None;
    for arguments in
        [&["init", "-input=false", "-no-color"][..], &["apply", "-auto-approve", "-input=false", "-no-color"]]
    {
        let mut terraform = for_tenant("terraform", &world.tenant);
        terraform.args(arguments).current_dir(&folder);
        if let Err(error) = ran(terraform).await {
            finding = Some(Finding::of(false, format!("terraform {}: {error:#}", arguments[0])));
            break;
        }
    }
    let finding = match finding {
        Some(finding) => Ok(finding),
        None => passes(world, "Terraform").await,
    };
    take_away(world, &thing).await?;
    finding
}

pub(super) async fn role_by_cloudformation(world: &mut World) -> Result<Finding> {
    let template = role(world, "cloudformation").await?;
    let name = world.set_scene()?.role_name.clone();
    let status = world.make_stack(Whose::Tenant, &name, &template).await?;
    ensure!(status == "CREATE_COMPLETE", "the stack is {status}");
    let finding = passes(world, "CloudFormation").await?;
    let provider = world.set_scene()?.provider();
    world.provider(&provider).await?;
    Ok(finding.and(format!("the first run makes {provider}")))
}
