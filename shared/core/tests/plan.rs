//! The rules of the plan, one by one, as somebody who reads a plan would notice them. Those for app clients are in
//! `app_clients.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on should stop where it is")]

#[allow(dead_code, reason = "each test binary uses its own part")]
mod scene;

use causeway_core::{plan::Step, user_pool::Mode};
use scene::{Scene, conn, identifier, name, org, then};
use secrecy::SecretString;

const EVERY_STATE: [&str; 7] =
    ["active", "validating", "inactive", "draft", "requires_type", "deleting", "of_the_future"];

fn nothing() -> Vec<String> {
    Vec::new()
}

// The table at the top of plan.rs, row by row.

#[test]
fn providers_that_lead_to_another_deployment_get_no_secret_of_ours_before_they_lead_here() {
    let mut scene = Scene::new();
    for letter in "AB".chars() {
        scene.ours(letter).connection(letter, "active");
        let elsewhere = scene.drifted(letter);
        elsewhere.client_secret = Some(SecretString::from("theirs"));
        elsewhere.spec.details.insert("oidc_issuer".to_owned(), format!("https://other.example.com/oidc/t/{letter}"));
    }
    let steps = scene.guarded().plan.steps;
    let changed = |step: &Step| step.changes.iter().map(|change| change.field.clone()).collect::<Vec<_>>();
    assert!(steps.len() == 2 && steps.iter().all(|step| step.held), "nobody's sign-in ends unasked: {steps:#?}");
    assert!(steps.iter().all(|step| changed(step).contains(&"oidc_issuer".to_owned())), "{steps:#?}");
}

#[test]
fn a_wanted_connection_without_a_provider_gets_one_and_is_then_wired() {
    let mut scene = Scene::new();
    scene.connection('A', "active").app_client("web", &[]);
    assert_eq!(scene.steps(), ["create A [A org_A]", "wire A web"]);
}

#[test]
fn a_provider_of_the_same_name_that_no_claim_covers_is_left_alone_and_reported() {
    let mut scene = Scene::new();
    scene.connection('A', "active").foreign_provider(name('A').as_str(), &[]).app_client("web", &[]);
    assert_eq!(scene.steps(), nothing());
    assert!(scene.notes().contains("that Causeway did not make: it is left alone"), "{}", scene.notes());
}

#[test]
fn a_provider_that_is_as_it_should_be_is_neither_described_nor_changed() {
    let mut scene = Scene::new();
    scene.connection('A', "active").ours('A').app_client("web", &['A']);
    assert_eq!(scene.steps(), nothing());
    assert!(scene.to_describe().is_empty());
}

#[test]
fn a_provider_that_somebody_changed_is_put_back_and_the_step_shows_which_field() {
    let mut scene = Scene::new();
    scene.connection('A', "active").ours('A');
    scene.drifted('A').spec.details.insert("token_url".to_owned(), "https://elsewhere".to_owned());
    assert_eq!(scene.steps(), ["update A [A org_A]"]);
    let change = scene.plan().steps[0].changes[0].clone();
    assert_eq!((change.field.as_str(), change.before.as_deref()), ("token_url", Some("https://elsewhere")));
}

#[test]
fn a_provider_that_somebody_deleted_is_made_again_under_the_same_name() {
    let mut scene = Scene::new();
    scene.connection('A', "active").held_without_provider('A').app_client("web", &['A']);
    assert_eq!(scene.steps(), ["create A [A org_A]"]);
    assert_eq!(scene.plan().steps[0].provider_name, name('A'));
}

#[test]
fn a_create_that_never_happened_is_tried_again() {
    let mut scene = Scene::new();
    scene.connection('A', "active").intended('A');
    assert_eq!(scene.steps(), ["create A [A org_A]"]);
}

