//! The sample events of the project are ones that this function understands.

use base64::{Engine, engine::general_purpose::STANDARD};
use causeway_core::oidc::{authorize::AuthorizeRequest, token::TokenRequest};
use serde_json::Value;

fn sample(name: &str) -> Value {
    let path = format!("{}/../../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn body(event: &Value) -> String {
    let text = event["body"].as_str().unwrap();
    if event["isBase64Encoded"] == true {
        String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()
    } else {
        text.to_owned()
    }
}

#[test]
fn cognitos_requests_are_read_from_the_events_as_api_gateway_hands_them_over() {
    let authorize = sample("signin-authorize");
    let request = AuthorizeRequest::parse(authorize["rawQueryString"].as_str().unwrap()).unwrap();
    assert!(request.returns_to(&["http://localhost:4566/oauth2/idpresponse"]));
    let token = TokenRequest::parse(&body(&sample("signin-token"))).unwrap();
    assert_eq!(token.user_pool_id, request.user_pool_id);
    let discovery = sample("signin-discovery");
    assert!(discovery["rawPath"].as_str().unwrap().ends_with("/.well-known/openid-configuration"));
    let error = sample("signin-callback-error");
    assert!(error["rawQueryString"].as_str().unwrap().contains("error=access_denied"));
}
