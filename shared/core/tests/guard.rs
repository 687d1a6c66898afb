//! The guard's boundaries, and what an approval lets through.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on should stop where it is")]

#[allow(dead_code, reason = "each test binary uses its own part")]
mod scene;

use std::{collections::BTreeSet, time::Duration};

use causeway_core::{
    approval::{APPROVED_FOR, Approval, ApprovedStep, MOST_STEPS, at_once, hash_of_held},
    guard::{Loss, WINDOW, hold_back, recent},
    id::ConnectionId,
    plan::{Plan, Step},
    timestamp::Timestamp,
};
use scene::{Scene, client, conn, name, then};

const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWX";

/// A plan of a pool with `all` providers, of which `gone` are to be deleted.
fn losing(gone: usize, all: usize) -> (Plan, BTreeSet<ConnectionId>) {
    let mut scene = Scene::new();
    for (number, letter) in LETTERS.chars().take(all).enumerate() {
        scene.ours(letter);
        if number >= gone {
            scene.connection(letter, "active");
        }
    }
    let claimed = scene.claims.keys().cloned().collect();
    (scene.plan(), claimed)
}

fn held(plan: &Plan) -> usize {
    plan.steps.iter().filter(|step| step.held).count()
}

fn lost(letters: &str, ago: Duration) -> Vec<Loss> {
    letters.chars().map(|letter| Loss { connection_id: conn(letter), at: then().minus(ago) }).collect()
}

/// What an operator who read `plan` approves.
fn approved(plan: &Plan) -> Approval {
    Approval {
        hash: hash_of_held(&plan.steps),
        steps: plan.steps.iter().filter(|step| step.held).map(ApprovedStep::of).collect(),
        approved_by: "arn:aws:iam::111111111111:role/operator".to_owned(),
        expires_at: then().plus(APPROVED_FOR),
    }
}

#[test]
fn more_than_five_and_more_than_30_percent_or_all_of_two_or_more_are_held_back() {
    for (gone, all, expected) in [
        (1, 1, 0),
        (1, 2, 0),
        (2, 2, 2),
        (2, 3, 0),
        (5, 5, 5),
        (5, 6, 0),
        (5, 16, 0),
        (6, 7, 6),
        (6, 19, 6),
        (6, 20, 0),
        (6, 21, 0),
        (7, 23, 7),
        (7, 24, 0),
    ] {
        let (mut plan, claimed) = losing(gone, all);
        assert_eq!(plan.steps.iter().filter(|step| step.takes_away).count(), gone);
        hold_back(&mut plan, &claimed, &[], None, None, then());
        assert_eq!(held(&plan), expected, "{gone} of {all}");
    }
}

#[test]
fn what_comes_to_be_while_steps_are_held_back_does_not_let_them_through() {
    for (gone, there) in [(2, 2), (6, 18), (7, 7)] {
        let (mut plan, claimed) = losing(gone, there);
        hold_back(&mut plan, &claimed, &[], None, None, then());
        assert_eq!((held(&plan), plan.held_of), (gone, Some(there)));
        let (mut later, claimed) = losing(gone, 24);
        hold_back(&mut later, &claimed, &[], plan.held_of, None, then());
        assert_eq!((held(&later), later.held_of), (gone, Some(there)), "{gone} of {there}, and then of 24");
    }
}

#[test]
fn steps_are_let_through_that_are_few_enough_of_what_there_was_when_others_were_held_back_beside_them() {
    let (mut plan, claimed) = losing(6, 18);
    hold_back(&mut plan, &claimed, &[], None, None, then());
    let (mut fewer, claimed) = losing(5, 18);
    hold_back(&mut fewer, &claimed, &[], plan.held_of, None, then());
    assert_eq!((held(&fewer), fewer.held_of), (0, None));
}

#[test]
fn several_steps_on_one_connection_are_one_loss() {
    let mut scene = Scene::new();
    scene.ours('A').connection('B', "active").ours('B');
    for web in ["a", "b", "c", "d", "e", "f"] {
        scene.app_client(web, &['A', 'B']);
    }
    let mut plan = scene.plan();
    hold_back(&mut plan, &[conn('A'), conn('B')].into(), &[], None, None, then());
    assert_eq!((plan.steps.len(), held(&plan)), (7, 0));
}

#[test]
fn what_was_lost_in_the_last_day_counts_and_what_was_lost_before_does_not() {
    let almost = WINDOW.saturating_sub(Duration::from_millis(1));
    for (ago, expected) in [(Duration::ZERO, 1), (almost, 1), (WINDOW, 0)] {
        let (mut plan, claimed) = losing(1, 10);
        let losses = lost("KLMNO", ago);
        hold_back(&mut plan, &claimed, &losses, None, None, then());
        assert_eq!(held(&plan), expected, "{ago:?}");
        assert_eq!(recent(&losses, then()).len(), 5 * expected);
    }
}

