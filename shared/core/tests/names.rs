//! Names are for people, and decide nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on should stop where it is")]

#[allow(dead_code, reason = "each test binary uses its own part")]
mod scene;

use causeway_core::{
    approval::{Approval, PlannedSteps, ShownLoss, beyond_record},
    calling::names,
    naming::Names,
};
use proptest::prelude::*;
use scene::{Scene, conn, then};

const LETTERS: &str = "ABCDEFGH";

/// A pool with eight providers, of which the connections of the last ones are left, called by these names.
fn scene(gone: usize, called: &[(Option<String>, Option<String>)]) -> Scene {
    let mut scene = Scene::new();
    for (number, letter) in LETTERS.chars().enumerate() {
        scene.ours(letter);
        let (before, after) = called.get(number).cloned().unwrap_or_default();
        scene.claims.get_mut(&conn(letter)).unwrap().connection_name = before;
        if number >= gone {
            scene.connection(letter, "active");
            scene.snapshot.connections.last_mut().unwrap().name = after;
        }
    }
    scene
}

fn known(scene: &Scene) -> Names {
    let seen = scene.snapshot.connections.iter().map(|seen| (seen.id.clone(), seen.clone())).collect();
    names(&scene.claims, &seen, Some(&scene.snapshot.organizations), then())
}

fn name() -> impl Strategy<Value = Option<String>> {
    proptest::option::of(prop_oneof![".{0,200}", "\\p{C}{0,20}", Just("Acme".to_owned())])
}

proptest! {
    #[test]
    fn no_name_changes_what_is_planned_held_or_covered_by_an_approval(
        gone in 0_usize..9,
        called in proptest::collection::vec((name(), name()), 8),
    ) {
        let (named, unnamed) = (scene(gone, &called), scene(gone, &[]));
        let (guarded, same) = (named.guarded(), unnamed.guarded());
        prop_assert_eq!(&guarded.plan.steps, &same.plan.steps);
        prop_assert_eq!((&guarded.held, &guarded.losses), (&same.held, &same.losses));
        let shown = PlannedSteps::new(guarded.plan.recorded(), guarded.plan.notes).named(&known(&named));
        let plain = PlannedSteps::new(same.plan.recorded(), same.plan.notes);
        prop_assert_eq!(&shown.hash, &plain.hash);
        for (shown, plain) in shown.steps.iter().zip(&plain.steps) {
            prop_assert_eq!(ShownLoss::of(shown), ShownLoss::of(plain));
        }
        prop_assert!(beyond_record(&shown.steps, &plain.steps).is_empty());
        let approved = |steps| Approval::of(steps, "an operator".to_owned(), then());
        prop_assert_eq!(approved(&shown.steps), approved(&plain.steps));
        // And what it says of them begins with how many they are.
        let lost = format!("{gone} customers lose sign-in: ");
        prop_assert!(gone < 2 || shown.summary().starts_with(&lost), "{}", shown.summary());
    }
}
