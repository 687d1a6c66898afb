//! What Cognito asks for beyond a sign-in: a nonce, a new login, PKCE towards WorkOS, and states of any length.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use causeway_core::oidc::pkce::PkceVerifier;
use serde_json::{Value, json};

use super::{
    journey::part,
    world::{Answer, CALLBACK, CONNECTION, POOL, SECRET, TENANT, World, event, now, pass, profile},
};

/// `/authorize` as Cognito asks, with these parameters besides.
async fn authorize(world: &World, extra: &[(&str, &str)]) -> Answer {
    let query =
        [("client_id", POOL), ("redirect_uri", CALLBACK), ("response_type", "code"), ("scope", "openid email profile")];
    world.get(&format!("/{CONNECTION}/authorize"), &[&query, extra].concat()).await
}

/// What Cognito is sent when the user comes back with `answer`.
async fn back(world: &World, sent: &Answer, answer: &[(&str, &str)]) -> Answer {
    let state = sent.sent_with("state").unwrap();
    world.get("/callback", &[answer, &[("state", &state)]].concat()).await
}

async fn id_token(world: &World, back: &Answer) -> Value {
    let code = back.sent_with("code").unwrap_or_else(|| panic!("{back:?}"));
    let tokens = world.token(CONNECTION, &code, SECRET).await.json();
    part(tokens["id_token"].as_str().unwrap(), 1)
}

/// The URL that the browser is sent to.
fn url(answer: &Answer) -> &str {
    answer.headers["location"].to_str().unwrap()
}

/// What the log has of the last sign-in.
fn logged(world: &World) -> Value {
    world.aws.items(&format!("SIGNINS#{TENANT}#{POOL}"))[0]["error"]["S"].clone()
}

#[tokio::test]
async fn a_nonce_comes_back_in_the_id_token_and_in_no_other_place() {
    let world = World::new().await;
    let sent = authorize(&world, &[("nonce", "n-0S6_WzA2Mj"), ("state", "s")]).await;
    assert!(!url(&sent).contains("n-0S6_WzA2Mj"));
    let code = back(&world, &sent, &[("code", "c")]).await.sent_with("code").unwrap();
    let tokens = world.token(CONNECTION, &code, SECRET).await.json();
    assert_eq!(part(tokens["id_token"].as_str().unwrap(), 1)["nonce"], "n-0S6_WzA2Mj");
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    assert_eq!(world.userinfo(CONNECTION, &bearer).await.json().get("nonce"), None);
    let without = authorize(&world, &[]).await;
    assert_eq!(id_token(&world, &back(&world, &without, &[("code", "c")]).await).await.get("nonce"), None);
}

#[tokio::test]
async fn a_new_login_is_asked_for_at_workos_and_where_that_can_not_be_is_required() {
    let world = World::new().await;
    for (asked, prompt) in [(("prompt", "login"), Some("login")), (("max_age", "0"), Some("login")), (("x", "y"), None)]
    {
        let sent = authorize(&world, &[asked]).await;
        assert_eq!(sent.sent_with("prompt").as_deref(), prompt, "{asked:?}");
    }
    world.aws.calls();
    let silent = authorize(&world, &[("prompt", "none"), ("state", "s")]).await;
    assert!(url(&silent).starts_with(CALLBACK), "{silent:?}");
    assert_eq!(silent.sent_with("error").as_deref(), Some("login_required"));
    assert_eq!(silent.sent_with("state").as_deref(), Some("s"));
    assert_eq!(world.aws.calls(), [""; 0]);

    let refused = [("error", "invalid_request"), ("error_description", "prompt is not supported for this connection")];
    let prompted = authorize(&world, &[("prompt", "login")]).await;
    assert_eq!(back(&world, &prompted, &refused).await.sent_with("error").as_deref(), Some("login_required"));
    assert_eq!(logged(&world), "login_required");
}

#[tokio::test]
async fn when_the_user_logged_in_comes_from_workos_and_from_no_clock_of_ours() {
    let world = World::new().await;
    let asked = [("max_age", "60")];
    let sent = authorize(&world, &asked).await;
    assert_eq!(back(&world, &sent, &[("code", "c")]).await.sent_with("error").as_deref(), Some("login_required"));
    assert_eq!((logged(&world), world.aws.items("CODE#").len()), (json!("login_required"), 0));

    let logged_in_at = async |seconds: i64| {
        let mut user = profile();
        user["auth_time"] = json!(seconds);
        world.workos.has_profile(Some(user));
        let sent = authorize(&world, &asked).await;
        back(&world, &sent, &[("code", "c")]).await
    };
    let at = now().seconds();
    assert_eq!(id_token(&world, &logged_in_at(at - 60).await).await["auth_time"], at - 60);
    assert_eq!(logged_in_at(at - 91).await.sent_with("error").as_deref(), Some("login_required"));
    let sent = authorize(&world, &[("prompt", "login")]).await;
    let claims = id_token(&world, &back(&world, &sent, &[("code", "c")]).await).await;
    assert_eq!(claims["auth_time"], at - 91, "an application that relies on it checks it");
}

