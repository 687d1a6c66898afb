//! An item of the table that can't be read concerns itself only.

use std::collections::HashMap;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::{Client as DynamoDb, types::AttributeValue};
use causeway_core::wake_up::Cause;
use causeway_local_cloud::eventually::eventually;
use causeway_reconciler::Ran;
use serde_json::{Value, json};

use crate::in_process::InProcess;
use crate::pool::Pool;
use crate::status::needs;
use crate::tenancy::{SOON, Tenancy, string};

type Item = HashMap<String, AttributeValue>;

/// The table behind Causeway's back.
struct Table {
    client: DynamoDb,
    name: String,
}

impl Table {
    fn of(tenancy: &Tenancy) -> Self {
        let cloud = &tenancy.cloud;
        Self { client: DynamoDb::new(&cloud.integration().sdk(&cloud.region)), name: cloud.table_name.clone() }
    }

    /// The items of a partition whose sort key begins so.
    async fn items(&self, partition: &str, prefix: &str) -> Result<Vec<Item>> {
        let request = self.client.query().table_name(&self.name).consistent_read(true);
        let request = request.key_condition_expression("pk = :pk AND begins_with(sk, :sk)");
        let request = request.expression_attribute_values(":pk", string(partition));
        Ok(request.expression_attribute_values(":sk", string(prefix)).send().await?.items.unwrap_or_default())
    }

    async fn set(&self, item: &Item, member: &str, value: AttributeValue) -> Result<()> {
        let request = self.client.update_item().table_name(&self.name);
        let request = request.key("pk", item["pk"].clone()).key("sk", item["sk"].clone());
        let request = request.update_expression("SET #member = :value").expression_attribute_names("#member", member);
        request.expression_attribute_values(":value", value).send().await?;
        Ok(())
    }

    async fn pool(&self, pool: &Pool) -> Result<Item> {
        let found = self.items(&format!("TENANT#{}", pool.tenancy.id), &format!("POOL#{}", pool.id)).await?;
        found.into_iter().next().context("the pool is not in the table")
    }
}

/// Two pools of one tenant, in line, each with the connections of an organization.
async fn two_pools(name: &str) -> Result<(Pool, Pool, String)> {
    let tenancy = Tenancy::new(name).await?;
    let (organization, connections) = tenancy.organization_with(2).await?;
    let (one, other) = (tenancy.pool(&[&organization]).await?, tenancy.pool(&[&organization]).await?);
    for pool in [&one, &other] {
        pool.run().await?;
        pool.settles_on(&connections.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    }
    Ok((one, other, organization))
}

fn named<'a>(list: &'a Value, end: &str) -> Option<&'a Value> {
    list["unreadable"]
        .as_array()?
        .iter()
        .find(|unreadable| unreadable["item"].as_str().is_some_and(|it| it.ends_with(end)))
}

#[tokio::test]
async fn a_pool_that_can_not_be_read_is_named_and_the_tenants_other_pools_go_on() -> Result<()> {
    let (damaged, other, organization) = Box::pin(two_pools("an unreadable pool")).await?;
    let (tenancy, table) = (&damaged.tenancy, Table::of(&damaged.tenancy));
    let item = table.pool(&damaged).await?;
    table.set(&item, "account_id", AttributeValue::N("222222222222".to_owned())).await?;

    let list = tenancy.get("/user-pools").await?.expect(200)?.json()?;
    let ids: Vec<&str> =
        list["items"].as_array().into_iter().flatten().filter_map(|it| it["user_pool_id"].as_str()).collect();
    assert_eq!(ids, [other.id.as_str()], "{list:#}");
    let key = format!("POOL#{}", damaged.id);
    assert!(named(&list, &key).is_some_and(|it| it["message"].as_str().is_some_and(|it| !it.is_empty())), "{list:#}");
    let shown = damaged.get("").await?;
    assert!(shown.status == 500 && shown.text().contains(&key), "{}", shown.text());
    other.get("").await?.expect(200)?;
    other.verified().await?;

    // A webhook of the tenant reaches the other one.
    let new = tenancy.workos.create_connection(&organization, "new").await?;
    eventually(SOON, "the other pool has the new connection", async || {
        Ok(other
            .items("/providers")
            .await?
            .iter()
            .any(|it| it["connection_id"] == *new && it["in_sync"] == true)
            .then_some(()))
    })
    .await?;

    // Its runs fail, each time anew, so that their message ends in the dead-letter queue.
    let process = InProcess::new(&damaged).await?;
    for _ in 0..2 {
        let ran: Result<Ran> = process.woken(Cause::Schedule).await;
        assert!(ran.as_ref().is_err_and(|error| format!("{error:#}").contains(&key)), "{ran:?}");
    }
    let after = table.pool(&damaged).await?;
    assert!(!after.contains_key("lease_holder"), "it keeps its lease");
    assert_eq!(after.get("unwell"), Some(&string("bug")));
    let need = needs(&damaged, "bug").await?;
    assert!(need["whose"] == "operator" && need["message"].to_string().contains("can't be read"), "{need:#}");

    table.set(&item, "account_id", item["account_id"].clone()).await?;
    damaged.run().await?;
    assert_eq!(damaged.health("ok").await?["state"], "ok");
    Ok(())
}

