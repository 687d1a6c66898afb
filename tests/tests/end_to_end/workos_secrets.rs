//! A tenant's WorkOS secrets, given anew: the bad never take the place of the good, and no event is lost.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::Client as DynamoDb;
use causeway_local_cloud::eventually::eventually;
use causeway_local_cloud::signed_http::Answer;
use serde_json::{Value, json};

use crate::ingest::{deliver, event, signature};
use crate::pool::Pool;
use crate::tenancy::{SOON, Tenancy, check, next_api_key, now_in_millis, string, text, unique};

async fn patch(tenancy: &Tenancy, body: &Value) -> Result<Answer> {
    let headers = [("content-type", "application/json")];
    let path = format!("/v1/tenants/{}", tenancy.id);
    tenancy.api.send("PATCH", &path, &headers, body.to_string().as_bytes()).await
}

async fn stored_key(tenancy: &Tenancy) -> Result<String> {
    tenancy.opened("workos_api_key", "workos-api-key", "Tenants").await
}

/// A tenant that hears of its events, with a pool in line.
async fn scene(name: &str) -> Result<(Pool, Vec<String>)> {
    let mut tenancy = Tenancy::new(name).await?;
    tenancy.listens = true;
    let (organization, connections) = tenancy.organization_with(2).await?;
    let pool = tenancy.pool(&[&organization]).await?;
    pool.settles_on(&[&connections[0], &connections[1]]).await?;
    pool.run().await?;
    Ok((pool, connections))
}

async fn delivered(tenancy: &Tenancy, path: &str, secret: &str) -> Result<u16> {
    let body = event("connection.activated");
    let signature = signature(secret, now_in_millis(), body.as_bytes())?;
    Ok(deliver(tenancy, &format!("{}{path}", tenancy.id), Some(&signature), body.as_bytes()).await?.status)
}

async fn endpoints(tenancy: &Tenancy) -> Result<Vec<String>> {
    let all = tenancy.workos.webhook_endpoints().await?;
    let urls = all.iter().filter_map(|endpoint| endpoint["endpoint_url"].as_str());
    let mut suffixes: Vec<String> = urls.filter_map(|url| tenancy.webhook_suffix(url)).map(str::to_owned).collect();
    suffixes.sort();
    Ok(suffixes)
}

#[tokio::test]
async fn an_api_key_that_workos_refuses_does_not_replace_the_one_that_it_takes() -> Result<()> {
    let (pool, _) = scene("new key").await?;
    let tenancy = &pool.tenancy;
    let before = stored_key(tenancy).await?;
    let bad = unique("sk_canary_");
    let refused = patch(tenancy, &json!({"workos": {"api_key": bad}})).await?.expect(400)?;
    assert_eq!(refused.json()?["field"], "workos.api_key", "{}", refused.text());
    assert!(!refused.text().contains(&bad), "the key came out: {}", refused.text());
    assert_eq!(stored_key(tenancy).await?, before);
    let null = patch(tenancy, &json!({"workos": {"api_key": null}})).await?;
    assert_eq!(null.status, 400, "{}", null.text());

    let good = next_api_key(&tenancy.cloud)?;
    let changed = patch(tenancy, &json!({"workos": {"api_key": good}})).await?.expect(200)?;
    assert!(!changed.text().contains(&good), "the key came out: {}", changed.text());
    assert_eq!(stored_key(tenancy).await?, good);
    let run = pool.run().await?;
    assert_eq!(run["failures"], json!([]), "{run:#}");
    Ok(())
}

#[tokio::test]
async fn a_key_that_sees_none_of_the_tenants_connections_needs_a_confirmation() -> Result<()> {
    let (pool, connections) = scene("other environment").await?;
    let tenancy = &pool.tenancy;
    let (before, good) = (stored_key(tenancy).await?, next_api_key(&tenancy.cloud)?);
    // As another environment looks: what the pool has providers for is not there. The guard keeps them.
    futures::future::try_join_all(connections.iter().map(|id| tenancy.workos.delete_connection(id))).await?;
    let refused = patch(tenancy, &json!({"workos": {"api_key": good}})).await?.expect(409)?;
    assert!(refused.text().contains("confirm_environment"), "{}", refused.text());
    assert_eq!(stored_key(tenancy).await?, before);
    patch(tenancy, &json!({"workos": {"api_key": good, "confirm_environment": true}})).await?.expect(200)?;
    assert_eq!(stored_key(tenancy).await?, good);
    Ok(())
}

