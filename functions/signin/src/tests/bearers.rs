//! What codes and access tokens that are not good cost, and the key that tells them.

use std::time::Duration;

use serde_json::json;

use super::{
    log::lines,
    made_up::{self, connections, pools},
    world::{BEARER_KEY, CALLBACK, CONNECTION, OTHER_CONNECTION, POOL, SECRET, TENANT, World, event, pass, token_form},
};

const OTHER_TENANT: &str = "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2M";

/// A code that nobody has redeemed, and the access token of another sign-in.
async fn signed_in(world: &World) -> (String, String) {
    let code = world.code().await;
    let tokens = world.token(CONNECTION, &code, SECRET).await.json();
    let code = world.code().await;
    world.aws.calls();
    world.workos.calls();
    (code, tokens["access_token"].as_str().unwrap().to_owned())
}

/// Shows `code` and `token` at a connection of a tenant, and has both refused.
async fn are_refused(world: &World, tenant: &str, connection: &str, pool: &str, code: &str, token: &str) {
    let path = format!("/oidc/{tenant}/{connection}");
    let mut form = token_form(code, SECRET);
    form[1].1 = pool;
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let headers = json!({ "content-type": "application/x-www-form-urlencoded" });
    let answer = world.answer(&event("POST", &format!("{path}/token"), "", &headers, &form)).await;
    assert_eq!((answer.status, answer.json()), (400, json!({ "error": "invalid_grant" })), "{path} {pool} {code}");
    let headers = json!({ "authorization": format!("Bearer {token}") });
    let answer = world.answer(&event("GET", &format!("{path}/userinfo"), "", &headers, "")).await;
    assert_eq!(answer.status, 401, "{path} {token}");
}

#[tokio::test]
async fn a_made_up_code_or_token_costs_no_call() {
    let world = World::new().await;
    let (code, token) = signed_in(&world).await;
    let made_up = made_up::bearers(&code, 1000).into_iter().zip(made_up::bearers(&token, 1000));
    // An instance that has not met the tenant would have to read all of it.
    let cold = world.another_instance();
    cold.bridge.get_ready().await;
    world.aws.calls();
    for (made_up_code, made_up_token) in made_up {
        for instance in [&world, &cold] {
            are_refused(instance, TENANT, CONNECTION, POOL, &made_up_code, &made_up_token).await;
        }
    }
    assert_eq!(world.aws.calls(), [""; 0]);
    assert_eq!(world.workos.calls(), [""; 0]);
    assert!(world.aws.items("SIGNINS#").len() <= 2, "what nobody has is no sign-in");
    assert_eq!(cold.token(CONNECTION, &code, SECRET).await.status, 200);
    assert_eq!(cold.userinfo(CONNECTION, &format!("Bearer {token}")).await.status, 200);
}

#[tokio::test]
async fn a_code_of_one_connection_or_tenant_is_no_code_of_another() {
    let world = World::new().await;
    world.put_claim(OTHER_CONNECTION, SECRET).await;
    let (code, token) = signed_in(&world).await;
    for (tenant, connection) in [(TENANT, OTHER_CONNECTION), (OTHER_TENANT, CONNECTION)] {
        are_refused(&world, tenant, connection, POOL, &code, &token).await;
    }
    are_refused(&world, TENANT, CONNECTION, POOL, &token, &code).await;
    are_refused(&world, TENANT, CONNECTION, "eu-west-1_Other", &code, "none").await;
    assert_eq!(world.aws.calls(), [""; 0]);
    assert_eq!(world.token(CONNECTION, &code, SECRET).await.status, 200);
    assert_eq!(world.userinfo(CONNECTION, &format!("Bearer {token}")).await.status, 200);
}

#[tokio::test]
async fn varying_the_connection_in_the_path_avoids_nothing() {
    let world = World::new().await;
    // Good ones of one's own, so that the form and the deployment are right.
    let (code, token) = signed_in(&world).await;
    for ((connection, pool), made_up) in
        connections(1000).iter().zip(pools(1000)).zip(made_up::bearers(&token, 1000).iter())
    {
        are_refused(&world, TENANT, connection, POOL, &code, &token).await;
        are_refused(&world, TENANT, connection, &pool, made_up, made_up).await;
        are_refused(&world, TENANT, CONNECTION, &pool, &code, made_up).await;
    }
    assert_eq!(world.aws.calls(), [""; 0]);
}

#[tokio::test]
async fn a_code_or_token_that_has_ended_costs_no_call() {
    let world = World::new().await;
    let (code, token) = signed_in(&world).await;
    pass(Duration::from_mins(5));
    are_refused(&world, TENANT, CONNECTION, POOL, &code, &token).await;
    assert_eq!(world.aws.calls(), [""; 0]);
}

