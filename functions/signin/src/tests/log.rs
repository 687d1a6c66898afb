//! What the log says, and what it must never say.

#[path = "../../../../shared/telemetry/tests/thread_log/mod.rs"]
mod thread_log;

use serde_json::{Value, json};

use super::world::{BEARER_KEY, CALLBACK, CONNECTION, POOL, SECRET, TENANT, World, event};

/// Begins to keep the log, for all tests.
pub fn keep() {
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_writer(|| thread_log::Log)
        .try_init();
}

/// What was logged, line by line.
pub fn lines() -> Vec<Value> {
    thread_log::written().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn each_request_is_one_line_and_no_line_holds_a_secret_or_a_person() {
    let world = World::new().await;
    let state = world.authorize(CONNECTION, CALLBACK).await.sent_with("state").unwrap();
    let answer = world.get("/callback", &[("code", "code-of-workos"), ("state", &state)]).await;
    let code = answer.sent_with("code").unwrap();
    let tokens = world.token(CONNECTION, &code, SECRET).await.json();
    let token = |name: &str| tokens[name].as_str().unwrap().to_owned();
    world.userinfo(CONNECTION, &format!("Bearer {}", token("access_token"))).await;
    world.answer(&event("GET", "/oidc/x/callback", "", &json!({}), "")).await;
    world.token(CONNECTION, &code, "a wrong secret").await;

    let before = lines();
    let outcomes: Vec<&str> = before.iter().map(|line| line["span"]["outcome"].as_str().unwrap()).collect();
    let expected = [
        "sent to WorkOS",
        "signed in",
        "tokens issued",
        "claims answered",
        "no such place",
        "refused: wrong client secret",
    ];
    assert_eq!(outcomes, expected);
    for line in &before[..4] {
        let span = &line["span"];
        assert_eq!(
            (&span["tenant_id"], &span["user_pool_id"], &span["connection_id"]),
            (&json!(TENANT), &json!(POOL), &json!(CONNECTION))
        );
        assert!(line["duration_ms"].is_u64() && line["status"].is_u64());
    }

    // WorkOS refuses with words of its own, and the table fails.
    world.workos.has_profile(None);
    world.get("/callback", &[("code", "code-of-workos"), ("state", &state)]).await;
    world.aws.deny("DeleteItem");
    world.token(CONNECTION, &code, SECRET).await;
    assert_eq!(lines().len(), before.len() + 4, "a line for each failure and one for each request");
    let text = thread_log::written();
    let never = [
        state,
        code,
        token("access_token"),
        token("id_token"),
        SECRET.to_owned(),
        BEARER_KEY.to_owned(),
        "a wrong secret".to_owned(),
        "code-of-workos".to_owned(),
        "workos key".to_owned(),
        "ann@example.com".to_owned(),
        "prof_1".to_owned(),
        "canary".to_owned(),
        "of Cognito".to_owned(),
    ];
    for secret in never {
        assert!(!text.contains(&secret), "{secret}\n{text}");
    }
}
