//! Removal: what Causeway made goes as it was asked, what it did not make stays, and an interruption ends nothing.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result};
use aws_sdk_cognitoidentityprovider::types::IdentityProviderTypeType;
use aws_sdk_dynamodb::Client as DynamoDb;
use causeway_local_cloud::eventually::eventually;
use causeway_local_cloud::front::faults::Faults;
use causeway_local_cloud::signed_http::Answer;
use causeway_local_cloud::tenant_role::delete_stack;
use serde_json::{Value, json};

use crate::pool::{Pool, provider_name};
use crate::relying_party::{RelyingParty, get};
use crate::sign_in::scene;
use crate::tenancy::{SOON, Tenancy, now_in_millis, string, text};

/// A sign-in that was let in a moment ago can be known to the function for a minute.
const FORGOTTEN: Duration = Duration::from_secs(100);

async fn remove(pool: &Pool, query: &str) -> Result<Answer> {
    let path = format!("/v1/tenants/{}/user-pools/{}{query}", pool.tenancy.id, pool.id);
    pool.tenancy.api.send("DELETE", &path, &[], b"").await
}

async fn remove_tenant(tenancy: &Tenancy, headers: &[(&str, &str)]) -> Result<Answer> {
    tenancy.api.send("DELETE", &format!("/v1/tenants/{}", tenancy.id), headers, b"").await
}

async fn gone(pool: &Pool) -> Result<()> {
    eventually(SOON, "the user pool is gone", async || Ok((pool.get("").await?.status == 404).then_some(()))).await
}

/// A provider of the tenant's own, in the app client.
async fn add_theirs(pool: &Pool, name: &str) -> Result<()> {
    let details = HashMap::from([
        ("client_id".to_owned(), "theirs".to_owned()),
        ("client_secret".to_owned(), "theirs".to_owned()),
        ("oidc_issuer".to_owned(), "https://idp.example.com".to_owned()),
        ("authorize_scopes".to_owned(), "openid".to_owned()),
        ("attributes_request_method".to_owned(), "GET".to_owned()),
    ]);
    let cognito = &pool.tenancy.cognito;
    let request = cognito.create_identity_provider().user_pool_id(&pool.id).provider_name(name);
    request.provider_type(IdentityProviderTypeType::Oidc).set_provider_details(Some(details)).send().await?;
    pool.offer(&["COGNITO", name]).await
}

/// The items of the table below the pool, by what their sort keys begin with.
async fn items_below(pool: &Pool, prefix: &str) -> Result<i32> {
    let cloud = &pool.tenancy.cloud;
    let request = DynamoDb::new(&cloud.integration().sdk(&cloud.region)).query().table_name(&cloud.table_name);
    let request = request.key_condition_expression("pk = :pk AND begins_with(sk, :prefix)");
    let request = request.expression_attribute_values(":pk", string(&format!("POOL#{}", pool.id)));
    Ok(request.expression_attribute_values(":prefix", string(prefix)).send().await?.count)
}

#[tokio::test]
async fn a_pool_that_is_pending_goes_at_once_and_can_be_registered_again() -> Result<()> {
    let tenancy = Tenancy::new("pending removal").await?;
    let pool = tenancy.registered_pool(&["org_01NONE"]).await?;
    for (query, field) in [("?providers=all", "providers"), ("?force=true", "force")] {
        let refused = remove(&pool, query).await?.expect(400)?.json()?;
        assert_eq!(refused["field"], field, "{refused}");
    }
    let tag = pool.get("").await?.header("etag").context("no ETag")?.to_owned();
    assert_eq!(remove(&pool, "").await?.status, 204);
    assert_eq!(pool.get("").await?.status, 404);
    assert_eq!(remove(&pool, "").await?.status, 404);
    tenancy.post("/user-pools", &tenancy.registration(&pool, &["org_01NONE"])).await?.expect(201)?;
    // Who has read the one before has not read this one.
    let stale = pool.patch(&json!({"mode": "observe"}), Some(&tag)).await?;
    assert_eq!(stale.status, 412, "{}", stale.text());
    Ok(())
}