#[tokio::test]
async fn workos_gets_the_challenge_with_the_browser_and_the_verifier_with_the_code() {
    let world = World::new().await;
    let sent = authorize(&world, &[]).await;
    assert_eq!(sent.sent_with("code_challenge_method").as_deref(), Some("S256"));
    back(&world, &sent, &[("code", "c")]).await;
    let shown = world.workos.verifier().unwrap();
    let bytes: [u8; 32] = URL_SAFE_NO_PAD.decode(&shown).unwrap().try_into().unwrap();
    assert_eq!(sent.sent_with("code_challenge"), Some(PkceVerifier::new(bytes).challenge()));
    assert!(!url(&sent).contains(&shown));
}

#[tokio::test]
async fn an_error_of_workos_reaches_cognito_and_the_log_whatever_it_holds() {
    let long = "d".repeat(2049);
    for odd in [
        format!("error=access_denied&error_description={long}"),
        "x=1&x=2&error=access_denied".to_owned(),
        format!("error=access_denied&error=other&{long}=1"),
        "error=access_denied&error_description=%FF%00".to_owned(),
        "error=".to_owned(),
    ] {
        let world = World::new().await;
        let state = authorize(&world, &[("state", "s")]).await.sent_with("state").unwrap();
        let query = format!("{odd}&state={state}");
        let path = format!("/oidc/{TENANT}/callback");
        let answer = world.answer(&event("GET", &path, &query, &json!({}), "")).await;
        assert_eq!((answer.status, answer.sent_with("error").as_deref()), (302, Some("access_denied")), "{odd}");
        assert_eq!(answer.sent_with("state").as_deref(), Some("s"));
        assert!(answer.sent_with("error_description").unwrap().len() <= 200);
        assert_eq!(logged(&world), "denied_by_workos", "{odd}");
    }
}

#[tokio::test]
async fn a_state_of_any_length_comes_back_and_only_a_long_one_costs_a_write() {
    for (length, calls) in [(10, 0), (400, 0), (1500, 1), (4096, 1)] {
        let world = World::new().await;
        let state = "s".repeat(length);
        let sent = authorize(&world, &[("state", &state), ("nonce", "n")]).await;
        assert!(url(&sent).len() < 2000, "{}", url(&sent).len());
        assert_eq!(world.aws.items("STATE#").len(), calls, "{length}");
        assert!(!json!(world.aws.items("STATE#")).to_string().contains("sss"), "it is encrypted");
        let back = back(&world, &sent, &[("code", "c")]).await;
        assert_eq!(back.sent_with("state"), Some(state), "{length}");
        assert_eq!(id_token(&world, &back).await["nonce"], "n");
        assert_eq!(world.aws.items("STATE#").len(), 0);
    }
}

#[tokio::test]
async fn a_stored_state_is_good_once_for_its_tenant_and_for_ten_minutes() {
    let world = World::new().await;
    let long = "s".repeat(4096);
    let key = authorize(&world, &[("state", &long)]).await.sent_with("state").unwrap();
    let denied = [("error", "access_denied"), ("state", key.as_str())];
    let elsewhere = "/oidc/tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2M/callback";
    let query = format!("error=access_denied&state={key}");
    world.aws.calls();
    assert_eq!(world.answer(&event("GET", elsewhere, &query, &json!({}), "")).await.status, 400);
    assert_eq!(world.aws.calls(), [""; 0], "another tenant's is refused unread");
    assert_eq!(world.get("/callback", &denied).await.status, 302);
    assert_eq!(world.get("/callback", &denied).await.status, 400);

    let late = authorize(&world, &[("state", &long)]).await.sent_with("state").unwrap();
    pass(Duration::from_mins(10));
    world.aws.calls();
    assert_eq!(world.get("/callback", &[("error", "access_denied"), ("state", &late)]).await.status, 400);
    assert_eq!(world.aws.calls(), [""; 0], "what is over is refused unread");
}

#[tokio::test]
async fn keys_of_states_that_were_made_up_cost_no_read() {
    let world = World::new().await;
    authorize(&world, &[]).await;
    let code = world.unknown_code(CONNECTION).await;
    world.aws.calls();
    for made_up in [code, URL_SAFE_NO_PAD.encode([7; 44])] {
        for parameter in ["error", "code"] {
            assert_eq!(world.get("/callback", &[(parameter, "x"), ("state", &made_up)]).await.status, 400);
        }
    }
    assert_eq!(world.aws.calls(), [""; 0]);
}

#[tokio::test]
async fn who_makes_up_long_states_has_a_bounded_number_written_and_keeps_nobody_out_elsewhere() {
    let world = World::new().await;
    let long = "s".repeat(4096);
    for _ in 0..200 {
        let answer = authorize(&world, &[("state", &long)]).await;
        assert_eq!(answer.status, 302);
    }
    assert_eq!(world.aws.items("STATE#").len(), 50);
    let refused = authorize(&world, &[("state", &long)]).await;
    assert!(url(&refused).starts_with(CALLBACK));
    assert_eq!(refused.sent_with("error").as_deref(), Some("temporarily_unavailable"));
    assert!(url(&authorize(&world, &[]).await).contains("/sso/authorize"), "an ordinary one is none of it");
    world.is_asked_from("198.51.100.7");
    assert!(url(&authorize(&world, &[("state", &long)]).await).contains("/sso/authorize"));
    for number in 0..2000 {
        world.is_asked_from(&format!("198.51.{}.{}", number / 250, number % 250));
        authorize(&world, &[("state", &long)]).await;
    }
    assert_eq!(world.aws.items("STATE#").len(), 500, "for one pool");
}