#[test]
fn a_create_that_did_happen_is_recognized_by_its_secret_and_settled_to_held() {
    let mut scene = Scene::new();
    scene.connection('A', "active").ours('A').intended('A').app_client("web", &[]);
    assert!(scene.to_describe().contains(&name('A')));
    assert_eq!(scene.steps(), ["wire A web"]);
    let claim = &scene.claims[&conn('A')];
    let settled = scene.plan().settlements[0].applied_to(claim, then()).unwrap();
    assert!(settled.is_held());
    assert!(settled.secrets.live.is_some() && settled.secrets.pending.is_none());
}

#[test]
fn an_intended_claim_does_not_take_a_provider_that_differs_in_secret_issuer_or_client() {
    for key in ["client_secret", "oidc_issuer", "client_id"] {
        let mut scene = Scene::new();
        scene.connection('A', "active").ours('A').intended('A').app_client("web", &[]);
        if key == "client_secret" {
            scene.drifted('A').client_secret = Some(SecretString::from("theirs"));
        } else {
            scene.drifted('A').spec.details.insert(key.to_owned(), "theirs".to_owned());
        }
        assert_eq!(scene.steps(), ["forget A"], "{key}");
        assert!(scene.plan().settlements.is_empty() && scene.notes().contains("is not Causeway's own"), "{key}");
    }
}

#[test]
fn a_provider_of_another_kind_is_foreign_even_under_the_name_of_a_held_claim() {
    let mut scene = Scene::new();
    scene.connection('A', "active").ours('A').app_client("web", &['A']);
    scene.observed.providers.get_mut(&name('A')).unwrap().provider_type = "SAML".to_owned();
    assert_eq!(scene.steps(), ["forget A"]);
    scene.snapshot.connections.clear();
    assert_eq!(scene.steps(), ["forget A"], "and it is not deleted either");
}

#[test]
fn what_is_not_wanted_any_more_is_unwired_from_every_named_client_and_then_deleted() {
    let mut scene = Scene::new();
    scene.ours('A').app_client("mobile", &['A']).app_client("web", &['A']);
    assert_eq!(scene.steps(), ["unwire A mobile", "unwire A web", "delete A gone"]);
    assert!(scene.plan().steps.iter().all(|step| step.takes_away));
}

#[test]
fn a_claim_that_has_nothing_left_to_hold_is_forgotten() {
    let mut scene = Scene::new();
    scene.held_without_provider('A').intended('B');
    assert_eq!(scene.steps(), ["forget A", "forget B"]);
}

#[test]
fn a_state_that_causeway_does_not_know_changes_nothing() {
    for wired in [&['A'][..], &[]] {
        let mut scene = Scene::new();
        scene.connection('A', "of_the_future").ours('A').app_client("web", wired);
        scene.drifted('A').spec.details.clear();
        assert_eq!(scene.steps(), nothing());
        scene.held_without_provider('A').app_client("web", &[]);
        assert_eq!(scene.steps(), nothing());
    }
}

#[test]
fn a_record_that_can_not_be_read_changes_nothing() {
    for mode in [Mode::Sync, Mode::Upsert] {
        let mut scene = Scene::new();
        scene.options.mode = mode;
        scene.unreadable(conn('A').as_str()).ours('A').app_client("web", &['A']);
        assert_eq!(scene.steps(), nothing());
        scene.held_without_provider('A').app_client("web", &[]);
        assert_eq!(scene.steps(), nothing());
    }
}

#[test]
fn a_provider_that_somebody_else_made_is_no_claims_whatever_is_known_of_the_connection() {
    let mut unknown = Scene::new();
    unknown.connection('A', "of_the_future");
    let mut unreadable = Scene::new();
    unreadable.unreadable(conn('A').as_str());
    let mut unidentified = Scene::new();
    unidentified.unreadable("");
    for mut scene in [unknown, unreadable, unidentified] {
        scene.intended('A').foreign_provider(name('A').as_str(), &["org_O"]);
        assert_eq!(scene.to_describe(), [name('A')].into(), "only a description tells whose it is");
        assert_eq!(scene.steps(), ["forget A"]);
        assert!(scene.plan().steps.iter().all(|step| !step.takes_away));
        assert!(scene.notes().contains("not Causeway's own"), "{}", scene.notes());
    }
}

