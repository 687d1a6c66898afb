//! Changes of tenants and user pools: what is left out stays, and nobody overwrites what somebody else changed.

use anyhow::{Context, Result};
use causeway_local_cloud::eventually::eventually;
use serde_json::{Value, json};

use crate::tenancy::{SOON, Tenancy, text};

#[tokio::test]
async fn a_tenant_gets_another_name_and_everything_else_stays() -> Result<()> {
    let tenancy = Tenancy::new("before").await?;
    let before = tenancy.get("").await?.expect(200)?;
    assert_eq!(before.header("etag"), Some("\"1\""));

    let changed = tenancy.patch("", &json!({"name": "after"}), None).await?.expect(200)?;
    assert_eq!(changed.header("etag"), Some("\"2\""));
    let (mut expected, shown) = (before.json()?, changed.json()?);
    assert!(text(&shown, "updated_at")? > text(&expected, "updated_at")?);
    expected["name"] = json!("after");
    expected["updated_at"] = shown["updated_at"].clone();
    assert_eq!(shown, expected);
    assert_eq!(tenancy.get("").await?.expect(200)?.json()?, expected);

    for nothing in [json!({}), json!({"name": "after"})] {
        let same = tenancy.patch("", &nothing, None).await?.expect(200)?;
        assert_eq!((same.header("etag"), same.json()?), (Some("\"2\""), expected.clone()), "{nothing}");
    }
    Ok(())
}

#[tokio::test]
async fn of_two_operators_who_read_the_same_only_the_first_one_changes_it() -> Result<()> {
    let tenancy = Tenancy::new("contended").await?;
    let pool = tenancy.registered_pool(&["org_01NONE"]).await?;
    let pool_path = format!("/user-pools/{}", pool.id);
    for (path, first, second) in [
        ("", json!({"name": "first"}), json!({"name": "second"})),
        (pool_path.as_str(), json!({"mode": "observe"}), json!({"mode": "paused"})),
    ] {
        let read = tenancy.get(path).await?.expect(200)?;
        let tag = read.header("etag").map(str::to_owned);
        tenancy.patch(path, &first, tag.as_deref()).await?.expect(200)?;
        let refused = tenancy.patch(path, &second, tag.as_deref()).await?;
        assert_eq!(refused.status, 412, "{path}: {}", refused.text());
        assert_eq!(refused.header("content-type"), Some("application/problem+json"));
        assert_eq!(refused.json()?["field"], "If-Match");

        let shown = tenancy.get(path).await?.expect(200)?;
        for (field, value) in first.as_object().context("a change")? {
            assert_eq!(shown.json()?[field], *value, "{path}");
        }
        let tag = shown.header("etag").map(str::to_owned);
        tenancy.patch(path, &second, tag.as_deref()).await?.expect(200)?;
        tenancy.patch(path, &first, Some("*")).await?.expect(200)?;
    }
    Ok(())
}

#[tokio::test]
async fn changes_at_the_same_time_are_all_made_or_refused_and_none_is_lost() -> Result<()> {
    let tenancy = Tenancy::new("race").await?;
    let bodies: Vec<Value> = (0..6).map(|number| json!({"name": format!("name{number}")})).collect();
    let changes = bodies.iter().map(|body| tenancy.patch("", body, None));
    let mut made = 0;
    for answer in futures::future::join_all(changes).await {
        let answer = answer?;
        assert!([200, 409].contains(&answer.status), "{}: {}", answer.status, answer.text());
        made += u64::from(answer.status == 200);
    }
    let tag = format!("\"{}\"", 1 + made);
    assert_eq!(tenancy.get("").await?.expect(200)?.header("etag"), Some(tag.as_str()));
    Ok(())
}