#[test]
fn the_last_of_all_is_held_back_when_the_others_went_one_by_one() {
    let (mut plan, claimed) = losing(1, 1);
    hold_back(&mut plan, &claimed, &lost("BC", Duration::from_hours(1)), None, None, then());
    assert_eq!(held(&plan), 1);
}

#[test]
fn the_last_providers_are_held_back_however_many_somebody_else_deleted_or_replaced_before() {
    for replaced in [false, true] {
        let mut scene = Scene::new();
        for letter in LETTERS.chars().take(10) {
            scene.ours(letter);
        }
        for letter in LETTERS.chars().take(8) {
            if replaced {
                scene.observed.providers.get_mut(&name(letter)).unwrap().provider_type = "SAML".to_owned();
            } else {
                scene.observed.providers.remove(&name(letter));
            }
        }
        let mut plan = scene.plan();
        hold_back(&mut plan, &scene.with_provider(), &[], None, None, then());
        let held: Vec<_> = plan.steps.iter().filter(|step| step.held).map(|step| &step.connection_id).collect();
        assert_eq!(held, [&conn('I'), &conn('J')], "replaced: {replaced}");
    }
}

#[test]
fn a_provider_that_is_shown_to_be_ours_only_now_counts_and_one_that_is_not_described_does_not() {
    let mut scene = Scene::new();
    scene.ours('A').intended('A').ours('B').intended('B').ours('C').intended('D');
    scene.observed.providers.get_mut(&name('B')).unwrap().description = None;
    assert_eq!(scene.with_provider(), [conn('A'), conn('C')].into());
}

#[test]
fn what_takes_nothing_away_goes_on_while_the_rest_is_held_back() {
    let mut scene = Scene::new();
    scene.ours('A').ours('B').connection('C', "active").app_client("web", &['A', 'B']);
    let mut plan = scene.plan();
    hold_back(&mut plan, &[conn('A'), conn('B')].into(), &[], None, None, then());
    for step in &plan.steps {
        assert_eq!(step.held, matches!(step.action.name(), "unwire" | "delete"), "{step:?}");
    }
    assert_eq!((plan.steps.len(), held(&plan)), (6, 4));
}

#[test]
fn an_approval_lets_through_what_was_approved_and_nothing_else() {
    let (mut seen, claimed) = losing(2, 2);
    hold_back(&mut seen, &claimed, &[], None, None, then());
    let approval = approved(&seen);
    let (mut plan, claimed) = losing(3, 3);
    hold_back(&mut plan, &claimed, &[], None, Some(&approval), then());
    let still_held: Vec<_> = plan.steps.iter().filter(|step| step.held).map(|step| &step.connection_id).collect();
    assert_eq!(still_held, [&conn('C')]);
}

#[test]
fn an_approval_that_has_expired_lets_nothing_through() {
    let (seen, claimed) = losing(2, 2);
    let mut plan = seen.clone();
    hold_back(&mut plan, &claimed, &[], None, None, then());
    let approval = approved(&plan);
    let almost = APPROVED_FOR.saturating_sub(Duration::from_millis(1));
    for (after, expected) in [(almost, 0), (APPROVED_FOR, 2)] {
        let mut plan = seen.clone();
        hold_back(&mut plan, &claimed, &[], None, Some(&approval), then().plus(after));
        assert_eq!(held(&plan), expected, "{after:?}");
    }
}

#[test]
fn another_change_to_the_same_provider_is_not_covered() {
    let mut scene = Scene::new();
    for letter in ['A', 'B'] {
        scene.connection_of(letter, "active", 'P').ours(letter);
    }
    let mut seen = scene.plan();
    hold_back(&mut seen, &[conn('A'), conn('B')].into(), &[], None, None, then());
    assert_eq!(held(&seen), 2);
    let approval = approved(&seen);
    scene.specs.base = "https://new.example.com";
    let mut plan = scene.plan();
    hold_back(&mut plan, &[conn('A'), conn('B')].into(), &[], None, Some(&approval), then());
    assert_eq!(held(&plan), 2, "the loss of an identifier was approved, the loss of the issuer was not");
}

#[test]
fn a_delete_waits_where_an_unwire_before_it_was_not_approved() {
    let mut scene = Scene::new();
    scene.ours('A').ours('B').app_client("web", &['A']);
    let mut seen = scene.plan();
    hold_back(&mut seen, &[conn('A'), conn('B')].into(), &[], None, None, then());
    let approval = approved(&seen);
    scene.app_client("mobile", &['A']);
    let mut plan = scene.plan();
    hold_back(&mut plan, &[conn('A'), conn('B')].into(), &[], None, Some(&approval), then());
    let still_held: Vec<&str> = plan.steps.iter().filter(|step| step.held).map(|step| step.action.name()).collect();
    assert_eq!(still_held, ["unwire", "unwire", "delete"], "all of A, and B is let through");
}

