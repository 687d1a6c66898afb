//! Redeeming codes, and telling whether a key belongs to a client.

use causeway_core::{
    health::ErrorClass,
    id::WorkosClientId,
    oidc::{pkce::PkceVerifier, profile::Profile},
};
use causeway_workos::{Workos, WorkosError};
use serde_json::{Value, json};

use crate::{
    client, connection_id, everything_of, key, page,
    scripted_server::{Answer, Server},
};

const TOKEN: &str = "POST /sso/token";
const CONNECTIONS: &str = "GET /connections?";
const CODE: &str = "canary_of_the_code";

fn client_id() -> WorkosClientId {
    "client_1".parse().unwrap()
}

fn token_answer() -> Value {
    json!({
        "token_type": "Bearer", "access_token": "canary_of_the_token", "expires_in": 600,
        "profile": {
            "object": "profile", "id": "prof_1", "connection_id": connection_id(1), "organization_id": "org_1",
            "connection_type": "TelepathyOIDC", "idp_id": "1", "email": "ann@a.example", "first_name": null,
            "last_name": null, "role": { "slug": "member" }, "groups": ["a"], "raw_attributes": { "x": 1 },
        },
        "oauth_tokens": { "access_token": "canary_of_the_provider" },
    })
}

fn verifier() -> PkceVerifier {
    PkceVerifier::new([7; 32])
}

async fn redeem(answers: Vec<Answer>) -> (Result<Profile, WorkosError>, Vec<String>) {
    let server = Server::start(answers).await;
    let outcome = client(&server).redeem_code(&client_id(), &key(), CODE, Some(&verifier())).await;
    (outcome, server.requests())
}

#[tokio::test]
async fn a_code_is_redeemed_as_json_without_anything_that_workos_does_not_ask_for() {
    let (outcome, requests) = redeem(vec![Answer::json(TOKEN, 200, &token_answer())]).await;
    let profile = outcome.unwrap();
    assert_eq!((profile.id.as_str(), profile.connection_id.as_str()), ("prof_1", connection_id(1).as_str()));
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    assert!(head.to_lowercase().contains("content-type: application/json"), "{head}");
    assert!(!head.to_lowercase().contains("authorization:"), "{head}");
    assert_eq!(
        serde_json::from_str::<Value>(body).unwrap(),
        json!({
            "client_id": "client_1", "client_secret": crate::KEY, "code": CODE, "grant_type": "authorization_code",
            "code_verifier": verifier().expose(),
        })
    );
}

#[tokio::test]
async fn a_code_that_was_sent_is_never_sent_again() {
    let failures = [
        (Answer::nothing(TOKEN), ErrorClass::Transient),
        (Answer::json(TOKEN, 429, &json!({})), ErrorClass::Throttled),
        (Answer::json(TOKEN, 500, &json!({})), ErrorClass::Transient),
        (Answer::raw(TOKEN, 200, "content-length: 9\r\n", b"{"), ErrorClass::Transient),
    ];
    for (failure, class) in failures {
        let (outcome, requests) = redeem(vec![failure, Answer::json(TOKEN, 200, &token_answer())]).await;
        assert_eq!((outcome.unwrap_err().class(), requests.len()), (class, 1));
    }
}

#[tokio::test]
async fn a_code_is_refused_where_workos_says_so_of_the_code_and_of_nothing_else() {
    for (status, error, refused) in [
        (400, "invalid_grant", true),
        (400, "invalid_code", true),
        (400, "expired_code", true),
        (400, "invalid_request", false),
        (400, "invalid_client", false),
        (400, "", false),
        (401, "invalid_grant", false),
        (429, "invalid_grant", false),
        (500, "invalid_grant", false),
    ] {
        let (outcome, _) = redeem(vec![Answer::json(TOKEN, status, &json!({ "error": error }))]).await;
        assert_eq!(outcome.unwrap_err().refuses_code(), refused, "{status} {error}");
    }
}

