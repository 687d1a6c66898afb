//! A user pool that moves: what is exported of it, and that it is taken over whole or not at all.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use crate::{
    POOL, TENANT, pool_path, run,
    scripted_server::{Answer, Server},
};

const OLD: &str = "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2A";

fn provider(number: usize) -> Value {
    json!({
        "connection_id": format!("conn_{number}"), "organization_id": "org_1", "provider_name": format!("conn-{number}"),
        "issuer": format!("https://old.example/oidc/{OLD}/conn_{number}"), "subject": "profile_id"
    })
}

fn pool(mode: &str) -> Value {
    json!({
        "tenant_id": OLD, "user_pool_id": POOL, "mode": mode, "app_clients": ["1a"], "domain_identifiers": true,
        "attribute_mapping": {"custom:it's": "raw.it", "email": "email", "username": "sub"},
        "clear_missing_attributes": false
    })
}

fn export(providers: usize) -> Value {
    let providers: Vec<Value> = (0..providers).map(provider).collect();
    json!({ "format_version": 1, "exported_at": "2026-11-22T12:00:00.000Z", "pool": pool("paused"), "providers": providers })
}

/// A file that is gone with the test.
struct File(PathBuf);

impl File {
    fn of(name: &str, bytes: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("causeway-{name}-{}", std::process::id()));
        fs::write(&path, bytes).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn old_pool(mode: &str, rest: &str) -> Answer {
    let mut shown = pool(mode);
    for (member, value) in [
        ("account_id", json!("222222222222")),
        ("role_name", json!("CausewayLogin")),
        ("organizations", json!(["org_1"])),
        ("name", json!("logins")),
    ] {
        shown[member] = value;
    }
    Answer::json(&format!("GET /v1/tenants/{OLD}/user-pools/{POOL}{rest}"), 200, &shown)
}

fn listed(items: &Value, unreadable: &Value) -> Answer {
    let mut list = json!({ "items": items, "next_cursor": null });
    if !unreadable.is_null() {
        list["unreadable"] = unreadable.clone();
    }
    Answer::json(&format!("GET /v1/tenants/{OLD}/user-pools/{POOL}/providers?limit=100"), 200, &list)
}

/// A provider as the API lists it, with more than is exported.
fn shown(number: usize) -> Value {
    let mut shown = provider(number);
    shown["name"] = json!("Acme");
    shown["in_sync"] = json!(true);
    shown
}

#[test]
fn an_export_has_what_another_deployment_compares_and_says_what_comes_next() {
    let server = Server::start(vec![listed(&json!([shown(0), shown(1)]), &Value::Null), old_pool("paused", "")]);
    let ended = run(&server, &["export", OLD, POOL]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let mut exported = ended.json();
    exported["exported_at"] = export(2)["exported_at"].clone();
    assert_eq!(exported, export(2));
    for told in [
        "pools create TENANT eu-west-1_AbCdEf123 \\\n       --account-id 222222222222 \\\n       --role-name CausewayLogin",
        "--mode observe \\\n       --app-client 1a \\\n       --organization org_1 \\\n       --domain-identifiers",
        r"--attribute 'custom:it'\''s=raw.it'",
        "causeway role TENANT",
        "--all --from FILE",
        "causeway pools remove tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2A eu-west-1_AbCdEf123 --providers keep",
    ] {
        assert!(ended.stderr.contains(told), "{told}: {}", ended.stderr);
    }
    assert!(!ended.stderr.contains("--attribute username"), "{}", ended.stderr);
}

#[test]
fn an_export_of_a_pool_that_runs_may_change_says_how_to_pause_it() {
    let server = Server::start(vec![listed(&json!([shown(0)]), &Value::Null), old_pool("sync", "")]);
    let ended = run(&server, &["export", OLD, POOL]);
    assert_eq!((ended.code, &ended.json()["pool"]["mode"]), (0, &json!("sync")));
    assert!(ended.stderr.contains(&format!("causeway pools update {OLD} {POOL} --mode paused")), "{}", ended.stderr);
    let file = File::of("sync", ended.stdout.as_bytes());
    let server = Server::start(vec![]);
    let refused = run(&server, &["adopt", TENANT, POOL, "--all", "--from", file.path(), "--yes"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(
        refused.stderr.contains(&format!("causeway pools update {OLD} {POOL} --mode paused")),
        "{}",
        refused.stderr
    );
    assert!(server.calls().is_empty());
}

#[test]
fn a_part_of_a_pool_that_can_not_be_read_is_not_left_out_of_an_export() {
    let unreadable = json!([{ "item": "POOL#a/CLAIM#conn_9", "message": "invalid type" }]);
    let server = Server::start(vec![listed(&json!([shown(0)]), &unreadable), old_pool("paused", "")]);
    let ended = run(&server, &["export", OLD, POOL]);
    assert_eq!((ended.code, ended.stdout.as_str()), (6, ""));
    assert!(ended.stderr.contains("CLAIM#conn_9"), "{}", ended.stderr);
    // A release that does not say what `sub` is can't be exported by guessing.
    let mut older = shown(0);
    older.as_object_mut().unwrap().remove("subject");
    let server = Server::start(vec![listed(&json!([older]), &Value::Null), old_pool("paused", "")]);
    let ended = run(&server, &["export", OLD, POOL]);
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""), "{}", ended.stderr);
}

fn answer(status: u16, providers: &[Value], differences: &[Value], adopted: bool) -> Answer {
    let body = json!({ "adopted": adopted, "providers": providers, "differences": differences });
    Answer::json(&format!("POST {}", pool_path("/adoptions")), status, &body)
}

fn compared(number: usize, adopted: bool) -> Value {
    json!({
        "provider_name": format!("conn-{number}"), "connection_id": format!("conn_{number}"), "organization_id": "org_1",
        "subject": "profile_id", "issuer": {"before": "https://old.example/a", "after": "https://new.example/a"},
        "changes": [], "adopted": adopted
    })
}

#[test]
fn all_parts_are_compared_before_the_first_is_taken_over() {
    let all = |numbers: std::ops::Range<usize>, adopted| {
        answer(200, &numbers.map(|number| compared(number, adopted)).collect::<Vec<_>>(), &[], adopted)
    };
    let server = Server::start(vec![all(0..25, false), all(25..30, false), all(0..25, true), all(25..30, true)]);
    let file = File::of("parts", export(30).to_string().as_bytes());
    let ended = run(&server, &["adopt", TENANT, POOL, "--all", "--from", file.path(), "--yes"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let sent: Vec<(usize, Value)> = server
        .requests()
        .iter()
        .map(|request| (request.body()["providers"].as_array().unwrap().len(), request.body()["dry_run"].clone()))
        .collect();
    let (yes, no) = (json!(true), Value::Null);
    assert_eq!(sent, [(25, yes.clone()), (5, yes), (25, no.clone()), (5, no)]);
    assert_eq!(server.requests()[0].body()["pool"], pool("paused"));
    assert!(ended.stdout.contains("30 providers: Causeway's here"), "{}", ended.stdout);
    assert!(ended.stderr.contains(&format!("pools update {TENANT} {POOL} --mode sync")), "{}", ended.stderr);
    assert!(ended.stderr.contains(&format!("pools remove {OLD} {POOL} --providers keep")), "{}", ended.stderr);
}

#[test]
fn a_difference_in_any_part_takes_over_nothing() {
    let pool_differs =
        json!({ "provider_name": null, "connection_id": null, "message": "`app_clients` is another one" });
    let differs = json!({ "provider_name": "conn-28\u{1b}[2J", "connection_id": "conn_28", "message": "gone" });
    let server = Server::start(vec![
        answer(200, &[], std::slice::from_ref(&pool_differs), false),
        answer(200, &[], &[pool_differs, differs], false),
    ]);
    let file = File::of("differs", export(30).to_string().as_bytes());
    let ended = run(&server, &["adopt", TENANT, POOL, "--all", "--from", file.path(), "--yes"]);
    assert_eq!(ended.code, 6, "{}", ended.stderr);
    assert!(ended.stdout.contains("2 differences: nothing is adopted"), "{}", ended.stdout);
    assert!(ended.stdout.contains("conn-28\u{fffd}[2J: gone"), "{}", ended.stdout);
    assert!(server.requests().iter().all(|request| request.body()["dry_run"] == true));
}

#[test]
fn a_call_that_fails_on_the_way_says_that_the_same_command_goes_on() {
    let refused =
        Answer::json(&format!("POST {}", pool_path("/adoptions")), 502, &json!({"status": 502, "detail": "denied"}));
    let server = Server::start(vec![answer(200, &[compared(0, false)], &[], false), refused]);
    let file = File::of("fails", export(1).to_string().as_bytes());
    let ended = run(&server, &["adopt", TENANT, POOL, "--all", "--from", file.path(), "--yes"]);
    assert_eq!(ended.code, 4, "{}", ended.stderr);
    assert!(ended.stderr.contains("Send the same command again"), "{}", ended.stderr);
}

#[test]
fn a_file_that_is_no_export_of_this_pool_is_refused_before_anything_is_called() {
    let mut twice = export(2);
    twice["providers"][1] = twice["providers"][0].clone();
    let mut other = export(1);
    other["pool"]["user_pool_id"] = json!("eu-west-1_Other");
    let mut named = export(1);
    named["providers"][0]["provider_name"] = json!("a\u{1b}[2Jb");
    let huge = vec![b' '; 9 * 1024 * 1024];
    for (name, bytes) in [
        ("twice", twice.to_string().into_bytes()),
        ("other", other.to_string().into_bytes()),
        ("named", named.to_string().into_bytes()),
        ("text", b"\x1b[31mhello".to_vec()),
        ("empty", Vec::new()),
        ("huge", huge),
    ] {
        let (server, file) = (Server::start(vec![]), File::of(name, &bytes));
        let ended = run(&server, &["adopt", TENANT, POOL, "--all", "--from", file.path(), "--yes"]);
        assert_eq!(ended.code, 2, "{name}: {}", ended.stderr);
        assert!(!ended.stderr.contains('\u{1b}') && server.calls().is_empty(), "{name}: {}", ended.stderr);
    }
    let server = Server::start(vec![]);
    assert_eq!(run(&server, &["adopt", TENANT, POOL, "--all", "--from", "/nowhere/at-all", "--yes"]).code, 1);
    for arguments in [
        vec!["adopt", TENANT, POOL, "--all"],
        vec!["adopt", TENANT, POOL, "Okta", "--from", "x"],
        vec!["adopt", TENANT, POOL, "--all", "--from", "x", "--subject", "idp-id"],
        vec!["adopt", TENANT, POOL, "--all", "--from", "x", "--connection", "conn_1"],
        vec!["adopt"],
    ] {
        assert_eq!(run(&server, &arguments).code, 2, "{arguments:?}");
    }
}
