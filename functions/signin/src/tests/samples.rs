//! The sample events of the project are ones that this function understands.

use causeway_core::oidc::{authorize::AuthorizeRequest, token::TokenRequest};
use lambda_http::{Request, RequestExt, request::from_str};

fn sample(name: &str) -> Request {
    let path = format!("{}/../../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn cognitos_requests_are_read_from_the_events_as_api_gateway_hands_them_over() {
    let authorize = sample("signin-authorize");
    let request = AuthorizeRequest::parse(authorize.uri().query().unwrap()).unwrap();
    assert!(request.returns_to(&["http://localhost:4566/oauth2/idpresponse"]));

    let token = sample("signin-token");
    let form = std::str::from_utf8(token.body().as_ref()).unwrap();
    assert_eq!(TokenRequest::parse(form).unwrap().user_pool_id, request.user_pool_id);

    assert!(sample("signin-discovery").raw_http_path().ends_with("/.well-known/openid-configuration"));
    assert!(sample("signin-callback-error").uri().query().unwrap().contains("error=access_denied"));
}
