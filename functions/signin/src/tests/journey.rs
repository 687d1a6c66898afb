//! Sign-ins from Cognito to WorkOS and back.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use causeway_core::{secret::SecretHash, subject::Subject};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::world::{
    Answer, CALLBACK, CONNECTION, OTHER_CONNECTION, POOL, SECRET, TENANT, World, event, pass, pool, profile,
    user_pool_id,
};

pub fn part(token: &str, index: usize) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap()).unwrap()
}

/// What Cognito is sent when WorkOS sends the browser back with `answer`.
pub async fn back_with(world: &World, answer: &[(&str, &str)]) -> Answer {
    let state = world.authorize(CONNECTION, CALLBACK).await.sent_with("state").unwrap();
    let answer: Vec<(&str, &str)> = answer.iter().copied().chain([("state", state.as_str())]).collect();
    let answer = world.get("/callback", &answer).await;
    assert_eq!(answer.status, 302, "{answer:?}");
    assert!(answer.headers["location"].to_str().unwrap().starts_with(CALLBACK));
    assert_eq!(answer.sent_with("state").as_deref(), Some("of Cognito"));
    answer
}

#[tokio::test]
async fn a_user_of_workos_becomes_one_of_cognito() {
    let world = World::new().await;
    let sent = world.authorize(CONNECTION, CALLBACK).await;
    assert_eq!(sent.status, 302);
    assert_eq!(sent.sent_with("connection").as_deref(), Some(CONNECTION));
    assert_eq!(sent.sent_with("client_id").as_deref(), Some("client_1"));
    let registered = format!("https://login.example.com/oidc/{TENANT}/callback");
    assert_eq!(sent.sent_with("redirect_uri"), Some(registered));

    let code = back_with(&world, &[("code", "code of WorkOS")]).await.sent_with("code").unwrap();
    let tokens = world.token(CONNECTION, &code, SECRET).await;
    assert_eq!((tokens.status, &tokens.headers["pragma"]), (200, &"no-cache".parse().unwrap()));
    let tokens = tokens.json();
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(300)));
    let id_token = tokens["id_token"].as_str().unwrap();
    let keys = world.get(&format!("/{CONNECTION}/jwks"), &[]).await.json();
    assert_eq!(part(id_token, 0)["kid"], keys["keys"][0]["kid"]);
    let mut payload = part(id_token, 1);
    let issuer = world.get(&format!("/{CONNECTION}/.well-known/openid-configuration"), &[]).await.json();
    for (name, value) in [("iss", issuer["issuer"].clone()), ("aud", json!(POOL))] {
        assert_eq!(payload.as_object_mut().unwrap().remove(name), Some(value));
    }
    let lasts = payload["exp"].as_i64().unwrap() - payload["iat"].as_i64().unwrap();
    assert_eq!(lasts, 300);
    payload.as_object_mut().unwrap().retain(|name, _| name != "exp" && name != "iat");

    let shown = world.userinfo(CONNECTION, &format!("Bearer {}", tokens["access_token"].as_str().unwrap())).await;
    assert_eq!(shown.json(), payload);
    assert_eq!(
        payload,
        json!({
            "sub": "prof_1", "connection_id": CONNECTION, "organization_id": "org_1", "idp_id": "idp_1",
            "email": "ann@example.com", "email_verified": true,
            "given_name": "Ann", "family_name": "Lee", "name": "Ann Lee",
        })
    );
}

#[tokio::test]
async fn a_warm_function_calls_only_what_a_sign_in_changes() {
    let world = World::new().await;
    let code = world.code().await;
    world.token(CONNECTION, &code, SECRET).await;
    world.aws.calls();
    world.workos.calls();

    world.authorize(CONNECTION, CALLBACK).await;
    world.get(&format!("/{CONNECTION}/jwks"), &[]).await;
    world.get(&format!("/{CONNECTION}/.well-known/openid-configuration"), &[]).await;
    assert_eq!(world.aws.calls(), [""; 0]);
    let code = world.code().await;
    assert_eq!(world.aws.calls(), ["PutItem"; 3]);
    assert_eq!(world.workos.calls(), ["POST /sso/token HTTP/1.1"]);
    assert_eq!(world.token(CONNECTION, &code, SECRET).await.status, 200);
    // The one write of the log runs beside the signature.
    assert_eq!(world.aws.calls(), ["DeleteItem", "Sign", "PutItem"]);
    assert_eq!(world.workos.calls(), [""; 0]);
}

#[tokio::test]
async fn a_cold_token_request_asks_workos_nothing_and_opens_no_secret() {
    let world = World::new().await;
    let unknown = world.unknown_code(CONNECTION).await;
    assert_eq!(world.token(CONNECTION, &unknown, SECRET).await.status, 400);
    assert_eq!(world.aws.calls(), ["GetItem", "GetItem", "GetItem", "GetPublicKey", "DeleteItem", "PutItem"]);
    assert_eq!(world.workos.calls(), [""; 0]);
}

