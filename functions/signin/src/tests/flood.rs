//! What a flood costs the services behind the bridge, and what it takes from honest users.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    made_up::{connections, pools, tenants, texts},
    world::{CALLBACK, CONNECTION, HOME, OTHER_CONNECTION, POOL, SECRET, TENANT, World, event, pass, profile},
};

/// Where a flood comes from.
const ELSEWHERE: &str = "198.51.100.7";

/// `/authorize` of a tenant, a connection and a pool, made up or not.
fn asked(tenant: &str, connection: &str, pool: &str, headers: &Value) -> Value {
    let query = format!("client_id={pool}&response_type=code&scope=openid&redirect_uri=https%3A%2F%2Fa.example");
    event("GET", &format!("/oidc/{tenant}/{connection}/authorize"), &query, headers, "")
}

/// Asks all browsers' routes for so many tenants, connections and pools that nobody made.
async fn floods(world: &World, number: usize) {
    for ((tenant, connection), pool) in tenants(number).iter().zip(connections(number)).zip(pools(number)) {
        let requests = [
            asked(tenant, CONNECTION, POOL, &json!({})),
            asked(TENANT, &connection, POOL, &json!({})),
            asked(TENANT, CONNECTION, &pool, &json!({})),
            event("GET", &format!("/oidc/{tenant}/callback"), "state=s&code=c", &json!({}), ""),
            event("GET", &format!("/start/{tenant}/{pool}"), "code=c", &json!({}), ""),
            event("GET", &format!("/start/{TENANT}/{pool}"), &format!("connection={connection}"), &json!({}), ""),
        ];
        for request in requests {
            let answer = world.answer(&request).await;
            assert!(matches!(answer.status, 400 | 503), "{request}: {answer:?}");
        }
    }
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
        let malformed = format!("/oidc/{TENANT}/conn.{number}/authorize");
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
    floods(&world, 500).await;
    let calls = world.aws.calls();
    assert!(calls.iter().all(|call| call == "GetItem"), "{calls:?}");
    // Twenty looks, at a tenant, a pool and a claim each.
    assert!(calls.len() <= 60, "{} reads for 3,000 requests", calls.len());
    // Whoever has signed in here before is not kept out by it, not even from there.
    assert_eq!(world.authorize(CONNECTION, CALLBACK).await.status, 302);
    pass(Duration::from_mins(1));
    assert_eq!(world.authorize(CONNECTION, CALLBACK).await.status, 302);
}

#[tokio::test]
async fn an_existing_tenant_that_an_instance_has_not_met_is_served_within_a_flood_of_made_up_ones() {
    let world = World::new().await;
    for address in [ELSEWHERE, "2001:db8:1:2::1"] {
        let instance = world.another_instance();
        instance.is_asked_from(address);
        floods(&instance, 20).await;
        assert_eq!(instance.authorize(CONNECTION, CALLBACK).await.status, 503, "the flood has reached its limit");
        // Within the same second, and the same millisecond.
        instance.is_asked_from(HOME);
        assert_eq!(instance.authorize(CONNECTION, CALLBACK).await.status, 302);
        let code = instance.code().await;
        assert_eq!(instance.token(CONNECTION, &code, SECRET).await.status, 200);
        // To Cognito, and to who is in no hurry, the flood is nothing from where it comes either.
        let instance = world.another_instance();
        instance.is_asked_from(address);
        floods(&instance, 20).await;
        let code = world.code().await;
        let tokens = instance.token(CONNECTION, &code, SECRET).await.json();
        let token = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
        assert_eq!(instance.userinfo(CONNECTION, &token).await.status, 200);
        assert_eq!(instance.get(&format!("/{CONNECTION}/jwks"), &[]).await.status, 200);
        pass(Duration::from_secs(1));
        assert_eq!(instance.authorize(CONNECTION, CALLBACK).await.status, 302);
    }
}