#[tokio::test]
async fn a_key_that_was_left_out_at_first_comes_later() -> Result<()> {
    let mut tenancy = Tenancy::new("later key").await?;
    let body = json!({"name": "later key", "workos": {"client_id": tenancy.cloud.workos_client_id}});
    let tenant = tenancy.api.post("/v1/tenants", &body).await?.expect(201)?.json()?;
    (tenancy.id, tenancy.external_id) = (text(&tenant, "id")?, text(&tenant, "external_id")?);
    let key = tenancy.workos.api_key.clone();
    let changed = patch(&tenancy, &json!({"workos": {"api_key": key}})).await?.expect(200)?.json()?;
    assert_eq!(changed["workos"]["has_api_key"], true, "{changed}");
    let pool = tenancy.registered_pool(&["org_01NONE"]).await?;
    pool.deploy_role().await?;
    pool.verified().await
}

#[tokio::test]
async fn a_webhook_secret_that_is_given_by_hand_is_taken_beside_the_one_of_before() -> Result<()> {
    let (pool, _) = scene("secret by hand").await?;
    let tenancy = &pool.tenancy;
    let before = tenancy.webhook_secret().await?;
    let by_hand = unique("whsec_by_hand_");
    for faulty in ["", "with space"] {
        let refused = patch(tenancy, &json!({"workos": {"webhook_secret": faulty}})).await?.expect(400)?.json()?;
        assert_eq!(refused["field"], "workos.webhook_secret", "{refused}");
    }
    let changed = patch(tenancy, &json!({"workos": {"webhook_secret": by_hand}})).await?.expect(200)?;
    assert!(!changed.text().contains(&by_hand), "the secret came out: {}", changed.text());
    assert_eq!(delivered(tenancy, "", &by_hand).await?, 200);
    assert_eq!(delivered(tenancy, "", &before).await?, 200, "an event on its way is lost");
    assert_eq!(delivered(tenancy, "", "whsec_neither").await?, 401);
    // The endpoint that is there is kept with it.
    let verified = pool.verify().await?;
    assert_eq!(check(&verified, "workos_webhook")?["outcome"], "pass", "{verified:#}");
    assert_eq!(tenancy.webhook_secret().await?, by_hand);
    assert_eq!(endpoints(tenancy).await?, [""]);
    Ok(())
}

#[tokio::test]
async fn an_endpoint_whose_secret_was_given_by_hand_goes_with_its_time_and_with_the_tenant() -> Result<()> {
    for is_rotated in [false, true] {
        let (pool, _) = scene("by hand, then gone").await?;
        let tenancy = &pool.tenancy;
        patch(tenancy, &json!({"workos": {"webhook_secret": unique("whsec_by_hand_")}})).await?.expect(200)?;
        // No `verify` comes in between, which would find the endpoint.
        if is_rotated {
            tenancy.post("/webhook-rotation", &json!({})).await?.expect(202)?;
            assert_eq!(endpoints(tenancy).await?, ["", "/1"]);
            end_former_webhooks(tenancy, 2).await?;
            pool.run().await?;
            assert_eq!(endpoints(tenancy).await?, ["/1"], "WorkOS still delivers to the previous endpoint");
            tenancy.stop_listening().await?;
            continue;
        }
        let path = format!("/v1/tenants/{}", tenancy.id);
        tenancy.api.send("DELETE", &format!("{path}/user-pools/{}", pool.id), &[], b"").await?.expect(202)?;
        let removed = eventually(SOON, "the tenant is removed", async || {
            let answer = tenancy.api.send("DELETE", &path, &[], b"").await?;
            Ok((answer.status == 200).then_some(answer))
        });
        let removed = removed.await?.json()?;
        assert_eq!(removed["left_in_workos"]["webhook_urls"], json!([]), "{removed:#}");
        assert_eq!(endpoints(tenancy).await?, Vec::<String>::new(), "WorkOS still delivers");
    }
    Ok(())
}

