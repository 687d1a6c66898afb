//! The reconciler that is deployed, in a world in memory: whole lives drawn at random, and what each kind of fault must not
//! lead to.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on should stop where it is")]

mod absence;
mod called;
mod guard;
mod identifiers;
mod liveness;
mod lives;
mod trouble;
mod truth;
mod world;

use std::time::Duration;

use proptest::test_runner::{Config as ProptestConfig, FileFailurePersistence};

use world::{
    Event, clock,
    names::name,
    runner::{Ran, World},
    wire::Disturbance,
};

/// A run that nothing disturbs.
async fn run(world: &World) -> Ran {
    world.run(&Disturbance::default()).await
}

/// A world in which these connections, each in an organization of its own, have their providers.
async fn settled(letters: &str) -> World {
    let world = World::new();
    for letter in letters.chars() {
        world.happen(&Event::Connect(letter, "active", letter));
    }
    run(&world).await;
    // Nothing is behind any more.
    clock::pass(Duration::from_mins(5)).await;
    world
}

fn has_provider(world: &World, letter: char) -> bool {
    world.state().cognito.providers.contains_key(&name(letter))
}

fn is_wired(world: &World, letter: char) -> bool {
    world.state().cognito.clients.values().all(|names| names.contains(name(letter).as_str()))
}

/// What was done, in few words.
fn done(ran: &Ran) -> Vec<String> {
    ran.done().map(|step| format!("{} {}", step.action.name(), world::names::letter(&step.connection_id))).collect()
}

/// So many lives that `share` times as many are what `SIMULATED_LIVES` says. A failing one is printed in its shortest
/// form, and its seed is kept beside the test, so that the next run begins with it.
fn config(share: u32) -> ProptestConfig {
    let lives = std::env::var("SIMULATED_LIVES").map_or(500, |lives| lives.parse().expect("a number of lives"));
    let kept = FileFailurePersistence::WithSource("regressions");
    ProptestConfig {
        cases: u32::div_ceil(lives, share),
        failure_persistence: Some(Box::new(kept)),
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    }
}
