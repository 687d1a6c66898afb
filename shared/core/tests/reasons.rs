//! What an operator reads in a plan: of each step why, what it changes from what to what, and what it takes away.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on should stop where it is")]

#[allow(dead_code, reason = "each test binary uses its own part")]
mod scene;

use causeway_core::plan::plan_to_delete;
use causeway_core::plan::{Plan, Step};
use scene::{Scene, both_ids, client, conn, identifier, name, org, short};
use secrecy::SecretString;

fn only_step(plan: Plan) -> Step {
    let [step] = <[Step; 1]>::try_from(plan.steps).unwrap();
    step
}

/// The changes of a step in few words, such as `issuer: a -> b`.
fn changes(step: &Step) -> Vec<String> {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
    step.changes
        .iter()
        .map(|change| format!("{}: {} -> {}", change.field, text(&change.before), text(&change.after)))
        .collect()
}

#[test]
fn a_create_says_why_and_shows_each_field_that_the_provider_gets() {
    let mut first = Scene::new();
    first.connection('A', "validating");
    let mut again = Scene::new();
    again.connection('A', "active").held_without_provider('A');
    let mut tried = Scene::new();
    tried.connection('A', "active").intended('A');
    for (scene, reason) in [
        (first, "the connection is validating and has no provider"),
        (again, "the provider was deleted outside of Causeway"),
        (tried, "an earlier attempt to create the provider did not succeed"),
    ] {
        let step = only_step(scene.plan());
        assert_eq!(step.reason, reason);
        let issuer = format!("oidc_issuer: nothing -> {}", scene.specs.issuer(&conn('A')).as_str());
        assert!(changes(&step).contains(&issuer), "{step:?}");
    }
}

#[test]
fn what_somebody_changed_is_put_back_for_a_reason_that_names_the_kind_of_change() {
    let mut scene = Scene::new();
    scene.connection('A', "active").ours('A');
    scene.drifted('A').spec.attribute_mapping.clear();
    let step = only_step(scene.plan());
    assert_eq!(step.reason, "the provider differs from what it should be");
    assert!(!step.takes_away, "nobody loses a way to sign in: {step:?}");
    let mut scene = Scene::new();
    scene.connection('A', "active").ours('A');
    scene.drifted('A').spec.details.insert("token_url".to_owned(), "https://elsewhere".to_owned());
    assert_eq!(only_step(scene.plan()).reason, "the provider differs from what it should be");
    assert!(!only_step(scene.plan()).takes_away, "nobody loses a way to sign in");
    let mut scene = Scene::new();
    scene.connection('A', "active").ours('A');
    scene.drifted('A').client_secret = Some(SecretString::from("theirs"));
    let step = only_step(scene.plan());
    assert_eq!(step.reason, "the client secret is not one that Causeway made");
    assert_eq!(changes(&step), ["client_secret: (not ours) -> (new)"]);
}

#[test]
fn an_issuer_that_moves_takes_sign_ins_away_and_says_from_where_to_where() {
    let mut scene = Scene::new();
    scene.connection('A', "active").ours('A');
    let before = scene.specs.issuer(&conn('A')).as_str().to_owned();
    scene.specs.base = "https://new.example.com";
    let step = only_step(scene.plan());
    assert_eq!((step.reason.as_str(), step.takes_away), ("the issuer differs", true));
    let moved = format!("oidc_issuer: {before} -> {}", scene.specs.issuer(&conn('A')).as_str());
    assert!(changes(&step).contains(&moved), "{step:?}");
}

