//! The rules of the plan on client secrets, and on what a claim learns from a description.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on should stop where it is")]

#[allow(dead_code, reason = "each test binary uses its own part")]
mod scene;

use causeway_core::plan::Plan;
use scene::{Scene, conn, identifier, our_secret, then};
use secrecy::{ExposeSecret, SecretString};

#[test]
fn a_provider_with_a_secret_that_is_not_ours_gets_a_new_one_and_no_secret_shows() {
    for shown in [Some("canary-of-theirs"), None] {
        let mut scene = Scene::new();
        scene.connection('A', "active").ours('A');
        scene.drifted('A').client_secret = shown.map(SecretString::from);
        assert_eq!(scene.steps(), ["update A [A org_A] with a new secret"]);
        let plan = scene.plan();
        assert_eq!(plan.steps[0].changes[0].field, "client_secret");
        assert!(!plan.steps[0].takes_away);
        assert_no_secret_in(&plan);
    }
}

#[test]
fn no_plan_shows_a_secret() {
    let mut scene = Scene::new();
    scene.connection('A', "active").ours('A').ours('B').connection('C', "active").app_client("web", &['B']);
    scene.drifted('A').spec.details.clear();
    scene.drifted('B');
    assert!(scene.plan().steps.len() > 3);
    assert_no_secret_in(&scene.plan());
}

fn assert_no_secret_in(plan: &Plan) {
    let shown = format!("{plan:?} {}", serde_json::to_string(&plan.recorded()).unwrap());
    assert!(!shown.contains("canary") && our_secret('A').expose_secret().contains("canary"), "{shown}");
}

#[test]
fn a_provider_that_gives_an_identifier_away_gets_its_new_secret_once() {
    let mut scene = Scene::new();
    scene.connection_of('A', "inactive", 'O').connection_of('B', "active", 'O');
    scene.ours_with('A', [identifier(conn('A').as_str()), identifier("org_O")].into());
    scene.drifted('A').client_secret = Some(SecretString::from("theirs"));
    scene.drifted('A').spec.details.remove("token_url");
    let expected = ["update A [A org_O] with a new secret", "create B [B]", "update A [A]", "update B [B org_O]"];
    assert_eq!(scene.steps(), expected);
}

#[test]
fn a_claim_learns_the_issuer_that_an_interrupted_update_left_in_cognito() {
    let mut scene = Scene::new();
    scene.connection('A', "active").ours('A');
    scene.claims.get_mut(&conn('A')).unwrap().issuer = scene.specs.issuer(&conn('Z'));
    scene.drifted('A');
    assert_eq!(scene.steps(), Vec::<String>::new());
    let settled = scene.plan().settlements[0].applied_to(&scene.claims[&conn('A')], then()).unwrap();
    assert_eq!(settled.issuer, scene.specs.issuer(&conn('A')));
}

#[test]
fn a_claim_keeps_the_issuer_that_cognito_has_until_another_one_is_written() {
    let mut scene = Scene::new();
    scene.connection('A', "active").ours('A');
    let before = scene.specs.issuer(&conn('Z'));
    scene.claims.get_mut(&conn('A')).unwrap().issuer = before.clone();
    scene.drifted('A').spec.details.insert("oidc_issuer".to_owned(), before.as_str().to_owned());
    let settled = scene.plan().settlements[0].applied_to(&scene.claims[&conn('A')], then()).unwrap();
    assert_eq!(settled.issuer, before);
}

#[test]
fn a_claim_does_not_learn_an_issuer_that_somebody_else_set() {
    let mut scene = Scene::new();
    scene.connection('A', "active").ours('A');
    scene.drifted('A').spec.details.insert("oidc_issuer".to_owned(), "https://elsewhere".to_owned());
    let settled = scene.plan().settlements[0].applied_to(&scene.claims[&conn('A')], then()).unwrap();
    assert_eq!(settled.issuer, scene.specs.issuer(&conn('A')));
}

#[test]
fn a_provider_that_could_not_be_given_its_new_secret_gets_it_in_the_next_run() {
    let mut scene = Scene::new();
    scene.connection('A', "draft").ours('A');
    scene.drifted('A').client_secret = Some(SecretString::from("theirs"));
    assert_eq!(scene.steps(), Vec::<String>::new(), "a draft's provider is left as it is");
    let settled = scene.plan().settlements[0].applied_to(&scene.claims[&conn('A')], then()).unwrap();
    scene.claims.insert(conn('A'), settled);
    scene.connection('A', "active");
    assert_eq!(scene.steps(), ["update A [A org_A] with a new secret"]);
}
