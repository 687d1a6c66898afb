//! The signing key is replaced while people sign in.

use std::time::Duration;

use serde_json::Value;

use super::{
    journey::part,
    world::{CONNECTION, LEAD, SECRET, World, now, pass},
};

/// The IDs of the keys that are published.
async fn published(world: &World) -> Vec<String> {
    let keys = world.get(&format!("/{CONNECTION}/jwks"), &[]).await.json();
    keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// The ID of the key that signed a sign-in.
async fn signed_by(world: &World) -> String {
    let code = world.code().await;
    let tokens = world.token(CONNECTION, &code, SECRET).await.json();
    let header: Value = part(tokens["id_token"].as_str().unwrap(), 0);
    header["kid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_new_key_is_published_before_it_signs_and_the_old_one_after_it_signed() {
    let world = World::with_keys(&["first", "second"]).await;
    world.aws.has_key("second", now().seconds());
    let keys = published(&world).await;
    let [first, second] = &keys[..] else { panic!("{keys:?}") };
    assert_ne!(first, second);
    assert_eq!(signed_by(&world).await, *first);
    pass(LEAD.saturating_sub(Duration::from_secs(2)));
    assert_eq!(signed_by(&world).await, *first);
    pass(Duration::from_secs(2));
    assert_eq!(signed_by(&world).await, *second);
    assert_eq!(published(&world).await, keys);
}

#[tokio::test]
async fn a_key_that_is_switched_off_takes_no_other_with_it() {
    let world = World::with_keys(&["first", "second"]).await;
    world.aws.has_key("second", 1_100_000_000);
    let keys = published(&world).await;
    world.aws.lose_key("second");
    pass(Duration::from_mins(1));
    assert_eq!(published(&world).await, keys[..1]);
    assert_eq!(signed_by(&world).await, keys[0]);
    world.aws.lose_key("first");
    pass(Duration::from_mins(1));
    assert_eq!(world.get(&format!("/{CONNECTION}/jwks"), &[]).await.status, 503);
}
