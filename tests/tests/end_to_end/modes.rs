//! What a pool's mode and options mean for its providers.

use anyhow::{Context, Result};
use causeway_core::wake_up::Cause;
use causeway_local_cloud::eventually::eventually;
use causeway_local_cloud::front::control::now as front_now;
use causeway_reconciler::Ran;
use serde_json::{Value, json};

use crate::in_process::InProcess;
use crate::pool::{client_secret, in_line, provider_name};
use crate::tenancy::{SOON, Tenancy, now_in_millis};

#[tokio::test]
async fn with_upsert_a_provider_outlives_its_connection_and_users_sign_in_by_it_until_the_mode_is_sync() -> Result<()> {
    let (pool, organization, connections) = in_line("upsert", 2).await?;
    let since = now_in_millis();
    pool.patch(&json!({"mode": "upsert"}), None).await?.expect(200)?;
    pool.tenancy.workos.delete_connection(&connections[0]).await?;
    let new = pool.tenancy.workos.create_connection(&organization, "new").await?;
    let run = pool.run().await?;
    pool.settles_on(&[&connections[0], &connections[1], &new]).await?;
    let offered = pool.supported().await?;
    for connection in connections.iter().chain([&new]) {
        assert!(offered.contains(&provider_name(connection)), "{connection} is not among {offered:?}");
    }
    let steps = pool.steps_since(since).await?;
    let takes = steps.iter().any(|step| step["action"] == "unwire" || step["action"] == "delete");
    assert!(!takes && json!(steps).to_string().contains(&new), "{steps:#?}");
    let notes = run["notes"].to_string();
    assert!(notes.contains(&connections[0]) && notes.contains("upsert"), "nobody is told why it stays: {run:#}");

    pool.patch(&json!({"mode": "sync"}), None).await?.expect(200)?;
    pool.run().await?;
    pool.settles_on(&[&connections[1], &new]).await?;
    assert!(!pool.supported().await?.contains(&provider_name(&connections[0])));
    Ok(())
}

#[tokio::test]
async fn a_pool_that_is_paused_has_no_runs_and_catches_up_afterwards() -> Result<()> {
    let (pool, organization, connections) = in_line("paused", 2).await?;
    let process = InProcess::new(&pool).await?;
    let last_run = pool.shown().await?["last_run"].clone();
    pool.patch(&json!({"mode": "paused"}), None).await?.expect(200)?;
    let since = front_now();
    pool.tenancy.workos.delete_connection(&connections[0]).await?;
    let new = pool.tenancy.workos.create_connection(&organization, "new").await?;
    let asked = pool.post("/reconcile", &json!({})).await?;
    assert!(asked.status == 409 && asked.text().contains("paused"), "{}", asked.text());
    // Whatever wakes it up all the same, such as a message that was on the queue.
    for cause in [Cause::Schedule, Cause::Webhook, Cause::Api] {
        let ran = process.woken(cause).await?;
        assert!(matches!(ran, Ran::Nothing), "{cause:?}: {ran:?}");
    }
    let mut calls = pool.tenancy.cloud.front()?.calls(since, &pool.id).await?;
    calls.retain(|call| call.service == "cognito-idp");
    assert!(calls.is_empty(), "the pool was looked at: {calls:?}");
    assert_eq!(pool.shown().await?["last_run"], last_run);

    pool.patch(&json!({"mode": "sync"}), None).await?.expect(200)?;
    pool.settles_on(&[&connections[1], &new]).await
}

#[tokio::test]
async fn a_connection_that_is_no_longer_chosen_loses_its_provider_though_workos_has_it() -> Result<()> {
    let tenancy = Tenancy::new("excluded").await?;
    let (chosen, connections) = tenancy.organization_with(1).await?;
    let (dropped, others) = tenancy.organization_with(1).await?;
    let pool = tenancy.pool(&[&chosen, &dropped]).await?;
    pool.settles_on(&[&connections[0], &others[0]]).await?;
    pool.drained().await?;
    let since = now_in_millis();
    pool.patch(&json!({"organizations": [chosen]}), None).await?.expect(200)?;
    pool.settles_on(&[&connections[0]]).await?;
    let offered = pool.supported().await?;
    assert!(offered.contains(&provider_name(&connections[0])) && !offered.contains(&provider_name(&others[0])));
    let steps = eventually(SOON, "the report of the run", async || {
        let steps = pool.steps_since(since).await?;
        Ok((!steps.is_empty()).then_some(steps))
    });
    let steps = steps.await?;
    let shown: Vec<(&Value, &Value)> = steps.iter().map(|step| (&step["action"], &step["connection_id"])).collect();
    let other = json!(others[0]);
    assert_eq!(shown, [(&json!("unwire"), &other), (&json!("delete"), &other)], "{steps:#?}");
    assert!(steps.iter().all(|step| step["reason"] == "the connection is no longer chosen"), "{steps:#?}");
    Ok(())
}

#[tokio::test]
async fn another_attribute_mapping_reaches_the_providers_that_there_are_with_all_else_as_it_was() -> Result<()> {
    let (pool, _, connections) = in_line("mapping", 1).await?;
    let before = pool.provider_of(&connections[0]).await?;
    let mapping = json!({"email": "email", "name": "custom_name"});
    pool.patch(&json!({"attribute_mapping": mapping}), None).await?.expect(200)?;
    let after = eventually(SOON, "the provider has the mapping", async || {
        let provider = pool.provider_of(&connections[0]).await?;
        let has = json!(provider.attribute_mapping.as_ref().context("no mapping")?);
        let expected = json!({"email": "email", "name": "custom_name", "username": "sub"});
        Ok((has == expected).then_some(provider))
    });
    let after = after.await?;
    assert_eq!(client_secret(&after)?, client_secret(&before)?);
    assert_eq!(after.idp_identifiers, before.idp_identifiers);
    assert_eq!(after.provider_details, before.provider_details);
    Ok(())
}
