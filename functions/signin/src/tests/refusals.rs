//! What is refused, and what it costs to refuse it.

use std::time::Duration;

use serde_json::json;

use super::world::{
    CALLBACK, CONNECTION, OTHER_CONNECTION, POOL, SECRET, TENANT, World, event, pass, pool, token_form, user_pool_id,
};
use causeway_core::{
    claim::Claim,
    provider::{BaseUrl, Issuer},
    user_pool::{SignIn, UserPool},
};

#[tokio::test]
async fn a_malformed_id_is_refused_before_any_call() {
    let world = World::new().await;
    let paths = [
        "/oidc/tnt_1/callback".to_owned(),
        format!("/oidc/tnt_1/{CONNECTION}/authorize"),
        format!("/oidc/{TENANT}/conn.1/authorize"),
        format!("/oidc/{TENANT}/conn.1/jwks"),
        format!("/oidc/{TENANT}/conn.1/.well-known/openid-configuration"),
        format!("/oidc/{TENANT}/conn.1/userinfo"),
        format!("/oidc/{TENANT}/{CONNECTION}/token"),
        format!("/oidc/{TENANT}/{CONNECTION}/elsewhere"),
        "/".to_owned(),
        "/oidc/ /callback".to_owned(),
    ];
    for path in paths {
        let status = world.answer(&event("GET", &path, "", &json!({}), "")).await.status;
        assert!(matches!(status, 404 | 405), "{path}: {status}");
    }
    for parameter in ["client_id=pool", &format!("client_id={POOL}&client_id={POOL}"), "response_type=token"] {
        let path = format!("/oidc/{TENANT}/{CONNECTION}/authorize");
        let answer = world.answer(&event("GET", &path, parameter, &json!({}), "")).await;
        assert_eq!((answer.status, answer.headers.get("location")), (400, None), "{parameter}");
    }
    assert_eq!(world.aws.calls(), [""; 0]);
    assert_eq!(world.workos.calls(), [""; 0]);
}

#[tokio::test]
async fn every_answer_has_the_headers_that_browsers_and_caches_go_by() {
    let world = World::new().await;
    let answers = [
        world.get("/nowhere", &[]).await,
        world.get("/callback", &[]).await,
        world.authorize(CONNECTION, CALLBACK).await,
        world.token(CONNECTION, &world.unknown_code(CONNECTION).await, "wrong").await,
        world.userinfo(CONNECTION, "Bearer x").await,
        world.get(&format!("/{CONNECTION}/jwks"), &[]).await,
        world.get(&format!("/{CONNECTION}/.well-known/openid-configuration"), &[]).await,
        world.post_form(&format!("/{CONNECTION}/jwks"), &[]).await,
    ];
    assert_eq!(answers.each_ref().map(|answer| answer.status), [404, 400, 302, 401, 401, 200, 200, 404]);
    for answer in &answers {
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers["referrer-policy"], "no-referrer");
        assert!(answer.headers["strict-transport-security"].to_str().unwrap().starts_with("max-age="));
        // What is served to everybody alike: the keys and the discovery document.
        let caching = if answer.status == 200 { "public, max-age=300" } else { "no-store" };
        assert_eq!(answer.headers["cache-control"], caching, "{answer:?}");
    }
}

#[tokio::test]
async fn a_secret_is_taken_from_the_form_only() {
    let world = World::new().await;
    let code = world.code().await;
    let path = format!("/oidc/{TENANT}/{CONNECTION}/token");
    let form =
        |secret| url::form_urlencoded::Serializer::new(String::new()).extend_pairs(token_form(&code, secret)).finish();
    let form_type = json!({ "content-type": "application/x-www-form-urlencoded" });
    world.aws.calls();

    let basic = json!({ "content-type": "application/x-www-form-urlencoded", "authorization": "Basic YTpi" });
    let answer = world.answer(&event("POST", &path, "", &basic, &form(SECRET))).await;
    assert_eq!((answer.status, &answer.json()), (401, &json!({ "error": "invalid_client" })));
    assert_eq!(answer.headers["www-authenticate"], "Basic");
    let query = format!("client_secret={SECRET}").replace(' ', "+");
    let others = [
        event("POST", &path, &query, &form_type, &form(SECRET)),
        event("POST", &path, "", &json!({ "content-type": "application/json" }), &form(SECRET)),
        event("POST", &path, "", &json!({}), &form(SECRET)),
        event("POST", &path, "", &form_type, &format!("{}&client_secret=x", form(SECRET))),
        event("POST", &path, "", &form_type, &"a".repeat(20_000)),
    ];
    for other in others {
        let answer = world.answer(&other).await;
        assert_eq!((answer.status, answer.json()), (400, json!({ "error": "invalid_request" })));
    }
    assert_eq!(world.aws.calls(), [""; 0]);
    assert_eq!(world.token(CONNECTION, &code, SECRET).await.status, 200);
}

