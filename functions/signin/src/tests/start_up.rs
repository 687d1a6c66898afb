//! What an instance does before it says that it is ready, and what is left for the first request.

use std::time::Duration;

use super::world::{CONNECTION, SECRET, World, pass};

/// The calls since the last time, in any order.
fn calls(world: &World) -> Vec<String> {
    let mut calls = world.aws.calls();
    calls.sort();
    calls
}

#[tokio::test]
async fn the_first_token_of_an_instance_takes_the_calls_of_a_warm_one_that_has_not_met_the_tenant() {
    let world = World::new().await;
    let (code, next) = (world.code().await, world.code().await);
    let started = world.another_instance();
    world.aws.calls();
    started.bridge.get_ready().await;
    // Three connections to the table, as many as a request looks up at once, and both kinds of keys.
    assert_eq!(calls(&world), ["Decrypt", "GetItem", "GetItem", "GetItem", "GetPublicKey"]);
    assert_eq!(started.token(CONNECTION, &code, SECRET).await.status, 200);
    // Tenant, pool and claim; then what every token takes.
    let of_a_token = ["DeleteItem", "GetItem", "GetItem", "GetItem", "PutItem", "Sign"];
    assert_eq!(calls(&world), of_a_token);
    assert_eq!(started.token(CONNECTION, &next, SECRET).await.status, 200);
    assert_eq!(calls(&world), ["DeleteItem", "PutItem", "Sign"]);
}

#[tokio::test]
async fn an_instance_that_gets_no_key_at_its_start_comes_up_and_asks_for_it_when_it_is_needed() {
    let world = World::new().await;
    for operation in ["GetPublicKey", "GetItem", "Decrypt"] {
        let code = world.code().await;
        let started = world.another_instance();
        world.aws.deny(operation);
        started.bridge.get_ready().await;
        world.aws.allow();
        pass(Duration::from_secs(1));
        assert_eq!(started.token(CONNECTION, &code, SECRET).await.status, 200, "{operation}");
    }
}
