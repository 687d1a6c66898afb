//! Callbacks and webhook endpoints.

use causeway_core::health::ErrorClass;
use causeway_workos::{WebhookEndpoint, WorkosError};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::{
    client, everything_of, key, page,
    scripted_server::{Answer, Server},
};

const CALLBACKS: &str = "POST /user_management/redirect_uris";
const CREATE: &str = "POST /webhook_endpoints";
const LIST: &str = "GET /webhook_endpoints?";
const DELETE: &str = "DELETE /webhook_endpoints/we_1";
const URL: &str = "https://causeway.example/webhooks/tnt_1";

fn endpoint(id: &str, url: &str, secret: &str) -> Value {
    json!({
        "object": "webhook_endpoint", "id": id, "endpoint_url": url, "secret": secret, "status": "enabled",
        "events": ["connection.activated", "connection.deleted"],
    })
}

fn duplicate() -> Answer {
    Answer::json(CREATE, 409, &json!({ "code": "duplicate_endpoint", "message": "taken" }))
}

async fn register(answers: Vec<Answer>) -> (Result<WebhookEndpoint, WorkosError>, Server) {
    let server = Server::start(answers).await;
    let events = ["connection.deleted".to_owned()];
    (client(&server).register_webhook_endpoint(&key(), URL, &events).await, server)
}