#[tokio::test]
async fn wrong_secrets_and_unknown_claims_cost_no_call_each() {
    let world = World::new().await;
    let code = world.code().await;
    world.aws.calls();
    for number in 0..1000 {
        let answer = world.token(CONNECTION, &code, &format!("wrong {number}")).await;
        assert_eq!((answer.status, answer.json()), (401, json!({ "error": "invalid_client" })));
        assert_eq!(world.authorize(OTHER_CONNECTION, CALLBACK).await.status, 400);
        assert_eq!(world.authorize(CONNECTION, "https://evil.example.com").await.status, 400);
    }
    // One more look at the claim, one for the claim that is not there, one at the pool.
    assert_eq!(world.aws.calls(), ["GetItem"; 3]);
}

#[tokio::test]
async fn a_claim_of_another_tenant_or_for_another_issuer_vouches_for_nobody() {
    let world = World::new().await;
    let claim = world.claim().await;
    let elsewhere = BaseUrl::parse("https://elsewhere.example.com").unwrap();
    let foreign = [
        Claim { tenant_id: "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2M".parse().unwrap(), ..claim.clone() },
        Claim { issuer: Issuer::new(&elsewhere, &claim.tenant_id, &claim.connection_id), ..claim },
    ];
    for claim in foreign {
        world.store.put_claim(&user_pool_id(), &claim).await.unwrap();
        assert_eq!(world.authorize(CONNECTION, CALLBACK).await.status, 400);
        let code = world.unknown_code(CONNECTION).await;
        assert_eq!(world.token(CONNECTION, &code, SECRET).await.json(), json!({ "error": "invalid_client" }));
        pass(Duration::from_secs(1));
    }
}

#[tokio::test]
async fn no_browser_is_sent_to_a_place_that_is_no_callback_of_the_pool() {
    let world = World::new().await;
    for place in ["https://evil.example.com/", &format!("{CALLBACK}/"), &format!("{CALLBACK}?a=b")] {
        let answer = world.authorize(CONNECTION, place).await;
        assert_eq!((answer.status, answer.headers.get("location")), (400, None));
    }
}

#[tokio::test]
async fn a_state_that_is_too_old_or_changed_or_of_another_tenant_redeems_nothing() {
    let world = World::new().await;
    let state = world.authorize(CONNECTION, CALLBACK).await.sent_with("state").unwrap();
    let changed = format!("{}{}", if state.starts_with('A') { 'B' } else { 'A' }, &state[1..]);
    assert_eq!(world.get("/callback", &[("code", "c"), ("state", &changed)]).await.status, 400);
    let query = format!("code=c&state={state}");
    let elsewhere = "/oidc/tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2M/callback";
    assert_eq!(world.answer(&event("GET", elsewhere, &query, &json!({}), "")).await.status, 400);
    pass(Duration::from_mins(10));
    assert_eq!(world.get("/callback", &[("code", "c"), ("state", &state)]).await.status, 400);
    assert_eq!(world.workos.calls(), [""; 0]);
}

#[tokio::test]
async fn a_state_whose_pool_gave_up_its_domain_or_was_switched_off_meanwhile_redeems_nothing() {
    let mut without_domain = pool();
    without_domain.run.callbacks = vec!["https://b.auth.eu-west-1.amazoncognito.com/oauth2/idpresponse".to_owned()];
    let mut off = pool();
    off.options.sign_in = SignIn::Disabled;
    for changed in [without_domain, off] {
        let world = World::new().await;
        let state = world.authorize(CONNECTION, CALLBACK).await.sent_with("state").unwrap();
        world.put_pool(&changed).await;
        pass(Duration::from_mins(1));
        let answer = world.get("/callback", &[("code", "c"), ("state", &state)]).await;
        assert_eq!((answer.status, answer.headers.get("location")), (400, None));
        assert_eq!(world.workos.calls(), [""; 0]);
    }
}

#[tokio::test]
async fn a_code_is_not_good_for_another_pool_of_the_tenant() {
    let world = World::new().await;
    let other = UserPool { user_pool_id: "eu-west-1_Other".parse().unwrap(), ..pool() };
    world.put_pool(&other).await;
    let claim = world.claim().await;
    world.store.put_claim(&other.user_pool_id, &claim).await.unwrap();
    let code = world.code().await;
    let mut form = token_form(&code, SECRET);
    form[1].1 = "eu-west-1_Other";
    let answer = world.post_form(&format!("/{CONNECTION}/token"), &form).await;
    assert_eq!(answer.json(), json!({ "error": "invalid_grant" }));
}

