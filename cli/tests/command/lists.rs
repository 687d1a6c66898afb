//! Lists are followed to their end.

use serde_json::{Value, json};

use crate::{
    TENANT, pool_path, run,
    scripted_server::{Answer, Server},
};

fn provider(number: u32) -> Value {
    json!({
        "connection_id": format!("conn_{number}"), "organization_id": "org_1", "connection_state": "active",
        "provider_name": format!("conn-{number}"), "identifiers": [], "in_sync": true
    })
}

fn page(call: &str, numbers: &[u32], next: Option<&str>) -> Answer {
    let items: Vec<Value> = numbers.iter().copied().map(provider).collect();
    Answer::json(call, 200, &json!({ "items": items, "next_cursor": next }))
}

#[test]
fn a_list_is_complete_over_all_pages() {
    let path = pool_path("/providers");
    let server = Server::start(vec![
        page(&format!("GET {path}?limit=100"), &[5, 4], Some("NA")),
        page(&format!("GET {path}?limit=100&cursor=NA"), &[3], Some("Mw")),
        page(&format!("GET {path}?limit=100&cursor=Mw"), &[2, 1], None),
    ]);
    let ended = run(&server, &["providers", TENANT, crate::POOL, "--json"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    let expected: Vec<Value> = [5, 4, 3, 2, 1].map(provider).to_vec();
    assert_eq!(ended.json(), json!({ "items": expected, "next_cursor": null }));
    server.assert_all_given();
}

#[test]
fn a_limit_ends_a_list_early_and_the_cursor_says_where() {
    let path = pool_path("/providers");
    let server = Server::start(vec![
        page(&format!("GET {path}?limit=3"), &[5, 4], Some("NA")),
        page(&format!("GET {path}?limit=1&cursor=NA"), &[3], Some("Mw")),
    ]);
    let ended = run(&server, &["providers", TENANT, crate::POOL, "--limit", "3", "--json"]);
    assert_eq!(ended.json()["items"].as_array().unwrap().len(), 3);
    assert_eq!(ended.json()["next_cursor"], "Mw");
    server.assert_all_given();
}

#[test]
fn for_people_a_list_is_a_table() {
    let server = Server::start(vec![page(&format!("GET {}?limit=100", pool_path("/providers")), &[1], None)]);
    let ended = run(&server, &["providers", TENANT, crate::POOL]);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert!(lines[0].starts_with("NAME ") && lines[0].ends_with(" CONNECTION"), "{}", ended.stdout);
    let cells: Vec<&str> = lines[1].split_whitespace().collect();
    assert_eq!(cells, ["-", "active", "yes", "conn_1"]);
    let told = "\nconn-1\n  of the organization org_1\n  offered by ?\n";
    assert!(ended.stdout.ends_with(told), "{}", ended.stdout);
}

#[test]
fn what_can_not_be_read_of_a_list_is_named_below_it() {
    let unreadable = json!([{ "item": "POOL#eu-west-1_a/CLAIM#conn_9", "message": "invalid type: integer" }]);
    let body = json!({ "items": [provider(1)], "next_cursor": null, "unreadable": unreadable });
    let path = format!("GET {}?limit=100", pool_path("/providers"));
    let answers = || vec![Answer::json(&path, 200, &body)];
    let server = Server::start(answers());
    let ended = run(&server, &["providers", TENANT, crate::POOL]);
    assert!(
        ended.stdout.contains(" conn_1\n") && ended.stdout.contains("CLAIM#conn_9\n  invalid type"),
        "{}",
        ended.stdout
    );
    let server = Server::start(answers());
    assert_eq!(run(&server, &["providers", TENANT, crate::POOL, "--json"]).json()["unreadable"], unreadable);
}

#[test]
fn a_run_is_found_on_whatever_page_it_is() {
    let path = pool_path("/runs");
    let run_of = |id: &str| {
        json!({"id": id, "started_at": "2026-11-22T12:00:00.000Z", "finished_at": "2026-11-22T12:00:01.000Z",
               "cause": "api", "outcome": "changed", "steps": [], "failures": []})
    };
    let pages = || {
        vec![
            Answer::json(&format!("GET {path}?limit=100"), 200, &json!({"items": [run_of("B")], "next_cursor": "Qg"})),
            Answer::json(
                &format!("GET {path}?limit=100&cursor=Qg"),
                200,
                &json!({"items": [run_of("A")], "next_cursor": null}),
            ),
        ]
    };
    let ended = run(&Server::start(pages()), &["runs", TENANT, crate::POOL, "A"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.starts_with("Run A (api)"), "{}", ended.stdout);
    let ended = run(&Server::start(pages()), &["runs", TENANT, crate::POOL, "C"]);
    assert_eq!(ended.code, 3);
}

#[test]
fn sign_ins_are_a_table_of_one_connection_with_what_to_do_about_each_error_once() {
    let sign_in = |outcome: &str, error: Value| {
        json!({"id": "01", "at": "2026-11-22T12:00:00.000Z", "connection_id": "conn_1", "outcome": outcome,
               "error": error, "cut": []})
    };
    let refused = json!({"code": "access_denied", "message": "Assign the user in the identity provider."});
    let items = [sign_in("failed", refused.clone()), sign_in("failed", refused), sign_in("succeeded", Value::Null)];
    let call = format!("GET {}?connection_id=conn_1&limit=100", pool_path("/sign-ins"));
    let server = Server::start(vec![Answer::json(&call, 200, &json!({"items": items, "next_cursor": null}))]);
    let ended = run(&server, &["sign-ins", TENANT, crate::POOL, "--connection", "conn_1"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.stdout.matches("access_denied").count(), 3, "{}", ended.stdout);
    assert_eq!(ended.stdout.matches("Assign the user").count(), 1, "{}", ended.stdout);
    assert_eq!(run(&server, &["sign-ins", TENANT, crate::POOL, "--connection", "a/b"]).code, 2);
}
