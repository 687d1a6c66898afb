//! The end-to-end tests, on a local cloud that `cargo xtask up` or `cargo xtask test` started.

use causeway_tests::cloud::Cloud;

#[tokio::test]
async fn an_unsigned_call_is_refused() {
    let cloud = Cloud::of_tests().expect("a local cloud runs");
    let api = cloud.api(&cloud.integration()).expect("a client");
    let answer = api.send_unsigned("GET", "/v1/tenants", &[], b"").await.expect("an answer");
    assert_eq!(answer.status, 403);
}