#[tokio::test]
async fn providers_are_unwired_then_deleted_and_what_is_not_causeways_stays() -> Result<()> {
    let tenancy = Tenancy::new("removal").await?;
    let (organization, connections) = tenancy.organization_with(3).await?;
    let pool = tenancy.registered_pool(&[&organization]).await?;
    add_theirs(&pool, "Theirs").await?;
    pool.deploy_role().await?;
    pool.verified().await?;
    for connection in &connections {
        pool.provider_of(connection).await?;
    }
    pool.run().await?;
    let before = pool.provider("Theirs").await?;
    let shown = remove(&pool, "?providers=delete").await?.expect(202)?.json()?;
    assert_eq!((&shown["status"], &shown["removal"]["providers"]), (&json!("removing"), &json!("delete")), "{shown:#}");
    gone(&pool).await?;
    assert_eq!(pool.provider_names().await?, ["Theirs"]);
    let mut offered = pool.supported().await?;
    offered.sort();
    assert_eq!(offered, ["COGNITO", "Theirs"]);
    assert!(pool.provider("Theirs").await? == before, "a provider that is not ours was changed");
    for path in ["/runs", "/providers", "/role", "/sign-ins"] {
        assert_eq!(pool.get(path).await?.status, 404, "{path}");
    }
    assert_eq!((items_below(&pool, "CLAIM#").await?, items_below(&pool, "OWNER").await?), (0, 0));
    assert!(items_below(&pool, "RUN#").await? > 0, "the report of the removal is not kept");

    // It is anybody's again, who sees nothing of what was before.
    let other = Tenancy::new("after removal").await?;
    let others = Pool { tenancy: other.clone(), ..pool.clone() };
    other.post("/user-pools", &other.registration(&others, &[&organization])).await?.expect(201)?;
    delete_stack(&tenancy.account, tenancy.region, &pool.role_name).await?;
    others.deploy_role().await?;
    others.verified().await?;
    others.provider_of(&connections[0]).await?;
    others.run().await?;
    let runs = others.items("/runs").await?;
    assert!(!runs.iter().any(|run| run["steps"].to_string().contains("delete")), "{runs:#?}");
    Ok(())
}

#[tokio::test]
async fn the_report_of_a_removal_tells_that_each_provider_was_unwired_before_it_was_deleted() -> Result<()> {
    let tenancy = Tenancy::new("removal steps").await?;
    let (organization, connections) = tenancy.organization_with(2).await?;
    let pool = tenancy.pool(&[&organization]).await?;
    pool.settles_on(&[&connections[0], &connections[1]]).await?;
    pool.run().await?;
    remove(&pool, "?providers=delete").await?.expect(202)?;
    gone(&pool).await?;
    // The tenant sees the reports again with the pool.
    tenancy.post("/user-pools", &tenancy.registration(&pool, &[&organization])).await?.expect(201)?;
    pool.verified().await?;
    let runs = pool.items("/runs").await?;
    let removal = runs.iter().find(|run| run["steps"].to_string().contains("being removed")).context("no report")?;
    let steps: Vec<&str> =
        removal["steps"].as_array().context("no steps")?.iter().filter_map(|step| step["action"].as_str()).collect();
    assert_eq!(steps, ["unwire", "unwire", "delete", "delete"], "{removal:#}");
    Ok(())
}

