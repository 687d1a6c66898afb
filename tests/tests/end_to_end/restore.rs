//! The drill of docs/releases.md: a table that is restored beside the stack's, and what was lost copied back.
//!
//! The emulator restores what a table holds now, whatever second it is asked for, so that the damage comes after the
//! restore here.

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::types::TableStatus;
use causeway_local_cloud::eventually::eventually;

use crate::pool::{Pool, in_line};
use crate::tenancy::{SOON, string, unique};

type Items = Vec<std::collections::HashMap<String, aws_sdk_dynamodb::types::AttributeValue>>;

async fn claims(client: &DynamoDb, table: &str, pool: &Pool) -> Result<Items> {
    let query = client.query().table_name(table).key_condition_expression("pk = :pk AND begins_with(sk, :sk)");
    let query = query.expression_attribute_values(":pk", string(&format!("POOL#{}", pool.id)));
    Ok(query.expression_attribute_values(":sk", string("CLAIM#")).send().await?.items.unwrap_or_default())
}

#[tokio::test]
async fn claims_that_were_lost_come_back_from_a_restored_table_and_their_providers_are_ours_again() -> Result<()> {
    let (pool, _, _) = in_line("restore", 2).await?;
    let tenancy = &pool.tenancy;
    let providers = pool.provider_names().await?;
    let cloud = &tenancy.cloud;
    let client = DynamoDb::new(&cloud.integration().sdk(&cloud.region));
    let table = &cloud.table_name;

    let restored = unique("restored");
    let restore = client.restore_table_to_point_in_time().source_table_name(table).target_table_name(&restored);
    restore.use_latest_restorable_time(true).send().await?;
    eventually(SOON, "the restored table is there", async || {
        let described = client.describe_table().table_name(&restored).send().await?.table.context("no table")?;
        Ok((described.table_status == Some(TableStatus::Active)).then_some(()))
    })
    .await?;

    for claim in claims(&client, table, &pool).await? {
        let request = client.delete_item().table_name(table).key("pk", claim["pk"].clone());
        request.key("sk", claim["sk"].clone()).send().await?;
    }
    let lost = pool.run().await?;
    ensure!(lost["steps"].as_array().is_some_and(Vec::is_empty), "a foreign provider was touched: {lost:#}");
    assert!(pool.items("/providers").await?.is_empty(), "else nothing was lost");

    let copied = claims(&client, &restored, &pool).await?;
    assert_eq!(copied.len(), 2);
    for claim in copied {
        client.put_item().table_name(table).set_item(Some(claim)).send().await?;
    }
    client.delete_table().table_name(&restored).send().await?;
    let run = pool.run().await?;
    assert_eq!((&run["outcome"], &run["failures"]), (&"no_change".into(), &serde_json::json!([])), "{run:#}");
    assert_eq!(pool.items("/providers").await?.len(), 2);
    assert_eq!(pool.provider_names().await?, providers);
    Ok(())
}
