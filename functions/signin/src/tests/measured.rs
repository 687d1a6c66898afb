//! What requests of sign-ins are counted as, and how long one for tokens took.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{
    journey::back_with,
    log::lines,
    made_up::texts,
    world::{CALLBACK, CONNECTION, SECRET, World, pass},
};

/// The line of the request that was answered last.
fn line() -> Value {
    lines().pop().unwrap()
}

/// What a line counts of sign-ins.
fn counted(line: &Value) -> Value {
    let metrics: Map<String, Value> = serde_json::from_str(line["metrics"].as_str().unwrap()).unwrap();
    metrics.into_iter().filter(|(name, _)| name.starts_with("SignIns")).collect()
}

#[tokio::test]
async fn a_sign_in_is_counted_once_at_each_step_and_a_request_for_tokens_is_timed() {
    let world = World::new().await;
    let state = world.authorize(CONNECTION, CALLBACK).await.sent_with("state").unwrap();
    // A number to compare with is there even where no sign-in is ever completed.
    assert_eq!(counted(&line()), json!({ "SignInsStarted": 1, "SignInsCompleted": 0 }));
    let code = world.get("/callback", &[("code", "c"), ("state", &state)]).await.sent_with("code").unwrap();
    assert_eq!(counted(&line()), json!({ "SignInsReturned": 1 }));
    let tokens = world.token(CONNECTION, &code, SECRET).await.json();
    assert_eq!(counted(&line()), json!({ "SignInsCompleted": 1 }));
    world.userinfo(CONNECTION, &format!("Bearer {}", tokens["access_token"].as_str().unwrap())).await;
    assert_eq!(counted(&line()), json!({}));
    world.token(CONNECTION, &code, SECRET).await;
    assert_eq!(counted(&line()), json!({ "SignInsRefused": 1 }));
    let times: Vec<bool> = lines()
        .iter()
        .map(|line| {
            let metrics: Value = serde_json::from_str(line["metrics"].as_str().unwrap()).unwrap();
            assert!(metrics["TokenTime"].is_null() || metrics["TokenTime"] == line["duration_ms"], "{line}");
            metrics["TokenTime"].is_u64()
        })
        .collect();
    // A request that is refused is not timed: anybody can make any number of them.
    assert_eq!(times, [false, false, true, false, false]);
}

#[tokio::test]
async fn what_nobody_broke_is_refused_and_what_is_broken_fails() {
    let (refused, failed) = (json!({ "SignInsRefused": 1 }), json!({ "SignInsFailed": 1 }));
    let world = World::new().await;
    world.workos.has_profile(None);
    back_with(&world, &[("code", "used before")]).await;
    assert_eq!(counted(&line()), refused, "a code of WorkOS's that was used before");
    for number in 0..100 {
        world.authorize(&format!("conn_01E4ZCR3C56J083X43JQXF{number:04}"), CALLBACK).await;
        assert_eq!(counted(&line()), refused, "request {number} for what is not there");
    }
    assert_eq!(line()["status"], 503, "too many of them from one address");

    let world = World::new().await;
    let code = world.code().await;
    world.aws.deny("DeleteItem");
    world.token(CONNECTION, &code, SECRET).await;
    assert_eq!(counted(&line()), failed, "the table can't give the code away");
}

/// How often a metric was counted in all.
fn all(metric: &str) -> u64 {
    let of = |line: &Value| {
        let metrics: Map<String, Value> = serde_json::from_str(line["metrics"].as_str()?).ok()?;
        metrics.get(metric)?.as_u64()
    };
    lines().iter().filter_map(of).sum()
}

#[tokio::test]
async fn a_revoked_key_and_a_hundred_made_up_codes_are_no_failure_of_causeways() {
    let world = World::new().await;
    let answers = [
        ("401 Unauthorized", json!({ "message": "Unauthorized" })),
        ("403 Forbidden", json!({ "message": "Forbidden" })),
        ("400 Bad Request", json!({ "error": "invalid_client", "error_description": "canary" })),
        ("400 Bad Request", json!({ "error": "unauthorized_client" })),
        ("200 OK", json!({ "access_token": "canary", "profile": { "id": ["odd"] } })),
    ];
    let mut failed = 0;
    for (status, body) in answers {
        let case = format!("{status} {body}");
        world.workos.refuses(status, body);
        for code in texts("[!-~]{1,40}", 100) {
            back_with(&world, &[("code", &code)]).await;
        }
        assert_eq!(all("SignInsFailed"), 0, "{case}");
        assert!(all("SignInsFailedForTenant") > failed, "{case}");
        failed = all("SignInsFailedForTenant");
        pass(Duration::from_mins(1));
    }
    assert!(!lines().iter().any(|line| line["level"] == "ERROR"), "nothing is ours to mend");
}

#[tokio::test]
async fn what_workos_makes_of_a_code_is_no_failure_of_causeways_whatever_it_is() {
    let world = World::new().await;
    for status in (400..=599).filter(|status| !matches!(status, 401 | 403)) {
        let line: &'static str = format!("{status} Whatever").leak();
        world.workos.refuses(line, json!({ "message": "whatever" }));
        back_with(&world, &[("code", "c")]).await;
        pass(Duration::from_secs(1));
    }
    assert_eq!((all("SignInsFailed"), all("SignInsFailedForTenant")), (0, 0));
    assert!(all("SignInsRefused") >= 198);
}

#[tokio::test]
async fn a_tenant_without_a_key_is_no_failure_of_causeways_and_a_workos_out_of_reach_is_one() {
    let world = World::new().await;
    let state = world.authorize(CONNECTION, CALLBACK).await.sent_with("state").unwrap();
    world.aws.forget("TENANT#", "workos_api_key");
    let instance = world.another_instance();
    instance.get("/callback", &[("code", "c"), ("state", &state)]).await;
    assert_eq!((all("SignInsFailed"), all("SignInsFailedForTenant")), (0, 1));

    let world = World::new().await;
    let state = world.authorize(CONNECTION, CALLBACK).await.sent_with("state").unwrap();
    let nowhere = world.instance_with_workos_at("http://127.0.0.1:9");
    nowhere.get("/callback", &[("code", "c"), ("state", &state)]).await;
    assert_eq!((all("SignInsFailed"), all("SignInsFailedForTenant")), (1, 1));
}
