//! What is sent: signatures, secrets, and what is sent again.

use std::{fs, process::Stdio};

use serde_json::json;

use crate::{
    POOL, TENANT, causeway, ended, pool_path, run, run_with_input,
    scripted_server::{Answer, Server},
};

const CREATE: [&str; 8] = ["tenants", "create", "--name", "Example", "--client-id", "client_1", "--api-key-from", "-"];

fn created() -> Answer {
    let tenant = json!({
        "id": TENANT, "name": "Example", "external_id": "causeway-0f", "webhook_url": "https://a.example/webhooks/t",
        "workos": {"client_id": "client_1", "has_api_key": true},
        "created_at": "2026-11-22T12:00:00.000Z", "updated_at": "2026-11-22T12:00:00.000Z"
    });
    Answer::json("POST /v1/tenants", 201, &tenant)
}

#[test]
fn a_call_is_signed_for_api_gateway_in_the_region_with_the_session_token() {
    let server = Server::start(vec![]);
    run(&server, &["tenants", "show", TENANT]);
    let request = server.requests().remove(0);
    assert_eq!(server.calls(), [format!("GET /v1/tenants/{TENANT}")]);
    let authorization = request.header("authorization").unwrap();
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"), "{authorization}");
    assert!(authorization.contains("/eu-west-1/execute-api/aws4_request"), "{authorization}");
    assert_eq!(request.header("x-amz-security-token"), Some("the-session-token"));

    run(&server, &["tenants", "show", TENANT, "--region", "eu-north-1"]);
    assert!(server.requests()[1].header("authorization").unwrap().contains("/eu-north-1/"));
}

#[test]
fn the_credentials_of_a_profile_s_credential_process_are_used() {
    let file = std::env::temp_dir().join(format!("causeway-profile-{}", std::process::id()));
    let process = r#"printf '{"Version":1,"AccessKeyId":"AKIDPROCESS","SecretAccessKey":"s"}'"#;
    fs::write(&file, format!("[profile operator]\nregion = eu-south-1\ncredential_process = {process}\n")).unwrap();
    let server = Server::start(vec![]);
    let mut command = causeway(&server, &["tenants", "show", TENANT, "--profile", "operator"]);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY").env_remove("AWS_REGION");
    ended(command.env("AWS_CONFIG_FILE", &file).env("PATH", "/usr/bin:/bin").stdin(Stdio::null()).output().unwrap());
    fs::remove_file(file).unwrap();
    let requests = server.requests();
    let authorization = requests[0].header("authorization").unwrap();
    assert!(authorization.contains("Credential=AKIDPROCESS/"), "{authorization}");
    assert!(authorization.contains("/eu-south-1/"), "{authorization}");
}

#[test]
fn a_key_from_standard_input_is_sent_and_shown_nowhere() {
    let server = Server::start(vec![created()]);
    let ended = run_with_input(&server, &CREATE, "sk_canary\n");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let body = json!({"name": "Example", "workos": {"client_id": "client_1", "api_key": "sk_canary"}});
    assert_eq!(server.requests()[0].body(), body);
    assert!(!ended.stdout.contains("sk_canary") && !ended.stderr.contains("sk_canary"));
}

#[test]
fn a_key_comes_from_a_file_or_the_environment_too_and_an_empty_one_is_refused() {
    let file = std::env::temp_dir().join(format!("causeway-key-{}", std::process::id()));
    fs::write(&file, "sk_file\n").unwrap();
    let server = Server::start(vec![created(), created()]);
    for (source, key) in [(file.to_str().unwrap(), "sk_file"), ("env:EXAMPLE_KEY", "sk_variable")] {
        let mut arguments = CREATE;
        arguments[7] = source;
        let mut command = causeway(&server, &arguments);
        ended(command.env("EXAMPLE_KEY", "sk_variable").output().unwrap());
        assert_eq!(server.requests().last().unwrap().body()["workos"]["api_key"], key);
    }
    fs::remove_file(file).unwrap();
    let before = server.requests().len();
    assert_eq!(run_with_input(&server, &CREATE, "\n").code, 2);
    assert_eq!(server.requests().len(), before, "something was called");
}

#[test]
fn a_creation_is_sent_again_with_the_same_key_until_it_is_answered() {
    let unavailable = json!({"title": "Service Unavailable", "status": 503, "detail": "not available at the moment"});
    let server = Server::start(vec![
        Answer::with_headers("POST /v1/tenants", 503, "retry-after: 0\r\n", &unavailable),
        Answer::nothing("POST /v1/tenants"),
        created(),
    ]);
    let ended = run_with_input(&server, &CREATE, "sk_example");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let requests = server.requests();
    let keys: Vec<_> = requests.iter().map(|request| request.header("idempotency-key").unwrap()).collect();
    assert_eq!(keys.len(), 3);
    assert!(keys[0].len() >= 32 && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    assert_eq!(requests[2].body()["workos"]["api_key"], "sk_example");

    let server = Server::start(vec![created(), created()]);
    run_with_input(&server, &CREATE, "sk_example");
    run_with_input(&server, &[&CREATE[..], &["--idempotency-key", "of-my-own"]].concat(), "sk_example");
    let requests = server.requests();
    assert_ne!(requests[0].header("idempotency-key").unwrap(), keys[0], "another command is another creation");
    assert_eq!(requests[1].header("idempotency-key"), Some("of-my-own"));
}

#[test]
fn nothing_is_sent_before_the_arguments_are_right() {
    let server = Server::start(vec![]);
    for arguments in [
        vec!["pools", "create", TENANT, POOL],
        vec!["verify", POOL, TENANT],
        vec!["providers", TENANT, POOL, "--limit", "0"],
        vec!["tenants", "show", TENANT, "--api-url", "http://login.example.com"],
        vec!["tenants", "show", TENANT, "--api-url", ""],
        vec!["reconcile", TENANT, POOL, "--timeout", "5"],
    ] {
        let ended = run(&server, &arguments);
        assert_eq!(ended.code, 2, "{arguments:?}: {}", ended.stderr);
        assert!(!ended.stderr.is_empty());
    }
    assert!(server.calls().is_empty(), "{:?}", server.calls());
}

#[test]
fn a_role_is_printed_so_that_it_can_go_into_a_file() {
    let role = json!({"cloudformation": "AWSTemplateFormatVersion: x\n", "terraform": "resource {}\n",
                      "aws_cli": "aws iam", "trust_policy": {"Version": "2012-10-17"}, "permissions_policy": {}});
    let call = format!("GET {}", pool_path("/role"));
    let answers = (0..3).map(|_| Answer::json(&call, 200, &role)).collect();
    let server = Server::start(answers);
    assert_eq!(run(&server, &["role", TENANT, POOL]).stdout, "AWSTemplateFormatVersion: x\n");
    assert_eq!(run(&server, &["role", TENANT, POOL, "--form", "terraform"]).stdout, "resource {}\n");
    assert_eq!(run(&server, &["role", TENANT, POOL, "--json"]).json(), role);
}
