//! Webhooks: only `WorkOS`'s own are believed, and what is not believed wakes nobody.

use std::time::Instant;

use anyhow::{Context, Result};
use causeway_core::timestamp::Timestamp;
use causeway_core::waiting::APART;
use causeway_local_cloud::eventually::eventually;
use causeway_local_cloud::signed_http::Answer;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::pool::{Pool, in_line};
use crate::tenancy::{SOON, Tenancy, now_in_millis, unique};

const SECOND: i128 = 1000;
const DAY: i128 = 86_400 * SECOND;

/// A tenant with a pool in line, and the secret of its webhook endpoint.
async fn scene(name: &str) -> Result<(Pool, String)> {
    let (pool, _, _) = in_line(name, 1).await?;
    let secret = pool.tenancy.webhook_secret().await?;
    Ok((pool, secret))
}

/// An event of `WorkOS`.
pub fn event(name: &str) -> String {
    json!({"id": unique("event_"), "event": name, "data": {}, "created_at": "2026-01-01T00:00:00.000Z"}).to_string()
}

/// What `WorkOS` signs a body with.
pub fn signature(secret: &str, time: i128, body: &[u8]) -> Result<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).context("any key fits")?;
    mac.update(format!("{time}.").as_bytes());
    mac.update(body);
    Ok(format!("t={time}, v1={}", hex::encode(mac.finalize().into_bytes())))
}

/// Delivers a body to a tenant's endpoint.
pub async fn deliver(tenancy: &Tenancy, tenant: &str, signature: Option<&str>, body: &[u8]) -> Result<Answer> {
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(signature.map(|signature| ("workos-signature", signature)));
    tenancy.api.send_unsigned("POST", &format!("/webhooks/{tenant}"), &headers, body).await
}

/// Delivers an event to a tenant's endpoint as `WorkOS` does; gives its body.
pub async fn deliver_signed(tenancy: &Tenancy, name: &str) -> Result<String> {
    let secret = tenancy.webhook_secret().await?;
    let body = event(name);
    let signature = signature(&secret, now_in_millis(), body.as_bytes())?;
    deliver(tenancy, &tenancy.id, Some(&signature), body.as_bytes()).await?.expect(200)?;
    Ok(body)
}

/// How many runs webhooks have led to; some of other tests' may have come before the endpoint was silenced. What is on the
/// queue is run first: together with another wake-up, a webhook's is what a run is called after.
pub async fn runs_by_webhook(pool: &Pool) -> Result<usize> {
    pool.drained().await?;
    Ok(pool.items("/runs").await?.iter().filter(|run| run["cause"] == "webhook").count())
}

#[tokio::test]
async fn a_webhook_that_is_not_workos_s_is_refused_and_wakes_nobody() -> Result<()> {
    let (pool, secret) = scene("forged").await?;
    let tenancy = &pool.tenancy;
    let before = runs_by_webhook(&pool).await?;
    let (now, body) = (now_in_millis(), event("connection.deleted"));
    let body = body.as_bytes();
    let good = signature(&secret, now, body)?;
    let other = Tenancy::new("other").await?;
    for (what, signature) in [
        ("none", None),
        ("empty", Some(String::new())),
        ("no form", Some("signed, honestly".to_owned())),
        ("no time", good.split_once(", ").map(|(_, rest)| rest.to_owned())),
        ("zeros", Some(format!("t={now}, v1={}", "0".repeat(64)))),
        ("another secret", Some(signature("another secret", now, body)?)),
        ("an empty secret", Some(signature("", now, body)?)),
        ("another body", Some(signature(&secret, now, b"{}")?)),
        ("another time", Some(good.replacen(&now.to_string(), &(now + 1).to_string(), 1))),
        ("cut short", Some(good[..good.len() - 2].to_owned())),
        ("5 days old", Some(signature(&secret, now - 5 * DAY, body)?)),
        ("5 days old in seconds", Some(signature(&secret, (now - 5 * DAY) / SECOND, body)?)),
        ("6 minutes ahead", Some(signature(&secret, now + 360 * SECOND, body)?)),
    ] {
        let answer = deliver(tenancy, &tenancy.id, signature.as_deref(), body).await?;
        assert_eq!(answer.status, 401, "{what}: {}", answer.text());
        assert!(!answer.text().contains(&secret), "{what}: {}", answer.text());
    }
    // A good signature of this tenant's is none for another one, nor for one that does not exist.
    for tenant in [&*other.id, "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N", "none"] {
        let answer = deliver(tenancy, tenant, Some(&good), body).await?;
        assert_eq!(answer.status, 404, "{tenant}: {}", answer.text());
    }
    assert_eq!(runs_by_webhook(&pool).await?, before, "a refused webhook woke the pool up");

    let answer = deliver(tenancy, &tenancy.id, Some(&good), body).await?;
    assert_eq!((answer.status, answer.json()?), (200, json!({"woken": 1})), "else the rest shows little");
    Ok(())
}

