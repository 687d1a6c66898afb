//! Onboarding: a tenant, a link, and what to do when it breaks off between the two.

use serde_json::{Value, json};

use crate::{
    POOL, TENANT, run, run_with_input,
    scripted_server::{Answer, Server},
};

fn tenant() -> Answer {
    let tenant = json!({
        "id": TENANT, "name": "Example", "external_id": "causeway-0f", "webhook_url": "https://a.example/webhooks/t",
        "workos": {"client_id": "client_1", "has_api_key": false},
        "created_at": "2026-11-22T12:00:00.000Z", "updated_at": "2026-11-22T12:00:00.000Z"
    });
    Answer::json("POST /v1/tenants", 201, &tenant)
}

fn link() -> Value {
    json!({"id": "onb_01KAPJ7M7VYGJ5GM8WXT1C4D2N", "url": "https://a.example/onboarding/secret", "account_ids": [],
           "created_at": "2026-11-22T12:00:00.000Z", "expires_at": "2026-11-29T12:00:00.000Z",
           "opened_at": null, "revoked_at": null})
}

fn links() -> String {
    format!("POST /v1/tenants/{TENANT}/onboarding-links")
}

const ONBOARD: [&str; 5] = ["onboard", "--name", "Example", "--client-id", "client_1"];

#[test]
fn a_tenant_is_registered_and_its_link_printed_with_the_next_steps() {
    let server = Server::start(vec![tenant(), Answer::json(&links(), 201, &link())]);
    let ended = run(&server, &ONBOARD);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    for part in ["https://a.example/onboarding/secret\n", "causeway-0f", &format!("causeway pools admit {TENANT}")] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    assert_eq!(server.requests()[1].body(), json!({}));
}

#[test]
fn accounts_a_life_and_a_user_pool_can_be_named_beforehand() {
    let pool = json!({"user_pool_id": POOL});
    let server = Server::start(vec![
        tenant(),
        Answer::json(&format!("POST /v1/tenants/{TENANT}/user-pools"), 201, &pool),
        Answer::json(&links(), 201, &link()),
    ]);
    let more = ["--api-key-from", "-", "--account-id", "222222222222", "--expires-in-hours", "24", "--json"];
    let of_pool = ["--user-pool", POOL, "--role-name", "CausewayLogin", "--mode", "observe"];
    let ended = run_with_input(&server, &[&ONBOARD[..], &more, &of_pool].concat(), "sk_canary");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.json()["onboarding_link"], link());
    assert_eq!(ended.json()["user_pool"], pool);
    let requests = server.requests();
    assert_eq!(requests[0].body()["workos"]["api_key"], "sk_canary");
    let registration = json!({"account_id": "222222222222", "role_name": "CausewayLogin", "user_pool_id": POOL,
                              "mode": "observe"});
    assert_eq!(requests[1].body(), registration);
    assert_eq!(requests[2].body(), json!({"account_ids": ["222222222222"], "expires_in_hours": 24}));
}

#[test]
fn what_breaks_off_says_how_to_go_on_and_going_on_makes_no_second_tenant() {
    let problem = json!({"status": 400, "field": "expires_in_hours", "detail": "a number of hours from 1 to 720"});
    let server = Server::start(vec![tenant(), Answer::json(&links(), 400, &problem)]);
    let ended = run(&server, &[&ONBOARD[..], &["--expires-in-hours", "9999", "--json"]].concat());
    assert_eq!(ended.code, 2);
    let problem: Value = serde_json::from_str(&ended.stderr).unwrap();
    assert_eq!(problem["field"], "expires_in_hours");
    let go_on = format!("causeway onboard --tenant {TENANT}");
    assert!(problem["done"].as_str().unwrap().contains(&go_on), "{problem}");

    let read = Answer::json(&format!("GET /v1/tenants/{TENANT}"), 200, &json!({ "id": TENANT }));
    let server = Server::start(vec![read, Answer::json(&links(), 201, &link())]);
    let ended = run(&server, &["onboard", "--tenant", TENANT, "--json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    server.assert_all_given();
}

#[test]
fn a_link_is_made_and_revoked() {
    let revoke = format!("DELETE /v1/tenants/{TENANT}/onboarding-links/onb_1");
    let server = Server::start(vec![Answer::json(&links(), 201, &link()), Answer::json(&revoke, 204, &json!(null))]);
    let ended = run(&server, &["links", "create", TENANT]);
    assert!(ended.stdout.contains("https://a.example/onboarding/secret\n"), "{}", ended.stdout);
    let ended = run(&server, &["links", "revoke", TENANT, "onb_1"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "Revoked.\n"), "{}", ended.stderr);
    assert_eq!(run(&server, &["links", "revoke", TENANT, "../x"]).code, 2);
}

#[test]
fn the_audit_trail_reads_as_sentences() {
    let record = json!({"id": "01", "at": "2026-11-22T12:00:00.000Z", "caller": "arn:aws:iam::111111111111:user/a",
                        "method": "PATCH", "path": format!("/v1/tenants/{TENANT}"), "status": 200,
                        "changed": ["name", "workos.api_key"]});
    let page = json!({"items": [record], "next_cursor": null});
    let call = format!("GET /v1/tenants/{TENANT}/audit?limit=100");
    let server = Server::start(vec![Answer::json(&call, 200, &page)]);
    let ended = run(&server, &["audit", TENANT]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.stdout, "2026-11-22 12:00:00Z  a changed name, workos.api_key of the tenant.\n");
}
