//! What the API refuses, and that it names the field and its rule.

use anyhow::{Context, Result};
use causeway_local_cloud::signed_http::Answer;
use serde_json::{Value, json};

use crate::tenancy::{Tenancy, cloud};

/// The field and the detail of a refusal that must be one.
fn refused(answer: &Answer, what: &str) -> Result<(String, String)> {
    assert_eq!(answer.status, 400, "{what}: {}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{what}");
    let problem = answer.json()?;
    assert_eq!(problem["status"], 400, "{what}: {problem}");
    let member = |name: &str| problem[name].as_str().map(str::to_owned).with_context(|| format!("{what}: {problem}"));
    Ok((member("field")?, member("detail")?))
}

#[tokio::test]
async fn a_tenant_that_breaks_a_rule_is_refused_with_the_field_and_the_rule() -> Result<()> {
    let cloud = cloud()?;
    let api = cloud.api(&cloud.integration())?;
    let workos = json!({"client_id": "client_01TEST"});
    for (body, field, rule) in [
        (json!({"workos": workos}), "(body)", "missing field `name`"),
        (json!({"name": 7, "workos": workos}), "name", "expected a string"),
        (json!({"name": "", "workos": workos}), "name", "1 to 128 characters"),
        (json!({"name": "a\u{7}b", "workos": workos}), "name", "control characters"),
        (json!({"name": "a".repeat(129), "workos": workos}), "name", "1 to 128 characters"),
        (json!({"name": "a", "workos": {}}), "workos", "missing field `client_id`"),
        (json!({"name": "a", "workos": {"client_id": "no spaces"}}), "workos.client_id", "letters, digits"),
        (json!({"name": "a", "workos": {"client_id": "c", "api_key": ""}}), "workos.api_key", "1 to 512"),
        (json!({"name": "a", "workos": {"client_id": "c", "api_key": "a\nb"}}), "workos.api_key", "printable"),
        (json!({"name": "a", "workos": {"client_id": "c", "key": "x"}}), "workos.key", "unknown field `key`"),
        (json!({"name": "a", "workos": workos, "external_id": "mine"}), "external_id", "unknown field"),
        (json!([]), "(body)", "expected an object"),
        (json!("text"), "(body)", "expected an object"),
    ] {
        let (shown_field, detail) = refused(&api.post("/v1/tenants", &body).await?, &body.to_string())?;
        assert_eq!(shown_field, field, "{body}");
        assert!(detail.contains(rule), "{body}: {detail}");
    }
    Ok(())
}

#[tokio::test]
async fn a_body_that_is_no_json_or_too_large_is_refused() -> Result<()> {
    let cloud = cloud()?;
    let api = cloud.api(&cloud.integration())?;
    let large = json!({"name": "a".repeat(70_000), "workos": {"client_id": "c"}}).to_string();
    let trailing = r#"{"name":"a","workos":{"client_id":"c"}} more"#;
    let not_text: &[u8] = b"{\"name\":\"\xff\"}";
    for (body, rule) in [
        (&b"{\"name\":"[..], "EOF"),
        (b"", "missing field"),
        (b"name=a", "expected"),
        (trailing.as_bytes(), "after the JSON value"),
        (large.as_bytes(), "at most 65536 bytes"),
        (not_text, ""),
    ] {
        let answer = api.send("POST", "/v1/tenants", &[("content-type", "application/json")], body).await?;
        let (_, detail) = refused(&answer, &String::from_utf8_lossy(&body[..body.len().min(80)]))?;
        assert!(detail.contains(rule), "{detail}");
    }
    Ok(())
}

#[tokio::test]
async fn a_user_pool_that_breaks_a_rule_is_refused_with_the_field_and_the_rule() -> Result<()> {
    let tenancy = Tenancy::new("bad input").await?;
    let good = json!({"account_id": "222222222222", "role_name": "CausewayX", "user_pool_id": "eu-west-1_Example12"});
    let with = |member: &str, value: Value| {
        let mut body = good.clone();
        body[member] = value;
        body
    };
    let many = vec!["org_1"; 1001];
    for (body, field, rule) in [
        (with("account_id", json!("22222222222")), "account_id", "12 digits"),
        (with("account_id", json!(222_222_222_222_u64)), "account_id", "expected a string"),
        (with("account_id", json!("111111111111")), "account_id", "integration account"),
        (with("role_name", json!("CausewayÜ")), "role_name", "1 to 64 letters"),
        (with("role_name", json!("OtherRole")), "role_name", "must begin with Causeway"),
        (with("role_name", json!("path/Causeway")), "role_name", "1 to 64 letters"),
        (with("user_pool_id", json!("eu-west-1-Example12")), "user_pool_id", "a user pool ID is a Region"),
        (with("user_pool_id", json!("cn-north-1_Example12")), "user_pool_id", "not in the partition aws"),
        (with("user_pool_id", json!("us-gov-west-1_Example12")), "user_pool_id", "not in the partition aws"),
        (with("mode", json!("fast")), "mode", "expected one of `observe`"),
        (with("app_clients", json!("one")), "app_clients", "expected a sequence"),
        (with("app_clients", json!(["a b"])), "app_clients[0]", "1 to 128 letters"),
        (with("organizations", json!(["acme corp"])), "organizations[0]", "1 to 64 letters"),
        (with("organizations", json!(many)), "organizations", "at most 1000"),
        (with("domain_identifiers", json!("yes")), "domain_identifiers", "expected a boolean"),
        (with("attribute_mapping", json!({"username": "email"})), "attribute_mapping.username", "`sub`"),
        (with("attribute_mapping", json!({"email": ""})), "attribute_mapping.email", "1 to 128 characters"),
        (with("region", json!("eu-west-1")), "region", "unknown field `region`"),
        (json!({}), "(body)", "missing field"),
    ] {
        let (shown_field, detail) = refused(&tenancy.post("/user-pools", &body).await?, &body.to_string())?;
        assert_eq!(shown_field, field, "{body}: {detail}");
        assert!(detail.contains(rule), "{body}: {detail}");
    }
    let list = tenancy.get("/user-pools").await?.expect(200)?.json()?;
    assert_eq!(list["items"], json!([]), "something that was refused is there");
    Ok(())
}

