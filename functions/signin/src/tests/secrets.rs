//! Which client secrets are good, also while they are replaced; and whose pool lets users in.

use std::time::Duration;

use causeway_core::{
    claim::Claim,
    health::{ErrorClass, Health},
    secret::{RETIRED_FOR, SecretHash},
    user_pool::{Mode, PoolStatus},
};
use secrecy::SecretString;
use serde_json::json;

use super::world::{CALLBACK, CONNECTION, SECRET, World, now, pass, pool, user_pool_id};

fn hash(secret: &str) -> SecretHash {
    SecretHash::of(&SecretString::from(secret.to_owned()))
}

async fn change(world: &World, change: impl FnOnce(&mut Claim)) {
    let mut claim = world.claim().await;
    change(&mut claim);
    world.store.put_claim(&user_pool_id(), &claim).await.unwrap();
}

async fn signs_in(world: &World, secret: &str) -> bool {
    let code = world.code().await;
    world.token(CONNECTION, &code, secret).await.status == 200
}

#[tokio::test]
async fn a_rotation_under_load_fails_no_sign_in_at_whatever_moment_cognito_changes_its_secret() {
    let world = World::new().await;
    // Cognito shows the old secret or the new one at each moment from the update on until it is settled. A minute
    // before that, the function has read the claim, and it reads it again in its own time.
    for (number, gap) in [0, 1, 500, 999, 1000, 30_000, 59_999, 60_000, 61_000].into_iter().enumerate() {
        let (before, after) = (
            if number == 0 { SECRET.to_owned() } else { format!("secret {number}") },
            format!("secret {}", number + 1),
        );
        assert!(signs_in(&world, &before).await);
        change(&world, |claim| claim.secrets.intend(hash(&after))).await;
        for secret in [&before, &after, &before] {
            assert!(signs_in(&world, secret).await, "{secret} while it is sent, {gap} ms");
        }
        pass(Duration::from_millis(gap));
        change(&world, |claim| claim.secrets.confirm(&hash(&after), now())).await;
        for secret in [&before, &after, &before] {
            assert!(signs_in(&world, secret).await, "{secret} after it arrived, {gap} ms");
        }
        pass(Duration::from_secs(1));
    }
}

#[tokio::test]
async fn a_retired_secret_is_good_for_15_minutes_and_not_a_moment_longer() {
    let world = World::new().await;
    change(&world, |claim| {
        claim.secrets.intend(hash("new"));
        claim.secrets.confirm(&hash("new"), now());
    })
    .await;
    pass(RETIRED_FOR.saturating_sub(Duration::from_millis(1)));
    let code = world.code().await;
    assert_eq!(world.token(CONNECTION, &code, SECRET).await.status, 200);
    let code = world.code().await;
    pass(Duration::from_millis(1));
    let refused = world.token(CONNECTION, &code, SECRET).await;
    assert_eq!((refused.status, refused.json()), (401, json!({ "error": "invalid_client" })));
    assert_eq!(world.token(CONNECTION, &code, "new").await.status, 200, "the refusal spent the code");
}

#[tokio::test]
async fn a_paused_or_unhealthy_pool_signs_in_as_before_and_one_that_is_not_active_does_not() {
    let world = World::new().await;
    let alterations: [fn(&mut causeway_core::user_pool::UserPool); 5] = [
        |pool| pool.options.mode = Mode::Paused,
        |pool| pool.options.mode = Mode::Observe,
        |pool| pool.run.health = Health::from_failure(ErrorClass::Denied, "no role".to_owned(), now()),
        |pool| pool.run.health = Health::from_failure(ErrorClass::Bug, "a bug".to_owned(), now()),
        |pool| pool.run.failures = 1000,
    ];
    for change in alterations {
        let mut changed = pool();
        change(&mut changed);
        world.put_pool(&changed).await;
        pass(Duration::from_mins(1));
        assert!(signs_in(&world, SECRET).await, "{changed:?}");
    }
    for status in [PoolStatus::Pending, PoolStatus::Removing] {
        let mut changed = pool();
        changed.status = status;
        world.put_pool(&changed).await;
        pass(Duration::from_mins(1));
        assert_eq!(world.authorize(CONNECTION, CALLBACK).await.status, 400, "{status:?}");
    }
}