#[tokio::test]
async fn each_option_of_a_pool_changes_by_itself_and_null_takes_it_back() -> Result<()> {
    let tenancy = Tenancy::new("options").await?;
    let pool = tenancy.registered_pool(&["org_01NONE"]).await?;
    let registered = pool.shown().await?;
    let start = json!({"login_url": "https://app.example/login"});
    let mut expected = registered.clone();
    for (field, value) in [
        ("mode", json!("upsert")),
        ("sign_in", json!("disabled")),
        ("app_clients", json!("all")),
        ("organizations", json!(["org_01A", "org_01B"])),
        ("organizations", Value::Null),
        ("domain_identifiers", json!(true)),
        ("attribute_mapping", json!({"email": "email", "username": "sub"})),
        ("start", start),
        ("start", Value::Null),
        ("app_clients", json!([])),
    ] {
        let sent = if field == "attribute_mapping" { json!({"email": "email"}) } else { value.clone() };
        let shown = pool.patch(&json!({field: sent}), None).await?.expect(200)?.json()?;
        expected[field] = value;
        expected["updated_at"] = shown["updated_at"].clone();
        assert_eq!(shown, expected, "after a change of {field}");
    }
    let shown = pool.patch(&json!({"attribute_mapping": null}), None).await?.expect(200)?.json()?;
    assert_eq!(shown["attribute_mapping"], registered["attribute_mapping"]);
    let before = pool.get("").await?.expect(200)?;
    let nothing = pool.patch(&json!({}), None).await?.expect(200)?;
    assert_eq!((nothing.header("etag"), nothing.json()?), (before.header("etag"), shown));
    Ok(())
}

#[tokio::test]
async fn a_change_that_breaks_a_rule_is_refused_with_the_field_and_changes_nothing() -> Result<()> {
    let tenancy = Tenancy::new("faulty").await?;
    let pool = tenancy.registered_pool(&["org_01NONE"]).await?;
    let path = format!("/user-pools/{}", pool.id);
    let clients: Vec<String> = (0..51).map(|number| format!("client{number}")).collect();
    let (tenant, registered) = (tenancy.get("").await?.text(), pool.get("").await?.text());
    for (path, body, field) in [
        ("", json!({"name": null}), "name"),
        ("", json!({"name": " "}), "name"),
        ("", json!({"external_id": "mine"}), "external_id"),
        (path.as_str(), json!({"mode": null}), "mode"),
        (path.as_str(), json!({"mode": "off"}), "mode"),
        (path.as_str(), json!({"sign_in": true}), "sign_in"),
        (path.as_str(), json!({"app_clients": null}), "app_clients"),
        (path.as_str(), json!({"app_clients": clients}), "app_clients"),
        (path.as_str(), json!({"organizations": ["no body"]}), "organizations[0]"),
        (path.as_str(), json!({"domain_identifiers": null}), "domain_identifiers"),
        (path.as_str(), json!({"attribute_mapping": {"username": "email"}}), "attribute_mapping.username"),
        (path.as_str(), json!({"start": {"login_url": "http://app.example"}}), "start"),
        (path.as_str(), json!({"account_id": "333333333333"}), "account_id"),
        (path.as_str(), json!([]), "(body)"),
    ] {
        let answer = tenancy.patch(path, &body, None).await?;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
        let shown = text(&answer.json()?, "field")?;
        assert!(shown.starts_with(field), "{body}: {shown}");
    }
    assert_eq!((tenancy.get("").await?.text(), pool.get("").await?.text()), (tenant, registered));
    Ok(())
}

#[tokio::test]
async fn a_change_of_another_tenants_pool_is_answered_as_that_of_one_that_does_not_exist() -> Result<()> {
    let (owner, stranger) = (Tenancy::new("owner").await?, Tenancy::new("stranger").await?);
    let pool = owner.registered_pool(&["org_01NONE"]).await?;
    let change = json!({"sign_in": "disabled"});
    let of_another = stranger.patch(&format!("/user-pools/{}", pool.id), &change, None).await?.expect(404)?;
    let of_none = stranger.patch("/user-pools/eu-west-1_NoSuch123", &change, None).await?.expect(404)?;
    assert_eq!(of_another.text(), of_none.text());
    assert_eq!(pool.shown().await?["sign_in"], "enabled");
    Ok(())
}

#[tokio::test]
async fn a_change_is_carried_out_soon_and_runs_leave_the_version_alone() -> Result<()> {
    let tenancy = Tenancy::new("soon").await?;
    let (first, _) = tenancy.organization_with(1).await?;
    let (second, connections) = tenancy.organization_with(1).await?;
    let pool = tenancy.pool(&[&first]).await?;
    pool.run().await?;
    let tag = pool.get("").await?.expect(200)?.header("etag").map(str::to_owned);
    let changed = pool.patch(&json!({"organizations": [first, second]}), tag.as_deref()).await?.expect(200)?;
    eventually(SOON, "the provider of the organization that was added", async || {
        let providers = pool.items("/providers").await?;
        Ok(providers.iter().any(|provider| provider["connection_id"] == connections[0].as_str()).then_some(()))
    })
    .await?;
    assert_eq!(pool.get("").await?.expect(200)?.header("etag"), changed.header("etag"));
    Ok(())
}