#[tokio::test]
async fn a_limit_is_avoided_neither_by_another_address_of_the_same_network_nor_by_a_header() {
    let world = World::new().await;
    world.aws.calls();
    let rests = texts("[0-9a-f]{1,4}:[0-9a-f]{1,4}:[0-9a-f]{1,4}:[0-9a-f]{1,4}", 500);
    let others = texts("[1-9][0-9]\\.[1-9][0-9]\\.[1-9][0-9]\\.[1-9][0-9]", 500);
    for ((rest, other), tenant) in rests.iter().zip(others).zip(tenants(500)) {
        world.is_asked_from(&format!("2001:db8:1:2:{rest}"));
        let headers = json!({
            "x-forwarded-for": other, "forwarded": format!("for={other}"), "x-real-ip": other,
            "cf-connecting-ip": other, "true-client-ip": other, "cloudfront-viewer-address": format!("{other}:443"),
        });
        world.answer(&asked(&tenant, CONNECTION, POOL, &headers)).await;
    }
    assert!(world.aws.calls().len() <= 60);
    world.is_asked_from("2001:db8:1:3::1");
    assert_eq!(world.authorize(CONNECTION, CALLBACK).await.status, 302);
}

#[tokio::test]
async fn the_issuers_of_made_up_ids_cost_no_read_and_do_not_tell_which_tenants_exist() {
    let world = World::new().await;
    let of = async |tenant: &str, connection: &str, what: &str| {
        let answer =
            world.answer(&event("GET", &format!("/oidc/{tenant}/{connection}/{what}"), "", &json!({}), "")).await;
        assert_eq!(answer.status, 200);
        let headers: Vec<String> = answer.headers.iter().map(|header| format!("{header:?}")).collect();
        (headers, answer.body.replace(tenant, "TENANT").replace(connection, "CONNECTION"))
    };
    for what in ["jwks", ".well-known/openid-configuration"] {
        let known = of(TENANT, CONNECTION, what).await;
        world.aws.calls();
        for (tenant, connection) in tenants(500).iter().zip(connections(500)) {
            assert_eq!(of(tenant, &connection, what).await, known);
        }
        assert_eq!(world.aws.calls(), [""; 0]);
    }
}

#[tokio::test]
async fn a_state_that_is_none_is_refused_alike_by_tenants_that_exist_and_by_others() {
    let world = World::new().await;
    let of = async |tenant: &str| {
        let answer =
            world.answer(&event("GET", &format!("/oidc/{tenant}/callback"), "state=s&code=c", &json!({}), "")).await;
        (answer.status, answer.body)
    };
    let known = of(TENANT).await;
    assert_eq!(known.0, 400);
    for tenant in tenants(20) {
        assert_eq!(of(&tenant).await, known);
    }
}

#[tokio::test]
async fn made_up_codes_of_workos_use_up_neither_its_rate_nor_the_log() {
    let world = World::new().await;
    let state = world.authorize(CONNECTION, CALLBACK).await.sent_with("state").unwrap();
    world.is_asked_from(ELSEWHERE);
    world.workos.has_profile(None);
    world.workos.calls();
    for code in texts("[ -~]{1,80}", 1000) {
        let answer = world.get("/callback", &[("code", &code), ("state", &state)]).await;
        assert_eq!(answer.status, 302);
        let answer = world.get("/callback", &[("error", "access_denied"), ("state", &state)]).await;
        assert_eq!(answer.sent_with("error").as_deref(), Some("access_denied"));
    }
    assert!(world.workos.calls().len() <= 20);
    assert!(world.aws.items("SIGNINS#").len() <= 20);
    // Within the same second somebody else signs in by the same connection, as often as they like.
    world.workos.has_profile(Some(profile()));
    world.is_asked_from(HOME);
    for _ in 0..50 {
        assert!(world.code().await.len() > 20);
    }
    pass(Duration::from_secs(10));
    world.is_asked_from(ELSEWHERE);
    for _ in 0..50 {
        assert!(world.code().await.len() > 20, "sign-ins that succeed are not counted");
    }
}

#[tokio::test]
async fn what_can_be_no_code_of_workos_is_not_sent_there() {
    let world = World::new().await;
    let state = world.authorize(CONNECTION, CALLBACK).await.sent_with("state").unwrap();
    world.aws.calls();
    for code in texts("[ -~]{0,9}[\\x00-\\x1f\\x7f-\\u{10ffff}][ -~]{0,9}", 200) {
        let answer = world.get("/callback", &[("code", &code), ("state", &state)]).await;
        assert_eq!((answer.status, answer.headers.get("location")), (400, None), "{code:?}");
    }
    assert_eq!(world.aws.calls(), [""; 0]);
    assert_eq!(world.workos.calls(), [""; 0]);
}
