//! The door, with routers behind it that say which route they matched.
#![allow(clippy::unwrap_used, reason = "a test that can not go on fails")]

use axum::{
    Extension, Router,
    extract::MatchedPath,
    http::{HeaderMap, StatusCode},
    routing::get,
};
use causeway_core::provider::BaseUrl;
use causeway_edge::{Answer, Caller, Door, Edge, RequestId, Source};
use serde_json::{Value, json};

const USER: &str = "arn:aws:iam::111111111111:user/operator";

async fn said(matched: MatchedPath, caller: Option<Extension<Caller>>, source: Extension<Source>) -> String {
    format!("{} {} {}", matched.as_str(), caller.map(|Extension(Caller(arn))| arn).unwrap_or_default(), *source)
}

fn edge(door: Door, base: &str) -> Edge {
    let pages = Router::new().route("/{tenant_id}/start", get(said)).route("/assets/page.css", get(said));
    let router = Router::new()
        .route("/v1/tenants", get(said).post(said))
        .route("/v1/tenants/{tenant_id}", get(said))
        .route("/v1/tenants/{tenant_id}/panic", get(async || -> String { panic!("sk_canary") }))
        .route("/cookies", get(async |headers: HeaderMap| headers["cookie"].to_str().unwrap().to_owned()))
        .route("/set", get(async || ([("set-cookie", "a=1"), ("x-one", "1")], vec![0xff_u8])))
        .route("/large", get(async || "a".repeat(7_000_000)))
        .nest("/onboarding", pages)
        .fallback(async || (StatusCode::NOT_FOUND, "nothing here"));
    Edge::new(router, &BaseUrl::parse(base).unwrap(), door)
}

fn event(key: &str, path: &str) -> Value {
    let method = key.split(' ').next().unwrap();
    json!({
        "version": "2.0", "routeKey": key, "rawPath": path, "rawQueryString": "", "headers": {"host": "a"},
        "requestContext": {
            "stage": "$default", "http": {"method": method, "path": path, "sourceIp": "192.0.2.1"},
            "authorizer": {"iam": {"userArn": USER}},
        },
        "isBase64Encoded": false,
    })
}

async fn answer(edge: &Edge, event: &Value) -> Answer {
    edge.answer(&event.to_string(), RequestId("id".to_owned())).await
}

#[tokio::test]
async fn a_request_gets_to_the_route_that_api_gateway_authorised_and_to_no_other() {
    let edge = edge(Door::Signed, "https://a.example");
    for (key, path, matched) in [
        ("GET /v1/tenants", "/v1/tenants", "/v1/tenants"),
        ("GET /v1/tenants/{tenant_id}", "/v1/tenants/a", "/v1/tenants/{tenant_id}"),
        ("GET /onboarding/{proxy+}", "/onboarding/a/start", "/onboarding/{tenant_id}/start"),
        ("GET /onboarding/{proxy+}", "/onboarding/assets/page.css", "/onboarding/assets/page.css"),
    ] {
        let answer = answer(&edge, &event(key, path)).await;
        assert_eq!((answer.status_code, answer.body), (200, format!("{matched} {USER} 192.0.2.1")), "{key} {path}");
    }
    let nothing = answer(&edge, &event("GET /nothing", "/nothing")).await;
    assert_eq!((nothing.status_code, nothing.body.as_str()), (404, "nothing here"));
    for (key, path) in [
        ("GET /onboarding/{proxy+}", "/v1/tenants"),
        ("GET /onboarding/{proxy+}", "/onboarding/../v1/tenants"),
        ("GET /v1/tenants/{tenant_id}", "/v1/tenants"),
        ("GET /v1/tenants/{id}", "/v1/tenants/a"),
        ("GET /v1/{proxy+}x", "/v1/tenants"),
        ("POST /v1/tenants/{tenant_id}", "/v1/tenants/a"),
        ("$default", "/v1/tenants"),
        ("GET", "/v1/tenants"),
        ("ANY /v1/tenants", "/v1/tenants"),
    ] {
        assert_eq!(answer(&edge, &event(key, path)).await, nothing, "{key} {path}");
    }
    let mut other_method = event("GET /v1/tenants", "/v1/tenants");
    other_method["requestContext"]["http"]["method"] = json!("POST");
    assert_eq!(answer(&edge, &other_method).await, nothing);
}

