//! Changes and removals: of what was read, and of nothing else.

use serde_json::{Value, json};

use crate::{
    POOL, TENANT, pool_path, run, run_with_input,
    scripted_server::{Answer, Server},
};

fn tenant() -> Value {
    json!({
        "id": TENANT, "name": "Example", "external_id": "causeway-0f", "webhook_url": "https://a.example/webhooks/t",
        "workos": {"client_id": "client_1", "has_api_key": true},
        "created_at": "2026-11-22T12:00:00.000Z", "updated_at": "2026-11-22T12:00:00.000Z"
    })
}

fn pool() -> Value {
    json!({
        "tenant_id": TENANT, "user_pool_id": POOL, "account_id": "222222222222", "role_arn": "arn", "status": "active",
        "mode": "sync", "app_clients": ["a", "b"], "organizations": null,
        "health": {"state": "ok", "message": "", "remedy": "", "since": "2026-11-22T12:00:00.000Z"},
        "counts": {"connections": 1, "providers": 1}, "last_run": null, "next_due_at": null
    })
}

fn read(path: &str, body: &Value) -> Answer {
    Answer::with_headers(&format!("GET {path}"), 200, "etag: \"3\"\r\n", body)
}

fn tenant_path() -> String {
    format!("/v1/tenants/{TENANT}")
}

#[test]
fn a_tenant_is_changed_only_as_it_was_read_and_its_new_key_is_shown_nowhere() {
    let changed = Answer::json(&format!("PATCH {}", tenant_path()), 200, &tenant());
    let server = Server::start(vec![read(&tenant_path(), &tenant()), changed]);
    let arguments = ["tenants", "update", TENANT, "--name", "New", "--api-key-from", "-", "--confirm-environment"];
    let ended = run_with_input(&server, &arguments, "sk_canary\n");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let sent = &server.requests()[1];
    assert_eq!(sent.header("if-match"), Some("\"3\""));
    assert_eq!(sent.body(), json!({"name": "New", "workos": {"api_key": "sk_canary", "confirm_environment": true}}));
    assert!(!ended.stdout.contains("sk_canary") && !ended.stderr.contains("sk_canary"));
}

#[test]
fn a_change_of_something_that_somebody_else_changed_ends_with_5() {
    let problem = json!({"status": 412, "detail": "it is another version"});
    let refused = Answer::json(&format!("PATCH {}", tenant_path()), 412, &problem);
    let server = Server::start(vec![read(&tenant_path(), &tenant()), refused]);
    assert_eq!(run(&server, &["tenants", "update", TENANT, "--name", "New"]).code, 5);
}

#[test]
fn a_change_whose_outcome_nobody_knows_is_not_sent_again() {
    let server = Server::start(vec![
        read(&tenant_path(), &tenant()),
        Answer::nothing(&format!("PATCH {}", tenant_path())),
        Answer::json(&format!("PATCH {}", tenant_path()), 200, &tenant()),
    ]);
    let ended = run(&server, &["tenants", "update", TENANT, "--name", "New"]);
    assert_eq!(ended.code, 7);
    assert!(ended.stderr.contains("not known whether it was done"), "{}", ended.stderr);
    assert_eq!(server.calls().len(), 2);
}

#[test]
fn an_app_client_is_added_to_those_that_are_there() {
    let changed = Answer::json(&format!("PATCH {}", pool_path("")), 200, &pool());
    let server = Server::start(vec![read(&pool_path(""), &pool()), changed]);
    let arguments =
        ["pools", "update", TENANT, POOL, "--add-app-client", "c", "--remove-app-client", "a", "--mode", "sync"];
    let ended = run(&server, &arguments);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let sent = &server.requests()[1];
    assert_eq!(sent.header("if-match"), Some("\"3\""));
    assert_eq!(sent.body(), json!({"mode": "sync", "app_clients": ["b", "c"]}));
}

#[test]
fn a_change_of_nothing_or_of_two_kinds_at_once_is_refused_before_it_is_sent() {
    let server = Server::start(vec![]);
    for arguments in [
        vec!["pools", "update", TENANT, POOL],
        vec!["tenants", "update", TENANT],
        vec!["pools", "update", TENANT, POOL, "--app-client", "a", "--all-app-clients"],
        vec!["pools", "update", TENANT, POOL, "--organization", "a", "--add-organization", "b"],
        vec!["tenants", "update", TENANT, "--api-key-from", "-", "--webhook-secret-from", "-"],
        vec!["tenants", "update", TENANT, "--confirm-environment"],
    ] {
        assert_eq!(run(&server, &arguments).code, 2, "{arguments:?}");
    }
    assert!(server.calls().is_empty(), "{:?}", server.calls());
}

#[test]
fn nothing_is_removed_unless_somebody_says_yes() {
    let server = Server::start(vec![read(&tenant_path(), &tenant()), read(&pool_path(""), &pool())]);
    assert_eq!(run(&server, &["tenants", "remove", TENANT]).code, 2);
    assert_eq!(run(&server, &["pools", "remove", TENANT, POOL]).code, 2);
    assert!(server.calls().iter().all(|call| call.starts_with("GET ")), "{:?}", server.calls());
}

