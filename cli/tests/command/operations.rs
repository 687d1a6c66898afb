//! Checks, plans, approvals and runs: what they send, and how they end.

use serde_json::{Value, json};

use crate::{
    POOL, TENANT, pool_path, run,
    scripted_server::{Answer, Server},
};

/// The time of the ULID `01KAPJ7M7V...`, as the API would write it.
const ASKED: &str = "2025-11-22T19:56:36.987Z";
const BEFORE: &str = "01KAPJ7M00YGJ5GM8WXT1C4D2N";
const AFTER: &str = "01KAPJ7MZZYGJ5GM8WXT1C4D2N";

fn plan_of(held: bool) -> Value {
    json!({"hash": "4f53", "notes": [], "steps": [{
        "action": "delete", "connection_id": "conn_1", "provider_name": "conn-1", "held": held, "changes": [],
        "reason": "the connection is gone from WorkOS"
    }]})
}

fn planned(held: bool) -> Answer {
    Answer::json(&format!("POST {}", pool_path("/reconcile")), 200, &plan_of(held))
}

fn approved() -> Answer {
    let answer = json!({"hash": "4f53", "expires_at": "2026-11-22T13:00:00.000Z", "requested_at": ASKED, "steps": []});
    Answer::json(&format!("POST {}", pool_path("/approvals")), 202, &answer)
}

fn woken() -> Answer {
    let answer = json!({"user_pool_id": POOL, "requested_at": ASKED});
    Answer::json(&format!("POST {}", pool_path("/reconcile")), 202, &answer)
}

fn last_run(id: &str, outcome: &str) -> Answer {
    let last_run = json!({"id": id, "finished_at": "2025-11-22T19:527:00.000Z", "outcome": outcome});
    Answer::json(&format!("GET {}", pool_path("")), 200, &json!({ "last_run": last_run }))
}

fn reports(reports: &[(&str, &str)]) -> Answer {
    let items: Vec<Value> = reports
        .iter()
        .map(|(id, outcome)| {
            json!({"id": id, "started_at": "2025-11-22T19:517:17.000Z", "finished_at": "2025-11-22T20:31:18.000Z",
                   "cause": "api", "outcome": outcome, "steps": [], "failures": []})
        })
        .collect();
    Answer::json(&format!("GET {}?limit=20", pool_path("/runs")), 200, &json!({"items": items, "next_cursor": null}))
}

#[test]
fn a_failing_check_ends_with_6_and_its_remedy_is_shown() {
    for (outcome, code) in [("pass", 0), ("warn", 0), ("fail", 6)] {
        let check = json!({"name": "role_assumable", "outcome": outcome, "message": "m", "remedy": "do this"});
        let answer = json!({"status": "pending", "checks": [check]});
        let server = Server::start(vec![Answer::json(&format!("POST {}", pool_path("/verify")), 200, &answer)]);
        let ended = run(&server, &["verify", TENANT, POOL]);
        assert_eq!(ended.code, code, "{outcome}");
        assert!(ended.stdout.contains("To do for role_assumable:\ndo this\n"), "{}", ended.stdout);
    }
}

#[test]
fn a_plan_changes_nothing_and_ends_with_6_if_steps_are_held_back() {
    for (held, code) in [(false, 0), (true, 6)] {
        let server = Server::start(vec![planned(held), planned(held)]);
        let ended = run(&server, &["plan", TENANT, POOL]);
        assert_eq!(ended.code, code);
        assert_eq!(ended.stdout.contains("HELD BACK"), held, "{}", ended.stdout);
        assert_eq!(ended.stdout.contains("--hash 4f53"), held, "{}", ended.stdout);
        assert_eq!(server.requests()[0].body(), json!({"dry_run": true}));
        let ended = run(&server, &["plan", TENANT, POOL, "--json"]);
        assert_eq!((ended.code, ended.json()), (code, plan_of(held)));
    }
}

#[test]
fn nothing_is_approved_unless_somebody_says_yes() {
    let server = Server::start(vec![planned(true)]);
    let ended = run(&server, &["approve", TENANT, POOL]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("--yes"), "{}", ended.stderr);
    assert_eq!(server.calls().len(), 1, "{:?}", server.calls());
}

/// A plan that takes a provider from each of two customers, and holds both back.
fn plan_of_two() -> Answer {
    let step = |number: usize, name: &str| {
        json!({
            "action": "delete", "connection_id": format!("conn_{number:026}"), "organization_name": name,
            "connection_type": "OktaSAML", "provider_name": format!("conn-{number:026}"), "held": true, "changes": [],
            "reason": "the connection is gone from WorkOS"
        })
    };
    let steps = [step(1, "Acme"), step(2, "Contoso\u{1b}[2J")];
    let plan = json!({"summary": "is not what is asked by", "hash": "4f53", "notes": [], "steps": steps});
    Answer::json(&format!("POST {}", pool_path("/reconcile")), 200, &plan)
}