/// Has the time of the first former endpoints or secrets be over.
async fn end_former_webhooks(tenancy: &Tenancy, count: usize) -> Result<()> {
    let cloud = &tenancy.cloud;
    let request = DynamoDb::new(&cloud.integration().sdk(&cloud.region)).update_item().table_name(&cloud.table_name);
    let request = request.key("pk", string(&format!("TENANT#{}", tenancy.id))).key("sk", string("TENANT"));
    let times = (0..count).map(|number| format!("former_webhooks[{number}].good_until = created_at"));
    request.update_expression(format!("SET {}", times.collect::<Vec<_>>().join(", "))).send().await?;
    Ok(())
}

#[tokio::test]
async fn a_rotated_webhook_is_taken_at_both_endpoints_until_the_one_of_before_is_over() -> Result<()> {
    let (pool, _) = scene("rotated webhook").await?;
    let tenancy = &pool.tenancy;
    let before = tenancy.webhook_secret().await?;
    let rotated = tenancy.post("/webhook-rotation", &json!({})).await?.expect(202)?.json()?;
    let first = format!("{}/webhooks/{}", tenancy.cloud.api_url, tenancy.id);
    assert_eq!(rotated["webhook_url"], format!("{first}/1"), "{rotated:#}");
    assert_eq!(rotated["former_webhooks"][0]["webhook_url"], first, "{rotated:#}");
    assert_eq!(endpoints(tenancy).await?, ["", "/1"]);
    let after = tenancy.webhook_secret().await?;
    assert_ne!(after, before);
    for (path, secret, status) in [
        ("", &before, 200),
        ("/1", &after, 200),
        ("", &after, 401),
        ("/1", &before, 401),
        ("/2", &after, 404),
        ("/01", &after, 404),
    ] {
        assert_eq!(delivered(tenancy, path, secret).await?, status, "{path}");
    }
    // An event that comes to both is one wake-up, and `verify` registers no third.
    let verified = pool.verify().await?;
    assert!(text(check(&verified, "workos_webhook")?, "message")?.ends_with("/1"), "{verified:#}");
    assert_eq!(endpoints(tenancy).await?, ["", "/1"]);

    end_former_webhooks(tenancy, 1).await?;
    pool.run().await?;
    assert_eq!(endpoints(tenancy).await?, ["/1"], "WorkOS still delivers to the previous endpoint");
    tenancy.stop_listening().await?;
    eventually(SOON, "what the previous endpoint delivers is refused", async || {
        Ok((delivered(tenancy, "", &before).await? == 404).then_some(()))
    })
    .await?;
    assert_eq!(delivered(tenancy, "/1", &after).await?, 200);
    let shown = tenancy.get("").await?.expect(200)?.json()?;
    assert_eq!(shown["former_webhooks"], json!([]), "{shown:#}");
    Ok(())
}

#[tokio::test]
async fn a_webhook_secret_in_wrong_hands_is_refused_once_it_is_ended() -> Result<()> {
    let (pool, _) = scene("leaked webhook secret").await?;
    let tenancy = &pool.tenancy;
    let leaked = tenancy.webhook_secret().await?;
    assert_eq!(delivered(tenancy, "", &leaked).await?, 200);
    let refused = tenancy.post("/webhook-rotation", &json!({"end_formers": true})).await?;
    assert_eq!(refused.status, 400, "{}", refused.text());
    let rotated = tenancy.post("/webhook-rotation", &json!({"end_former": true})).await?.expect(202)?.json()?;
    let ended = &rotated["former_webhooks"][0];
    assert_eq!(ended["good_until"], rotated["updated_at"], "{rotated:#}");
    let after = tenancy.webhook_secret().await?;
    assert_eq!(delivered(tenancy, "/1", &after).await?, 200);
    // An instance may remember it for a minute.
    eventually(SOON, "the leaked secret is refused", async || {
        Ok((delivered(tenancy, "", &leaked).await? == 404).then_some(()))
    })
    .await?;
    assert_eq!(delivered(tenancy, "/1", &leaked).await?, 401);
    pool.run().await?;
    assert_eq!(endpoints(tenancy).await?, ["/1"], "WorkOS still delivers to the ended endpoint");
    tenancy.stop_listening().await
}

#[tokio::test]
async fn without_an_endpoint_there_is_nothing_to_rotate() -> Result<()> {
    let tenancy = Tenancy::new("no endpoint").await?;
    let answer = tenancy.post("/webhook-rotation", &json!({})).await?;
    assert_eq!(answer.status, 409, "{}", answer.text());
    answer.text().contains("verify").then_some(()).context("it does not say what to do")
}
