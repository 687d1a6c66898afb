//! What is wrong with a pool, and how it heals.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::types::AttributeValue;
use causeway_local_cloud::front::faults::Faults;
use causeway_local_cloud::tenant_role::delete_stack;

use super::book::Book;
use crate::pool::{Pool, in_line, provider_name};
use crate::tenancy::string;

/// The item of a pool, and the table that it is in.
fn item(pool: &Pool) -> (DynamoDb, aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder) {
    let cloud = &pool.tenancy.cloud;
    let client = DynamoDb::new(&cloud.integration().sdk(&cloud.region));
    let request = client.update_item().table_name(&cloud.table_name).condition_expression("attribute_exists(pk)");
    let request = request.key("pk", string(&format!("TENANT#{}", pool.tenancy.id)));
    let request = request.key("sk", string(&format!("POOL#{}", pool.id)));
    (client, request)
}

/// One pool waits for an operator, another one for its tenant.
pub async fn fine(book: Book) -> Result<()> {
    let (pool, organization, connections) = in_line("not fine", 2).await?;
    let tenancy = &pool.tenancy;
    let denied = tenancy.pool(&[&organization]).await?;
    delete_stack(&tenancy.account, tenancy.region, &denied.role_name).await?;
    futures::future::try_join_all(connections.iter().map(|id| tenancy.workos.delete_connection(id))).await?;
    for pool in [&pool, &denied] {
        pool.run().await?;
    }
    let mut operator = book.followed_for(&pool, &connections[0], &organization).await?;
    operator.rest().await?;
    operator.is_done()
}

/// The tenant deleted its role, and its connections changed meanwhile.
pub async fn denied(book: Book) -> Result<()> {
    let (pool, organization, connections) = in_line("denied runbook", 2).await?;
    let tenancy = &pool.tenancy;
    delete_stack(&tenancy.account, tenancy.region, &pool.role_name).await?;
    let new = tenancy.workos.create_connection(&organization, "new").await?;
    pool.run().await?;
    let mut operator = book.followed_for(&pool, &new, &organization).await?;
    for _ in 0..3 {
        operator.next().await?;
    }
    let engineer = operator.shell.of_tenant(&tenancy.account.id, tenancy.region);
    engineer.run("bash role.sh", "").await.context("the tenant's engineer")?;
    operator.rest().await?;
    pool.settles_on(&[&connections[0], &connections[1], &new]).await?;
    operator.is_done()
}

/// Somebody else uses up the quota of the tenant's account.
pub async fn throttled(book: Book) -> Result<()> {
    let (pool, organization, connections) = in_line("throttled runbook", 1).await?;
    let front = pool.tenancy.cloud.front()?;
    let (service, containing) = ("cognito-idp".to_owned(), vec![pool.id.clone()]);
    let faults = Faults { service, containing, throttles: 1.0, ..Faults::default() };
    front.set_faults(&pool.tenancy.id, Some(faults)).await?;
    let new = pool.tenancy.workos.create_connection(&organization, "new").await?;
    pool.run().await?;
    let mut operator = book.followed_for(&pool, &new, &organization).await?;
    operator.next().await?;
    operator.next().await?;
    // Whoever it was has come to an end.
    front.set_faults(&pool.tenancy.id, None).await?;
    operator.rest().await?;
    pool.settles_on(&[&connections[0], &new]).await?;
    operator.is_done()
}

/// A run ended between two calls, and its lease is still there.
pub async fn killed(book: Book) -> Result<()> {
    let (pool, organization, connections) = in_line("killed runbook", 1).await?;
    let over = causeway_aws::clock::now().plus(Duration::from_secs(15));
    let request = item(&pool).1.update_expression("SET lease_holder = :who, lease_until = :until");
    let request = request.expression_attribute_values(":who", string("a run that was killed"));
    request.expression_attribute_values(":until", string(&over.to_string())).send().await?;
    let new = pool.tenancy.workos.create_connection(&organization, "new").await?;
    let mut operator = book.followed_for(&pool, &new, &organization).await?;
    operator.rest().await?;
    pool.settles_on(&[&connections[0], &new]).await?;
    let offered = pool.supported().await?;
    ensure!(offered.contains(&provider_name(&new)), "{offered:?}");
    operator.is_done()
}

/// Somebody changed an item of the table by hand.
pub async fn unreadable(book: Book) -> Result<()> {
    let (pool, organization, connections) = in_line("unreadable runbook", 1).await?;
    let mut operator = book.followed_for(&pool, &connections[0], &organization).await?;
    operator.restores_now().await?;
    let damaged = item(&pool).1.update_expression("SET account_id = :number");
    damaged.expression_attribute_values(":number", AttributeValue::N("222222222222".to_owned())).send().await?;
    operator.rest().await?;
    ensure!(pool.shown().await?["account_id"] == pool.tenancy.account.id.as_str(), "it is not as it was");
    operator.is_done()
}