#[tokio::test]
async fn a_code_is_good_once_and_for_a_minute_and_for_its_own_connection() {
    let world = World::new().await;
    world.put_claim(OTHER_CONNECTION, SECRET).await;
    let refused = json!({ "error": "invalid_grant" });
    let code = world.code().await;
    assert_eq!(world.token(OTHER_CONNECTION, &code, SECRET).await.json(), refused);
    let mut form = token_form(&code, SECRET);
    form[4].1 = "https://evil.example.com/";
    assert_eq!(world.post_form(&format!("/{CONNECTION}/token"), &form).await.json(), refused);
    assert_eq!(world.token(CONNECTION, "code of WorkOS", SECRET).await.json(), refused);
    assert_eq!(world.token(CONNECTION, &code, SECRET).await.status, 200);
    assert_eq!(world.token(CONNECTION, &code, SECRET).await.json(), refused);
    let late = world.code().await;
    pass(Duration::from_mins(1));
    assert_eq!(world.token(CONNECTION, &late, SECRET).await.json(), refused);
}

#[tokio::test]
async fn a_code_that_was_given_out_for_anything_else_is_not_good() {
    let world = World::new().await;
    for attribute in ["tenant_id", "user_pool_id", "connection_id", "redirect_uri"] {
        let code = world.code().await;
        world.aws.change("CODE#", attribute, "another");
        let answer = world.token(CONNECTION, &code, SECRET).await;
        assert_eq!(answer.json(), json!({ "error": "invalid_grant" }), "{attribute}");
    }
}

#[tokio::test]
async fn an_access_token_shows_its_user_at_its_own_connection_for_five_minutes() {
    let world = World::new().await;
    world.put_claim(OTHER_CONNECTION, SECRET).await;
    let code = world.code().await;
    let token = world.token(CONNECTION, &code, SECRET).await.json()["access_token"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {token}");
    assert_eq!(world.userinfo(CONNECTION, &bearer).await.status, 200);
    for (connection, shown) in [
        (OTHER_CONNECTION, bearer.as_str()),
        (CONNECTION, &format!("Bearer {code}")),
        (CONNECTION, &format!("Basic {token}")),
    ] {
        let answer = world.userinfo(connection, shown).await;
        assert_eq!((answer.status, answer.body.as_str()), (401, ""));
        assert_eq!(answer.headers["www-authenticate"], r#"Bearer error="invalid_token""#);
    }
    let answer = world.get(&format!("/{CONNECTION}/userinfo"), &[("access_token", &token)]).await;
    assert_eq!((answer.status, &answer.headers["www-authenticate"]), (401, &"Bearer".parse().unwrap()));
    pass(Duration::from_mins(5));
    assert_eq!(world.userinfo(CONNECTION, &bearer).await.status, 401);
}

#[tokio::test]
async fn a_minute_after_a_pool_is_switched_off_nobody_signs_in_and_a_second_after_it_is_on_everybody_does() {
    let world = World::new().await;
    let code = world.code().await;
    let token = world.token(CONNECTION, &code, SECRET).await.json()["access_token"].as_str().unwrap().to_owned();
    let mut off = pool();
    off.options.sign_in = SignIn::Disabled;
    world.put_pool(&off).await;
    pass(Duration::from_mins(1));
    assert_eq!(world.authorize(CONNECTION, CALLBACK).await.status, 400);
    let code = world.unknown_code(CONNECTION).await;
    assert_eq!(world.token(CONNECTION, &code, SECRET).await.status, 401);
    assert_eq!(world.userinfo(CONNECTION, &format!("Bearer {token}")).await.status, 401);
    world.put_pool(&pool()).await;
    pass(Duration::from_secs(1));
    assert_eq!(world.authorize(CONNECTION, CALLBACK).await.status, 302);
}

#[tokio::test]
async fn a_minute_after_a_claim_or_a_tenant_is_gone_nobody_signs_in() {
    for (partition, sort) in
        [(format!("POOL#{POOL}"), format!("CLAIM#{CONNECTION}")), (format!("TENANT#{TENANT}"), "TENANT".to_owned())]
    {
        let world = World::new().await;
        world.code().await;
        world.aws.remove(&partition, &sort);
        pass(Duration::from_mins(1));
        let code = world.unknown_code(CONNECTION).await;
        assert_eq!(world.authorize(CONNECTION, CALLBACK).await.status, 400);
        assert_eq!(world.token(CONNECTION, &code, SECRET).await.json(), json!({ "error": "invalid_client" }));
    }
}
