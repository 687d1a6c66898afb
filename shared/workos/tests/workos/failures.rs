//! What is tried again, what is not, and what an error says.

use std::time::{Duration, Instant};

use causeway_core::health::ErrorClass;
use causeway_telemetry::{Metric, measured};
use causeway_workos::{Workos, WorkosError};
use secrecy::SecretString;
use serde_json::json;
use tokio::net::TcpListener;

use crate::{
    client, connection, everything_of, key, page,
    scripted_server::{Answer, Server},
};

const CONNECTIONS: &str = "GET /connections?";
const CALLBACKS: &str = "POST /user_management/redirect_uris";

async fn snapshot_error(answers: Vec<Answer>) -> (WorkosError, usize) {
    let server = Server::start(answers).await;
    let error = client(&server).snapshot(&key(), false).await.unwrap_err();
    (error, server.calls().len())
}

#[tokio::test]
async fn a_truncated_body_is_transient() {
    let whole = page(&[connection(1)], None).to_string();
    let half = &whole.as_bytes()[..whole.len() / 2];
    let announced = format!("content-length: {}\r\n", whole.len());
    let cut = || Answer::raw(CONNECTIONS, 200, &announced, half);
    let (error, calls) = snapshot_error(vec![cut(), cut(), cut()]).await;
    assert_eq!((error.class(), calls), (ErrorClass::Transient, 3));
    // Without a length nothing but the JSON itself tells that its end is missing.
    let (error, _) = snapshot_error(vec![Answer::raw(CONNECTIONS, 200, "", half)]).await;
    assert_eq!(error.class(), ErrorClass::Transient);
}

#[tokio::test]
async fn a_failure_that_passes_is_not_seen_by_the_caller_of_a_read() {
    let good = || Answer::json(CONNECTIONS, 200, &page(&[connection(1)], None));
    let bad = |status| Answer::json(CONNECTIONS, status, &json!({}));
    for answers in
        [vec![bad(500), bad(503), good()], vec![bad(429), good()], vec![Answer::nothing(CONNECTIONS), good()]]
    {
        let server = Server::start(answers).await;
        assert_eq!(client(&server).snapshot(&key(), false).await.unwrap().connections.len(), 1);
        server.assert_all_given();
    }
}

#[tokio::test]
async fn each_attempt_is_counted_and_each_that_workos_asks_to_slow_down_for() {
    let answer = |status| Answer::json(CONNECTIONS, status, &json!({}));
    let server = Server::start(vec![answer(429), answer(500), answer(429)]).await;
    let (_, metrics) = measured(client(&server).snapshot(&key(), false)).await;
    let counted = [Metric::CallsToWorkos, Metric::ThrottlesByWorkos].map(|metric| metrics.get(metric));
    assert_eq!(counted, [Some(3), Some(2)]);
}

#[tokio::test]
async fn a_read_is_repeated_twice_at_most() {
    for (status, class) in [(429, ErrorClass::Throttled), (502, ErrorClass::Transient)] {
        let answers = (0..9).map(|_| Answer::json(CONNECTIONS, status, &json!({}))).collect();
        let (error, calls) = snapshot_error(answers).await;
        assert_eq!((error.class(), calls), (class, 3));
    }
}

#[tokio::test]
async fn a_refusal_is_not_repeated_and_has_its_class() {
    let classes = [
        (401, ErrorClass::Denied),
        (403, ErrorClass::Denied),
        (404, ErrorClass::Rejected),
        (422, ErrorClass::Rejected),
        (302, ErrorClass::Rejected),
    ];
    for (status, class) in classes {
        let headers = "location: /connections?limit=100\r\n";
        let (error, calls) = snapshot_error(vec![Answer::with_headers(CONNECTIONS, status, headers, &json!({}))]).await;
        assert_eq!((error.class(), calls), (class, 1), "{status}");
    }
}

