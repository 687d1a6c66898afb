//! What a plan does to app clients, rule by rule.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on should stop where it is")]

#[allow(dead_code, reason = "each test binary uses its own part")]
mod scene;

use causeway_core::{plan::Action, user_pool::Mode};
use scene::{Scene, both_ids, client, conn, name};

fn nothing() -> Vec<String> {
    Vec::new()
}

#[test]
fn a_provider_is_wired_after_it_is_made_and_before_anything_is_unwired() {
    let mut scene = Scene::new();
    scene.connection('B', "active").ours('A').app_client("mobile", &['A']).app_client("web", &['A']);
    let expected =
        ["create B [B org_B]", "wire B mobile", "wire B web", "unwire A mobile", "unwire A web", "delete A gone"];
    assert_eq!(scene.steps(), expected);
}

#[test]
fn the_steps_on_an_app_client_come_out_the_same_one_by_one_and_client_by_client() {
    let mut scene = Scene::new();
    scene.connection('B', "active").connection('C', "inactive").ours('A').ours('B').ours('C');
    scene.app_client("mobile", &['A', 'C']).app_client("web", &['B', 'C']).held_without_provider('D');
    scene.observed.app_clients.get_mut(&client("web")).unwrap().insert(name('D').to_string());
    let steps = scene.plan().steps;
    let mut by_client: Vec<_> = steps.iter().filter(|step| step.app_client_id.is_some()).collect();
    let one_by_one = carried_out(&scene, &by_client);
    by_client.sort_by_key(|step| step.app_client_id.clone());
    assert_eq!(carried_out(&scene, &by_client), one_by_one);
    assert!(one_by_one.iter().all(|supported| supported == &["COGNITO".to_owned(), name('B').to_string()]));
}

fn carried_out(scene: &Scene, steps: &[&causeway_core::plan::Step]) -> Vec<Vec<String>> {
    let mut clients = scene.observed.app_clients.clone();
    for step in steps {
        let supported = clients.get_mut(step.app_client_id.as_ref().unwrap()).unwrap();
        let changed = match step.action {
            Action::Wire => supported.insert(step.provider_name.to_string()),
            _ => supported.remove(step.provider_name.as_str()),
        };
        assert!(changed, "{step:?} changes nothing");
    }
    clients.into_values().map(|supported| supported.into_iter().collect()).collect()
}

#[test]
fn an_app_client_that_the_pool_does_not_name_is_in_no_step() {
    let mut scene = Scene::new();
    scene.connection('A', "active").ours('A').ours('B');
    assert!(scene.plan().steps.iter().all(|step| step.app_client_id.is_none()));
}

#[test]
fn a_name_left_behind_in_an_app_client_goes_before_anything_is_wired_and_before_its_claim_is_forgotten() {
    for mode in [Mode::Sync, Mode::Upsert] {
        let mut scene = Scene::new();
        scene.options.mode = mode;
        scene.held_without_provider('A').connection('B', "active").ours('B').app_client("web", &['A']);
        assert_eq!(scene.steps(), ["unwire A web", "wire B web", "forget A"]);
        assert!(!scene.plan().steps[0].takes_away, "there is nothing left to sign in with");
    }
}

#[test]
fn a_name_left_behind_goes_even_where_nothing_is_concluded_about_its_connection() {
    let mut scene = Scene::new();
    scene.unreadable(conn('A').as_str()).held_without_provider('A').app_client("web", &['A']);
    scene.connection('B', "of_the_future").held_without_provider('B').app_client("mobile", &['B']);
    assert_eq!(scene.steps(), ["unwire B mobile", "unwire A web"]);
}

#[test]
fn a_name_left_behind_goes_even_where_its_claim_has_been_dropped() {
    let mut scene = Scene::new();
    scene.connection('B', "active").ours('B').app_client("web", &['A', 'B']);
    assert_eq!(scene.steps(), nothing(), "the list can be behind");
    scene.observed.gone.insert(name('A'));
    assert_eq!(scene.steps(), ["unwire A web"]);
}

#[test]
fn a_name_without_a_provider_that_is_not_ours_stays_and_is_reported() {
    for name in ["Okta", "My Okta"] {
        let mut scene = Scene::new();
        scene.app_client("web", &[]);
        scene.observed.app_clients.get_mut(&client("web")).unwrap().insert(name.to_owned());
        assert_eq!(scene.steps(), nothing());
        assert!(scene.notes().contains(&format!("the app client web names {name}")), "{}", scene.notes());
    }
}

#[test]
fn names_that_are_not_ours_stay_in_the_app_clients() {
    let mut scene = Scene::new();
    scene.connection('A', "active").ours('A').foreign_provider("Okta", &[]).app_client("web", &['A']);
    scene.observed.app_clients.get_mut(&client("web")).unwrap().insert("Okta".to_owned());
    assert_eq!(scene.steps(), nothing());
    assert_eq!(both_ids('A').len(), 2);
}