const CONNECTION: &str = "conn_01E4ZCR3C56J083X43JQXF3JK5";

#[tokio::test]
async fn options_of_a_call_or_a_list_that_are_none_are_refused() -> Result<()> {
    let tenancy = Tenancy::new("options").await?;
    let pool = tenancy.registered_pool(&["org_01NONE"]).await?;
    for (path, body, field) in [
        ("/reconcile", json!({"dry_run": "yes"}), "dry_run"),
        ("/reconcile", json!({"dryrun": true}), "dryrun"),
        ("/approvals", json!({}), "(body)"),
        ("/approvals", json!({"hash": 1}), "hash"),
        ("/approvals", json!({"hash": "0", "connection_ids": [CONNECTION]}), "(body)"),
        ("/approvals", json!({"connection_ids": []}), "connection_ids"),
        ("/approvals", json!({"connection_ids": [7]}), "connection_ids[0]"),
        ("/refusals", json!({"connection_ids": [CONNECTION]}), "(body)"),
        ("/refusals", json!({"connection_ids": [], "reason": "ours"}), "connection_ids"),
        ("/refusals", json!({"connection_ids": [CONNECTION], "reason": " "}), "reason"),
        ("/refusals", json!({"connection_ids": [CONNECTION], "reason": "a".repeat(501)}), "reason"),
        ("/refusals", json!({"connection_ids": [CONNECTION], "reason": "ours", "until": "soon"}), "until"),
        (
            "/refusals",
            json!({"connection_ids": [CONNECTION], "reason": "ours", "until": "2020-01-01T00:00:00Z"}),
            "until",
        ),
    ] {
        assert_eq!(refused(&pool.post(path, &body).await?, path)?.0, field, "{body}");
    }
    for (query, field) in [("limit=0", "limit"), ("limit=101", "limit"), ("cursor=%25", "cursor"), ("page=2", "page")] {
        for list in ["/v1/tenants".to_owned(), format!("/v1/tenants/{}/user-pools/{}/runs", tenancy.id, pool.id)] {
            let answer = tenancy.api.get(&format!("{list}?{query}")).await?;
            assert_eq!(refused(&answer, query)?.0, field, "{list}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_is_unknown_is_not_found_and_the_answer_does_not_tell_what_exists_elsewhere() -> Result<()> {
    let tenancy = Tenancy::new("here").await?;
    let elsewhere = Tenancy::new("elsewhere").await?;
    let foreign = elsewhere.registered_pool(&["org_01NONE"]).await?;
    let nowhere = "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N";
    let mut paths = vec![format!("/v1/tenants/{nowhere}"), "/v1/tenants/none".to_owned()];
    for (tenant, pool) in [
        (tenancy.id.as_str(), foreign.id.as_str()),
        (&tenancy.id, "eu-west-1_Example12"),
        (&tenancy.id, "none"),
        (nowhere, &foreign.id),
        ("none", &foreign.id),
    ] {
        let names = ["", "/role", "/providers", "/runs", "/verify", "/reconcile", "/approvals", "/refusals"];
        paths.extend(names.map(|name| format!("/v1/tenants/{tenant}/user-pools/{pool}{name}")));
    }
    paths.push(format!("/v1/tenants/{nowhere}/user-pools"));
    let mut bodies = std::collections::BTreeSet::new();
    for path in paths {
        let answer = match path.rsplit('/').next() {
            Some("verify" | "reconcile") => tenancy.api.post(&path, &json!({})).await?,
            Some("approvals") => tenancy.api.post(&path, &json!({"hash": "0"})).await?,
            _ => tenancy.api.get(&path).await?,
        };
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        bodies.insert(answer.text());
    }
    let creation =
        json!({"account_id": "222222222222", "role_name": "CausewayX", "user_pool_id": "eu-west-1_Example12"});
    let answer = tenancy.api.post(&format!("/v1/tenants/{nowhere}/user-pools"), &creation).await?;
    assert_eq!(answer.status, 404);
    bodies.insert(answer.text());
    assert_eq!(bodies.len(), 1, "the answers differ: {bodies:?}");
    Ok(())
}
