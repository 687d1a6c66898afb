//! Writes down what a sign-in came to. No sign-in waits long for its entry, or fails for want of it.

use std::time::Duration;

use causeway_core::{
    id::{TenantId, UserPoolId},
    oidc::{
        envelope::SignInState,
        sign_in_log::{SignInEntry, SignInError},
    },
    timestamp::Timestamp,
};

use crate::{bridge::Bridge, endpoint::Endpoint, failure::Failure};

/// How long an entry may take: Cognito waits about a second for a token.
const WRITTEN_WITHIN: Duration = Duration::from_millis(300);

/// Writes an entry, in place of an earlier one of the same sign-in.
pub async fn write(bridge: &Bridge, tenant: &TenantId, pool: &UserPoolId, entry: &SignInEntry) {
    // Boxed, as a call to a service is large.
    let written = Box::pin(bridge.store.put_sign_in(tenant, pool, entry));
    match tokio::time::timeout(WRITTEN_WITHIN, written).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            let failure = Failure::Store(error);
            tracing::warn!(class = ?failure.class(), error = failure.shown(), "a sign-in is missing in the log");
        }
        Err(_) => tracing::warn!("a sign-in is missing in the log: the table did not answer in time"),
    }
}

/// Writes the entry of a sign-in that is over at `now` and has none yet.
pub async fn write_over(bridge: &Bridge, endpoint: &Endpoint, pool: &UserPoolId, error: SignInError, now: Timestamp) {
    let entry = SignInEntry::returned(endpoint.connection_id.clone(), now, bridge.number());
    write(bridge, &endpoint.tenant_id, pool, &entry.over(error, now)).await;
}

/// Writes the entry of a sign-in that came back and is over. A state that is shown again and again has one entry.
pub async fn write_returned(bridge: &Bridge, endpoint: &Endpoint, state: &SignInState, error: SignInError) {
    let entry = SignInEntry::returned(endpoint.connection_id.clone(), state.at, state.number());
    write(bridge, &endpoint.tenant_id, &state.user_pool_id, &entry.over(error, (bridge.now)())).await;
}
