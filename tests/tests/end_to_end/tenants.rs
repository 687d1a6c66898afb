//! Tenants and user pools over the API: registration, lists, and that no secret comes out.

use std::time::Duration;

use anyhow::{Context, Result};
use causeway_local_cloud::eventually::eventually;
use serde_json::{Value, json};

use crate::tenancy::{SOON, Tenancy, cloud, text, unique};

#[tokio::test]
async fn a_tenant_is_created_read_and_listed_and_its_key_never_comes_out() -> Result<()> {
    let cloud = cloud()?;
    let api = cloud.api(&cloud.integration())?;
    let key = unique("sk_canary_");
    let body = json!({"name": "Täst & Söhne", "workos": {"client_id": "client_01TEST", "api_key": key}});
    let created = api.post("/v1/tenants", &body).await?.expect(201)?;
    let tenant = created.json()?;
    let id = text(&tenant, "id")?;
    assert!(id.starts_with("tnt_") && id.len() == 30, "{id}");
    assert_eq!(tenant["name"], "Täst & Söhne");
    assert_eq!(tenant["workos"]["client_id"], "client_01TEST");
    assert_eq!(tenant["webhook_url"], format!("{}/webhooks/{id}", cloud.api_url));
    assert!(text(&tenant, "external_id")?.len() >= 32, "an external ID can't be guessed");

    let read = api.get(&format!("/v1/tenants/{id}")).await?.expect(200)?;
    assert_eq!(read.json()?, tenant);
    let listed = api.get("/v1/tenants?limit=100").await?.expect(200)?;
    let items = listed.json()?["items"].as_array().cloned().context("no items")?;
    assert!(items.contains(&tenant));
    for answer in [created.text(), read.text(), listed.text()] {
        assert!(!answer.contains(&key), "the API key came out: {answer}");
    }
    Ok(())
}

#[tokio::test]
async fn two_tenants_never_get_the_same_external_id() -> Result<()> {
    let (one, other) = (Tenancy::new("one").await?, Tenancy::new("other").await?);
    assert_ne!(one.external_id, other.external_id);
    Ok(())
}