#[test]
fn an_approved_delete_is_still_covered_once_the_provider_is_no_longer_described() {
    let mut scene = Scene::new();
    scene.ours('A').ours('B');
    scene.drifted('A').spec.details.insert("token_url".to_owned(), "https://elsewhere".to_owned());
    let claimed: BTreeSet<ConnectionId> = scene.claims.keys().cloned().collect();
    let mut seen = scene.plan();
    hold_back(&mut seen, &claimed, &[], None, None, then());
    let approval = approved(&seen);
    for settlement in &seen.settlements {
        let settled = settlement.applied_to(&scene.claims[&settlement.connection_id], then()).unwrap();
        scene.claims.insert(settlement.connection_id.clone(), settled);
    }
    assert!(!scene.to_describe().contains(&name('A')));
    let mut plan = scene.plan();
    hold_back(&mut plan, &claimed, &[], None, Some(&approval), then());
    assert_eq!(held(&plan), 0);
}

#[test]
fn the_hash_is_over_the_held_steps_only_and_whatever_their_order() {
    let (mut plan, claimed) = losing(2, 2);
    hold_back(&mut plan, &claimed, &[], None, None, then());
    let hash = hash_of_held(&plan.steps);
    assert_eq!(hash, approved(&plan).hash);
    plan.steps.reverse();
    assert_eq!(hash_of_held(&plan.steps), hash, "the order does not matter");
    let more = losing(0, 1).0.steps.into_iter().chain(Scene::new().connection('C', "active").plan().steps);
    assert_eq!(hash_of_held(plan.steps.clone().iter().chain(&more.collect::<Vec<_>>())), hash, "only what is held");
    for step in &mut plan.steps {
        "another reason".clone_into(&mut step.reason);
    }
    assert_eq!(hash_of_held(&plan.steps), hash, "the reason does not matter");
    plan.steps[0].held = false;
    assert_ne!(hash_of_held(&plan.steps), hash);
}

#[test]
fn every_part_of_what_a_step_does_is_in_the_hash() {
    let mut scene = Scene::new();
    scene.ours('A').ours('B').app_client("web", &['A', 'B']);
    let mut plan = scene.plan();
    hold_back(&mut plan, &[conn('A'), conn('B')].into(), &[], None, None, then());
    let hash = hash_of_held(&plan.steps);
    let changed = |change: &dyn Fn(&mut causeway_core::plan::Step)| {
        let mut steps = plan.steps.clone();
        change(&mut steps[0]);
        hash_of_held(&steps)
    };
    assert_ne!(changed(&|step| step.connection_id = conn('C')), hash);
    assert_ne!(changed(&|step| step.provider_name = name('C')), hash);
    assert_ne!(changed(&|step| step.app_client_id = Some(client("mobile"))), hash);
    assert_ne!(changed(&|step| step.action = causeway_core::plan::Action::Wire), hash);
    assert_ne!(changed(&|step| step.changes.clear()), hash);
}

#[test]
fn an_approval_of_more_than_an_item_can_hold_lets_whole_connections_through_and_leaves_the_others_held() {
    let (gone, claimed) = losing(3, 3);
    let mut plan = Plan::default();
    for number in 0..MOST_STEPS * 2 / 5 {
        let client = Some(client(&format!("web{number}")));
        plan.steps.extend(gone.steps.iter().map(|step| Step { app_client_id: client.clone(), ..step.clone() }));
    }
    hold_back(&mut plan, &claimed, &[], None, None, then());
    assert_eq!(held(&plan), MOST_STEPS * 6 / 5);
    let taken = Plan { steps: at_once(plan.steps.clone()), ..Plan::default() };
    let approval = approved(&taken);
    assert!(serde_json::to_vec(&approval).unwrap().len() < 200_000);
    hold_back(&mut plan, &claimed, &[], None, Some(&approval), then());
    let left: BTreeSet<&ConnectionId> =
        plan.steps.iter().filter(|step| step.held).map(|step| &step.connection_id).collect();
    assert_eq!((left, held(&plan)), ([&conn('C')].into(), MOST_STEPS * 2 / 5));
    // The next approval takes the rest.
    let rest: Vec<Step> = plan.steps.iter().filter(|step| step.held).cloned().collect();
    assert_eq!(at_once(rest.clone()), rest);
}

#[test]
fn the_time_of_a_loss_is_not_read_from_the_future() {
    let losses = vec![Loss { connection_id: conn('A'), at: Timestamp::from_seconds(then().seconds() + 60) }];
    assert_eq!(recent(&losses, then()).len(), 1, "a clock that is behind forgets no loss");
}
