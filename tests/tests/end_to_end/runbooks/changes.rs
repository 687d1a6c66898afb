//! What an operator does on purpose: approvals and refusals, rotations, removals.

use anyhow::{Context, Result, ensure};
use causeway_core::timestamp::Timestamp;
use causeway_local_cloud::front::faults::Faults;

use super::book::{Book, Follower};
use super::logins::another_app_client;
use crate::pool::{Pool, in_line, provider_name};
use crate::tenancy::{Tenancy, next_api_key};

/// All connections of an environment were deleted, one of them by mistake.
pub async fn held(book: Book) -> Result<()> {
    let (pool, organization, connections) = in_line("held runbook", 3).await?;
    let workos = &pool.tenancy.workos;
    futures::future::try_join_all(connections.iter().map(|id| workos.delete_connection(id))).await?;
    pool.run().await?;
    let mut operator = book.followed_for(&pool, &connections[0], &organization).await?;
    for _ in 0..5 {
        operator.next().await?;
    }
    pool.settles_on(&[&connections[0]]).await.context("more or less than what was approved is gone")?;
    for _ in 0..4 {
        operator.next().await?;
    }
    pool.settles_on(&[&connections[0]]).await.context("what was let go was carried out")?;
    operator.rest().await?;
    pool.settles_on(&[]).await?;
    pool.health("ok").await?;
    operator.is_done()
}

/// The tenant's engineer does what was sent.
async fn engineer_deploys(operator: &Follower, tenancy: &Tenancy) -> Result<()> {
    let engineer = operator.shell.of_tenant(&tenancy.account.id, tenancy.region);
    engineer.run("bash role.sh", "").await.context("the tenant's engineer").map(drop)
}

/// An external ID is to be another.
pub async fn external_id(book: Book) -> Result<()> {
    let (pool, organization, connections) = in_line("external ID runbook", 1).await?;
    let tenancy = &pool.tenancy;
    let mut operator = book.followed_for(&pool, &connections[0], &organization).await?;
    operator.next().await?;
    operator.next().await?;
    engineer_deploys(&operator, tenancy).await?;
    for _ in 0..2 {
        operator.next().await?;
    }
    engineer_deploys(&operator, tenancy).await?;
    operator.rest().await?;
    let tenant = tenancy.get("").await?.expect(200)?.json()?;
    ensure!(tenant["external_id_rotation"].is_null(), "it is still on its way: {tenant:#}");
    ensure!(tenant["external_id"] != tenancy.external_id.as_str(), "it is the same: {tenant:#}");
    operator.is_done()
}

/// `WorkOS` takes the tenant's key no more while something is done. Afterwards another test may have it.
pub async fn while_key_is_revoked(pool: &Pool, work: impl Future<Output = Result<()>>) -> Result<()> {
    let tenancy = &pool.tenancy;
    let (service, containing) = ("workos".to_owned(), vec![format!("{} ", tenancy.workos.api_key)]);
    let revoked = Faults { service, containing, denied: 1.0, ..Faults::default() };
    let front = tenancy.cloud.front()?;
    front.set_faults(&tenancy.id, Some(revoked)).await?;
    let outcome = work.await;
    front.set_faults(&tenancy.id, None).await?;
    outcome
}

/// The tenant's key was revoked.
pub async fn api_key(book: Book) -> Result<()> {
    let (pool, organization, connections) = in_line("key runbook", 1).await?;
    while_key_is_revoked(&pool, async {
        pool.run().await?;
        let mut operator = book.followed_for(&pool, &connections[0], &organization).await?;
        operator.next().await?;
        operator.next_typing(&format!("{}\n", next_api_key(&pool.tenancy.cloud)?)).await?;
        operator.rest().await?;
        operator.is_done()
    })
    .await
}

/// A webhook secret is old, and then in wrong hands.
pub async fn webhook_secret(book: Book) -> Result<()> {
    let mut tenancy = Tenancy::new("webhook runbook").await?;
    tenancy.listens = true;
    let (organization, connections) = tenancy.organization_with(1).await?;
    let pool = tenancy.pool(&[&organization]).await?;
    pool.settles_on(&[&connections[0]]).await?;
    let first = tenancy.webhook_secret().await?;
    let mut operator = book.followed_for(&pool, &connections[0], &organization).await?;
    operator.next().await?;
    let second = tenancy.webhook_secret().await?;
    ensure!(first != second, "the secret is the same");
    operator.rest().await?;
    ensure!(tenancy.webhook_secret().await? != second, "the secret is the same");
    let tenant = tenancy.get("").await?.expect(200)?.json()?;
    let now = causeway_aws::clock::now();
    for former in tenant["former_webhooks"].as_array().context("no list")? {
        let until = former["good_until"].as_str().and_then(Timestamp::parse).context("no time")?;
        ensure!(until <= now, "it is still taken: {former}");
    }
    operator.is_done()
}

/// A tenant leaves, and its users are to sign in by nothing of Causeway's.
pub async fn leaves_with_providers(book: Book) -> Result<()> {
    let (pool, organization, connections) = in_line("leaving", 2).await?;
    let unnamed = Pool { app_client: another_app_client(&pool).await?, ..pool.clone() };
    unnamed.offer(&["COGNITO", &provider_name(&connections[0])]).await?;
    let mut operator = book.followed_for(&unnamed, &connections[0], &organization).await?;
    operator.rest().await?;
    ensure!(pool.provider_names().await?.is_empty() && pool.supported().await? == ["COGNITO"], "something stayed");
    ensure!(pool.tenancy.get("").await?.status == 404, "the tenant is still there");
    operator.is_done()
}

/// A tenant leaves, and its users are to be the same ones by another way.
pub async fn leaves_without_providers(book: Book) -> Result<()> {
    let (pool, organization, connections) = in_line("leaving alone", 2).await?;
    let before = (pool.provider_names().await?, pool.app_client().await?);
    let mut operator = book.followed_for(&pool, &connections[0], &organization).await?;
    operator.rest().await?;
    ensure!((pool.provider_names().await?, pool.app_client().await?) == before, "the pool was changed");
    ensure!(pool.tenancy.get("").await?.status == 404, "the tenant is still there");
    operator.is_done()
}

/// An application is to offer Causeway's providers no more.
pub async fn unnamed_client(book: Book) -> Result<()> {
    let (pool, organization, connections) = in_line("unnamed runbook", 2).await?;
    pool.offer(&["COGNITO", &provider_name(&connections[0]), &provider_name(&connections[1])]).await?;
    let before = pool.app_client().await?;
    let mut operator = book.followed_for(&pool, &connections[0], &organization).await?;
    operator.next().await?;
    let offered = pool.supported().await?;
    ensure!(offered.len() == 3, "the page says that they stay: {offered:?}");
    operator.next_by_tenant(&pool.tenancy.account.id, pool.tenancy.region).await?;
    operator.rest().await?;
    let after = pool.app_client().await?;
    ensure!(after.supported_identity_providers() == ["COGNITO"], "{after:?}");
    ensure!(after.callback_urls() == before.callback_urls(), "something else was reset: {after:?}");
    ensure!(after.refresh_token_validity() == before.refresh_token_validity(), "something else was reset: {after:?}");
    operator.is_done()
}