#[tokio::test]
async fn a_good_code_or_token_of_ones_own_costs_a_bounded_number_of_calls() {
    let world = World::new().await;
    let (code, token) = signed_in(&world).await;
    for _ in 0..1000 {
        assert!(matches!(world.userinfo(CONNECTION, &format!("Bearer {token}")).await.status, 200 | 429));
    }
    assert_eq!(world.aws.calls(), ["GetItem"; 10]);
    let answer = world.userinfo(CONNECTION, &format!("Bearer {token}")).await;
    assert_eq!((answer.status, &answer.headers["retry-after"]), (429, &"1".parse().unwrap()));
    // Wrong secrets are none of the times that a code may be shown.
    for number in 0..1000 {
        assert_eq!(world.token(CONNECTION, &code, &format!("wrong {number}")).await.status, 401);
    }
    assert_eq!(world.aws.calls(), ["GetItem"; 1]);
    assert_eq!(world.token(CONNECTION, &code, SECRET).await.status, 200);
    for _ in 0..1000 {
        assert_eq!(world.token(CONNECTION, &code, SECRET).await.json(), json!({ "error": "invalid_grant" }));
    }
    assert!(world.aws.calls().len() <= 3 + 9 * 2, "a delete and an entry in the log each");
    // Nobody else is kept out by it.
    let code = world.code().await;
    let tokens = world.token(CONNECTION, &code, SECRET).await.json();
    let token = tokens["access_token"].as_str().unwrap();
    assert_eq!(world.userinfo(CONNECTION, &format!("Bearer {token}")).await.status, 200);
}

#[tokio::test]
async fn the_first_instance_makes_the_key_and_all_others_open_it() {
    let world = World::new().await;
    world.aws.remove("DEPLOYMENT", "BEARER_KEY");
    let (first, second) = (world.another_instance(), world.another_instance());
    first.bridge.bearer_key.get().await.unwrap();
    assert_eq!(world.aws.calls(), ["GetItem", "Encrypt", "PutItem"]);
    second.bridge.bearer_key.get().await.unwrap();
    assert_eq!(world.aws.calls(), ["GetItem", "Decrypt"]);
    let code = first.code().await;
    let tokens = second.token(CONNECTION, &code, SECRET).await.json();
    let token = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    assert_eq!(first.userinfo(CONNECTION, &token).await.status, 200);
    // The instance with the previous key is another deployment.
    assert_eq!(world.userinfo(CONNECTION, &token).await.status, 401);
    let text = format!("{:?} {:?}", lines(), world.aws.items("DEPLOYMENT"));
    assert!(text.contains("the deployment's key"), "{text}");
    assert!(!text.contains(BEARER_KEY) && !text.contains("Plaintext"), "{text}");
}

#[tokio::test]
async fn of_two_instances_that_make_the_key_at_once_both_use_that_of_the_first() {
    let world = World::new().await;
    let late = world.another_instance();
    world.aws.hide_once("DEPLOYMENT");
    late.bridge.bearer_key.get().await.unwrap();
    assert_eq!(world.aws.calls(), ["GetItem", "Encrypt", "PutItem", "GetItem", "Decrypt"]);
    let code = late.code().await;
    assert_eq!(world.token(CONNECTION, &code, SECRET).await.status, 200);
}

#[tokio::test]
async fn an_instance_that_starts_while_aws_fails_comes_up_and_opens_the_key_when_it_can() {
    let world = World::new().await;
    let (code, token) = signed_in(&world).await;
    for operation in ["GetItem", "Decrypt"] {
        let instance = world.another_instance();
        world.aws.deny(operation);
        instance.bridge.get_ready().await;
        world.aws.calls();
        for made_up in made_up::bearers(&code, 100) {
            let status = instance.token(CONNECTION, &made_up, SECRET).await.status;
            assert!(matches!(status, 400 | 503), "{status}");
        }
        assert_eq!(world.aws.calls(), [""; 0], "whoever makes up codes causes no calls then either");
        assert_eq!(instance.userinfo(CONNECTION, &format!("Bearer {token}")).await.status, 503);
        pass(Duration::from_secs(1));
        assert_eq!(
            instance.token(CONNECTION, &code, SECRET).await.json(),
            json!({ "error": "temporarily_unavailable" })
        );
        assert!(world.aws.calls().len() <= 2);
        world.aws.allow();
        pass(Duration::from_secs(1));
        assert_eq!(instance.userinfo(CONNECTION, &format!("Bearer {token}")).await.status, 200);
        assert_eq!(instance.authorize(CONNECTION, CALLBACK).await.status, 302);
    }
    assert_eq!(world.token(CONNECTION, &code, SECRET).await.status, 200, "nothing has spent the code");
}

#[tokio::test]
async fn a_user_who_comes_back_while_the_key_can_not_be_had_spends_no_code_of_workos() {
    let world = World::new().await;
    let instance = world.another_instance();
    let state = instance.authorize(CONNECTION, CALLBACK).await.sent_with("state").unwrap();
    world.aws.deny("GetItem");
    let answer = instance.get("/callback", &[("code", "code of WorkOS"), ("state", &state)]).await;
    assert_eq!(answer.sent_with("error").as_deref(), Some("server_error"));
    assert_eq!(world.workos.calls(), [""; 0]);
}