#[tokio::test]
async fn behind_the_signed_door_no_caller_means_no_answer_whatever_the_route_says() {
    let authorizers = [
        json!(null),
        json!({}),
        json!({"iam": null}),
        json!({"iam": {}}),
        json!({"iam": {"userArn": null}}),
        json!({"iam": {"userArn": ""}}),
        json!({"jwt": {"claims": {"sub": "a"}}}),
    ];
    for authorizer in authorizers {
        let mut event = event("GET /v1/tenants", "/v1/tenants");
        event["requestContext"]["authorizer"] = authorizer.clone();
        assert_eq!(answer(&edge(Door::Signed, "https://a.example"), &event).await.status_code, 403, "{authorizer}");
        assert_eq!(answer(&edge(Door::Open, "https://a.example"), &event).await.status_code, 200, "{authorizer}");
    }
}

#[tokio::test]
async fn an_event_that_can_not_be_read_is_answered_400() {
    let edge = edge(Door::Signed, "https://a.example");
    let mut events: Vec<String> = ["", "null", "[]", "{}", "{\"rawPath\": \"/v1/tenants\"}"].map(str::to_owned).into();
    for (member, odd) in [
        ("rawQueryString", json!("a=\"")),
        ("rawQueryString", json!("a=<b>")),
        ("rawQueryString", json!("a=b c")),
        ("rawQueryString", json!("a=ä")),
        ("rawQueryString", json!("a\\b")),
        ("headers", json!({"a": "b\nc"})),
        ("headers", json!({"a b": "c"})),
        ("headers", json!({"a": 1})),
        ("cookies", json!(["a"])),
        ("cookies", json!(["a=1", "b\n=2"])),
        ("rawPath", json!(1)),
    ] {
        let mut event = event("GET /v1/tenants", "/v1/tenants");
        event[member] = odd;
        events.push(event.to_string());
    }
    let mut no_base64 = event("GET /v1/tenants", "/v1/tenants");
    no_base64["isBase64Encoded"] = json!(true);
    no_base64["body"] = json!("%");
    events.push(no_base64.to_string());
    // A lone surrogate, which no text of ours can hold.
    events.push(event("GET /v1/tenants", "/v1/tenants").to_string().replace("192.0.2.1", r"\ud83d"));
    for event in events {
        let answer = edge.answer(&event, RequestId::default()).await;
        assert_eq!(answer.status_code, 400, "{event}: {answer:?}");
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{event}");
    }
}

#[tokio::test]
async fn a_panic_is_answered_500_says_nothing_and_the_next_request_is_served() {
    let edge = edge(Door::Signed, "https://a.example");
    let panicked = answer(&edge, &event("GET /v1/tenants/{tenant_id}/panic", "/v1/tenants/a/panic")).await;
    assert_eq!(panicked.status_code, 500);
    assert!(!panicked.body.contains("canary"), "{panicked:?}");
    assert_eq!(answer(&edge, &event("GET /v1/tenants", "/v1/tenants")).await.status_code, 200);
}

#[tokio::test]
async fn the_path_of_the_public_base_url_and_the_stage_come_before_the_routes_or_do_not() {
    let edge = edge(Door::Open, "https://a.example/base");
    for (stage, path, status) in [
        ("$default", "/v1/tenants", 200),
        ("$default", "/base/v1/tenants", 200),
        ("prod", "/prod/v1/tenants", 200),
        ("prod", "/prod/base/v1/tenants", 200),
        ("prod", "/base/prod/v1/tenants", 404),
        ("$default", "/base/base/v1/tenants", 404),
        ("$default", "/prod/v1/tenants", 404),
    ] {
        let mut event = event("GET /v1/tenants", path);
        event["requestContext"]["stage"] = json!(stage);
        assert_eq!(answer(&edge, &event).await.status_code, status, "{stage} {path}");
    }
}

#[tokio::test]
async fn an_answer_that_lambda_would_not_send_is_none_and_says_so() {
    let large = answer(&edge(Door::Open, "https://a.example"), &event("GET /large", "/large")).await;
    assert_eq!((large.status_code, large.body.len() < 1000), (503, true));
}

#[tokio::test]
async fn cookies_and_bytes_pass_the_edge_as_payload_2_0_has_them() {
    let edge = edge(Door::Open, "https://a.example");
    let mut with_cookies = event("GET /cookies", "/cookies");
    with_cookies["cookies"] = json!(["a=1", "b=2"]);
    assert_eq!(answer(&edge, &with_cookies).await.body, "a=1; b=2");
    let set = answer(&edge, &event("GET /set", "/set")).await;
    assert_eq!((set.cookies, set.headers["x-one"].as_str()), (vec!["a=1".to_owned()], "1"));
    assert_eq!((set.body.as_str(), set.is_base64_encoded), ("/w==", true));
}