#[test]
fn a_record_without_an_id_keeps_nothing_since_what_seems_gone_is_asked_for_by_its_own_id() {
    for id in ["", "conn_01?", "?"] {
        let mut scene = Scene::new();
        scene.connection('B', "active").connection('C', "active").unreadable(id);
        scene.ours('A').ours('B').held_without_provider('D').app_client("web", &['A']);
        let added = ["create C [C org_C]", "wire B web", "wire C web"];
        let gone = ["unwire A web", "delete A gone", "forget D"];
        assert_eq!(scene.steps(), [added, gone].concat(), "{id:?}");
    }
}

#[test]
fn a_record_without_an_id_does_not_keep_what_the_operator_excluded() {
    let mut scene = Scene::new();
    scene.options.organizations = Some(vec![]);
    scene.connection('A', "active").unreadable("").ours('A');
    assert_eq!(scene.steps(), ["delete A excluded"]);
}

#[test]
fn a_connection_that_the_list_shows_twice_and_differently_is_left_as_it_is() {
    let mut scene = Scene::new();
    scene.connection('A', "inactive").ours('A').app_client("web", &['A']);
    let mut twin = scene.snapshot.connections[0].clone();
    scene.snapshot.connections.push(twin.clone());
    assert_eq!(scene.steps(), ["unwire A web"], "twice the same is once");
    twin.state = "active".to_owned().into();
    scene.snapshot.connections.push(twin);
    assert_eq!(scene.steps(), nothing());
    scene.connection_of('B', "active", 'A').ours_with('A', [].into());
    assert_eq!(scene.steps(), ["create B [B org_A]", "wire B web"], "nor does it get anything");
}

// Connection states, choice and modes.

#[test]
fn a_provider_is_made_for_active_validating_and_inactive_connections_only() {
    for state in EVERY_STATE {
        let mut scene = Scene::new();
        scene.connection('A', state).app_client("web", &[]);
        let expected: &[&str] = match state {
            "active" | "validating" => &["create A [A org_A]", "wire A web"],
            "inactive" => &["create A [A]"],
            _ => &[],
        };
        assert_eq!(scene.steps(), expected, "{state}");
    }
}

#[test]
fn a_provider_that_is_there_is_kept_in_every_state_and_unwired_in_those_in_which_nobody_can_sign_in() {
    for state in EVERY_STATE {
        let mut scene = Scene::new();
        scene.connection('A', state).ours('A').app_client("web", &['A']);
        let expected: &[&str] = match state {
            "active" | "validating" | "of_the_future" => &[],
            _ => &["unwire A web"],
        };
        assert_eq!(scene.steps(), expected, "{state}");
        assert!(scene.to_describe().is_empty(), "{state}");
    }
}

#[test]
fn a_delete_says_whether_the_connection_is_gone_or_no_longer_chosen() {
    let mut scene = Scene::new();
    scene.connection('A', "active").ours('A').ours('B');
    scene.options.organizations = Some(vec![org('Z')]);
    assert_eq!(scene.steps(), ["delete A excluded", "delete B gone"]);
}

#[test]
fn upsert_neither_deletes_nor_unwires_what_is_gone_or_excluded_and_says_so() {
    let mut scene = Scene::new();
    scene.options.mode = Mode::Upsert;
    scene.options.organizations = Some(vec![org('Z')]);
    scene.connection('A', "active").ours('A').ours('B').app_client("web", &['A', 'B']);
    assert_eq!(scene.steps(), nothing());
    assert!(scene.notes().contains("the provider is kept, as the pool's mode is upsert"));
}

