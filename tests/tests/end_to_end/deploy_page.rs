//! `docs/deploy.md`, from top to bottom: its commands are read out of it and run, in another Region beside the stack
//! that all tests share.

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_kms::Client as Kms;
use aws_sdk_kms::types::KeyState;
use causeway_local_cloud::eventually::eventually;
use causeway_local_cloud::page::{Block, blocks, fenced};
use causeway_local_cloud::tenant_role::deploy_stack;
use causeway_local_cloud::workos::{OTHER_CLIENT_ID, other_api_key};
use causeway_local_cloud::workspace;
use serde_json::{Value, json};

use crate::pool::{Pool, provider_name};
use crate::shell::Shell;
use crate::tenancy::{ACCOUNT, REGION, SOON, Tenancy, cloud, text, unique};

/// Where the stack of the page is.
const STACK_REGION: &str = "eu-central-1";
/// Where a stack fails, and nothing else is.
const FAILING_REGION: &str = "eu-south-1";

fn page(name: &str) -> Result<String> {
    Ok(std::fs::read_to_string(workspace::root().join("docs").join(name))?)
}

/// What somebody types who is asked: for the change set, and for the tenant's key.
fn typed(commands: &str, api_key: &str) -> String {
    match commands {
        commands if commands.contains("sam deploy") => "y\n".to_owned(),
        commands if commands.contains("read -r -s") => format!("{api_key}\n"),
        _ => String::new(),
    }
}

/// A tenant, its user pool and a connection, in the place of those that the page makes up.
struct Tenant {
    pool: Pool,
    connection: String,
    api_key: String,
}

impl Tenant {
    async fn new() -> Result<Self> {
        let api_key = other_api_key(10);
        let tenancy = Tenancy::of_environment("deploy page", OTHER_CLIENT_ID, &api_key, ACCOUNT, REGION).await?;
        let (_, connections) = tenancy.organization_with(1).await?;
        let pool = tenancy.user_pool().await?;
        Ok(Self { pool, connection: connections.into_iter().next().context("no connection")?, api_key })
    }

    /// Commands with the tenant's own IDs.
    fn own(&self, commands: &str) -> String {
        commands
            .replace("client_01EXAMPLE", OTHER_CLIENT_ID)
            .replace("222222222222", ACCOUNT)
            .replace("CausewayLogin", &self.pool.role_name)
            .replace("eu-west-1_AbCdEf123", &self.pool.id)
            .replace("1example23456789", &self.pool.app_client)
    }

    /// Creates the role as the page says that the tenant does.
    async fn creates_role(&self, answer: &str) -> Result<()> {
        let role: Value = serde_json::from_str(answer)?;
        let (account, name) = (&self.pool.tenancy.account, &self.pool.role_name);
        deploy_stack(account, REGION, name, &text(&role, "cloudformation")?, &[]).await.map(drop)
    }
}

