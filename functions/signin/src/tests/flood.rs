//! What a flood costs the services behind the bridge, and what it takes from honest users.

use std::time::Duration;

use causeway_core::oidc::envelope::Bearer;
use serde_json::json;

use super::world::{CALLBACK, CONNECTION, OTHER_CONNECTION, SECRET, TENANT, World, event, pass, profile};

/// A connection ID that nobody gave out.
fn made_up(number: usize) -> String {
    format!("conn_01E4ZCR3C56J083X43JQXF{number:04}")
}

#[tokio::test]
async fn a_thousand_bad_requests_to_a_warm_function_cause_no_call() {
    let world = World::new().await;
    let code = world.code().await;
    assert_eq!(world.token(CONNECTION, &code, SECRET).await.status, 200);
    // What a wrong secret and an unknown connection cost, they cost now: one look each.
    world.token(CONNECTION, &code, "wrong").await;
    world.authorize(OTHER_CONNECTION, CALLBACK).await;
    world.authorize(CONNECTION, "https://evil.example.com").await;
    world.aws.calls();
    world.workos.calls();
    for number in 0..250 {
        let malformed = format!("/oidc/{TENANT}/conn_{number}/authorize");
        assert_eq!(world.answer(&event("GET", &malformed, "", &json!({}), "")).await.status, 404);
        assert_eq!(world.token(CONNECTION, &code, &format!("wrong {number}")).await.status, 401);
        assert_eq!(world.authorize(OTHER_CONNECTION, CALLBACK).await.status, 400);
        assert_eq!(world.authorize(CONNECTION, "https://evil.example.com").await.status, 400);
    }
    assert_eq!(world.aws.calls(), [""; 0]);
    assert_eq!(world.workos.calls(), [""; 0]);
}

#[tokio::test]
async fn made_up_connections_pools_and_tenants_cost_a_bounded_number_of_reads() {
    let world = World::new().await;
    world.code().await;
    world.aws.calls();
    for number in 0..1000 {
        world.authorize(&made_up(number), CALLBACK).await;
        let query = format!(
            "client_id=eu-west-1_P{number:04}&response_type=code&scope=openid&redirect_uri=https%3A%2F%2Fa.example"
        );
        let path = format!("/oidc/{TENANT}/{CONNECTION}/authorize");
        world.answer(&event("GET", &path, &query, &json!({}), "")).await;
        let path = format!("/oidc/tnt_01KAPJ7M7VYGJ5GM8WXT1C{number:04}/{CONNECTION}/jwks");
        world.answer(&event("GET", &path, "", &json!({}), "")).await;
    }
    let calls = world.aws.calls();
    assert!(calls.iter().all(|call| call == "GetItem"), "{calls:?}");
    assert!(calls.len() <= 60, "{} reads for 3,000 requests", calls.len());
    // Whoever has signed in here before is not kept out by it, also when it is time to look again.
    pass(Duration::from_mins(1));
    for number in 1000..1100 {
        world.authorize(&made_up(number), CALLBACK).await;
    }
    assert_eq!(world.authorize(CONNECTION, CALLBACK).await.status, 302);
}

#[tokio::test]
async fn made_up_access_tokens_cost_a_bounded_number_of_reads_and_wrong_secrets_keep_nobody_out() {
    let world = World::new().await;
    world.put_claim(OTHER_CONNECTION, SECRET).await;
    let code = world.code().await;
    world.authorize(OTHER_CONNECTION, CALLBACK).await;
    world.aws.calls();
    let made_up = format!("Bearer {}", Bearer::new([9; 32]).expose());
    for _ in 0..1000 {
        assert!(matches!(world.userinfo(CONNECTION, &made_up).await.status, 401 | 429));
        assert_eq!(world.token(CONNECTION, &code, "wrong").await.status, 401);
    }
    // One look at the claim is for the wrong secrets.
    assert_eq!(world.aws.calls().len(), 100 + 1);
    let answer = world.userinfo(CONNECTION, &made_up).await;
    assert_eq!((answer.status, &answer.headers["retry-after"]), (429, &"1".parse().unwrap()));
    assert_eq!(world.userinfo(OTHER_CONNECTION, &made_up).await.status, 401);
    let tokens = world.token(CONNECTION, &code, SECRET).await.json();
    pass(Duration::from_secs(1));
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    for _ in 0..200 {
        assert_eq!(world.userinfo(CONNECTION, &bearer).await.status, 200, "what is good is not counted");
    }
}

#[tokio::test]
async fn made_up_codes_of_workos_use_up_neither_its_rate_nor_the_log() {
    let world = World::new().await;
    let state = world.authorize(CONNECTION, CALLBACK).await.sent_with("state").unwrap();
    world.workos.has_profile(None);
    world.workos.calls();
    for number in 0..1000 {
        let answer = world.get("/callback", &[("code", &format!("made up {number}")), ("state", &state)]).await;
        assert_eq!(answer.status, 302);
        let answer = world.get("/callback", &[("error", "access_denied"), ("state", &state)]).await;
        assert_eq!(answer.sent_with("error").as_deref(), Some("access_denied"));
    }
    assert!(world.workos.calls().len() <= 20);
    assert!(world.aws.items("SIGNINS#").len() <= 20);
    // Sign-ins that succeed are not counted.
    pass(Duration::from_secs(10));
    world.workos.has_profile(Some(profile()));
    for _ in 0..50 {
        assert!(world.code().await.len() > 20);
    }
}