#[tokio::test]
async fn an_adopted_provider_knows_its_users_by_the_id_that_was_chosen_or_refuses_them() {
    let world = World::new().await;
    let mut claim = world.put_claim(OTHER_CONNECTION, SECRET).await;
    claim.subject = Subject::IdpId;
    world.store.put_claim(&user_pool_id(), &claim).await.unwrap();
    let subject_of = async |idp_id: Value| {
        let mut profile = profile();
        (profile["connection_id"], profile["idp_id"]) = (json!(OTHER_CONNECTION), idp_id);
        world.workos.has_profile(Some(profile));
        let state = world.authorize(OTHER_CONNECTION, CALLBACK).await.sent_with("state").unwrap();
        let back = world.get("/callback", &[("code", "code of WorkOS"), ("state", &state)]).await;
        let Some(code) = back.sent_with("code") else { return back.sent_with("error") };
        let tokens = world.token(OTHER_CONNECTION, &code, SECRET).await.json();
        part(tokens["id_token"].as_str().unwrap(), 1)["sub"].as_str().map(str::to_owned)
    };
    assert_eq!(subject_of(json!("00u1")).await.as_deref(), Some("00u1"));
    for missing in [Value::Null, json!(""), json!("0".repeat(96))] {
        assert_eq!(subject_of(missing).await.as_deref(), Some("access_denied"));
    }
}

#[tokio::test]
async fn a_profile_of_another_connection_or_organization_signs_nobody_in() {
    let world = World::new().await;
    let changes = [
        json!({ "connection_id": OTHER_CONNECTION }),
        json!({ "organization_id": "org_2" }),
        json!({ "organization_id": null }),
    ];
    for change in changes {
        let mut other = profile();
        other.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        world.workos.has_profile(Some(other));
        let answer = back_with(&world, &[("code", "c")]).await;
        assert_eq!(answer.sent_with("error").as_deref(), Some("access_denied"), "{change}");
        assert_eq!(answer.sent_with("code"), None);
        assert_eq!(world.aws.items("CODE#").len() + world.aws.items("TOKEN#").len(), 0);
    }
}

#[tokio::test]
async fn a_connection_that_has_just_got_another_organization_is_looked_at_again() {
    let world = World::new().await;
    world.code().await;
    let mut claim = world.claim().await;
    claim.organization_id = Some("org_2".parse().unwrap());
    world.store.put_claim(&user_pool_id(), &claim).await.unwrap();
    let mut moved = profile();
    moved["organization_id"] = json!("org_2");
    world.workos.has_profile(Some(moved));
    assert!(back_with(&world, &[("code", "c")]).await.sent_with("code").is_some());
}

#[tokio::test]
async fn an_error_of_workos_arrives_at_cognito_and_leaks_nothing() {
    let world = World::new().await;
    let denied = back_with(&world, &[("error", "access_denied"), ("error_description", "not assigned")]).await;
    assert_eq!(denied.sent_with("error").as_deref(), Some("access_denied"));
    assert_eq!(denied.sent_with("error_description").as_deref(), Some("not assigned"));

    world.workos.has_profile(None);
    let spent = back_with(&world, &[("code", "c")]).await;
    assert_eq!(spent.sent_with("error").as_deref(), Some("access_denied"));
    assert!(!spent.headers["location"].to_str().unwrap().contains("canary"));

    world.workos.has_profile(Some(profile()));
    world.aws.deny("PutItem");
    let failed = back_with(&world, &[("code", "c")]).await;
    assert_eq!(failed.sent_with("error").as_deref(), Some("server_error"));
}

#[tokio::test]
async fn a_new_secret_is_good_at_once_though_the_claim_was_read_before() {
    let world = World::new().await;
    let code = world.code().await;
    let mut claim = world.claim().await;
    claim.secrets.intend(SecretHash::of(&SecretString::from("new")));
    world.store.put_claim(&user_pool_id(), &claim).await.unwrap();
    assert_eq!(world.token(CONNECTION, &code, "new").await.status, 200);
    let code = world.code().await;
    assert_eq!(world.token(CONNECTION, &code, SECRET).await.status, 200, "the live one stays good");
}

#[tokio::test]
async fn a_domain_that_was_just_added_is_a_callback_at_once() {
    let world = World::new().await;
    world.code().await;
    let mut with_domain = pool();
    with_domain.run.callbacks.push("https://login.acme.com/oauth2/idpresponse".to_owned());
    world.put_pool(&with_domain).await;
    assert_eq!(world.authorize(CONNECTION, "https://login.acme.com/oauth2/idpresponse").await.status, 302);
}

#[tokio::test]
async fn a_provider_that_was_just_made_signs_in_a_second_after_it_was_asked_for_in_vain() {
    let world = World::new().await;
    assert_eq!(world.authorize(OTHER_CONNECTION, CALLBACK).await.status, 400);
    world.put_claim(OTHER_CONNECTION, SECRET).await;
    pass(Duration::from_secs(1));
    assert_eq!(world.authorize(OTHER_CONNECTION, CALLBACK).await.status, 302);
}

#[tokio::test]
async fn what_fails_behind_the_bridge_is_told_as_such() {
    let world = World::new().await;
    let code = world.code().await;
    world.aws.deny("Sign");
    let answer = world.token(CONNECTION, &code, SECRET).await;
    assert_eq!((answer.status, answer.json()), (503, json!({ "error": "temporarily_unavailable" })));
    assert_eq!(answer.headers["cache-control"], "no-store");
    pass(Duration::from_mins(1));
    world.aws.deny("GetItem");
    assert_eq!(world.authorize(CONNECTION, CALLBACK).await.status, 503);
    world.aws.deny("GetPublicKey");
    assert_eq!(world.get(&format!("/{CONNECTION}/jwks"), &[]).await.status, 503);
}

#[tokio::test]
async fn the_name_of_a_stage_is_no_part_of_the_path() {
    let world = World::new().await;
    let mut event = event("GET", &format!("/oidc/{TENANT}/{CONNECTION}/jwks"), "", &json!({}), "");
    event["requestContext"]["stage"] = json!("local");
    assert_eq!(world.answer(&event).await.status, 200);
}
