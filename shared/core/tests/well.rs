//! A pool is well only where every wanted connection has a provider.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on should stop where it is")]

#[allow(dead_code, reason = "each test binary uses its own part")]
mod scene;

use causeway_core::{
    health::{Health, HealthState},
    run::{Outcome, RunReport},
    wake_up::Cause,
};
use proptest::prelude::*;
use scene::{Scene, conn, name, then};

/// The health that a run leaves which did all of a plan.
fn health_after(scene: &Scene) -> Health {
    let plan = scene.plan();
    let report = RunReport {
        id: String::new(),
        started_at: then(),
        finished_at: then(),
        cause: Cause::Schedule,
        outcome: Outcome::NoChange,
        steps: plan.recorded(),
        failures: Vec::new(),
        notes: plan.notes,
        omitted: 0,
    };
    report.health()
}

#[test]
fn a_wanted_connection_under_whose_name_somebody_else_has_a_provider_leaves_no_pool_well() {
    for (state, expected) in
        [("active", HealthState::Rejected), ("inactive", HealthState::Rejected), ("draft", HealthState::Ok)]
    {
        for is_claimed in [false, true] {
            let mut scene = Scene::new();
            scene.connection('A', state);
            if is_claimed {
                scene.intended('A');
            }
            scene.foreign_provider(name('A').as_str(), &["theirs"]);
            let health = health_after(&scene);
            assert_eq!(health.state, expected, "{state}, claimed: {is_claimed}: {health:?}");
            if expected != HealthState::Ok {
                assert!(health.message.contains(conn('A').as_str()) && health.remedy.contains("adopt"), "{health:?}");
            }
        }
    }
    let mut gone = Scene::new();
    gone.intended('A').foreign_provider(name('A').as_str(), &["theirs"]);
    assert_eq!(health_after(&gone).state, HealthState::Ok, "nobody wants it");
}

proptest! {
    #[test]
    fn a_wanted_connection_has_a_provider_or_gets_one_or_the_pool_is_not_well(
        kinds in prop::collection::vec((0u8..6, prop::sample::select(vec!["active", "inactive", "draft", "odd"])), 1..8),
    ) {
        let mut scene = Scene::new();
        for ((kind, state), letter) in kinds.iter().zip("ABCDEFGH".chars()) {
            scene.connection(letter, state);
            match kind {
                0 => {}
                1 => {
                    scene.ours(letter);
                }
                2 => {
                    scene.intended(letter);
                }
                3 => {
                    scene.held_without_provider(letter);
                }
                4 => {
                    scene.foreign_provider(name(letter).as_str(), &[]);
                }
                _ => {
                    scene.intended(letter).foreign_provider(name(letter).as_str(), &[]);
                }
            }
        }
        let plan = scene.plan();
        for ((kind, state), letter) in kinds.iter().zip("ABCDEFGH".chars()) {
            let is_wanted = matches!(*state, "active" | "inactive");
            let is_made = plan.steps.iter().any(|step| step.action.kind().name() == "create" && step.connection_id == conn(letter));
            let is_told = plan.notes.iter().any(|note| {
                note.connection_id == Some(conn(letter)) && note.remedy.is_some()
            });
            prop_assert!(!is_wanted || *kind == 1 || is_made || is_told, "{} {}", letter, kind);
        }
    }
}
