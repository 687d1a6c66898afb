//! The status of the fleet: which pages are read, how it ends, and how it is watched.

use serde_json::{Value, json};

use crate::{
    POOL, TENANT, run,
    scripted_server::{Answer, Server},
};

fn need(state: &str) -> Value {
    json!({ "tenant_id": TENANT, "tenant_name": "Example", "user_pool_id": POOL, "state": state, "whose": "operator",
            "since": "2026-11-22T12:00:00.000Z", "message": "m", "remedy": "r" })
}

fn page(fleet: &Value, items: &[Value], next: Option<&str>) -> Value {
    json!({ "fleet": fleet, "items": items, "next_cursor": next })
}

fn fleet(state: &str) -> Value {
    json!({ "state": state, "counts": { "ok": 7, "held": 1 } })
}

#[test]
fn it_ends_with_6_where_something_is_an_operators_and_with_0_where_nothing_is() {
    for (state, code) in [("ok", 0), ("user_pools", 6), ("dead_letters", 6)] {
        let answer = page(&fleet(state), &[], None);
        let server = Server::start(vec![Answer::json("GET /v1/status?limit=20", 200, &answer)]);
        let ended = run(&server, &["status"]);
        assert_eq!(ended.code, code, "{state}");
        assert!(ended.stdout.contains("7 ok, 1 held"), "{}", ended.stdout);
        server.assert_all_given();
    }
}

#[test]
fn all_that_need_somebody_are_read_over_all_pages_and_the_worst_are_one_page() {
    let pages = || {
        vec![
            Answer::json("GET /v1/status?limit=100", 200, &page(&fleet("user_pools"), &[need("held")], Some("c1"))),
            Answer::json("GET /v1/status?limit=100&cursor=c1", 200, &page(&Value::Null, &[need("denied")], Some("c2"))),
            Answer::json("GET /v1/status?limit=100&cursor=c2", 200, &page(&Value::Null, &[need("pending")], None)),
        ]
    };
    let server = Server::start(pages());
    let ended = run(&server, &["status", "--unhealthy"]);
    assert_eq!(ended.code, 6);
    for state in ["held since", "denied since", "pending since"] {
        assert!(ended.stdout.contains(state) && !ended.stdout.contains("7 ok"), "{}", ended.stdout);
    }
    server.assert_all_given();
    let server = Server::start(pages());
    let all = run(&server, &["status", "--unhealthy", "--json"]).json();
    let states: Vec<&Value> = all["items"].as_array().unwrap().iter().map(|item| &item["state"]).collect();
    assert_eq!(states, ["held", "denied", "pending"]);
    assert!(all["next_cursor"].is_null() && all["fleet"]["state"] == "user_pools", "{all}");
}

#[test]
fn what_is_watched_is_shown_each_time_that_it_changed_until_the_command_is_refused() {
    let answers = || {
        let seen = ["held", "held", "denied"].map(|state| page(&fleet("user_pools"), &[need(state)], None));
        seen.iter().map(|seen| Answer::json("GET /v1/status?limit=20", 200, seen)).collect()
    };
    let server = Server::start(answers());
    // The server has no fourth answer, and refuses.
    let ended = run(&server, &["status", "--watch", "--every", "1"]);
    assert_eq!(ended.code, 1);
    let counted = |text: &str| ended.stdout.matches(text).count();
    assert_eq!((counted("held since"), counted("denied since"), counted("7 ok")), (1, 1, 2), "{}", ended.stdout);
    assert!(!ended.stdout.contains('\u{1b}'), "{}", ended.stdout);
    server.assert_all_given();
    let server = Server::start(answers());
    let ended = run(&server, &["status", "--watch", "--every", "1", "--json"]);
    let lines: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{}", ended.stdout);
}