/// Runs one block, and looks whether what it answers is what the page says.
async fn run(shell: &Shell, tenant: &Tenant, block: &Block) -> Result<()> {
    let commands = tenant.own(&block.commands);
    let said = shell.run(&commands, &typed(&commands, &tenant.api_key)).await?;
    if let Some(answer) = &block.answer {
        ensure!(said == *answer, "{commands} answers {said}, and not {answer}");
    }
    if commands.ends_with("/role\"") {
        tenant.creates_role(&said).await?;
    } else if commands.ends_with("/verify\"") {
        let verified: Value = serde_json::from_str(&said)?;
        ensure!(verified["status"] == "active", "{verified:#}");
    } else if commands.ends_with("/providers\"") {
        let name = provider_name(&tenant.connection);
        eventually(SOON, "the first run has made the provider", async || {
            Ok(shell.run(&commands, "").await?.contains(&name).then_some(()))
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "deploys a stack beside the tests' own, so that it runs alone: `cargo xtask test` runs it after the others"]
async fn the_steps_of_the_page_on_deploying_run_as_they_are_written_and_leave_a_table_that_is_in_use() -> Result<()> {
    let (text, tenant) = (page("deploy.md")?, Tenant::new().await?);
    let cloud = &tenant.pool.tenancy.cloud;
    let shell = Shell::new(cloud, "deploy", STACK_REGION, "causeway-page")?;
    let settings = fenced(&text, "toml").into_iter().find(|block| block.section == "Deploy").context("no settings")?;
    shell.has_settings(cloud, &settings.commands)?;
    for block in blocks(&text).iter().filter(|block| block.left_out.is_none()) {
        let outcome = run(&shell, &tenant, block).await;
        outcome.with_context(|| format!("in the section {}", block.section))?;
    }
    let table = shell.run("echo \"$TABLE\"", "").await?;
    let described = DynamoDb::new(&cloud.integration().sdk(STACK_REGION)).describe_table().table_name(&table);
    described.send().await.context("the page deletes a table that is in use")?;
    let gone = shell.run("aws cloudformation describe-stacks --stack-name causeway", "").await;
    assert!(gone.is_err_and(|error| format!("{error:#}").contains("does not exist")), "the stack is still there");
    Ok(())
}

/// A small stack that fails as soon as it has made a table and a key, with the rules of the real one for both.
fn that_fails() -> Result<String> {
    let template = std::fs::read_to_string(workspace::root().join("template.yaml"))?;
    let policy = |resource: &str| -> Result<&str> {
        let rest = template.split(&format!("\n  {resource}:\n")).nth(1).context("no such resource")?;
        rest.split("DeletionPolicy: ").nth(1).and_then(|rest| rest.lines().next()).context("no policy")
    };
    let (table, key) = (policy("Table")?, policy("SealingKey")?);
    Ok(json!({"Resources": {
        "Table": {
            "Type": "AWS::DynamoDB::GlobalTable",
            "DeletionPolicy": table,
            "Properties": {
                "BillingMode": "PAY_PER_REQUEST",
                "Replicas": [{"Region": FAILING_REGION}],
                "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            },
        },
        "Key": {
            "Type": "AWS::KMS::Key",
            "DeletionPolicy": key,
            "Properties": {"MultiRegion": true, "KeyPolicy": {"Version": "2012-10-17", "Statement": []}},
        },
        "Fails": {
            "Type": "AWS::Lambda::EventInvokeConfig",
            "DependsOn": ["Table", "Key"],
            "Properties": {"FunctionName": "there-is-none", "Qualifier": "live"},
        },
    }})
    .to_string())
}

#[tokio::test]
async fn what_a_first_deployment_that_failed_leaves_is_taken_away_as_the_page_says() -> Result<()> {
    let cloud = cloud()?;
    let (stack, text) = (unique("causeway-failed-"), page("deploy.md")?);
    let shell = Shell::new(&cloud, "failed", FAILING_REGION, &stack)?;
    let failed = deploy_stack(&cloud.integration(), FAILING_REGION, &stack, &that_fails()?, &[]).await;
    ensure!(failed.is_err(), "the stack was made");
    let configuration = cloud.integration().sdk(FAILING_REGION);
    let (tables, keys) = (DynamoDb::new(&configuration), Kms::new(&configuration));
    let made = async || -> Result<Vec<String>> {
        let tables = tables.list_tables().send().await?.table_names.unwrap_or_default();
        Ok(tables.into_iter().filter(|table| table.starts_with(&stack)).collect())
    };
    assert_eq!(made().await?.len(), 1, "a table is kept whatever happens");
    for key in keys.list_keys().send().await?.keys.unwrap_or_default() {
        let described = keys.describe_key().key_id(key.key_id.context("no ID")?).send().await?.key_metadata;
        let state = described.and_then(|key| key.key_state);
        assert_eq!(state, Some(KeyState::PendingDeletion), "a key of a first deployment that failed is kept");
    }

    let cleaning = blocks(&text).into_iter().find(|block| block.section == "Where the first deployment failed");
    shell.run(&cleaning.context("the page has no commands for it")?.commands, "").await?;
    assert!(made().await?.is_empty(), "the table is still there");
    let gone = shell.run("aws cloudformation describe-stacks --stack-name causeway", "").await;
    assert!(gone.is_err_and(|error| format!("{error:#}").contains("does not exist")), "the stack is still there");
    Ok(())
}
