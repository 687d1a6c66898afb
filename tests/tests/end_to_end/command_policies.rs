//! Each command of the command line, run by an IAM user who has exactly the policies of `docs/iam` that `docs/cli.md`
//! names for it, and refused to who lacks any of them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::types::AttributeValue;
use causeway_local_cloud::command_line::CommandLine;
use causeway_local_cloud::workspace;
use serde_json::json;

use crate::policies::document_of;
use crate::pool::{Pool, in_line};
use crate::tenancy::{Tenancy, next_api_key, string, text, unique};

/// The commands of the manual's table, in its order, each with the sets of policies by which it works.
fn documented() -> Result<Vec<(String, Vec<BTreeSet<String>>)>> {
    let page = std::fs::read_to_string(workspace::root().join("docs/cli.md"))?;
    let table = page.split("\n### What each needs\n").nth(1).context("no such section")?;
    let table = table.split("\n#").next().unwrap_or_default();
    let mut rows = Vec::new();
    for row in table.lines().filter_map(|line| line.strip_prefix("| `")) {
        let (command, needs) = row.split_once("` | ").context("a row without needs")?;
        let needs = needs.trim_end_matches(" |").split(" or ");
        let needs = needs.map(|all| all.split(" and ").filter(|one| *one != "none").map(str::to_owned).collect());
        rows.push((command.to_owned(), needs.collect()));
    }
    Ok(rows)
}

/// The commands that the program has, such as `pools list`.
async fn offered(causeway: &CommandLine) -> Result<BTreeSet<String>> {
    let of = async |arguments: &[&str]| -> Result<Vec<String>> {
        let help = causeway.run(&[arguments, &["--help"]].concat()).await?.expect(0)?.stdout;
        let list = help.split("Commands:\n").nth(1).unwrap_or_default().split("\n\n").next().unwrap_or_default();
        // What a line is too short for goes on further to the right.
        let words = list.lines().filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
        let words = words.filter_map(|line| line.split_whitespace().next());
        Ok(words.filter(|word| *word != "help").map(str::to_owned).collect())
    };
    let mut all = BTreeSet::new();
    for command in of(&[]).await? {
        let below = of(&[&command]).await?;
        if below.is_empty() {
            all.insert(command);
        } else {
            all.extend(below.into_iter().map(|one| format!("{command} {one}")));
        }
    }
    Ok(all)
}

/// Whoever has some of the policies.
struct Holders {
    tenancy: Tenancy,
    by_policies: BTreeMap<BTreeSet<String>, CommandLine>,
}

impl Holders {
    async fn of(&mut self, policies: &BTreeSet<String>) -> Result<&CommandLine> {
        if !self.by_policies.contains_key(policies) {
            let cloud = &self.tenancy.cloud;
            let name = unique("holder");
            let user = cloud.integration().create_user(&name, None).await?;
            for policy in policies {
                let document = document_of(cloud, policy)?.to_string();
                let parameters =
                    [("UserName", name.as_str()), ("PolicyName", policy.as_str()), ("PolicyDocument", &document)];
                cloud.integration().iam()?.call("PutUserPolicy", &parameters).await?;
            }
            self.by_policies.insert(policies.clone(), CommandLine::new(cloud, user.credentials()));
        }
        self.by_policies.get(policies).context("nobody has them")
    }
}

/// What the commands are run on.
struct Scene {
    pool: Pool,
    /// With the same connections, for what can be done once only.
    second: Pool,
    connections: Vec<String>,
}

impl Scene {
    async fn new() -> Result<Self> {
        let (pool, organization, connections) = in_line("policies", 3).await?;
        let second = pool.tenancy.pool(&[&organization]).await?;
        second.settles_on(&connections.iter().map(String::as_str).collect::<Vec<_>>()).await?;
        second.drained().await?;
        Ok(Self { pool, second, connections })
    }

