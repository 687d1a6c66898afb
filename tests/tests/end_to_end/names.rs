//! Names that customers choose, from WorkOS to where people read.

use anyhow::{Context, Result, ensure};
use causeway_local_cloud::front::control::now;
use serde_json::{Value, json};

use crate::pool::{Pool, provider_name};
use crate::tenancy::{Tenancy, text, unique};

async fn provider(pool: &Pool, connection: &str) -> Result<Value> {
    let providers = pool.items("/providers").await?;
    providers.into_iter().find(|one| one["connection_id"] == connection).context("it is not listed")
}

#[tokio::test]
async fn a_customer_is_shown_by_its_name_and_what_that_was_before_and_neither_writes_to_the_pool() -> Result<()> {
    let tenancy = Tenancy::new("names").await?;
    let domain = format!("{}.example", unique("names"));
    let organization = tenancy.workos.create_organization("Acme\u{202e}\u{1b}[2J <b>\"Inc\"", &[&domain]).await?;
    let mut connections = Vec::new();
    for name in ["first", "second"] {
        connections.push(tenancy.workos.create_connection(&organization, name).await?);
    }
    let pool = tenancy.pool(&[&organization]).await?;
    pool.settles_on(&[&connections[0], &connections[1]]).await?;
    pool.drained().await?;
    let shown = provider(&pool, &connections[0]).await?;
    assert_eq!(
        (&shown["name"], &shown["organization_name"]),
        (&json!("first"), &json!("Acme[2J <b>\"Inc\"")),
        "{shown}"
    );
    assert_eq!((&shown["organization_id"], shown.get("former_organization_names")), (&json!(organization), None));
    assert!(shown["connection_type"].is_string(), "{shown}");

    let (renamed, since) = (json!({"name": "Contoso"}), now());
    tenancy.workos.call("PUT", &format!("/organizations/{organization}"), Some(&renamed)).await?.expect(200)?;
    let run = pool.run().await?;
    assert_eq!((&run["outcome"], &run["steps"]), (&json!("no_change"), &json!([])), "{run:#}");
    let shown = provider(&pool, &connections[0]).await?;
    assert_eq!(shown["organization_name"], "Contoso", "{shown}");
    assert_eq!(shown["former_organization_names"][0]["name"], "Acme[2J <b>\"Inc\"", "{shown}");
    let calls = tenancy.cloud.front()?.calls(since, &pool.id).await?;
    let of_provider = |operation: &str| operation.ends_with("IdentityProvider");
    assert!(calls.iter().all(|call| !of_provider(&call.operation)), "a name leads to a call: {calls:?}");

    for connection in &connections {
        tenancy.workos.delete_connection(connection).await?;
    }
    let run = pool.run().await?;
    let plan = pool.plan().await?;
    let summary = text(&plan, "summary")?;
    let ends: Vec<&str> = connections.iter().map(|id| &id[id.len() - 6..]).collect();
    assert!(summary.starts_with("2 connections of 1 customer lose sign-in: \"Contoso\" (until "), "{summary}");
    assert!(ends.iter().all(|end| summary.contains(&format!(" …{end})"))), "{summary}");
    assert!(summary.contains("\"Acme[2J <b>'Inc'\""), "{summary}");
    let step = &run["steps"][0];
    assert_eq!((&step["held"], &step["organization_name"]), (&json!(true), &json!("Contoso")), "{run:#}");
    let health = pool.health("held").await?;
    let message = text(&health, "message")?;
    assert!(message.contains("\"Contoso\"") && connections.iter().all(|id| message.contains(id)), "{message}");
    let approved = pool.post("/approvals", &json!({"hash": plan["hash"]})).await?.expect(202)?.json()?;
    assert_eq!(approved["summary"], summary, "{approved:#}");
    pool.settles_on(&[]).await?;
    ensure!(!pool.provider_names().await?.contains(&provider_name(&connections[0])));
    Ok(())
}