#[tokio::test]
async fn providers_that_are_kept_stay_as_they_are_and_sign_nobody_in() -> Result<()> {
    let (pool, _, connections) = scene("kept removal", 1).await?;
    let party = RelyingParty::of(&pool, &connections[0]).await?;
    assert_eq!(get(party.authorize_url(&[])?.as_str()).await?.status, 302);
    let (provider, client) = (pool.provider(&provider_name(&connections[0])).await?, pool.app_client().await?);
    // Neither the role nor WorkOS is needed for it.
    delete_stack(&pool.tenancy.account, pool.tenancy.region, &pool.role_name).await?;
    let shown = remove(&pool, "").await?.expect(202)?.json()?;
    assert_eq!(shown["removal"]["providers"], "keep", "{shown:#}");
    gone(&pool).await?;
    assert!(pool.provider(&provider_name(&connections[0])).await? == provider, "the provider was changed");
    assert!(pool.app_client().await? == client, "the app client was changed");
    assert_eq!(items_below(&pool, "CLAIM#").await?, 0);
    eventually(FORGOTTEN, "nobody is let in any more", async || {
        Ok((get(party.authorize_url(&[])?.as_str()).await?.status == 400).then_some(()))
    })
    .await
}

#[tokio::test]
async fn a_denied_removal_refuses_other_changes_says_so_and_ends_once_the_role_is_back() -> Result<()> {
    let tenancy = Tenancy::new("denied removal").await?;
    let (organization, connections) = tenancy.organization_with(2).await?;
    let pool = tenancy.pool(&[&organization]).await?;
    pool.settles_on(&[&connections[0], &connections[1]]).await?;
    pool.run().await?;
    delete_stack(&tenancy.account, tenancy.region, &pool.role_name).await?;
    remove(&pool, "?providers=delete").await?.expect(202)?;
    // A run that was on its way before the removal is denied as well, and leaves another remedy.
    eventually(SOON, "the removal is denied and names the way out", async || {
        let health = pool.shown().await?["health"].clone();
        let is_the_removals = text(&health, "remedy")?.contains("providers=keep");
        Ok((health["state"] == "denied" && is_the_removals).then_some(()))
    })
    .await?;
    assert_eq!(pool.provider_names().await?.len(), 2);
    let shown = pool.shown().await?;
    assert_eq!((&shown["status"], &shown["counts"]["providers"]), (&json!("removing"), &json!(2)), "{shown:#}");

    let body = json!({"mode": "observe"}).to_string();
    let path = format!("/v1/tenants/{}/user-pools/{}", tenancy.id, pool.id);
    let json = [("content-type", "application/json")];
    assert_eq!(tenancy.api.send("PATCH", &path, &json, body.as_bytes()).await?.status, 409);
    assert_eq!(pool.shown().await?["mode"], "sync");
    for (path, body) in [
        ("/verify", json!({})),
        ("/reconcile", json!({})),
        ("/reconcile", json!({"dry_run": true})),
        ("/approvals", json!({"hash": "0"})),
    ] {
        let answer = pool.post(path, &body).await?;
        assert!(answer.status == 409 && answer.text().contains("being removed"), "{path}: {}", answer.text());
    }
    let answer = tenancy.post("/user-pools", &tenancy.registration(&pool, &[&organization])).await?;
    assert_eq!(answer.status, 409, "{}", answer.text());
    assert_eq!(remove_tenant(&tenancy, &[]).await?.status, 409);

    pool.deploy_role().await?;
    // Sent again it keeps its choice and tries at once.
    let shown = remove(&pool, "").await?.expect(202)?.json()?;
    assert_eq!(shown["removal"]["providers"], "delete", "{shown:#}");
    gone(&pool).await?;
    assert!(pool.provider_names().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_removal_whose_run_died_is_ended_by_the_schedule() -> Result<()> {
    let tenancy = Tenancy::new("dead removal").await?;
    let (organization, connections) = tenancy.organization_with(1).await?;
    let pool = tenancy.pool(&[&organization]).await?;
    pool.settles_on(&[&connections[0]]).await?;
    pool.drained().await?;
    // As a run leaves it that was killed: it holds the pool, and its time is not over.
    let cloud = &tenancy.cloud;
    let request = DynamoDb::new(&cloud.integration().sdk(&cloud.region)).update_item();
    let request = request.table_name(&cloud.table_name).condition_expression("attribute_not_exists(lease_until)");
    let request = request.key("pk", string(&format!("TENANT#{}", tenancy.id)));
    let request = request.key("sk", string(&format!("POOL#{}", pool.id)));
    let until = in_table(now_in_millis() + 15_000);
    let request = request.update_expression("SET lease_holder = :dead, lease_until = :until");
    let request = request.expression_attribute_values(":dead", string("a dead run"));
    request.expression_attribute_values(":until", string(&until)).send().await?;
    remove(&pool, "?providers=delete").await?.expect(202)?;
    gone(&pool).await?;
    assert!(pool.provider_names().await?.is_empty());
    Ok(())
}

/// A time as the table has it.
fn in_table(millis: i128) -> String {
    causeway_core::timestamp::Timestamp::from_millis(i64::try_from(millis).unwrap_or_default()).to_string()
}

#[tokio::test]
async fn the_removal_of_one_tenant_touches_nothing_of_another() -> Result<()> {
    let (one, other) = (Tenancy::new("leaves").await?, Tenancy::new("stays").await?);
    let (organization, connections) = one.organization_with(1).await?;
    // Both take the same organization, each in a pool of its own.
    let (leaves, stays) = (one.pool(&[&organization]).await?, other.pool(&[&organization]).await?);
    leaves.settles_on(&[&connections[0]]).await?;
    stays.settles_on(&[&connections[0]]).await?;
    stays.run().await?;
    let (provider, client) = (stays.provider(&provider_name(&connections[0])).await?, stays.app_client().await?);
    // Nobody removes another's pool.
    let foreign = Pool { tenancy: other.clone(), ..leaves.clone() };
    assert_eq!(remove(&foreign, "?providers=delete").await?.status, 404);
    remove(&leaves, "?providers=delete").await?.expect(202)?;
    gone(&leaves).await?;
    assert_eq!(remove_tenant(&one, &[]).await?.status, 200);

    assert!(stays.provider(&provider_name(&connections[0])).await? == provider, "another's provider was changed");
    assert!(stays.app_client().await? == client, "another's app client was changed");
    assert_eq!(stays.plan().await?["steps"], json!([]));
    assert_eq!(stays.items("/providers").await?.len(), 1);
    let party = RelyingParty::of(&stays, &connections[0]).await?;
    assert_eq!(get(party.authorize_url(&[])?.as_str()).await?.status, 302);
    Ok(())
}

#[tokio::test]
async fn a_tenant_goes_with_its_secrets_and_its_webhook_endpoint_once_its_pools_are_gone() -> Result<()> {
    let mut tenancy = Tenancy::new("removed").await?;
    tenancy.listens = true;
    let pool = tenancy.pool(&["org_01NONE"]).await?;
    let is_ours = |endpoint: &Value| endpoint["endpoint_url"].as_str().is_some_and(|url| url.contains(&tenancy.id));
    let count = async || -> Result<usize> {
        Ok(tenancy.workos.webhook_endpoints().await?.iter().filter(|endpoint| is_ours(endpoint)).count())
    };
    assert_eq!(count().await?, 1);
    let refused = remove_tenant(&tenancy, &[]).await?;
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert_eq!(count().await?, 1, "a tenant that stays hears no more");
    remove(&pool, "").await?.expect(202)?;
    gone(&pool).await?;

    let tag = tenancy.get("").await?.header("etag").context("no ETag")?.to_owned();
    assert_eq!(remove_tenant(&tenancy, &[("if-match", "\"0\"")]).await?.status, 412);
    let removed = remove_tenant(&tenancy, &[("if-match", &tag)]).await?.expect(200)?.json()?;
    let redirect_uri = format!("{}/oidc/{}/callback", tenancy.cloud.api_url, tenancy.id);
    assert_eq!(removed, json!({"removed": true, "left_in_workos": {"redirect_uri": redirect_uri, "webhook_urls": []}}));
    assert_eq!(count().await?, 0, "WorkOS still delivers");
    assert_eq!(tenancy.get("").await?.status, 404);
    assert_eq!(remove_tenant(&tenancy, &[]).await?.status, 404);
    let listed = tenancy.api.get("/v1/tenants?limit=100").await?.expect(200)?;
    assert!(!listed.text().contains(&tenancy.id), "a removed tenant is listed");
    assert_eq!(tenancy.post("/user-pools", &tenancy.registration(&pool, &["org_01NONE"])).await?.status, 404);
    assert!(tenancy.opened("workos_api_key", "workos-api-key", "Tenants").await.is_err(), "its secrets are there");
    Ok(())
}

#[tokio::test]
async fn a_name_in_an_app_client_whose_provider_is_gone_does_not_hold_a_removal_up() -> Result<()> {
    let tenancy = Tenancy::new("left behind").await?;
    let (organization, connections) = tenancy.organization_with(2).await?;
    let pool = tenancy.pool(&[&organization]).await?;
    pool.settles_on(&[&connections[0], &connections[1]]).await?;
    pool.drained().await?;
    // Somebody deleted one past Causeway. Cognito takes no change of the app client that leaves its name there.
    let name = provider_name(&connections[0]);
    tenancy.seen.delete_identity_provider().user_pool_id(&pool.id).provider_name(&name).send().await?;
    assert!(pool.supported().await?.contains(&name), "the name went with the provider");
    remove(&pool, "?providers=delete").await?.expect(202)?;
    gone(&pool).await?;
    assert_eq!(pool.supported().await?, ["COGNITO"]);
    assert!(pool.provider_names().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_tenant_stays_whole_while_workos_fails_and_goes_when_it_is_asked_for_again() -> Result<()> {
    let mut tenancy = Tenancy::new("failing removal").await?;
    tenancy.listens = true;
    let pool = tenancy.pool(&["org_01NONE"]).await?;
    tenancy.post("/webhook-rotation", &json!({})).await?.expect(202)?;
    remove(&pool, "").await?.expect(202)?;
    gone(&pool).await?;
    let before = tenancy.get("").await?.expect(200)?.json()?;
    let front = tenancy.cloud.front()?;
    let failing = |errors, throttles| Faults {
        service: "workos".to_owned(),
        containing: vec![format!("{} DELETE", tenancy.workos.api_key)],
        errors,
        throttles,
        ..Faults::default()
    };
    for faults in [failing(0.0, 1.0), failing(1.0, 0.0)] {
        front.set_faults(&tenancy.id, Some(faults)).await?;
        let refused = remove_tenant(&tenancy, &[]).await;
        front.set_faults(&tenancy.id, None).await?;
        let refused = refused?;
        assert_eq!(refused.status, 503, "{}", refused.text());
        let mut after = tenancy.get("").await?.expect(200)?.json()?;
        after["updated_at"] = before["updated_at"].clone();
        assert_eq!(after, before);
    }
    // It is a tenant like any other: it can have pools again.
    tenancy.post("/user-pools", &tenancy.registration(&pool, &["org_01NONE"])).await?.expect(201)?;
    assert_eq!(remove(&pool, "").await?.status, 204);

    let removed = remove_tenant(&tenancy, &[]).await?.expect(200)?.json()?;
    assert_eq!(removed["left_in_workos"]["webhook_urls"], json!([]), "{removed:#}");
    let left = tenancy.workos.webhook_endpoints().await?;
    assert!(!json!(left).to_string().contains(&tenancy.id), "WorkOS still delivers: {left:#?}");
    assert_eq!(tenancy.get("").await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn a_pool_is_removed_only_in_the_version_that_if_match_names() -> Result<()> {
    let tenancy = Tenancy::new("version removal").await?;
    let pool = tenancy.registered_pool(&["org_01NONE"]).await?;
    let tag = pool.get("").await?.header("etag").context("no ETag")?.to_owned();
    let path = format!("/v1/tenants/{}/user-pools/{}", tenancy.id, pool.id);
    let answer = tenancy.api.send("DELETE", &path, &[("if-match", "\"0\"")], b"").await?;
    assert_eq!(answer.status, 412, "{}", answer.text());
    assert_eq!(tenancy.api.send("DELETE", &path, &[("if-match", &tag)], b"").await?.status, 204);
    Ok(())
}
