//! A creation that is sent twice with one `Idempotency-Key` is carried out once.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::Client as DynamoDb;
use causeway_local_cloud::api::Api;
use causeway_local_cloud::signed_http::Answer;
use serde_json::{Value, json};

use crate::access::allowing;
use crate::tenancy::{Tenancy, cloud, string, text, unique};

async fn send(api: &Api, path: &str, key: &str, body: &Value) -> Result<Answer> {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    api.send("POST", path, &headers, body.to_string().as_bytes()).await
}

fn tenant(name: &str) -> Value {
    json!({"name": name, "workos": {"client_id": "client_01TEST"}})
}

#[tokio::test]
async fn a_registration_that_is_sent_twice_has_one_answer_and_makes_one_tenant() -> Result<()> {
    let cloud = cloud()?;
    let api = cloud.api(&cloud.integration())?;
    let (key, body) = (unique("key"), tenant(&unique("twice")));
    let first = send(&api, "/v1/tenants", &key, &body).await?.expect(201)?;
    assert_eq!(first.header("idempotent-replayed"), None);
    for _ in 0..2 {
        let again = send(&api, "/v1/tenants", &key, &body).await?.expect(201)?;
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        assert_eq!(again.text(), first.text());
        for header in ["etag", "content-type"] {
            assert_eq!(again.header(header), first.header(header), "{header}");
        }
    }
    let of_another_key = send(&api, "/v1/tenants", &unique("key"), &body).await?.expect(201)?;
    assert_ne!(of_another_key.json()?["id"], first.json()?["id"]);

    let refused = send(&api, "/v1/tenants", &key, &tenant("another")).await?;
    assert_eq!(refused.status, 422, "{}", refused.text());
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    assert_eq!(refused.json()?["field"], "Idempotency-Key");
    Ok(())
}

#[tokio::test]
async fn of_registrations_with_one_key_at_the_same_time_one_is_made() -> Result<()> {
    let cloud = cloud()?;
    let api = cloud.api(&cloud.integration())?;
    let (key, body) = (unique("key"), tenant(&unique("same")));
    let sent = (0..5).map(|_| send(&api, "/v1/tenants", &key, &body));
    let mut made = Vec::new();
    for answer in futures::future::join_all(sent).await {
        let answer = answer?;
        assert!([201, 409].contains(&answer.status), "{}: {}", answer.status, answer.text());
        if answer.status == 201 {
            made.push(text(&answer.json()?, "id")?);
        }
    }
    made.dedup();
    assert_eq!(made.len(), 1, "{made:?}");
    Ok(())
}

#[tokio::test]
async fn a_key_belongs_to_one_caller() -> Result<()> {
    let cloud = cloud()?;
    let account = cloud.integration();
    let user = account.create_user(&unique("creator"), Some(&allowing(&cloud, &["*"]))).await?;
    let (key, body) = (unique("key"), tenant(&unique("mine")));
    let one = send(&cloud.api(&account)?, "/v1/tenants", &key, &body).await?.expect(201)?;
    let other = send(&cloud.api(&user)?, "/v1/tenants", &key, &body).await?.expect(201)?;
    assert_eq!(other.header("idempotent-replayed"), None);
    assert_ne!(other.json()?["id"], one.json()?["id"]);
    Ok(())
}

#[tokio::test]
async fn a_pool_that_is_registered_twice_with_one_key_is_no_conflict_and_is_recorded_once() -> Result<()> {
    let tenancy = Tenancy::new("replayed").await?;
    let pool = tenancy.user_pool().await?;
    let path = format!("/v1/tenants/{}/user-pools", tenancy.id);
    let (key, body) = (unique("key"), tenancy.registration(&pool, &["org_01NONE"]));
    let first = send(&tenancy.api, &path, &key, &body).await?.expect(201)?;
    let again = send(&tenancy.api, &path, &key, &body).await?.expect(201)?;
    assert_eq!((again.header("idempotent-replayed"), again.text()), (Some("true"), first.text()));
    assert_eq!(send(&tenancy.api, &path, &unique("key"), &body).await?.status, 409);

    let records = tenancy.get("/audit").await?.expect(200)?.json()?["items"].as_array().cloned().context("no items")?;
    let statuses: Vec<&Value> = records.iter().map(|record| &record["status"]).collect();
    assert_eq!(statuses, [409, 201, 201], "{records:#?}");
    Ok(())
}

#[tokio::test]
async fn a_request_that_was_refused_gives_its_key_back() -> Result<()> {
    let cloud = cloud()?;
    let api = cloud.api(&cloud.integration())?;
    let key = unique("key");
    assert_eq!(send(&api, "/v1/tenants", &key, &json!({"name": "a"})).await?.status, 400);
    send(&api, "/v1/tenants", &key, &tenant("mended")).await?.expect(201)?;
    Ok(())
}

#[tokio::test]
async fn a_key_that_breaks_the_rule_is_refused_and_one_that_just_keeps_it_is_not() -> Result<()> {
    let cloud = cloud()?;
    let api = cloud.api(&cloud.integration())?;
    let refused = send(&api, "/v1/tenants", &"k".repeat(256), &tenant("long")).await?;
    assert_eq!((refused.status, refused.json()?["field"].clone()), (400, json!("Idempotency-Key")));
    let longest = format!("{:x<255}", unique("~ "));
    send(&api, "/v1/tenants", &longest, &tenant("longest")).await?.expect(201)?;
    Ok(())
}

#[tokio::test]
async fn an_answer_that_is_kept_can_not_be_read_in_the_table() -> Result<()> {
    let cloud = cloud()?;
    let api = cloud.api(&cloud.integration())?;
    let name = unique("canary");
    let made = send(&api, "/v1/tenants", &unique("key"), &tenant(&name)).await?.expect(201)?.json()?;
    let (id, external_id) = (text(&made, "id")?, text(&made, "external_id")?);
    let table = DynamoDb::new(&cloud.integration().sdk(&cloud.region));
    let request = table.scan().table_name(&cloud.table_name).filter_expression("begins_with(pk, :request)");
    let mut pages = request.expression_attribute_values(":request", string("REQUEST#")).into_paginator().send();
    let mut ours = 0;
    while let Some(page) = pages.next().await {
        for item in page?.items.unwrap_or_default() {
            let shown = format!("{item:?}");
            assert!(!shown.contains(&external_id) && !shown.contains(&name), "{shown}");
            ours += usize::from(shown.contains(&id));
        }
    }
    assert_eq!(ours, 1, "the answer is kept under its tenant");
    Ok(())
}