#[tokio::test]
async fn no_secret_shows_in_the_error_of_a_refused_code() {
    let refusal = json!({
        "error": "invalid_grant",
        "error_description": format!("The code '{CODE}' has expired or is invalid for {}.", crate::KEY),
    });
    let (outcome, _) = redeem(vec![Answer::json(TOKEN, 400, &refusal)]).await;
    let error = outcome.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Rejected);
    let shown = everything_of(&error);
    assert!(!shown.contains("canary"), "{shown}");
    assert!(shown.contains("POST /sso/token: WorkOS answered 400 invalid_grant: The code '[hidden]'"), "{shown}");
}

#[tokio::test]
async fn no_secret_shows_in_the_error_of_an_answer_that_cannot_be_read() {
    let mut odd_connection = token_answer();
    odd_connection["profile"]["connection_id"] = json!("a canary");
    for answer in [odd_connection, json!({ "profile": "canary" }), json!("canary"), json!(["canary"])] {
        let (outcome, _) = redeem(vec![Answer::json(TOKEN, 200, &answer)]).await;
        let error = outcome.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Rejected);
        assert!(!everything_of(&error).contains("canary"), "{}", everything_of(&error));
    }
    let (outcome, _) = redeem(vec![Answer::raw(TOKEN, 200, "", b"canary {")]).await;
    assert!(!everything_of(&outcome.unwrap_err()).contains("canary"));
    let (outcome, _) = redeem(vec![Answer::json(TOKEN, 200, &json!({ "access_token": "canary" }))]).await;
    let error = outcome.unwrap_err();
    assert!(error.to_string().contains("profile: missing"), "{error}");
    assert!(!everything_of(&error).contains("canary"));
}

async fn belongs(answers: Vec<Answer>) -> Result<bool, WorkosError> {
    let server = Server::start(answers).await;
    client(&server).key_belongs_to_client(&client_id(), &key()).await
}

#[tokio::test]
async fn a_key_belongs_to_a_client_whose_made_up_code_is_refused_as_a_code() {
    for (status, error) in [(400, "invalid_grant"), (400, "invalid_code"), (404, ""), (422, "")] {
        let refused = Answer::json(TOKEN, status, &json!({ "error": error }));
        let listed = Answer::json(CONNECTIONS, 200, &page(&[], None));
        assert!(belongs(vec![refused, listed]).await.unwrap(), "{status} {error}");
    }
}

#[tokio::test]
async fn a_key_does_not_belong_to_a_client_that_is_refused() {
    for (status, error) in [(400, "invalid_client"), (400, "unauthorized_client"), (401, ""), (403, "")] {
        let refused = Answer::json(TOKEN, status, &json!({ "error": error }));
        let listed = Answer::json(CONNECTIONS, 200, &page(&[], None));
        assert!(!belongs(vec![refused, listed]).await.unwrap(), "{status} {error}");
    }
}

#[tokio::test]
async fn a_key_that_may_not_list_connections_does_not_do() {
    for status in [401, 403] {
        let refused = Answer::json(TOKEN, 400, &json!({ "error": "invalid_grant" }));
        let denied = Answer::json(CONNECTIONS, status, &json!({}));
        assert!(!belongs(vec![refused, denied]).await.unwrap(), "{status}");
    }
}

#[tokio::test]
async fn a_failure_says_nothing_about_a_key() {
    let throttled = || Answer::json(TOKEN, 429, &json!({ "error": "invalid_client" }));
    let error = belongs(vec![throttled(), throttled(), throttled()]).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Throttled);
    let error = belongs(vec![Answer::json(TOKEN, 500, &json!({ "error": "invalid_client" }))]).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Transient);
    assert!(belongs(vec![Answer::json(TOKEN, 200, &token_answer())]).await.is_err());
}

#[tokio::test]
async fn a_code_is_sent_again_where_no_connection_could_be_made() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let begun = std::time::Instant::now();
    let error =
        Workos::new(base).unwrap().redeem_code(&client_id(), &key(), CODE, Some(&verifier())).await.unwrap_err();
    assert!(begun.elapsed() >= std::time::Duration::from_millis(600), "two pauses of 200 and 400 ms");
    assert!(matches!(error, WorkosError::Unreachable { .. }), "{error:?}");
    assert!(!everything_of(&error).contains("canary"));
}