/// Whether a call is answered, other than that Causeway failed.
async fn is_answered(tenancy: &Tenancy, path: &str) -> Result<bool> {
    Ok(tenancy.get(path).await?.status == 200)
}

#[tokio::test]
async fn an_item_of_any_kind_that_can_not_be_read_in_any_member_leaves_all_others_as_they_are() -> Result<()> {
    let (damaged, other, _) = Box::pin(two_pools("unreadable items")).await?;
    let (tenancy, table) = (&damaged.tenancy, Table::of(&damaged.tenancy));
    tenancy.post("/onboarding-links", &json!({ "account_ids": ["222222222222"] })).await?.expect(201)?;
    tenancy.post("/onboarding-links", &json!({ "account_ids": ["222222222222"] })).await?.expect(201)?;
    let (of_tenant, of_pool) = (format!("TENANT#{}", tenancy.id), format!("POOL#{}", damaged.id));
    let bystander = Tenancy::new("a bystander").await?;
    let mut kinds = vec![(format!("AUDIT#{}", tenancy.id), String::new())];
    for prefix in ["TENANT", "POOL#", "ONBOARDING#"] {
        kinds.push((of_tenant.clone(), prefix.to_owned()));
    }
    for prefix in ["OWNER", "CLAIM#", "RUN#", "FOREIGN"] {
        kinds.push((of_pool.clone(), prefix.to_owned()));
    }
    for (partition, prefix) in kinds {
        let found = if prefix.is_empty() {
            let request = table.client.query().table_name(&table.name).key_condition_expression("pk = :pk");
            request.expression_attribute_values(":pk", string(&partition)).send().await?.items.unwrap_or_default()
        } else {
            table.items(&partition, &prefix).await?
        };
        let of_damaged = |item: &&Item| prefix != "POOL#" || item["sk"] == string(&format!("POOL#{}", damaged.id));
        let Some(item) = found.iter().find(of_damaged) else {
            anyhow::ensure!(prefix == "FOREIGN", "there is no {partition}/{prefix}");
            continue;
        };
        // What the indexes and the lease go by has a form of its own, which DynamoDB itself keeps.
        let own = ["pk", "sk", "due_shard", "due_at", "unwell", "unwell_since", "version"];
        for (member, value) in item.iter().filter(|(member, _)| !own.contains(&member.as_str())) {
            let odd = if value.is_n() { string("odd") } else { AttributeValue::N("7".to_owned()) };
            table.set(item, member, odd).await?;
            let what = format!("{partition}/{prefix} with an odd {member}");
            let list = bystander.api.get("/v1/tenants?limit=100").await?.expect(200)?.json()?;
            let shows = |id: &str| list["items"].as_array().into_iter().flatten().any(|it| it["id"] == *id);
            assert!(shows(&bystander.id), "{what}: {list:#}");
            assert!(is_answered(&bystander, "").await?, "{what}");
            if prefix == "TENANT" {
                let is_named = named(&list, "/TENANT").is_some();
                assert!(shows(&tenancy.id) || is_named, "{what}: {list:#}");
            } else {
                for path in ["/user-pools", "/onboarding-links", "/audit"] {
                    assert!(is_answered(tenancy, path).await?, "{what}: {path}");
                }
                for path in ["", "/providers", "/runs"] {
                    assert_eq!(other.get(path).await?.status, 200, "{what}: {path} of the other pool");
                }
            }
            if !["TENANT", "POOL#", "OWNER"].contains(&prefix.as_str()) {
                for path in ["", "/providers", "/runs"] {
                    assert_eq!(damaged.get(path).await?.status, 200, "{what}: {path}");
                }
            }
            table.set(item, member, value.clone()).await?;
        }
    }
    other.get("").await?.expect(200)?;
    damaged.get("").await?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn a_claim_that_can_not_be_read_keeps_its_connection_as_it_is_and_no_other_from_being_brought_in_line()
-> Result<()> {
    let (pool, _, organization) = Box::pin(two_pools("an unreadable claim")).await?;
    let (tenancy, table) = (&pool.tenancy, Table::of(&pool.tenancy));
    let claims = table.items(&format!("POOL#{}", pool.id), "CLAIM#").await?;
    let damaged = claims.first().context("there is no claim")?;
    let id = damaged["connection_id"].as_s().ok().context("a claim without a connection")?.clone();
    let before = pool.provider_of(&id).await?;
    table.set(damaged, "issuer", AttributeValue::Null(true)).await?;

    let list = pool.get("/providers").await?.expect(200)?.json()?;
    assert!(named(&list, &format!("CLAIM#{id}")).is_some(), "{list:#}");
    let new = tenancy.workos.create_connection(&organization, "new").await?;
    pool.run().await?;
    assert!(pool.provider_of(&new).await.is_ok(), "the new connection got no provider");
    assert_eq!(pool.provider_of(&id).await?.last_modified_date, before.last_modified_date, "its provider was changed");
    let health = pool.shown().await?["health"].clone();
    assert!(health["state"] == "bug" && health["message"].as_str().is_some_and(|it| it.contains(&id)), "{health:#}");

    table.set(damaged, "issuer", damaged["issuer"].clone()).await?;
    pool.run().await?;
    assert_eq!(pool.health("ok").await?["state"], "ok");
    Ok(())
}
