//! `GET /v1/health`: what somebody has to look at, and who.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use causeway_core::{
    health::HealthState,
    id::{Contact, TenantId, UserPoolId},
    timestamp::Timestamp,
};
use causeway_store::UnwellPool;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{problem::Problem, service::Service};

/// How many pools of each state are listed, those first that have been so for longest.
const MOST: i32 = 100;

/// Every state of health but the good one.
const UNWELL: [HealthState; 9] = [
    HealthState::Bug,
    HealthState::Held,
    HealthState::Denied,
    HealthState::Quota,
    HealthState::Rejected,
    HealthState::Transient,
    HealthState::Throttled,
    HealthState::Conflict,
    HealthState::Unknown,
];

/// Whether the deployment as a whole does its work. Each user pool has a health of its own.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeploymentHealth {
    /// `ok`, or what an operator has to look at first.
    state: DeploymentState,
    /// How many messages the dead-letter queue has.
    dead_letters: u64,
    /// How many wake-ups wait.
    wake_ups_waiting: u64,
    /// How many wake-ups are being worked on.
    wake_ups_in_flight: u64,
    /// The user pools that an operator has to look at, of each state at most 100.
    for_operator: Vec<UnwellPoolAnswer>,
    /// The user pools that their tenants have to mend, of each state at most 100.
    for_tenants: Vec<UnwellPoolAnswer>,
}

/// What an operator has to look at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum DeploymentState {
    /// Nothing.
    Ok,
    /// Messages were given up.
    DeadLetters,
    /// User pools: `for_operator` names them.
    UserPools,
}

/// A user pool that is not well.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = UnwellPool)]
struct UnwellPoolAnswer {
    /// Its tenant.
    tenant_id: TenantId,
    /// The user pool.
    user_pool_id: UserPoolId,
    /// What is wrong.
    state: HealthState,
    /// Since when.
    since: Timestamp,
    /// Whom to turn to about its tenant; null where nobody said.
    #[schema(required = true)]
    contact: Option<Contact>,
}

/// Whose a pool is that is not well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// It passes by itself.
    Nobodys,
    Operators,
    Tenants,
}

/// Whose it is, by its state and for how long it has been so. What passes by itself is the operator's once it is older
/// than the service level, when `OldestSyncAlarm` fires.
fn whose(state: HealthState, lasts: Duration, service_level: Duration) -> Whose {
    match state {
        HealthState::Bug | HealthState::Held => Whose::Operators,
        HealthState::Denied | HealthState::Quota | HealthState::Rejected => Whose::Tenants,
        HealthState::Transient | HealthState::Throttled | HealthState::Conflict if lasts > service_level => {
            Whose::Operators
        }
        _ => Whose::Nobodys,
    }
}

/// Shows what an operator has to look at, what tenants have to mend, and how many wake-ups wait
///
/// The numbers are SQS's, which are approximate while messages come and go.
#[utoipa::path(
    get, path = "/v1/health", operation_id = "get_health", tag = "deployment",
    responses((status = 200, description = "The health of the deployment.", body = DeploymentHealth))
)]
pub async fn health(State(service): State<Arc<Service>>) -> Result<Response, Problem> {
    let pools = futures::future::try_join_all(UNWELL.map(async |state| {
        let found = service.store().unwell_pools(state, MOST).await?;
        Ok::<_, Problem>(found.into_iter().map(move |pool| (state, pool)))
    }));
    let depths = async { Ok(tokio::try_join!(service.dead_letters.depth(), service.queue.depth())?) };
    let (pools, (dead, queue)) = tokio::try_join!(pools, depths)?;
    let pools: Vec<(HealthState, UnwellPool)> = pools.into_iter().flatten().collect();
    let contacts = contacts(&service, &pools).await?;
    let (now, mut for_operator, mut for_tenants) = (service.now(), Vec::new(), Vec::new());
    for (state, UnwellPool { tenant_id, user_pool_id, since }) in pools {
        let contact = contacts.get(&tenant_id).cloned();
        let list = match whose(state, now.since(since), service.oldest_sync) {
            Whose::Nobodys => continue,
            Whose::Operators => &mut for_operator,
            Whose::Tenants => &mut for_tenants,
        };
        list.push(UnwellPoolAnswer { tenant_id, user_pool_id, state, since, contact });
    }
    let dead_letters = dead.waiting + dead.in_flight;
    let state = match (dead_letters, for_operator.is_empty()) {
        (1.., _) => DeploymentState::DeadLetters,
        (0, false) => DeploymentState::UserPools,
        (0, true) => DeploymentState::Ok,
    };
    let (wake_ups_waiting, wake_ups_in_flight) = (queue.waiting, queue.in_flight);
    let health =
        DeploymentHealth { state, dead_letters, wake_ups_waiting, wake_ups_in_flight, for_operator, for_tenants };
    Ok(Json(health).into_response())
}

/// Whom to turn to, by tenant.
async fn contacts(
    service: &Service,
    pools: &[(HealthState, UnwellPool)],
) -> Result<BTreeMap<TenantId, Contact>, Problem> {
    let mut ids: Vec<TenantId> = pools.iter().map(|(_, pool)| pool.tenant_id.clone()).collect();
    ids.sort();
    ids.dedup();
    // A tenant that can't be read is named by its own list.
    let tenants = service.store().tenants_of(&ids).await?.items;
    Ok(tenants.into_iter().filter_map(|tenant| Some((tenant.id, tenant.contact?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rings_an_alarm_is_the_operators_and_what_a_role_or_a_key_mends_the_tenants() {
        const LEVEL: Duration = Duration::from_mins(30);
        for (state, soon, late) in [
            (HealthState::Bug, Whose::Operators, Whose::Operators),
            (HealthState::Held, Whose::Operators, Whose::Operators),
            (HealthState::Denied, Whose::Tenants, Whose::Tenants),
            (HealthState::Quota, Whose::Tenants, Whose::Tenants),
            (HealthState::Rejected, Whose::Tenants, Whose::Tenants),
            (HealthState::Transient, Whose::Nobodys, Whose::Operators),
            (HealthState::Throttled, Whose::Nobodys, Whose::Operators),
            (HealthState::Conflict, Whose::Nobodys, Whose::Operators),
            (HealthState::Unknown, Whose::Nobodys, Whose::Nobodys),
        ] {
            assert_eq!(whose(state, Duration::ZERO, LEVEL), soon, "{state:?}");
            assert_eq!(whose(state, LEVEL, LEVEL), soon, "{state:?}");
            assert_eq!(whose(state, LEVEL + Duration::from_millis(1), LEVEL), late, "{state:?}");
            assert!(UNWELL.contains(&state), "{state:?} is not asked for");
        }
    }
}