#[tokio::test]
async fn already_registered_callbacks_are_success() {
    let answers = [
        (201, json!({ "object": "redirect_uri" })),
        (422, json!({ "message": "Redirect URI already exists", "code": "redirect_uri_already_exists" })),
        (422, json!({ "message": "Validation failed", "errors": [{ "message": "The URI Already Exists." }] })),
    ];
    for (status, body) in answers {
        let server = Server::start(vec![Answer::json(CALLBACKS, status, &body)]).await;
        client(&server).register_redirect_uri(&key(), "https://a.example/callback").await.unwrap();
        assert!(server.requests()[0].ends_with(r#"{"uri":"https://a.example/callback"}"#));
    }
}

#[tokio::test]
async fn a_callback_that_is_refused_for_another_reason_is_an_error() {
    for (status, message) in [(422, "uri is not valid"), (400, "already exists"), (401, "already exists")] {
        let server = Server::start(vec![Answer::json(CALLBACKS, status, &json!({ "message": message }))]).await;
        assert!(client(&server).register_redirect_uri(&key(), "x").await.is_err(), "{status} {message}");
    }
}

#[tokio::test]
async fn a_new_webhook_endpoint_comes_with_its_secret() {
    let (outcome, server) = register(vec![Answer::json(CREATE, 201, &endpoint("we_1", URL, "canary"))]).await;
    let endpoint = outcome.unwrap();
    assert_eq!((endpoint.id.as_str(), endpoint.secret.expose_secret()), ("we_1", "canary"));
    assert!(!format!("{endpoint:?}").contains("canary"));
    let request = server.requests().remove(0);
    let body: Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(body, json!({ "endpoint_url": URL, "events": ["connection.deleted"] }));
}

#[tokio::test]
async fn a_new_webhook_endpoint_without_a_whole_secret_is_an_error_that_does_not_show_it() {
    for secret in ["", "canary****"] {
        let (outcome, _) = register(vec![Answer::json(CREATE, 201, &endpoint("we_1", URL, secret))]).await;
        let error = outcome.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Rejected);
        assert!(!everything_of(&error).contains("canary"));
    }
    let odd = json!({ "id": "we_1", "secret": ["canary"] });
    let (outcome, _) = register(vec![Answer::json(CREATE, 201, &odd)]).await;
    assert!(!everything_of(&outcome.unwrap_err()).contains("canary"));
}

#[tokio::test]
async fn a_taken_webhook_endpoint_is_found_on_a_later_page_with_its_secret() {
    let (outcome, server) = register(vec![
        duplicate(),
        Answer::json(LIST, 200, &page(&[endpoint("we_0", "https://other.example", "other"), json!(1)], Some("next"))),
        Answer::json(LIST, 200, &page(&[endpoint("we_1", URL, "canary")], None)),
    ])
    .await;
    let endpoint = outcome.unwrap();
    assert_eq!((endpoint.id.as_str(), endpoint.secret.expose_secret()), ("we_1", "canary"));
    server.assert_all_given();
}

#[tokio::test]
async fn a_taken_webhook_endpoint_that_hides_its_secret_or_does_not_deliver_is_replaced() {
    let mut disabled = endpoint("we_1", URL, "old");
    disabled["status"] = json!("disabled");
    let mut other_events = endpoint("we_1", URL, "old");
    other_events["events"] = json!(["user.created"]);
    let mut without_secret = endpoint("we_1", URL, "old");
    without_secret.as_object_mut().unwrap().remove("secret");
    for taken in [endpoint("we_1", URL, "0123abcd****"), without_secret, disabled, other_events] {
        let (outcome, server) = register(vec![
            duplicate(),
            Answer::json(LIST, 200, &page(&[taken], None)),
            Answer::raw(DELETE, 204, "", b""),
            Answer::json(CREATE, 201, &endpoint("we_2", URL, "new")),
        ])
        .await;
        let endpoint = outcome.unwrap();
        assert_eq!((endpoint.id.as_str(), endpoint.secret.expose_secret()), ("we_2", "new"));
        server.assert_all_given();
    }
}

#[tokio::test]
async fn a_taken_webhook_endpoint_that_is_not_in_the_list_is_an_error_and_nothing_is_deleted() {
    let others =
        [endpoint("we_0", "https://other.example", "other"), endpoint("../organizations/org_1", URL, "canary****")];
    let (outcome, server) = register(vec![duplicate(), Answer::json(LIST, 200, &page(&others, None))]).await;
    assert_eq!(outcome.unwrap_err().class(), ErrorClass::Rejected);
    assert_eq!(server.calls().len(), 2);
}

#[tokio::test]
async fn a_webhook_endpoint_delivers_only_if_a_page_of_the_list_has_it_switched_on_with_its_url_and_events() {
    let mut disabled = endpoint("we_2", URL, "b");
    disabled["status"] = json!("disabled");
    let mut other_events = endpoint("we_2", URL, "b");
    other_events["events"] = json!(["user.created"]);
    let cases = [
        (endpoint("we_2", URL, "b"), true),
        (endpoint("we_3", URL, "b"), false),
        (endpoint("we_2", "https://other.example", "b"), false),
        (disabled, false),
        (other_events, false),
    ];
    for (listed, delivers) in cases {
        let server = Server::start(vec![
            Answer::json(LIST, 200, &page(&[endpoint("we_1", URL, "a"), json!({})], Some("next"))),
            Answer::json(LIST, 200, &page(&[listed], None)),
        ])
        .await;
        let events = ["connection.activated".to_owned()];
        let outcome = client(&server).webhook_endpoint_delivers(&key(), "we_2", URL, &events).await;
        assert_eq!(outcome.unwrap(), delivers);
        server.assert_all_given();
    }
}

#[tokio::test]
async fn webhook_endpoints_are_found_by_their_urls_on_every_page_whatever_they_deliver() {
    let second = format!("{URL}/1");
    let mut disabled = endpoint("we_2", &second, "b");
    disabled["status"] = json!("disabled");
    let server = Server::start(vec![
        Answer::json(LIST, 200, &page(&[endpoint("we_1", URL, "a"), json!({})], Some("next"))),
        Answer::json(LIST, 200, &page(&[disabled, endpoint("we_3", &format!("{URL}/2"), "c")], None)),
    ])
    .await;
    let found = client(&server).webhook_endpoints_of(&key(), &[URL.to_owned(), second].into()).await.unwrap();
    assert_eq!(found, ["we_1".to_owned(), "we_2".to_owned()].into());
    server.assert_all_given();
}
