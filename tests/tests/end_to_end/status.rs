//! What `GET /v1/status` shows of pools that need somebody, and to whom.

use std::fs;

use anyhow::{Context, Result};
use causeway_core::wake_up::Cause;
use causeway_local_cloud::eventually::eventually;
use causeway_local_cloud::raw_http::RawApi;
use causeway_local_cloud::workspace;
use regex::Regex;
use serde_json::{Value, json};

use crate::in_process::InProcess;
use crate::pool::{Pool, in_line};
use crate::tenancy::{SOON, Tenancy, unique};

/// What the status says of a pool that needs somebody, by all of its pages.
pub async fn need(pool: &Pool) -> Result<Option<Value>> {
    let mut path = "/v1/status?limit=100".to_owned();
    loop {
        let page = pool.tenancy.api.get(&path).await?.expect(200)?.json()?;
        let items = page["items"].as_array().context("no items")?;
        let is_it = |item: &&Value| item["tenant_id"] == *pool.tenancy.id && item["user_pool_id"] == *pool.id;
        if let Some(found) = items.iter().find(is_it) {
            return Ok(Some(found.clone()));
        }
        let Some(cursor) = page["next_cursor"].as_str() else { return Ok(None) };
        path = format!("/v1/status?limit=100&cursor={cursor}");
    }
}

/// Waits until the status shows a pool in this state.
pub async fn needs(pool: &Pool, state: &str) -> Result<Value> {
    eventually(SOON, "the status shows the pool in its state", async || {
        Ok(need(pool).await?.filter(|need| need["state"] == state))
    })
    .await
}

#[tokio::test]
async fn a_pool_is_in_the_status_from_its_registration_on_until_a_run_leaves_it_well() -> Result<()> {
    let tenancy = Tenancy::new("a status").await?;
    let (organization, _) = tenancy.organization_with(1).await?;
    let pool = tenancy.registered_pool(&[&organization]).await?;
    let pending = needs(&pool, "pending").await?;
    assert_eq!((&pending["whose"], &pending["held"]), (&json!("tenant"), &json!(null)), "{pending:#}");
    assert_eq!(pending["tenant_name"], tenancy.get("").await?.expect(200)?.json()?["name"], "{pending:#}");
    // A wake-up that was on its way to a pool of that ID finds nothing to run, and takes it for nothing else.
    InProcess::new(&pool).await?.woken(Cause::Schedule).await?;
    needs(&pool, "pending").await?;
    pool.deploy_role().await?;
    pool.verified().await?;
    pool.run().await?;
    eventually(SOON, "it needs nobody any more", async || Ok(need(&pool).await?.is_none().then_some(()))).await
}

#[tokio::test]
async fn what_is_held_back_is_the_operators_with_the_number_of_connections_and_since_when() -> Result<()> {
    let (pool, _, connections) = in_line("a held status", 2).await?;
    for connection in &connections {
        pool.tenancy.workos.delete_connection(connection).await?;
    }
    pool.run().await?;
    let held = needs(&pool, "held").await?;
    assert_eq!((&held["whose"], &held["held"]["connections"]), (&json!("operator"), &json!(2)), "{held:#}");
    assert!(held["held"]["since"].is_string() && held["message"].to_string().contains(&connections[0]), "{held:#}");
    let status = pool.tenancy.api.get("/v1/status").await?.expect(200)?.json()?;
    assert!(status["fleet"]["counts"]["held"].as_u64() >= Some(1), "{status:#}");
    assert!(status["fleet"]["counts"]["ok"].is_u64() && status["fleet"]["state"] != "ok", "{status:#}");
    Ok(())
}

#[tokio::test]
async fn a_tenants_own_policy_is_not_enough_for_what_shows_the_fleet() -> Result<()> {
    let (own, other) = (Tenancy::new("own status").await?, Tenancy::new("others status").await?);
    let shown = other.registered_pool(&[]).await?;
    needs(&shown, "pending").await?;
    let cloud = &own.cloud;
    let page = fs::read_to_string(workspace::root().join("docs/deploy.md"))?;
    let (_, rest) = page.split_once("A tenant of its own").context("no such policy")?;
    let policy = rest.split("```").nth(1).and_then(|block| block.strip_prefix("json")).context("no policy")?;
    let policy = Regex::new("tnt_[0-9A-Z]{26}")?.replace_all(policy, own.id.as_str());
    let policy = policy.replace("eu-west-1", &cloud.region).replace("APIID", &cloud.api_id);
    let policy = policy.replace("111111111111", &cloud.integration_account);
    let user = cloud.integration().create_user(&unique("own-status"), Some(&serde_json::from_str(&policy)?)).await?;
    let api = RawApi::new(&cloud.api_url, Some(user.credentials()))?;
    let tenant = format!("/v1/tenants/{}", own.id);
    let let_in = api.send("GET", tenant.as_bytes(), &[], b"").await?.context("no answer")?;
    assert_eq!(let_in.status, 200, "it is not let in at all: {}", let_in.text());
    for page in ["/v1/status", "/v1/health"] {
        let name = page.trim_start_matches("/v1/");
        for path in [
            page.to_owned(),
            format!("{page}?limit=100"),
            format!("{page}/"),
            format!("/{page}"),
            page.to_uppercase(),
            format!("{tenant}/{name}"),
            format!("{tenant}/../../{name}"),
            format!("{tenant}/..%2f..%2f{name}"),
            format!("{tenant}/%2e%2e/%2e%2e/{name}"),
            format!("{tenant}\\..\\..\\{name}"),
            format!("{tenant}?path={page}"),
            format!("{tenant}/user-pools/../../../{name}"),
        ] {
            for header in [("x-http-method-override", "GET"), ("x-original-url", page), ("x-rewrite-url", page)] {
                let header = (header.0, header.1.as_bytes().to_vec());
                let Some(answer) = api.send("GET", path.as_bytes(), std::slice::from_ref(&header), b"").await? else {
                    continue;
                };
                let told = answer.text();
                let is_told = [other.id.as_str(), shown.id.as_str(), "next_cursor\":\"", "wake_ups"];
                assert!(!is_told.iter().any(|text| told.contains(text)), "{path} {header:?}: {told}");
            }
        }
    }
    Ok(())
}