#[tokio::test]
async fn tenants_are_listed_page_by_page_with_the_newest_first() -> Result<()> {
    let mut made = Vec::new();
    for name in ["first", "second", "third"] {
        made.push(Tenancy::new(name).await?);
        // IDs sort by the millisecond that they were made in.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let api = &made[0].api;
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    // Other tests register tenants at the same time: those are newer, and not on later pages.
    loop {
        let after = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let page = api.get(&format!("/v1/tenants?limit=2{after}")).await?.expect(200)?.json()?;
        let items = page["items"].as_array().context("no items")?;
        assert!((1..=2).contains(&items.len()), "{page}");
        for item in items {
            seen.push(text(item, "id")?);
        }
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() || seen.contains(&made[0].id) {
            break;
        }
    }
    let newest_first: Vec<&String> = made.iter().rev().map(|tenancy| &tenancy.id).collect();
    let ours: Vec<&String> = seen.iter().filter(|id| newest_first.contains(id)).collect();
    assert_eq!(ours, newest_first);
    assert!(seen.is_sorted_by(|one, other| one > other), "not newest first: {seen:?}");
    Ok(())
}

#[tokio::test]
async fn user_pools_are_registered_as_pending_read_and_listed_newest_first() -> Result<()> {
    let tenancy = Tenancy::new("pools").await?;
    let mut pools = Vec::new();
    for _ in 0..3 {
        pools.push(tenancy.registered_pool(&["org_01NONE"]).await?);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let pool = &pools[2];
    let shown = pool.shown().await?;
    let role_arn = format!("arn:aws:iam::{}:role/{}", tenancy.account.id, pool.role_name);
    for (member, value) in [
        ("user_pool_id", json!(pool.id)),
        ("account_id", json!(tenancy.account.id)),
        ("region", json!(tenancy.region)),
        ("role_name", json!(pool.role_name)),
        ("role_arn", json!(role_arn)),
        ("status", json!("pending")),
        ("mode", json!("sync")),
        ("counts", json!({"connections": 0, "providers": 0})),
        ("last_run", Value::Null),
        ("next_due_at", Value::Null),
    ] {
        assert_eq!(shown[member], value, "{member} of {shown:#}");
    }
    let first = tenancy.get("/user-pools?limit=2").await?.expect(200)?.json()?;
    let second = tenancy.get(&format!("/user-pools?limit=2&cursor={}", text(&first, "next_cursor")?)).await?;
    let second = second.expect(200)?.json()?;
    let ids = |page: &Value| -> Result<Vec<String>> {
        page["items"].as_array().context("no items")?.iter().map(|pool| text(pool, "user_pool_id")).collect()
    };
    assert_eq!(ids(&first)?, [pools[2].id.clone(), pools[1].id.clone()]);
    assert_eq!(ids(&second)?, [pools[0].id.clone()]);
    assert_eq!(second["next_cursor"], Value::Null);
    Ok(())
}

#[tokio::test]
async fn a_verified_pool_shows_its_counts_its_last_run_and_when_it_is_due() -> Result<()> {
    let tenancy = Tenancy::new("shown").await?;
    let (organization, connections) = tenancy.organization_with(2).await?;
    let pool = tenancy.pool(&[&organization]).await?;
    let shown = eventually(SOON, "the pool shows its two providers", async || {
        let shown = pool.shown().await?;
        Ok((shown["counts"] == json!({"connections": 2, "providers": 2})).then_some(shown))
    })
    .await?;
    assert_eq!(shown["status"], "active");
    assert_eq!(shown["health"]["state"], "ok");
    assert!(shown["next_due_at"].is_string(), "{shown:#}");

    let runs = pool.items("/runs").await?;
    assert!(runs.iter().any(|run| run["id"] == shown["last_run"]["id"]), "{runs:#?}");
    let first = runs.last().context("no run")?;
    let steps: Vec<&str> =
        first["steps"].as_array().context("no steps")?.iter().filter_map(|step| step["action"].as_str()).collect();
    assert_eq!(steps, ["create", "create", "wire", "wire"], "{first:#}");
    assert_eq!((&first["outcome"], &first["failures"]), (&json!("changed"), &json!([])));

    let providers = pool.items("/providers").await?;
    let mut expected = connections;
    expected.reverse();
    let listed: Vec<_> = providers.iter().map(|provider| text(provider, "connection_id")).collect::<Result<_>>()?;
    assert_eq!(listed, expected, "newest first");
    for provider in &providers {
        let connection = text(provider, "connection_id")?;
        assert_eq!(provider["provider_name"], connection.replacen('_', "-", 1));
        assert_eq!(provider["organization_id"], organization);
        assert_eq!(provider["connection_state"], "active");
        assert_eq!(provider["in_sync"], true);
        // A pool without a domain stands behind the local callback.
        let by_connection = format!("/oauth2/authorize?idp_identifier={connection}");
        assert!(text(&provider["sign_in"], "by_connection")?.ends_with(&by_connection), "{provider:#}");
        let by_name = format!("/oauth2/authorize?identity_provider={}", connection.replacen('_', "-", 1));
        assert!(text(&provider["sign_in"], "by_provider_name")?.ends_with(&by_name), "{provider:#}");
        assert_eq!(provider["issuer"], format!("{}/oidc/{}/{connection}", tenancy.cloud.api_url, tenancy.id));
    }
    let by_organization = |provider: &Value| provider["sign_in"]["by_organization"].as_str().map(str::to_owned);
    let links: Vec<String> = providers.iter().filter_map(by_organization).collect();
    assert!(matches!(&links[..], [one] if one.ends_with(&format!("?idp_identifier={organization}"))), "{links:?}");
    Ok(())
}
