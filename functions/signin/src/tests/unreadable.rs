//! A member of an item that can't be read, or is a word of a later version: nobody is kept out by what a sign-in does not
//! need, and nobody gets in by what it needs.

use serde_json::{Value, json};

use super::world::{Answer, CALLBACK, CONNECTION, SECRET, World};

const TENANT_ITEM: &str = "TENANT";
const POOL_ITEM: &str = "POOL#";
const CLAIM_ITEM: &str = "CLAIM#";

/// Whether a user gets from Cognito's first request to Cognito's tokens.
async fn signs_in(world: &World) -> bool {
    let sent_with = |answer: Answer, name| (answer.status == 302).then(|| answer.sent_with(name)).flatten();
    let Some(state) = sent_with(world.authorize(CONNECTION, CALLBACK).await, "state") else { return false };
    let answer = world.get("/callback", &[("code", "code of WorkOS"), ("state", &state)]).await;
    let Some(code) = sent_with(answer, "code") else { return false };
    world.token(CONNECTION, &code, SECRET).await.status == 200
}

async fn signs_in_with(sort: &str, pointer: &str, value: &Value) -> bool {
    let world = World::new().await;
    world.aws.replace(sort, pointer, value);
    signs_in(&world).await
}

#[tokio::test]
async fn no_odd_member_that_a_sign_in_does_not_need_stops_it() {
    for (sort, pointer, value) in [
        (POOL_ITEM, "/run/M/health/M/state", json!({ "S": "degraded" })),
        (POOL_ITEM, "/run/M/health", json!({ "N": "7" })),
        (POOL_ITEM, "/run/M/losses", json!({ "BOOL": true })),
        (POOL_ITEM, "/run/M/role_probe_due_at", json!({ "S": "yesterday" })),
        (POOL_ITEM, "/options/M/mode", json!({ "S": "of_a_later_version" })),
        (POOL_ITEM, "/account_id", json!({ "N": "222222222222" })),
        (POOL_ITEM, "/version", json!({ "NULL": true })),
        (CLAIM_ITEM, "/state", json!({ "S": "of_a_later_version" })),
        (CLAIM_ITEM, "/fingerprint", json!({ "L": [] })),
        (CLAIM_ITEM, "/identifiers", json!({ "N": "7" })),
        (TENANT_ITEM, "/external_id", json!({ "N": "7" })),
        (TENANT_ITEM, "/former_webhooks", json!({ "S": "of_a_later_version" })),
    ] {
        assert!(signs_in_with(sort, pointer, &value).await, "{sort}{pointer}: {value}");
    }
}

#[tokio::test]
async fn nobody_signs_in_by_what_can_not_be_read() {
    for (sort, pointer, value) in [
        (POOL_ITEM, "/status", json!({ "S": "of_a_later_version" })),
        (POOL_ITEM, "/options/M/sign_in", json!({ "S": "of_a_later_version" })),
        (POOL_ITEM, "/options/M/sign_in", json!({ "NULL": true })),
        (POOL_ITEM, "/run/M/callbacks", json!({ "NULL": true })),
        (POOL_ITEM, "/run/M/callbacks/L/0", json!({ "N": "7" })),
        (CLAIM_ITEM, "/tenant_id", json!({ "N": "7" })),
        (CLAIM_ITEM, "/issuer", json!({ "NULL": true })),
        (CLAIM_ITEM, "/organization_id", json!({ "N": "7" })),
        (CLAIM_ITEM, "/secrets/M/live", json!({ "N": "7" })),
        (CLAIM_ITEM, "/secrets/M/retired", json!({ "S": "of_a_later_version" })),
        (TENANT_ITEM, "/workos_client_id", json!({ "N": "7" })),
    ] {
        assert!(!signs_in_with(sort, pointer, &value).await, "{sort}{pointer}: {value}");
    }
    assert!(signs_in(&World::new().await).await, "with everything as it is");
}