#[tokio::test]
async fn a_signed_body_that_is_no_event_or_too_large_is_refused() -> Result<()> {
    let (pool, secret) = scene("no event").await?;
    let before = runs_by_webhook(&pool).await?;
    let large = json!({"id": "event_1", "event": "connection.deleted", "data": "a".repeat(1_000_001)}).to_string();
    for (body, status) in [("", 400), ("{", 400), ("[]", 400), (r#""an event""#, 400), (&large, 413)] {
        let signature = signature(&secret, now_in_millis(), body.as_bytes())?;
        let answer = deliver(&pool.tenancy, &pool.tenancy.id, Some(&signature), body.as_bytes()).await?;
        assert_eq!(answer.status, status, "{}: {}", &body[..body.len().min(60)], answer.text());
    }
    assert_eq!(runs_by_webhook(&pool).await?, before);
    Ok(())
}

#[tokio::test]
async fn events_of_interest_wake_the_tenants_pools_and_others_nobody() -> Result<()> {
    let (pool, secret) = scene("interest").await?;
    let tenancy = &pool.tenancy;
    for (name, woken) in [
        ("user.created", 0),
        ("dsync.activated", 0),
        ("connection.activated", 1),
        ("organization.updated", 1),
        ("organization_domain.verified", 1),
    ] {
        let body = event(name);
        let signature = signature(&secret, now_in_millis(), body.as_bytes())?;
        let answer = deliver(tenancy, &tenancy.id, Some(&signature), body.as_bytes()).await?;
        assert_eq!((answer.status, answer.json()?), (200, json!({"woken": woken})), "{name}");
    }
    // A pool that is not verified is not woken up.
    let waiting = tenancy.registered_pool(&["org_01NONE"]).await?;
    let body = event("connection.deleted");
    let signature = signature(&secret, now_in_millis(), body.as_bytes())?;
    let answer = deliver(tenancy, &tenancy.id, Some(&signature), body.as_bytes()).await?;
    assert_eq!(answer.json()?, json!({"woken": 1}));
    assert!(waiting.items("/runs").await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn an_event_that_comes_twice_late_or_in_seconds_does_no_harm() -> Result<()> {
    let (pool, secret) = scene("twice").await?;
    let tenancy = &pool.tenancy;
    let (before, runs_before) = (pool.provider_names().await?, runs_by_webhook(&pool).await?);
    // WorkOS tries for three days, each time with the first signature.
    let (body, now) = (event("connection.deleted"), now_in_millis());
    let begin = Instant::now();
    for time in [now, now, now / SECOND, now - 3 * DAY, now + 240 * SECOND] {
        let signature = signature(&secret, time, body.as_bytes())?;
        let answer = deliver(tenancy, &tenancy.id, Some(&signature), body.as_bytes()).await?;
        // Where the event waits for a second look already, and its message was just sent again, it has to come later.
        assert!([200, 429].contains(&answer.status), "{time}: {}", answer.text());
    }
    // It waits for its time where the pool was looked at just before.
    let runs = eventually(SOON, "the event leads to a look", async || {
        let runs = runs_by_webhook(&pool).await?;
        Ok((runs > runs_before).then_some(runs))
    })
    .await?;
    // One at once, one more, and where the deliveries took that long one for each quarter of a minute.
    let most = 2 + usize::try_from(begin.elapsed().as_secs() / APART.as_secs())?;
    assert!((runs_before + 1..=runs_before + most).contains(&runs), "{runs} looks for one event");
    let newest = pool.items("/runs").await?.into_iter().find(|run| run["cause"] == "webhook").context("no run")?;
    assert_eq!(newest["outcome"], "no_change", "{newest:#}");
    assert_eq!(pool.provider_names().await?, before, "the event's word was taken for what WorkOS has");
    Ok(())
}

#[tokio::test]
async fn of_many_webhooks_one_leads_to_a_look_at_once_and_one_more_look_covers_the_others() -> Result<()> {
    let (pool, secret) = scene("many").await?;
    let tenancy = &pool.tenancy;
    let (before, since) = (runs_by_webhook(&pool).await?, now_in_millis());
    let deliver_one = async || {
        let body = event("connection.activated");
        let signature = signature(&secret, now_in_millis(), body.as_bytes())?;
        deliver(tenancy, &tenancy.id, Some(&signature), body.as_bytes()).await?.expect(200)?.json()
    };
    assert_eq!(deliver_one().await?, json!({"woken": 1}));
    let first = eventually(SOON, "the first leads to a look", async || {
        Ok(pool.runs_since(since).await?.into_iter().find(|run| run["cause"] == "webhook"))
    })
    .await?;
    for _ in 0..10 {
        assert_eq!(deliver_one().await?, json!({"woken": 1}), "a pool that is looked at later is not said to be woken");
    }
    let at = |run: &Value| run["started_at"].as_str().and_then(Timestamp::parse).context("no time");
    let next = eventually(SOON, "the others lead to another look", async || {
        let newest = pool.runs_since(since).await?.into_iter().find(|run| run["cause"] == "webhook");
        Ok(newest.filter(|run| run["id"] != first["id"]))
    })
    .await?;
    let apart = at(&next)?.since(at(&first)?);
    assert!((APART..2 * APART).contains(&apart), "{apart:?} after the first: {next:#}");
    assert_eq!(runs_by_webhook(&pool).await?, before + 2, "each had a look of its own");
    Ok(())
}
