//! Whoever signs nothing.

use anyhow::Result;
use causeway_attackers::{Attacks, Hostile};
use causeway_local_cloud::raw_http::RawApi;
use causeway_local_cloud::signed_http::Answer;
use futures::{StreamExt, TryStreamExt, stream};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use super::{AT_ONCE, DRAWN, attack, is_let_through, items_naming, leaks, named, nothing_of, seed, two_tenants};
use crate::onboarding_links::link;
use crate::tenancy::{Tenancy, cloud, now_in_millis, text, unique};

#[tokio::test]
async fn whatever_a_stranger_sends_tells_and_changes_nothing_that_a_plain_path_would_not() -> Result<()> {
    let seed = seed()?;
    let (pool, other) = two_tenants("strangers").await?;
    let cloud = &pool.tenancy.cloud;
    let link = link(&pool.tenancy, &[]).await?;
    let named = named(&pool, &link.id);
    let watched = [pool.tenancy.id.as_str(), &other.tenancy.id, &named.mark];
    let before = items_naming(cloud, &watched).await?;
    assert!(before.len() >= 6, "else this shows little: {before:?}");

    let api = RawApi::new(&cloud.api_url, None)?;
    let answered = attack(&api, &Attacks::by_a_stranger(&named), seed, DRAWN).await?;
    let mut wrong = Vec::new();
    for (hostile, answer) in &answered {
        let Some(answer) = answer else { continue };
        wrong.extend(said_too_much(&api, hostile, answer).await?);
    }
    let after = items_naming(cloud, &watched).await?;
    wrong.extend(before.symmetric_difference(&after).map(|item| format!("an item was changed: {item}")));
    nothing_of("a stranger was let through, told something, changed something, or had a function fail", seed, &wrong)
}

/// What is wrong with an answer to a stranger.
async fn said_too_much(api: &RawApi, hostile: &Hostile, answer: &Answer) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let shown = || format!("{}: {}", hostile.shown(), answer.status);
    let leaks = leaks(hostile, answer)?;
    if !leaks.is_empty() {
        wrong.push(format!("{} tells {leaks:?}", shown()));
    }
    if matches!(answer.status, 500 | 502) {
        wrong.push(format!("{} {}", shown(), answer.text()));
    }
    if is_let_through(answer) {
        let plain = api.send(&hostile.method, hostile.aim.as_bytes(), &hostile.headers, &hostile.body).await?;
        if !plain.is_some_and(|plain| is_let_through(&plain)) {
            wrong.push(format!("{}, and the plain path {} not", shown(), hostile.aim));
        }
    }
    Ok(wrong)
}

#[tokio::test]
async fn no_way_up_from_an_open_page_leads_to_the_api() -> Result<()> {
    let cloud = cloud()?;
    let (api, mark) = (RawApi::new(&cloud.api_url, None)?, unique("attacker"));
    let body = json!({"name": mark, "workos": {"client_id": "c"}}).to_string();
    let headers = [("content-type", b"application/json".to_vec())];
    for path in ["/onboarding/../v1/tenants", "/onboarding/%2e%2e/v1/tenants", "/onboarding/x%5C..%5C..%5Cv1%5Ctenants"]
    {
        for (method, body) in [("GET", ""), ("POST", &body)] {
            let answer = api.send(method, path.as_bytes(), &headers, body.as_bytes()).await?;
            let answer = answer.unwrap_or_else(|| panic!("no answer to {method} {path}"));
            assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text());
            assert!(!answer.text().contains("external_id"), "{method} {path}: {}", answer.text());
        }
    }
    assert_eq!(items_naming(&cloud, &[&mark]).await?.len(), 0, "a stranger made a tenant");
    Ok(())
}

#[tokio::test]
async fn characters_that_a_query_does_not_have_are_a_bad_request_and_no_failure() -> Result<()> {
    let tenancy = Tenancy::new("odd query").await?;
    let api = RawApi::new(&tenancy.cloud.api_url, None)?;
    for target in [format!("/oidc/{}/callback?a=\"", tenancy.id), "/onboarding/x?a=<b>".to_owned()] {
        let answer = api.send("GET", target.as_bytes(), &[], b"").await?;
        let answer = answer.unwrap_or_else(|| panic!("no answer to {target}"));
        assert_eq!(answer.status, 400, "{target}: {}", answer.text());
    }
    Ok(())
}

#[tokio::test]
async fn a_flood_of_made_up_tenants_keeps_nobody_from_a_tenant_that_was_not_met_before() -> Result<()> {
    const HONEST: usize = 24;
    let cloud = cloud()?;
    let operator = cloud.api(&cloud.integration())?;
    let body = json!({"name": "honest", "workos": {"client_id": "c"}});
    let registered = stream::iter(0..HONEST).map(async |_| {
        let tenant = operator.post("/v1/tenants", &body).await?.expect(201)?.json()?;
        text(&tenant, "id")
    });
    let tenants: Vec<String> = registered.buffer_unordered(AT_ONCE).try_collect().await?;
    let api = RawApi::new(&cloud.api_url, None)?;
    let discovery = async |tenant: &str| {
        let path = format!("/oidc/{tenant}/conn_01KAPJ7M7VYGJ5GM8WXT1C4D2N/.well-known/openid-configuration");
        let answer = api.send("GET", path.as_bytes(), &[], b"").await?;
        anyhow::Ok(answer.map(|answer| answer.status))
    };
    let flood = async |number: u32| {
        let made_up = move |of: u32| format!("tnt_01KAPJ7M7VYGJ5GM8WXT{:06}", 1000 * number + of);
        let sent = stream::iter(0..400).map(async |of| discovery(&made_up(of)).await);
        sent.buffer_unordered(AT_ONCE).try_collect::<Vec<_>>().await
    };
    // What an instance allows at once is used up before.
    flood(1).await?;
    let honest = async {
        let mut statuses = Vec::new();
        for tenant in &tenants {
            statuses.push(discovery(tenant).await?);
        }
        anyhow::Ok(statuses)
    };
    let (strangers, honest) = futures::try_join!(flood(2), honest)?;
    assert_eq!(honest, [Some(200); HONEST]);
    // Nobody learns which tenants exist, and none of it costs a read.
    assert!(strangers.iter().all(|status| *status == Some(200)), "{strangers:?}");
    Ok(())
}

#[tokio::test]
async fn a_long_word_in_a_webhook_makes_no_long_line_in_the_log() -> Result<()> {
    let tenancy = Tenancy::new("long word").await?;
    let pool = tenancy.pool(&["org_01NONE"]).await?;
    let secret = pool.tenancy.webhook_secret().await?;
    let (id, word) = (unique("event_"), "e".repeat(190_000));
    let body = json!({"id": id, "event": word, "data": {}, "created_at": "2026-01-01T00:00:00.000Z"}).to_string();
    let time = now_in_millis();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())?;
    mac.update(format!("{time}.{body}").as_bytes());
    let signature = format!("t={time}, v1={}", hex::encode(mac.finalize().into_bytes()));
    let headers = [("content-type", "application/json"), ("workos-signature", &signature)];
    let path = format!("/webhooks/{}", tenancy.id);
    tenancy.api.send_unsigned("POST", &path, &headers, body.as_bytes()).await?.expect(200)?;
    let line =
        causeway_local_cloud::eventually::eventually(crate::tenancy::SOON, "the webhook is in the log", async || {
            let log = tenancy.cloud.function_log("ingest");
            Ok(log.lines().find(|line| line.contains(&id)).map(str::to_owned))
        })
        .await?;
    assert!(!line.contains(&"e".repeat(129)), "a line of {} characters", line.len());
    Ok(())
}
