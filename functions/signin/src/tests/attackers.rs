//! Attackers at the provider's door, with events as API Gateway makes them.

use causeway_attackers::{hostile_events, is_plain};

use super::world::World;

/// How many hostile requests are played: a draw, since there are many more.
const DRAWN: usize = 2000;

#[tokio::test]
async fn whatever_a_stranger_sends_signs_nobody_in_and_a_bad_path_costs_no_call() {
    let (world, seed) = (World::new().await, fastrand::u64(..));
    for event in hostile_events(seed, DRAWN) {
        world.aws.calls();
        let answer = world.answer(&event).await;
        let path = event["rawPath"].as_str().unwrap();
        assert_ne!(answer.status, 500, "seed {seed}: {event}");
        if !is_plain(path) {
            assert_eq!((answer.status, world.aws.calls()), (404, Vec::new()), "seed {seed}: {event}");
        }
        // What anybody may have: the keys and the description of an issuer. Everything else needs a sign-in.
        let is_public = path.ends_with("/jwks") || path.ends_with("/openid-configuration");
        assert!(is_public || answer.status >= 300, "seed {seed}: {answer:?} for {event}");
        assert!(!answer.headers.contains_key("set-cookie"), "seed {seed}: {event}");
    }
    assert!(world.workos.calls().is_empty(), "seed {seed}");
}
