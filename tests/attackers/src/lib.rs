//! Hostile requests, generated and not picked: what strangers, and callers with a grant for something else, send
//! to get past the front door.
//!
//! An attack begins on a path that its sender may call, and climbs from there to one that it may not. There is one
//! for each route, method, beginning and way of writing `..`, `/` and `\`. Beside them are requests whose query,
//! headers or cookies are odd. [`Attacks`] has all of them, in an order that is drawn from a seed, and gives the
//! events that API Gateway would make of each. All is deterministic: the same seed gives the same requests.

mod attacks;
mod beginning;
mod empty;
mod event;
mod odd;
mod routes;
mod writing;

pub use attacks::{Attacks, Hostile};
pub use beginning::Beginning;
pub use empty::EmptyAws;
pub use routes::{Named, PAGES, Route, api_routes, is_plain, open_routes, route_of};
pub use writing::Kind;

/// All hostile requests of a stranger, with IDs that nobody has, in an order that is drawn from `seed`.
pub fn hostile(seed: u64) -> impl Iterator<Item = Hostile> {
    Attacks::by_a_stranger(&Named::made_up()).into_drawn(seed)
}

/// So many of them, some of each kind.
pub fn sample(seed: u64, number: usize) -> Vec<Hostile> {
    Attacks::by_a_stranger(&Named::made_up()).sample(seed, number)
}

/// Every event that API Gateway may make of so many of them, for whatever function.
pub fn hostile_events(seed: u64, number: usize) -> impl Iterator<Item = serde_json::Value> {
    hostile(seed).filter(Hostile::is_routed).take(number).flat_map(|hostile| hostile.events())
}