#[test]
fn an_identifier_that_moves_is_named_with_who_gets_it() {
    let mut scene = Scene::new();
    scene.connection_of('A', "inactive", 'A').connection_of('B', "active", 'A').ours('A');
    scene.ours_with('B', [identifier(conn('B').as_str())].into());
    let steps = scene.plan().steps;
    let short: Vec<String> = steps.iter().map(short).collect();
    assert_eq!(short, ["update A [A]", "update B [B org_A]"]);
    assert_eq!(steps[0].reason, format!("org_A goes to the connection {}", conn('B')));
    let both = format!("{}, {}", conn('A'), org('A'));
    assert_eq!(changes(&steps[0]), [format!("identifiers: {both} -> {}", conn('A'))]);
    assert_eq!(steps[1].reason, "the identifiers differ");
    assert!(steps.iter().all(|step| !step.takes_away), "the organization is found all the time");
}

#[test]
fn an_identifier_that_nobody_else_gets_is_taken_away() {
    let mut scene = Scene::new();
    scene.connection('A', "active");
    let mut identifiers = both_ids('A');
    identifiers.insert(identifier("old.example.com"));
    scene.ours_with('A', identifiers);
    let step = only_step(scene.plan());
    assert_eq!((step.reason.as_str(), step.takes_away), ("the identifiers differ", true));
    let (own, organization) = (conn('A'), org('A'));
    let taken = format!("identifiers: {own}, old.example.com, {organization} -> {own}, {organization}");
    assert_eq!(changes(&step), [taken]);
}

#[test]
fn a_step_on_an_app_client_names_it_and_the_provider_that_comes_or_goes() {
    let mut scene = Scene::new();
    scene.connection('A', "active").ours('A').app_client("web", &[]);
    let step = only_step(scene.plan());
    assert_eq!(step.app_client_id, Some(client("web")));
    assert_eq!(step.reason, "the app client is named and does not offer the provider");
    assert_eq!(changes(&step), [format!("supported_identity_providers of web: nothing -> {}", name('A'))]);
    scene.connection('A', "inactive").app_client("web", &['A']);
    let step = only_step(scene.plan());
    assert_eq!((step.reason.as_str(), step.takes_away), ("the connection is inactive", true));
    assert_eq!(changes(&step), [format!("supported_identity_providers of web: {} -> nothing", name('A'))]);
}

#[test]
fn a_delete_says_why_and_shows_the_issuer_and_the_identifiers_that_go() {
    let mut gone = Scene::new();
    gone.ours('A');
    let mut excluded = Scene::new();
    excluded.connection('A', "active").ours('A');
    excluded.options.organizations = Some(vec![]);
    for (scene, reason) in
        [(gone, "the connection is gone from WorkOS"), (excluded, "the connection is no longer chosen")]
    {
        let step = only_step(scene.plan());
        assert_eq!((step.reason.as_str(), step.takes_away), (reason, true));
        let issuer = format!("oidc_issuer: {} -> nothing", scene.specs.issuer(&conn('A')).as_str());
        let identifiers = format!("identifiers: {}, {} -> nothing", conn('A'), org('A'));
        assert_eq!(changes(&step), [issuer, identifiers]);
    }
}

#[test]
fn a_claim_is_forgotten_for_a_reason() {
    let mut gone = Scene::new();
    gone.held_without_provider('A');
    let mut taken = Scene::new();
    taken.intended('A').foreign_provider(name('A').as_str(), &[]);
    for (scene, reason) in [
        (gone, "the connection is gone from WorkOS, and its provider is not there"),
        (taken, "a provider of this name exists that Causeway did not make"),
    ] {
        let step = only_step(scene.plan());
        assert_eq!((step.reason.as_str(), step.changes.len()), (reason, 0));
    }
}

#[test]
fn every_step_of_a_removal_says_that_the_user_pool_is_being_removed() {
    let mut scene = Scene::new();
    scene.connection('A', "active").ours('A').app_client("web", &['A']);
    let plan = plan_to_delete(&scene.observed, &scene.claims, &scene.specs);
    let steps: Vec<_> = plan.steps.iter().map(|step| (step.action.kind().name(), step.reason.as_str())).collect();
    let reason = "the user pool is being removed";
    assert_eq!(steps, [("unwire", reason), ("delete", reason)]);
}
