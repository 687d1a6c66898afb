//! Every run that has time gets on.

use std::time::Duration;

use causeway_core::{health::HealthState, run::Outcome};

use super::{
    clock, settled,
    world::{Edit, Event, Field, names::name, runner::World, wire::Disturbance},
};

const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst";

/// How many providers still are as the tenant changed them.
fn changed(world: &World) -> usize {
    let state = world.state();
    let is_changed = |letter: &char| !state.cognito.providers[&name(*letter)].details.contains_key("token_url");
    LETTERS.chars().filter(is_changed).count()
}

#[test]
fn a_pool_in_which_everything_changed_comes_in_line_however_short_each_run_is() {
    // Shorter ones end before both sides were seen, and say so.
    for tenths in 8..30 {
        clock::live(async {
            let world = settled(LETTERS).await;
            for letter in LETTERS.chars() {
                world.happen(&Event::Edit(Edit::Change(letter, Field::TokenUrl)));
            }
            while changed(&world) > 0 {
                let before = changed(&world);
                let ran = world.run(&Disturbance { time: Some(tenths), ..Disturbance::default() }).await;
                assert!(changed(&world) < before, "{tenths} tenths of a second were enough for nothing");
                let report = ran.report.unwrap();
                assert!(changed(&world) == 0 || report.outcome == Outcome::OutOfTime, "{report:?}");
            }
        });
    }
}

#[test]
fn what_a_part_of_a_look_did_not_see_is_neither_lost_nor_done() {
    clock::live(async {
        let world = settled(LETTERS).await;
        for letter in LETTERS.chars() {
            world.happen(&Event::Edit(Edit::Change(letter, Field::TokenUrl)));
            world.happen(&Event::Connect(letter, "inactive", letter));
        }
        let before = world.state().cognito.clients.clone();
        for _ in 0..3 {
            let ran = world.run(&Disturbance { time: Some(9), ..Disturbance::default() }).await;
            assert!(ran.done().all(|step| !step.takes_away), "all would go, and a few were let go: {:#?}", ran.steps());
        }
        assert_eq!(world.state().cognito.clients, before);
    });
}

#[test]
fn a_run_in_which_time_is_too_short_for_anything_waits_longer_each_time() {
    clock::live(async {
        let world = settled("AB").await;
        let mut waits = Vec::new();
        for _ in 0..4 {
            world.run(&Disturbance { time: Some(1), ..Disturbance::default() }).await;
            let pool = world.state().items.pool().unwrap();
            waits.push(pool.due_at.unwrap().since(clock::now()));
            assert_ne!(pool.run.health.state, HealthState::Ok);
            clock::pass(Duration::from_hours(1)).await;
        }
        assert!(waits.windows(2).all(|pair| pair[0] < pair[1]), "{waits:?}");
    });
}