#[tokio::test]
async fn retry_after_is_honoured() {
    let server = Server::start(vec![
        Answer::with_headers(CONNECTIONS, 429, "retry-after: 1\r\n", &json!({})),
        Answer::json(CONNECTIONS, 200, &page(&[], None)),
    ])
    .await;
    let begun = Instant::now();
    client(&server).snapshot(&key(), false).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_retry_after_of_more_than_five_seconds_is_an_error_that_carries_it() {
    let begun = Instant::now();
    let limited = Answer::with_headers(CONNECTIONS, 429, "retry-after: 6\r\n", &json!({ "message": "slow down" }));
    let (error, calls) = snapshot_error(vec![limited]).await;
    assert_eq!((error.class(), calls), (ErrorClass::Throttled, 1));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(6)));
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_write_is_repeated_after_429_and_not_after_a_failure_that_may_have_carried_it_out() {
    let server =
        Server::start(vec![Answer::json(CALLBACKS, 429, &json!({})), Answer::json(CALLBACKS, 201, &json!({}))]).await;
    client(&server).register_redirect_uri(&key(), "https://a.example/callback").await.unwrap();
    server.assert_all_given();
    for failure in [Answer::json(CALLBACKS, 500, &json!({})), Answer::nothing(CALLBACKS)] {
        let server = Server::start(vec![failure, Answer::json(CALLBACKS, 201, &json!({}))]).await;
        let error = client(&server).register_redirect_uri(&key(), "https://a.example/callback").await.unwrap_err();
        assert_eq!((error.class(), server.calls().len()), (ErrorClass::Transient, 1));
    }
}

#[tokio::test]
async fn a_connection_that_cannot_be_made_is_transient_and_shows_no_url_with_a_query() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let error = Workos::new(base).unwrap().snapshot(&key(), false).await.unwrap_err();
    assert!(matches!(error, WorkosError::Unreachable { .. }), "{error:?}");
    assert_eq!(error.class(), ErrorClass::Transient);
    assert!(!everything_of(&error).contains("limit="), "{}", everything_of(&error));
}

#[tokio::test]
async fn an_answer_of_more_than_five_megabytes_is_refused() {
    let body = vec![b' '; 5_000_001];
    for headers in ["content-length: 5000001\r\n", ""] {
        let (error, calls) = snapshot_error(vec![Answer::raw(CONNECTIONS, 200, headers, &body)]).await;
        assert!(matches!(error, WorkosError::TooLarge { .. }), "{error:?}");
        assert_eq!((error.class(), calls), (ErrorClass::Rejected, 1));
    }
}

#[tokio::test]
async fn an_error_says_which_call_failed_and_what_workos_said() {
    let body = json!({
        "message": "Validation\nfailed", "code": "invalid_request_parameters",
        "errors": [{ "code": "bad", "message": "limit is wrong" }, "and so on"],
    });
    let answer = Answer::with_headers(CONNECTIONS, 422, "X-Request-ID: req_1\r\n", &body);
    let (error, _) = snapshot_error(vec![answer]).await;
    assert_eq!(
        error.to_string(),
        "GET /connections: WorkOS answered 422 invalid_request_parameters: \
         Validation failed; limit is wrong; and so on (request req_1)"
    );
    let long = Answer::json(CONNECTIONS, 400, &json!({ "message": "é".repeat(500) }));
    let (error, _) = snapshot_error(vec![long]).await;
    assert_eq!(error.refusal().unwrap().message, "é".repeat(200));
    let page_of_a_proxy = Answer::raw(CONNECTIONS, 403, "", b"<html>Forbidden</html>");
    let (error, _) = snapshot_error(vec![page_of_a_proxy]).await;
    assert_eq!(error.to_string(), "GET /connections: WorkOS answered 403 (request without ID)");
}

#[tokio::test]
async fn no_key_shows_in_an_error_even_where_workos_repeats_it() {
    let message = json!({ "message": format!("Bad key '{}'", crate::KEY), "code": crate::KEY });
    let headers = format!("X-Request-ID: {}\r\n", crate::KEY);
    let (error, _) = snapshot_error(vec![Answer::with_headers(CONNECTIONS, 401, &headers, &message)]).await;
    let shown = everything_of(&error);
    assert!(!shown.contains("canary"), "{shown}");
    assert!(shown.contains("Bad key '[hidden]'"), "{shown}");
    let unusable = SecretString::from("sk_canary\n".to_owned());
    let server = Server::start(Vec::new()).await;
    let error = client(&server).snapshot(&unusable, false).await.unwrap_err();
    assert_eq!((error.class(), server.calls().len()), (ErrorClass::Denied, 0));
    assert!(!everything_of(&error).contains("canary"));
    assert!(!format!("{:?}", client(&server)).contains("canary"));
}

#[test]
fn a_base_url_that_is_not_of_http_is_refused() {
    for base in ["ftp://workos.example", "mailto:a@b.example"] {
        assert!(matches!(Workos::new(base.parse().unwrap()), Err(WorkosError::BaseUrl)), "{base}");
    }
}
