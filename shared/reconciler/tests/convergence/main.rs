//! The reconciler that is deployed, in a world in memory: whole lives drawn at random, and what each kind of fault must not
//! lead to.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on should stop where it is")]

mod absence;
mod guard;
mod identifiers;
mod liveness;
mod lives;
mod truth;
mod world;

use std::time::Duration;

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