#[test]
fn an_approval_asks_by_what_the_steps_mean_that_are_approved() {
    let (one, two) = ("\"Acme\" (Okta …000001)", "\"Contoso\u{fffd}[2J\" (Okta …000002)");
    let second = format!("conn_{:026}", 2);
    for (connections, asked) in [
        (&[][..], format!("2 customers lose sign-in: {one}, {two}. Let 2 steps through?")),
        (&["--connection", &second], format!("1 customer loses sign-in: {two}. Let 1 step through?")),
    ] {
        let server = Server::start(vec![plan_of_two()]);
        let ended = run(&server, &[&["approve", TENANT, POOL], connections].concat());
        assert_eq!(ended.code, 2);
        assert!(ended.stderr.contains(&asked), "{asked}\n{}", ended.stderr);
    }
}

#[test]
fn an_approval_is_of_the_hash_of_the_steps_that_are_held_back_now() {
    let server = Server::start(vec![planned(true), approved()]);
    let ended = run(&server, &["approve", TENANT, POOL, "--yes"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("until 2026-11-22 13:00:00Z"), "{}", ended.stdout);
    assert_eq!(server.requests()[1].body(), json!({"hash": "4f53"}));
}

#[test]
fn an_approval_of_another_hash_is_the_api_s_to_refuse() {
    let problem = json!({"status": 409, "detail": "the held steps are not the ones of this hash"});
    let refused = Answer::json(&format!("POST {}", pool_path("/approvals")), 409, &problem);
    let server = Server::start(vec![planned(true), refused]);
    let ended = run(&server, &["approve", TENANT, POOL, "--hash", "old"]);
    assert_eq!(ended.code, 5);
    assert_eq!(server.requests()[1].body(), json!({"hash": "old"}));
}

#[test]
fn whoever_has_the_hash_and_is_not_asked_needs_no_right_to_plan() {
    let server = Server::start(vec![approved()]);
    let ended = run(&server, &["approve", TENANT, POOL, "--hash", "4f53", "--yes"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(server.requests()[0].body(), json!({"hash": "4f53"}));
    server.assert_all_given();
}

#[test]
fn where_nothing_is_held_back_there_is_nothing_to_approve() {
    let server = Server::start(vec![planned(false)]);
    let ended = run(&server, &["approve", TENANT, POOL, "--yes"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "Nothing is held back.\n"));
}

#[test]
fn waiting_ends_with_the_run_that_began_after_it_was_asked_for() {
    let server = Server::start(vec![
        woken(),
        last_run(BEFORE, "failed"),
        last_run(AFTER, "changed"),
        reports(&[(AFTER, "changed"), (BEFORE, "failed")]),
    ]);
    let ended = run(&server, &["reconcile", TENANT, POOL, "--wait"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains(AFTER) && !ended.stdout.contains(BEFORE), "{}", ended.stdout);
    assert_eq!(ended.stderr, "", "progress without a terminal");
    server.assert_all_given();
}

#[test]
fn a_run_that_leaves_something_undone_ends_with_6() {
    let server = Server::start(vec![woken(), last_run(AFTER, "partial"), reports(&[(AFTER, "partial")])]);
    let ended = run(&server, &["reconcile", TENANT, POOL, "--wait", "--json"]);
    assert_eq!((ended.code, &ended.json()["outcome"]), (6, &json!("partial")));
    let failed = json!({"id": AFTER, "finished_at": "2025-11-22T19:527:00.000Z", "outcome": "failed"});
    let health =
        json!({"state": "denied", "message": "m", "since": ASKED, "remedy": "Have the tenant put the role back."});
    let pool = json!({"last_run": failed, "health": health});
    let pool = Answer::json(&format!("GET {}", pool_path("")), 200, &pool);
    let server = Server::start(vec![woken(), pool, reports(&[(AFTER, "failed")])]);
    let ended = run(&server, &["reconcile", TENANT, POOL, "--wait"]);
    assert_eq!(ended.code, 6, "{}", ended.stderr);
    assert!(ended.stdout.ends_with("To do: Have the tenant put the role back.\n"), "{}", ended.stdout);
    // A scheduled run that took the wake-up along and changed nothing leaves no report.
    let server = Server::start(vec![woken(), last_run(AFTER, "no_change"), reports(&[(BEFORE, "failed")])]);
    let ended = run(&server, &["reconcile", TENANT, POOL, "--wait"]);
    assert_eq!((ended.code, ended.stdout), (0, format!("Run {AFTER}: no_change.\n")));
}

#[test]
fn a_run_that_does_not_come_in_time_ends_with_7() {
    let server = Server::start(vec![woken(), last_run(BEFORE, "changed"), last_run(BEFORE, "changed")]);
    let ended = run(&server, &["reconcile", TENANT, POOL, "--wait", "--timeout", "1"]);
    assert_eq!(ended.code, 7);
    assert!(ended.stderr.contains("not within 1 s") && ended.stderr.contains("may be stopped"), "{}", ended.stderr);
}

#[test]
fn without_waiting_a_wake_up_is_enough() {
    let server = Server::start(vec![woken()]);
    let ended = run(&server, &["reconcile", TENANT, POOL]);
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "A run is on its way.\n"));
    assert_eq!(server.requests()[0].body(), json!({}));
}

fn refusal() -> Value {
    json!({"connection_id": "conn_1", "reason": "their contract runs on", "refused_by": "arn:aws:iam::1:user/ann",
           "refused_at": "2026-11-22T12:00:00.000Z", "until": null})
}

#[test]
fn connections_are_refused_with_a_reason_and_shown_as_refused() {
    let call = format!("POST {}", pool_path("/refusals"));
    let server = Server::start(vec![Answer::json(&call, 201, &json!({"items": [refusal()]}))]);
    let line = ["refuse", TENANT, POOL, "--connection", "conn_1", "--reason", "their contract runs on"];
    let ended = run(&server, &[&line[..], &["--connection", "conn_2", "--until", "2026-12-31T00:00:00Z"]].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("conn_1") && ended.stdout.contains("their contract runs on"), "{}", ended.stdout);
    let body = json!({"connection_ids": ["conn_1", "conn_2"], "reason": "their contract runs on",
                      "until": "2026-12-31T00:00:00Z"});
    assert_eq!(server.requests()[0].body(), body);
    for missing in [&["refuse", TENANT, POOL, "--connection", "conn_1"][..], &["refuse", TENANT, POOL, "--reason", "r"]]
    {
        assert_eq!(run(&server, missing).code, 2, "{missing:?}");
    }
    assert_eq!(server.calls().len(), 1, "something was refused without a reason, or nothing in particular");
}

#[test]
fn a_refused_connection_is_let_go_by_its_id() {
    let call = format!("DELETE {}", pool_path("/refusals/conn_1"));
    let server = Server::start(vec![Answer::json(&call, 200, &json!(null))]);
    let ended = run(&server, &["let-go", TENANT, POOL, "conn_1"]);
    assert_eq!((ended.code, server.calls()), (0, vec![call]), "{}", ended.stderr);
    assert_eq!(run(&server, &["let-go", TENANT, POOL, "../conn_1"]).code, 2);
}

#[test]
fn some_of_what_is_held_is_approved_by_its_connections_and_with_yes_without_a_plan() {
    let server = Server::start(vec![approved(), planned(true), approved()]);
    let line = ["approve", TENANT, POOL, "--connection", "conn_1", "--yes"];
    assert_eq!(run(&server, &line).code, 0);
    assert_eq!(server.requests()[0].body(), json!({"connection_ids": ["conn_1"]}));
    assert_eq!(run(&server, &line[..5]).code, 2, "nobody said yes");
    assert_eq!(server.calls().len(), 2, "{:?}", server.calls());
    assert_eq!(run(&server, &[&line[..], &["--hash", "4f53"]].concat()).code, 2, "it is one or the other");
}

#[test]
fn dead_letters_that_stay_or_that_there_was_no_time_for_end_with_6() {
    for (malformed, out_of_time, code) in [(0, false, 0), (1, false, 6), (0, true, 6)] {
        let done = json!({"sent_back": 1, "discarded": 0, "malformed": malformed, "out_of_time": out_of_time});
        let server = Server::start(vec![Answer::json("POST /v1/dead-letters/redrive", 200, &done)]);
        let ended = run(&server, &["dead-letters", "--redrive"]);
        assert_eq!(ended.code, code, "{done}");
        assert_eq!(ended.stdout.contains("The same command again"), out_of_time, "{}", ended.stdout);
    }
    // A previous release does not say whether time ran out.
    let done = json!({"sent_back": 1, "discarded": 0, "malformed": 0});
    let server = Server::start(vec![Answer::json("POST /v1/dead-letters/redrive", 200, &done)]);
    assert_eq!(run(&server, &["dead-letters", "--redrive"]).code, 0);
}
