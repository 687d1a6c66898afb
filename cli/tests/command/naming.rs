//! Tenants and user pools by name, and those that are chosen for all commands.

use std::{env, fs, path::PathBuf, process};

use serde_json::{Value, json};

use crate::{
    Ended, POOL, TENANT, causeway, ended, pool_path, run,
    scripted_server::{Answer, Server},
};

const OTHER: &str = "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2P";

fn tenants(all: &[(&str, &str)]) -> Answer {
    let items: Vec<Value> = all.iter().map(|(id, name)| json!({ "id": id, "name": name })).collect();
    Answer::json("GET /v1/tenants?limit=100", 200, &json!({ "items": items, "next_cursor": null }))
}

fn pools(all: &[(&str, Option<&str>)]) -> Answer {
    let items: Vec<Value> = all.iter().map(|(id, name)| json!({ "user_pool_id": id, "name": name })).collect();
    let path = format!("GET /v1/tenants/{TENANT}/user-pools?limit=100");
    Answer::json(&path, 200, &json!({ "items": items, "next_cursor": null }))
}

fn planned() -> Answer {
    let plan = json!({ "hash": "4f53", "notes": [], "steps": [] });
    Answer::json(&format!("POST {}", pool_path("/reconcile")), 200, &plan)
}

fn verified() -> Answer {
    let answer = json!({ "status": "active", "checks": [] });
    Answer::json(&format!("POST {}", pool_path("/verify")), 200, &answer)
}

/// A folder of a test's own for what is chosen.
fn folder(name: &str) -> PathBuf {
    let folder = env::temp_dir().join(format!("causeway-naming-{}-{name}", process::id()));
    let _ = fs::remove_dir_all(&folder);
    folder
}

fn run_in(folder: &PathBuf, server: &Server, arguments: &[&str]) -> Ended {
    ended(causeway(server, arguments).env("XDG_CONFIG_HOME", folder).output().unwrap())
}

#[test]
fn a_name_leads_to_the_ids_and_goes_into_no_path() {
    let name = "Acme/../../health?x=1";
    let server =
        Server::start(vec![tenants(&[(OTHER, "Acme"), (TENANT, name)]), pools(&[(POOL, Some("Logins"))]), planned()]);
    let ended = run(&server, &["plan", name, "log"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    server.assert_all_given();
}

#[test]
fn what_changes_something_takes_a_whole_name_and_shows_the_whole_ids_before() {
    let all = || vec![tenants(&[(TENANT, "Acme")]), pools(&[(POOL, Some("Logins"))]), verified()];
    let server = Server::start(all());
    let whole = run(&server, &["verify", "Acme", "Logins"]);
    assert_eq!(whole.code, 0, "{}", whole.stderr);
    let told = format!("tenant {TENANT} \"Acme\", user pool {POOL} \"Logins\"");
    assert!(whole.stderr.contains(&told), "{}", whole.stderr);
    for line in [["verify", "Acm", "Logins"], ["verify", "Acme", "Log"]] {
        let server = Server::start(all());
        let begun = run(&server, &line);
        assert_eq!(begun.code, 3, "{}", begun.stderr);
        assert!(server.calls().iter().all(|call| call.starts_with("GET ")), "{:?}", server.calls());
    }
}

#[test]
fn two_alike_are_refused_with_both_ids_and_nothing_is_done() {
    for line in [["verify", "Acme", "Logins"], ["plan", "ac", "Logins"]] {
        let server = Server::start(vec![tenants(&[(TENANT, "Acme"), (OTHER, "Acme")])]);
        let ended = run(&server, &line);
        assert_eq!(ended.code, 2, "{}", ended.stderr);
        assert!(ended.stderr.contains(TENANT) && ended.stderr.contains(OTHER), "{}", ended.stderr);
        assert_eq!(server.calls().len(), 1);
    }
}

#[test]
fn ids_need_no_list_and_one_in_the_others_place_is_refused_before_anything_is_called() {
    let server = Server::start(vec![verified()]);
    let ended = run(&server, &["verify", TENANT, POOL]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    let server = Server::start(Vec::new());
    for line in [["verify", POOL, TENANT], ["verify", POOL, POOL]] {
        assert_eq!(run(&server, &line).code, 2, "{line:?}");
    }
    assert!(server.calls().is_empty(), "{:?}", server.calls());
}

#[test]
fn what_is_chosen_is_what_commands_are_about_that_name_nothing() {
    let folder = folder("chosen");
    let shown = |path: &str, name: &str| Answer::json(&format!("GET {path}"), 200, &json!({ "name": name }));
    let chosen = || vec![shown(&format!("/v1/tenants/{TENANT}"), "Acme"), shown(&pool_path(""), "Logins")];
    let mut answers = vec![tenants(&[(TENANT, "Acme, production")]), pools(&[(POOL, Some("Logins"))])];
    answers.extend(chosen().into_iter().chain(chosen()));
    answers.extend([planned(), verified(), pools(&[(POOL, Some("Logins"))]), verified()]);
    let server = Server::start(answers);
    let nothing = run_in(&folder, &server, &["plan"]);
    assert!(nothing.code == 2 && nothing.stderr.contains("causeway use"), "{}", nothing.stderr);
    assert_eq!(run_in(&folder, &server, &["use"]).stdout, "Nothing is chosen.\n");
    // The only user pool of the tenant is chosen with it.
    for line in [&["use", "acme"][..], &["use"]] {
        let ended = run_in(&folder, &server, line);
        assert_eq!(
            ended.stdout,
            format!("tenant {TENANT} \"Acme\"\nuser pool {POOL} \"Logins\"\n"),
            "{}",
            ended.stderr
        );
    }
    assert_eq!(run_in(&folder, &server, &["plan"]).code, 0);
    let changed = run_in(&folder, &server, &["verify"]);
    assert!(changed.stderr.contains(&format!("tenant {TENANT}, user pool {POOL}")), "{}", changed.stderr);
    assert_eq!(run_in(&folder, &server, &["verify", "Logins"]).code, 0);
    server.assert_all_given();
    for line in
        [&["tenants", "remove", "--yes"][..], &["pools", "remove", "--yes"], &["pools", "remove", "Logins", "--yes"]]
    {
        let refused = run_in(&folder, &server, line);
        assert!(refused.code == 2 && refused.stderr.contains("name the tenant"), "{line:?}: {}", refused.stderr);
    }
    assert_eq!(run_in(&folder, &server, &["use", "--none"]).stdout, "Nothing is chosen.\n");
    assert_eq!(run_in(&folder, &server, &["plan"]).code, 2);
    // Another deployment has nothing of it.
    let other = Server::start(Vec::new());
    assert_eq!(run_in(&folder, &other, &["plan"]).code, 2);
    assert!(other.calls().is_empty());
}

#[test]
fn of_several_user_pools_none_is_chosen_unasked() {
    let folder = folder("several");
    let shown = Answer::json(&format!("GET /v1/tenants/{TENANT}"), 200, &json!({ "name": "Acme" }));
    let server = Server::start(vec![pools(&[(POOL, None), ("eu-west-1_b", None)]), shown]);
    let ended = run_in(&folder, &server, &["use", TENANT]);
    assert_eq!(ended.stdout, format!("tenant {TENANT} \"Acme\"\n"), "{}", ended.stderr);
    assert_eq!(run_in(&folder, &server, &["verify"]).code, 2);
    server.assert_all_given();
}
