//! What requests of sign-ins are counted as, and how long one for tokens took.

use serde_json::{Map, Value, json};

use super::{
    journey::back_with,
    log::lines,
    world::{CALLBACK, CONNECTION, SECRET, World},
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
    assert_eq!(times, [false, false, true, false, true]);
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
    assert_eq!(line()["status"], 503, "too many of them");

    let world = World::new().await;
    let code = world.code().await;
    world.aws.deny("DeleteItem");
    world.token(CONNECTION, &code, SECRET).await;
    assert_eq!(counted(&line()), failed, "the table can't give the code away");
}
