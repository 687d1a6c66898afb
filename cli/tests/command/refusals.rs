//! What goes wrong ends with a code and a message.

use std::process::{Command, Stdio};

use serde_json::json;

use crate::{
    TENANT, causeway, ended, run,
    scripted_server::{Answer, Server},
};

#[test]
fn each_kind_of_refusal_has_its_exit_code() {
    for (status, code) in [(400, 2), (422, 2), (404, 3), (401, 4), (403, 4), (502, 4), (409, 5), (412, 5), (500, 1)] {
        let call = format!("GET /v1/tenants/{TENANT}");
        let problem = json!({"type": "about:blank", "title": "T", "status": status, "detail": "the reason"});
        let server = Server::start(vec![Answer::json(&call, status, &problem)]);
        let ended = run(&server, &["tenants", "show", TENANT]);
        assert_eq!(ended.code, code, "{status}");
        assert_eq!(ended.stdout, "");
        assert!(ended.stderr.starts_with("error: the reason\n"), "{}", ended.stderr);
        assert_eq!(server.calls().len(), 1, "{status} was tried again");
    }
}

#[test]
fn a_refusal_names_the_field_and_a_script_gets_the_problem_itself() {
    let problem = json!({"type": "about:blank", "title": "Bad Request", "status": 400, "field": "limit",
                         "detail": "a limit is a number from 1 to 100"});
    let call = "GET /v1/tenants?limit=100";
    let server = Server::start(vec![Answer::json(call, 400, &problem), Answer::json(call, 400, &problem)]);
    let ended = run(&server, &["tenants", "list"]);
    assert!(ended.stderr.starts_with("error: limit: a limit is a number from 1 to 100\n"), "{}", ended.stderr);
    let ended = run(&server, &["tenants", "list", "--json"]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&ended.stderr).unwrap(), problem);
}

#[test]
fn what_stays_unavailable_is_given_up_after_four_attempts() {
    let call = format!("GET /v1/tenants/{TENANT}");
    let problem = json!({"status": 503, "detail": "not available at the moment"});
    let answers = (0..9).map(|_| Answer::with_headers(&call, 503, "retry-after: 0\r\n", &problem)).collect();
    let server = Server::start(answers);
    assert_eq!(run(&server, &["tenants", "show", TENANT]).code, 7);
    assert_eq!(server.calls().len(), 4);
}

#[test]
fn without_credentials_nothing_is_called() {
    let server = Server::start(vec![]);
    let mut command = causeway(&server, &["tenants", "list"]);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY").env_remove("AWS_SESSION_TOKEN");
    let ended = ended(command.stdin(Stdio::null()).output().unwrap());
    assert_eq!(ended.code, 4, "{}", ended.stderr);
    assert!(ended.stderr.contains("no AWS credentials"), "{}", ended.stderr);
    assert!(server.calls().is_empty());
}

#[test]
fn an_answer_of_another_form_is_a_failure_that_says_so() {
    let call = format!("GET /v1/tenants/{TENANT}");
    let server = Server::start(vec![Answer::json(&call, 200, &json!("a page of somebody else's"))]);
    let ended = run(&server, &["tenants", "show", TENANT]);
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("can't read"), "{}", ended.stderr);
}

#[test]
fn completions_need_neither_a_deployment_nor_credentials() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_causeway"));
        let ended = ended(command.args(["completions", shell]).env_clear().output().unwrap());
        assert_eq!(ended.code, 0, "{shell}: {}", ended.stderr);
        assert!(ended.stdout.contains("reconcile"), "{shell}");
    }
}