    /// All connections are gone, which the guard holds back in both pools.
    async fn loses_all(&self) -> Result<()> {
        let workos = &self.pool.tenancy.workos;
        futures::future::try_join_all(self.connections.iter().map(|id| workos.delete_connection(id))).await?;
        for pool in [&self.pool, &self.second] {
            pool.run().await?;
            pool.health("held").await?;
        }
        Ok(())
    }

    /// The arguments of a command of the manual's table, and what is typed, with what it needs to find made before.
    async fn arguments(&self, command: &str) -> Result<(Vec<String>, String)> {
        let (tenancy, id) = (&self.pool.tenancy, &self.pool.id);
        let (tenant, words) = (&tenancy.id, command.replace(' ', "|"));
        let typed = if command == "tenants create" { next_api_key(&tenancy.cloud)? } else { String::new() };
        let line = match command {
            "completions" => "completions|bash".to_owned(),
            "status" | "health" | "dead-letters" | "dead-letters --redrive" | "tenants list" => words,
            "onboard" => format!("onboard|--name|Policy|--client-id|{}", tenancy.cloud.workos_client_id),
            "tenants create" => {
                format!("{words}|--name|Policy|--client-id|{}|--api-key-from|-", tenancy.cloud.workos_client_id)
            }
            "links list"
            | "audit"
            | "tenants show"
            | "pools list"
            | "tenants rotate-external-id"
            | "tenants rotate-webhook" => {
                format!("{words}|{tenant}")
            }
            "links create" => format!("{words}|{tenant}|--account-id|{}", tenancy.account.id),
            "tenants update" => format!("{words}|{tenant}|--name|{}", unique("policies")),
            "pools update" => format!("{words}|{tenant}|{id}|--domain-identifiers|false"),
            "reconcile --wait" => format!("reconcile|{tenant}|{id}|--wait"),
            "approve --connection ID --yes" => {
                format!("approve|{tenant}|{id}|--connection|{}|--yes", self.connections[0])
            }
            "approve" => format!("approve|{tenant}|{}|--yes", self.second.id),
            "refuse" => format!("refuse|{tenant}|{id}|--connection|{}|--reason|a test", self.connections[1]),
            _ => self.made_for(command).await?.unwrap_or_else(|| format!("{words}|{tenant}|{id}")),
        };
        Ok((line.split('|').map(str::to_owned).collect(), typed))
    }

    /// The arguments of a command that something is made for; none of another.
    async fn made_for(&self, command: &str) -> Result<Option<String>> {
        let (pool, tenancy) = (&self.pool, &self.pool.tenancy);
        let (tenant, id) = (&tenancy.id, &pool.id);
        Ok(Some(match command {
            "links revoke" => {
                let link = tenancy.post("/onboarding-links", &json!({})).await?.expect(201)?.json()?;
                format!("links|revoke|{tenant}|{}", text(&link, "id")?)
            }
            "tenants remove" => format!("tenants|remove|{}|--yes", Tenancy::new("removed by policy").await?.id),
            "pools create" => {
                let new = tenancy.user_pool().await?;
                let account = &tenancy.account.id;
                format!("pools|create|{tenant}|{}|--account-id|{account}|--role-name|{}", new.id, new.role_name)
            }
            "pools admit" => {
                awaits_admission(pool).await?;
                format!("pools|admit|{tenant}|{id}")
            }
            "pools remove" => {
                format!("pools|remove|{tenant}|{}|--yes", tenancy.registered_pool(&["org_01NONE"]).await?.id)
            }
            "approve --hash HASH --yes" => {
                format!("approve|{tenant}|{id}|--hash|{}|--yes", text(&pool.plan().await?, "hash")?)
            }
            "let-go" => {
                let refusal = json!({"connection_ids": [self.connections[1]], "reason": "a test"});
                pool.post("/refusals", &refusal).await?.expect(201)?;
                format!("let-go|{tenant}|{id}|{}", self.connections[1])
            }
            "adopt" => {
                let (pool, _) = crate::adoption::scene("adopted by policy").await?;
                format!("adopt|{}|{}|Theirs|--yes", pool.tenancy.id, pool.id)
            }
            "adopt --all --from FILE --yes" => {
                let (pool, file, _) = crate::moving::scene("moved by policy").await?;
                format!("adopt|{}|{}|--all|--from|{}|--yes", pool.tenancy.id, pool.id, file.display())
            }
            _ => return Ok(None),
        }))
    }
}