#[test]
fn upsert_still_unwires_a_connection_that_is_switched_off() {
    let mut scene = Scene::new();
    scene.options.mode = Mode::Upsert;
    scene.connection('A', "inactive").ours('A').app_client("web", &['A']);
    assert_eq!(scene.steps(), ["unwire A web"]);
}

#[test]
fn observe_shows_the_plan_that_sync_would_carry_out() {
    let mut scene = Scene::new();
    scene.connection('A', "active").ours('B').app_client("web", &['B']);
    let sync = scene.plan();
    scene.options.mode = Mode::Observe;
    assert_eq!(scene.plan(), sync);
}

#[test]
fn a_connection_that_does_not_say_whose_it_is_is_not_taken_for_one_that_the_operator_excluded() {
    let mut scene = Scene::new();
    scene.connection('A', "active").ours('A');
    scene.options.organizations = Some(vec![org('A')]);
    assert_eq!(scene.steps(), nothing());
    scene.snapshot.connections[0].organization_id = None;
    assert_eq!(scene.steps(), nothing());
}

// What is not ours.

#[test]
fn a_foreign_provider_is_in_no_step_whatever_it_looks_like() {
    let mut scene = Scene::new();
    scene.connection('A', "active").ours('A').connection('B', "active").ours('C');
    scene.foreign_provider("Okta", &["org_A", "org_B"]).foreign_provider(name('D').as_str(), &[]);
    scene.connection('D', "inactive").app_client("web", &['D']);
    let touched: Vec<String> = scene.plan().steps.iter().map(|step| step.provider_name.to_string()).collect();
    assert!(!touched.is_empty() && !touched.contains(&"Okta".to_owned()) && !touched.contains(&name('D').to_string()));
}

#[test]
fn an_identifier_that_a_foreign_provider_has_is_left_out_and_reported() {
    let mut scene = Scene::new();
    scene.connection('A', "active").foreign_provider("Okta", &["org_A"]);
    assert_eq!(scene.steps(), ["create A [A]"]);
    assert!(scene.notes().contains("identifier org_A is left out: the provider Okta"), "{}", scene.notes());
}

#[test]
fn what_a_foreign_provider_had_is_free_once_that_provider_is_gone_or_ours() {
    let mut scene = Scene::new();
    scene.connection('A', "active").foreign_provider("Okta", &["org_A"]);
    scene.observed.providers.clear();
    assert_eq!(scene.steps(), ["create A [A org_A]"]);
    scene.ours_with('A', [identifier(conn('A').as_str())].into());
    scene.foreign.insert(identifier("org_A"), Some(name('A')));
    assert_eq!(scene.steps(), ["update A [A org_A]"]);
}

#[test]
fn an_organization_s_id_goes_to_another_connection_where_the_oldest_can_have_no_provider() {
    let mut scene = Scene::new();
    scene.connection_of('A', "active", 'O').connection_of('B', "active", 'O');
    scene.foreign_provider(name('A').as_str(), &[]);
    assert_eq!(scene.steps(), ["create B [B org_O]"]);
}

#[test]
fn what_one_of_our_providers_has_is_not_given_up_for_what_was_once_known_of_a_foreign_one() {
    let mut scene = Scene::new();
    scene.connection('A', "active").ours('A').foreign_provider("Okta", &[]);
    scene.foreign.insert(identifier("org_A"), Some("Okta".parse().unwrap()));
    assert_eq!(scene.steps(), nothing());
}

#[test]
fn what_a_provider_has_that_turns_out_to_be_foreign_is_not_asked_for() {
    let mut scene = Scene::new();
    scene.connection_of('A', "active", 'O').connection_of('B', "active", 'O').intended('A');
    scene.foreign_provider(name('A').as_str(), &["org_O"]);
    scene.foreign.clear();
    assert_eq!(scene.steps(), ["create B [B]", "forget A"]);
    scene.foreign_provider(name('A').as_str(), &[]);
    assert_eq!(scene.steps(), ["create B [B org_O]", "forget A"], "what it does not have is");
}
