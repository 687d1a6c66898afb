//! Sign-ins that begin at the customer's identity provider.

use causeway_core::user_pool::UserPool;
use serde_json::{Value, json};

use super::world::{Answer, CONNECTION, OTHER_CONNECTION, POOL, TENANT, World, event, pool};

async fn world(start: Value) -> World {
    let world = World::new().await;
    let mut started: UserPool = pool();
    started.options.start = serde_json::from_value(start).unwrap();
    world.put_pool(&started).await;
    world
}

async fn start(world: &World, query: &str) -> Answer {
    world.answer(&event("GET", &format!("/start/{TENANT}/{POOL}"), query, &json!({}), "")).await
}

fn login() -> Value {
    json!({ "login_url": "https://app.example.com/login" })
}

#[tokio::test]
async fn a_tile_leads_to_the_applications_own_login_with_the_connection() {
    let world = world(login()).await;
    let answer = start(&world, &format!("connection={CONNECTION}")).await;
    assert_eq!(answer.status, 302);
    let name = CONNECTION.replace('_', "-");
    let expected = format!("https://app.example.com/login?idp_identifier={CONNECTION}&identity_provider={name}");
    assert_eq!(answer.headers["location"], expected);
    assert_eq!(answer.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn a_pool_that_did_not_opt_in_starts_nothing() {
    for (option, connection) in [(Value::Null, CONNECTION), (login(), OTHER_CONNECTION)] {
        let world = world(option).await;
        let answer = start(&world, &format!("connection={connection}")).await;
        assert_eq!((answer.status, answer.headers.get("location")), (400, None));
        let answer = start(&world, "code=c").await;
        assert_eq!(answer.headers.get("location"), None);
    }
    let world = world(login()).await;
    for query in ["", "connection=conn_1", &format!("connection={CONNECTION}&connection={CONNECTION}")] {
        let answer = start(&world, query).await;
        assert_eq!((answer.status, answer.headers.get("location")), (400, None), "{query}");
    }
}

#[tokio::test]
async fn nothing_in_a_link_changes_where_it_leads() {
    let world = world(login()).await;
    let plain = start(&world, &format!("connection={CONNECTION}")).await.headers["location"].clone();
    for name in ["login_url", "redirect_uri", "next", "RelayState", "target", "client_id", "idp_identifier"] {
        let answer = start(&world, &format!("connection={CONNECTION}&{name}=https%3A%2F%2Fevil.example.com")).await;
        assert_eq!(answer.headers.get("location"), Some(&plain), "{name}");
    }
}

#[tokio::test]
async fn a_code_that_nobody_asked_for_is_never_redeemed_and_leads_there_only_by_a_click() {
    let world = world(login()).await;
    for query in [format!("connection={CONNECTION}&code=evil"), "code=evil".to_owned(), "code=evil&state=".to_owned()] {
        let answer = start(&world, &query).await;
        assert_eq!((answer.status, answer.headers.get("location")), (200, None), "{query}");
        assert!(answer.body.contains("href=\"https://app.example.com/login"), "{}", answer.body);
        assert!(!answer.body.contains("evil"), "{}", answer.body);
        assert_eq!(answer.headers["x-frame-options"], "DENY");
        assert!(answer.headers["content-security-policy"].to_str().unwrap().contains("frame-ancestors 'none'"));
        assert_eq!(answer.headers["referrer-policy"], "no-referrer");
    }
    let answer = world.get("/callback", &[("code", "evil")]).await;
    assert_eq!((answer.status, answer.headers.get("location")), (400, None));
    assert!(answer.body.contains("began at the identity provider"), "{}", answer.body);
    assert_eq!(world.workos.calls(), [""; 0]);
    assert_eq!(world.aws.items("CODE#").len() + world.aws.items("SIGNINS#").len(), 0);
}

#[tokio::test]
async fn cognito_is_asked_in_the_applications_name_only_after_a_click() {
    let world = world(json!({ "app_client": "client1234", "redirect_uri": "https://app.example.com/callback" })).await;
    let answer = start(&world, &format!("connection={CONNECTION}")).await;
    assert_eq!((answer.status, answer.headers.get("location")), (200, None));
    let link = "href=\"https://a.auth.eu-west-1.amazoncognito.com/oauth2/authorize?client_id=client1234&amp;response_type=code";
    assert!(answer.body.contains(link), "{}", answer.body);
    assert!(answer.body.contains(&format!("identity_provider={}", CONNECTION.replace('_', "-"))), "{}", answer.body);
}

#[tokio::test]
async fn a_malformed_start_is_refused_before_any_call() {
    let world = world(login()).await;
    world.aws.calls();
    for path in [format!("/start/tnt_1/{POOL}"), format!("/start/{TENANT}/pool"), format!("/start/{TENANT}")] {
        let answer = world.answer(&event("GET", &path, "connection=x", &json!({}), "")).await;
        assert_eq!(answer.status, 404, "{path}");
    }
    assert_eq!(world.aws.calls(), [""; 0]);
}