/// Has a pool wait for its admission, as one that an onboarding link registered.
async fn awaits_admission(pool: &Pool) -> Result<()> {
    let cloud = &pool.tenancy.cloud;
    let request = DynamoDb::new(&cloud.integration().sdk(&cloud.region)).update_item().table_name(&cloud.table_name);
    let request = request.key("pk", string(&format!("TENANT#{}", pool.tenancy.id)));
    let request = request.key("sk", string(&format!("POOL#{}", pool.id)));
    let request = request.update_expression("SET awaits_admission = :yes").condition_expression("attribute_exists(pk)");
    request.expression_attribute_values(":yes", AttributeValue::Bool(true)).send().await?;
    Ok(())
}

/// IAM refused it.
const REFUSED: i32 = 4;

/// Takes every message from the dead-letter queue, for which other tests wait.
const ALONE: &str = "dead-letters --redrive";

/// Does not end by itself: `console.rs` runs it so.
const GOES_ON: &str = "console";

/// Runs a command with what it needs, and with one policy less each.
async fn works(command: &str, needs: &[BTreeSet<String>], scene: &Scene, holders: &mut Holders) -> Result<()> {
    for policies in needs {
        let (arguments, input) = scene.arguments(command).await?;
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        for left_out in policies {
            let fewer: BTreeSet<String> = policies.iter().filter(|one| *one != left_out).cloned().collect();
            let ended = holders.of(&fewer).await?.run_with_input(&arguments, &input).await?;
            ensure!(ended.code == REFUSED, "{command} works without {left_out}: {ended:#?}");
        }
        let ended = holders.of(policies).await?.run_with_input(&arguments, &input).await?;
        ensure!([0, 6].contains(&ended.code), "{command} with {policies:?}: {ended:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn each_command_works_with_the_policies_that_the_manual_names_for_it_and_with_none_less() -> Result<()> {
    let scene = Box::pin(Scene::new()).await?;
    let mut holders = Holders { tenancy: scene.pool.tenancy.clone(), by_policies: BTreeMap::new() };
    let rows = documented()?;
    for (command, needs) in rows.iter().filter(|(command, _)| ![ALONE, GOES_ON].contains(&command.as_str())) {
        if command.contains("--connection") {
            scene.loses_all().await?;
        }
        works(command, needs, &scene, &mut holders).await?;
    }
    let named: BTreeSet<String> =
        rows.iter().filter_map(|(command, _)| command.split(" --").next()).map(str::to_owned).collect();
    let offered = offered(holders.of(&BTreeSet::new()).await?).await?;
    assert_eq!(named, offered, "the manual does not have the commands that there are");
    Ok(())
}

#[tokio::test]
#[ignore = "takes every message from the dead-letter queue, for which other tests wait"]
async fn messages_are_sent_back_with_the_policy_that_the_manual_names_for_it_and_with_no_less() -> Result<()> {
    let scene = Box::pin(Scene::new()).await?;
    let mut holders = Holders { tenancy: scene.pool.tenancy.clone(), by_policies: BTreeMap::new() };
    let row = documented()?.into_iter().find(|(command, _)| command == ALONE).context("the manual does not have it")?;
    works(ALONE, &row.1, &scene, &mut holders).await
}

#[test]
fn every_policy_for_callers_is_named_for_some_command() -> Result<()> {
    let named: BTreeSet<String> = documented()?.into_iter().flat_map(|(_, needs)| needs).flatten().collect();
    let known: BTreeSet<String> = ["read", "operate", "approve"].map(str::to_owned).into();
    assert_eq!(named, known);
    Ok(())
}
