//! The record of changes: who changed what, and no value of it.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::access::allowing;
use crate::tenancy::{Tenancy, cloud, text, unique};

/// The records of a tenant, the newest first.
async fn records(tenancy: &Tenancy) -> Result<Vec<Value>> {
    let list = tenancy.get("/audit").await?.expect(200)?.json()?;
    list["items"].as_array().cloned().context("no items")
}

#[tokio::test]
async fn every_change_is_recorded_with_its_caller_and_without_a_value() -> Result<()> {
    let cloud = cloud()?;
    let name = unique("auditor");
    let user = cloud.integration().create_user(&name, Some(&allowing(&cloud, &["*"]))).await?;
    let caller = format!("arn:aws:iam::{}:user/{name}", cloud.integration_account);
    let api = cloud.api(&user)?;
    let key = unique("sk_canary_");
    let body = json!({"name": "Canary Ltd", "workos": {"client_id": "client_01CANARY", "api_key": key}});
    let id = text(&api.post("/v1/tenants", &body).await?.expect(201)?.json()?, "id")?;
    let tenant = format!("/v1/tenants/{id}");
    let pool = json!({"account_id": "222222222222", "role_name": "CausewayX", "user_pool_id": "eu-west-1_Audit123"});
    api.post(&format!("{tenant}/user-pools"), &pool).await?.expect(201)?;
    let path = format!("{tenant}/user-pools/eu-west-1_Audit123");
    let json = [("content-type", "application/json")];
    api.send("PATCH", &path, &json, br#"{"mode":"observe","start":null}"#).await?.expect(200)?;
    api.send("PATCH", &path, &json, br#"{"sk_canary_in_the_wrong_place":1}"#).await?.expect(400)?;
    api.send("PATCH", &tenant, &json, br#"{"name":"Canary Two"}"#).await?.expect(200)?;
    api.get(&path).await?.expect(200)?;

    let answer = api.get(&format!("{tenant}/audit")).await?.expect(200)?;
    assert!(!answer.text().to_lowercase().contains("canary"), "a value came out: {}", answer.text());
    let records = answer.json()?["items"].as_array().cloned().context("no items")?;
    let expected = [
        ("PATCH", tenant.as_str(), Value::Null, 200, json!(["name"])),
        ("PATCH", path.as_str(), json!("eu-west-1_Audit123"), 400, json!([])),
        ("PATCH", path.as_str(), json!("eu-west-1_Audit123"), 200, json!(["mode", "start"])),
        (
            "POST",
            &format!("{tenant}/user-pools"),
            json!("eu-west-1_Audit123"),
            201,
            json!(["account_id", "role_name", "user_pool_id"]),
        ),
        ("POST", "/v1/tenants", Value::Null, 201, json!(["name", "workos.api_key", "workos.client_id"])),
    ];
    assert_eq!(records.len(), expected.len(), "{records:#?}");
    for (record, (method, path, pool, status, changed)) in records.iter().zip(expected) {
        assert_eq!(
            (&record["caller"], &record["method"], &record["path"], &record["tenant_id"]),
            (&json!(caller), &json!(method), &json!(path), &json!(id))
        );
        assert_eq!(
            (&record["user_pool_id"], &record["status"], &record["changed"]),
            (&pool, &json!(status), &changed),
            "{record:#}"
        );
    }
    let times: Vec<String> = records.iter().map(|record| text(record, "at")).collect::<Result<_>>()?;
    assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
    Ok(())
}

#[tokio::test]
async fn records_are_shown_page_by_page_and_of_their_own_tenant_only() -> Result<()> {
    let (one, other) = (Tenancy::new("recorded").await?, Tenancy::new("other").await?);
    for name in ["a", "b", "c"] {
        one.patch("", &json!({"name": name}), None).await?.expect(200)?;
    }
    let first = one.get("/audit?limit=3").await?.expect(200)?.json()?;
    let cursor = text(&first, "next_cursor")?;
    let second = one.get(&format!("/audit?limit=3&cursor={cursor}")).await?.expect(200)?.json()?;
    let of = |page: &Value| page["items"].as_array().cloned().unwrap_or_default();
    assert_eq!([of(&first), of(&second)].concat(), records(&one).await?);
    assert_eq!((of(&first).len(), of(&second).len()), (3, 1));

    assert_eq!(records(&other).await?.len(), 1, "its registration and nothing else");
    let refused = other.get(&format!("/audit?cursor={cursor}")).await?;
    assert_eq!((refused.status, refused.json()?["field"].clone()), (400, json!("cursor")));
    let unknown = one.api.get("/v1/tenants/tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N/audit").await?;
    assert_eq!(unknown.status, 404, "{}", unknown.text());
    Ok(())
}

#[tokio::test]
async fn the_records_of_a_tenant_stay_when_it_goes() -> Result<()> {
    let tenancy = Tenancy::new("gone").await?;
    let path = format!("/v1/tenants/{}", tenancy.id);
    tenancy.api.send("DELETE", &path, &[], b"").await?.expect(200)?;
    assert_eq!(tenancy.get("").await?.status, 404);
    let records = records(&tenancy).await?;
    let shown: Vec<_> = records.iter().map(|record| (&record["method"], &record["path"], &record["status"])).collect();
    let removed = (&json!("DELETE"), &json!(path), &json!(200));
    assert_eq!(shown, [removed, (&json!("POST"), &json!("/v1/tenants"), &json!(201))]);
    Ok(())
}

#[tokio::test]
async fn a_change_that_can_not_be_recorded_is_not_made() -> Result<()> {
    let tenancy = Tenancy::new("unrecorded").await?;
    let iam = tenancy.cloud.integration().iam()?;
    let arn = tenancy.cloud.function_role("Tenants").await?;
    let role = arn.rsplit('/').next().context("no such role")?;
    let deny = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Action": "dynamodb:PutItem", "Resource": "*",
        "Condition": {"ForAnyValue:StringEquals": {"dynamodb:LeadingKeys": [format!("AUDIT#{}", tenancy.id)]}}
    }]})
    .to_string();
    let policy = [("RoleName", role), ("PolicyName", tenancy.id.as_str())];
    iam.call("PutRolePolicy", &[&policy[..], &[("PolicyDocument", &deny)]].concat()).await?;
    let refused = tenancy.patch("", &json!({"name": "unseen"}), None).await;
    iam.call("DeleteRolePolicy", &policy).await?;
    assert_eq!(refused?.status, 503);
    assert_eq!(tenancy.get("").await?.expect(200)?.json()?["name"], "unrecorded");
    tenancy.patch("", &json!({"name": "seen"}), None).await?.expect(200)?;
    Ok(())
}
