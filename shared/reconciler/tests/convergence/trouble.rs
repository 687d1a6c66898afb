//! What the table's index of pools that are not well has of a pool, after its runs.

use serde_json::json;

use causeway_core::{
    run::Outcome,
    trouble::Trouble,
    user_pool::{Mode, PoolStatus},
};

use super::world::{
    Event, clock,
    runner::{Ran, World},
    wire::{Disturbance, Fault},
};

/// The number of a call by which a run looks.
const BLIND: u8 = 6;

async fn run(world: &World) -> Ran {
    world.run(&Disturbance::default()).await
}

#[test]
fn a_wake_up_leaves_a_pool_that_is_not_verified_among_those_that_need_somebody_and_takes_a_paused_one_off() {
    for (status, mode, left) in [
        (PoolStatus::Pending, Mode::Sync, Some(Trouble::Pending)),
        (PoolStatus::Pending, Mode::Paused, Some(Trouble::Pending)),
        (PoolStatus::Active, Mode::Paused, None),
        (PoolStatus::Active, Mode::Sync, None),
    ] {
        clock::live(async {
            let world = World::new();
            world.state().items.set([("status", json!(status)), ("unwell", json!(Trouble::Pending))]);
            let mut options = serde_json::to_value(world.state().items.pool().unwrap().options).unwrap();
            options["mode"] = json!(mode);
            world.state().items.set([("options", options)]);
            run(&world).await;
            assert_eq!(world.state().items.trouble(), left, "{status:?} {mode:?}");
        });
    }
}

#[test]
fn what_is_held_back_is_the_trouble_of_a_pool_in_which_something_else_failed_too() {
    clock::live(async {
        let world = World::new();
        for letter in "ABDEFGHIJK".chars() {
            world.happen(&Event::Connect(letter, "active", letter));
        }
        run(&world).await;
        assert_eq!(world.state().items.trouble(), None);
        for letter in "ABDEFGH".chars() {
            world.happen(&Event::Disconnect(letter));
        }
        world.happen(&Event::Connect('C', "active", 'C'));
        let mut seen = Vec::new();
        for call in 0..60 {
            let refused = Disturbance { faults: vec![(call, Fault::Refuse)], ..Disturbance::default() };
            let ran = world.run(&refused).await;
            if ran.held().next().is_some() && !ran.failures().is_empty() {
                seen.push(world.state().items.trouble());
            }
        }
        assert!(seen.len() > 1 && seen.iter().all(|trouble| *trouble == Some(Trouble::Held)), "{seen:?}");
        run(&world).await;
        assert_eq!(world.state().items.trouble(), Some(Trouble::Held));
        let blind = world.run(&Disturbance { faults: vec![(BLIND, Fault::Refuse)], ..Disturbance::default() }).await;
        assert_eq!(blind.report.map(|report| report.outcome), Some(Outcome::Failed));
        assert_eq!(world.state().items.trouble(), Some(Trouble::Held), "a run that saw nothing ends no waiting");
    });
}