#[test]
fn a_removed_tenant_names_what_is_left_in_workos() {
    let removed = json!({"removed": true, "left_in_workos": {"redirect_uri": "https://a.example/callback"}});
    let call = format!("DELETE {}", tenant_path());
    let server = Server::start(vec![read(&tenant_path(), &tenant()), Answer::json(&call, 200, &removed)]);
    let ended = run(&server, &["tenants", "remove", TENANT, "--yes"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("redirect uri: https://a.example/callback"), "{}", ended.stdout);
    assert_eq!(server.requests()[1].header("if-match"), Some("\"3\""));
}

#[test]
fn the_removal_of_a_pool_is_waited_for_until_the_pool_is_gone() {
    let mut removing = pool();
    removing["status"] = json!("removing");
    let gone = json!({"status": 404, "detail": "there is nothing here"});
    let unnamed = "the app client other, which the pool does not name, offers conn-1";
    let checks = json!({"status": "active", "checks": [
        {"name": "app_clients_unnamed", "outcome": "warn", "message": unnamed, "remedy": "r"},
        {"name": "app_clients", "outcome": "pass", "message": "good", "remedy": ""}]});
    let server = Server::start(vec![
        read(&pool_path(""), &pool()),
        Answer::json(&format!("POST {}", pool_path("/verify")), 200, &checks),
        read(&pool_path(""), &pool()),
        Answer::json(&format!("DELETE {}", pool_path("?providers=delete")), 202, &removing),
        read(&pool_path(""), &removing),
        Answer::json(&format!("GET {}", pool_path("")), 404, &gone),
    ]);
    let ended = run(&server, &["pools", "remove", TENANT, POOL, "--providers", "delete", "--yes", "--wait"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.starts_with("eu-west-1_AbCdEf123 is removed.\n") && ended.stdout.contains(unnamed));
    assert!(!ended.stdout.contains("good"), "{}", ended.stdout);
    server.assert_all_given();
}

#[test]
fn waiting_for_a_removal_ends_with_the_remedy_where_only_a_person_can_help() {
    let in_state = |run: &str, state: &str| {
        let mut removing = pool();
        removing["status"] = json!("removing");
        removing["last_run"] = json!({"id": run, "finished_at": "2026-11-22T12:15:00Z", "outcome": "failed"});
        removing["health"] = json!({"state": state, "message": "the role denies Causeway",
                                    "remedy": "have the tenant put the role back", "since": "2026-11-22T12:00:00Z"});
        removing
    };
    let delete = format!("DELETE {}", pool_path("?providers=delete"));
    let server = Server::start(vec![
        read(&pool_path(""), &in_state("01A", "denied")),
        Answer::json(&delete, 202, &in_state("01A", "denied")),
        // What a run before the removal left says nothing of it, and what passes by itself needs nobody.
        read(&pool_path(""), &in_state("01A", "denied")),
        read(&pool_path(""), &in_state("01B", "throttled")),
        read(&pool_path(""), &in_state("01C", "denied")),
    ]);
    let ended = run(&server, &["pools", "remove", TENANT, POOL, "--providers", "delete", "--yes", "--wait"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (6, ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("have the tenant put the role back"), "{}", ended.stderr);
    server.assert_all_given();
}

#[test]
fn a_provider_is_taken_over_only_after_somebody_saw_what_that_changes() {
    let call = format!("POST {}", pool_path("/adopt"));
    let adoption = |adopted: bool| {
        json!({"provider_name": "Okta", "connection_id": "conn_1", "subject": "idp_id", "adopted": adopted,
               "issuer": {"before": "https://old.example", "after": "https://new.example"}})
    };
    let server = Server::start(vec![Answer::json(&call, 200, &adoption(false))]);
    assert_eq!(run(&server, &["adopt", TENANT, POOL, "Okta"]).code, 2);
    assert_eq!(server.requests()[0].body(), json!({"provider_name": "Okta", "dry_run": true}));
    let server = Server::start(vec![Answer::json(&call, 200, &adoption(true))]);
    let ended = run(&server, &["adopt", TENANT, POOL, "Okta", "--subject", "idp-id", "--yes"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("https://old.example"), "{}", ended.stdout);
    assert_eq!(server.requests()[0].body(), json!({"provider_name": "Okta", "subject": "idp_id"}));
}

#[test]
fn a_rotation_whose_outcome_nobody_knows_is_not_begun_again() {
    for (command, route, told) in [
        ("rotate-external-id", "external-id-rotation", "Gives the tenant another external ID."),
        ("rotate-webhook", "webhook-rotation", "Registers another webhook endpoint"),
    ] {
        let call = format!("POST {}/{route}", tenant_path());
        let server = Server::start(vec![Answer::json(&call, 202, &tenant())]);
        let ended = run(&server, &["tenants", command, TENANT]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert!(ended.stdout.contains("causeway-0f"), "{}", ended.stdout);
        assert!(ended.stderr.starts_with(told), "what it is about to do: {}", ended.stderr);
        let server = Server::start(vec![Answer::nothing(&call), Answer::json(&call, 202, &tenant())]);
        assert_eq!(run(&server, &["tenants", command, TENANT]).code, 7);
        assert_eq!(server.calls().len(), 1);
    }
}
