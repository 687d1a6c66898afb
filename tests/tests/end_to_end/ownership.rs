//! One user pool has one owner: the first tenant whose verification passes.

use anyhow::{Context, Result};
use serde_json::json;

use crate::pool::Pool;
use crate::tenancy::Tenancy;

#[tokio::test]
async fn a_tenant_can_not_register_one_pool_twice() -> Result<()> {
    let tenancy = Tenancy::new("twice").await?;
    let pool = tenancy.registered_pool(&["org_01NONE"]).await?;
    let answer = tenancy.post("/user-pools", &tenancy.registration(&pool, &["org_01NONE"])).await?;
    assert_eq!(answer.status, 409, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let list = tenancy.get("/user-pools").await?.expect(200)?.json()?;
    assert_eq!(list["items"].as_array().context("no items")?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn registering_a_pool_claims_nothing_and_verifying_it_does() -> Result<()> {
    let (stranger, owner) = (Tenancy::new("stranger").await?, Tenancy::new("owner").await?);
    let organization = owner.organization().await?;
    let pool = owner.user_pool().await?;
    // Who knows the pool's ID registers it first; and the owner isn't kept from it.
    let taken_pool = Pool { tenancy: stranger.clone(), ..pool.clone() };
    stranger.post("/user-pools", &stranger.registration(&taken_pool, &[&organization])).await?.expect(201)?;
    owner.post("/user-pools", &owner.registration(&pool, &[&organization])).await?.expect(201)?;
    pool.deploy_role().await?;

    // The role does not know the stranger's external ID.
    let refused = taken_pool.verify().await?;
    assert_eq!(refused["status"], "pending", "{refused:#}");
    pool.verified().await?;

    let answer = taken_pool.post("/verify", &json!({})).await?;
    assert_eq!(answer.status, 409, "{}", answer.text());
    let late = Tenancy::new("late").await?;
    let late_pool = Pool { tenancy: late.clone(), ..pool.clone() };
    let answer = late.post("/user-pools", &late.registration(&late_pool, &[&organization])).await?;
    assert_eq!(answer.status, 409, "{}", answer.text());
    assert!(!answer.text().contains(&owner.id), "the answer names the owner: {}", answer.text());

    // What the owner does in its pool is none of the stranger's business.
    let run = pool.run().await?;
    assert!(run["id"].is_string());
    assert!(taken_pool.items("/runs").await?.is_empty());
    assert!(taken_pool.items("/providers").await?.is_empty());
    for path in ["/reconcile", "/approvals"] {
        let body = if path == "/approvals" { json!({"hash": "0"}) } else { json!({"dry_run": true}) };
        assert_eq!(taken_pool.post(path, &body).await?.status, 409, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn a_pool_that_is_not_verified_is_never_run() -> Result<()> {
    let tenancy = Tenancy::new("pending").await?;
    let (organization, _) = tenancy.organization_with(1).await?;
    let pool = tenancy.registered_pool(&[&organization]).await?;
    pool.deploy_role().await?;
    for body in [json!({}), json!({"dry_run": true})] {
        assert_eq!(pool.post("/reconcile", &body).await?.status, 409);
    }
    tenancy.cloud.invoke("schedule", &json!({})).await?;
    // Verified afterwards, its first run is the one that makes everything: none came before.
    pool.verified().await?;
    pool.run().await?;
    let runs = pool.items("/runs").await?;
    let first = runs.last().context("no run")?;
    assert_eq!((&first["outcome"], &first["steps"][0]["action"]), (&json!("changed"), &json!("create")), "{first:#}");
    Ok(())
}
