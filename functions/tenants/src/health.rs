//! `GET /v1/health`: what somebody has to look at, and who.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use causeway_core::{
    id::{Contact, TenantId, UserPoolId},
    timestamp::Timestamp,
    trouble::{Trouble, Whose},
};
use causeway_store::{UnwellPool, UnwellQuery, tell};
use futures::future::try_join_all;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    fleet::{DeploymentState, Messages},
    page::UnreadableItem,
    problem::Problem,
    service::Service,
};

/// How many pools of each state are listed, those first that have been so for longest.
const MOST: i32 = 100;

/// Whether the deployment as a whole does its work. Each user pool has a health of its own.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeploymentHealth {
    /// `ok`, or what an operator has to look at first.
    state: DeploymentState,
    /// How many messages the dead-letter queue of wake-ups has.
    dead_letters: u64,
    /// How many messages the timer's own dead-letter queue has.
    timer_dead_letters: u64,
    /// How many wake-ups wait.
    wake_ups_waiting: u64,
    /// How many wake-ups are being worked on.
    wake_ups_in_flight: u64,
    /// The user pools that an operator has to look at, of each state at most 100.
    for_operator: Vec<UnwellPoolAnswer>,
    /// The user pools that their tenants have to mend, of each state at most 100.
    for_tenants: Vec<UnwellPoolAnswer>,
    /// What of the table's list of them can't be read: pools that may be among them.
    unreadable: Vec<UnreadableItem>,
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
    state: Trouble,
    /// Since when.
    since: Timestamp,
    /// Whom to turn to about its tenant; null where nobody said.
    #[schema(required = true)]
    contact: Option<Contact>,
}

/// Shows what an operator has to look at, what tenants have to mend, and how many wake-ups wait
///
/// The numbers are SQS's, which are approximate while messages come and go.
#[utoipa::path(
    get, path = "/v1/health", operation_id = "get_health", tag = "deployment",
    responses((status = 200, description = "The health of the deployment.", body = DeploymentHealth))
)]
pub async fn health(State(service): State<Arc<Service>>) -> Result<Response, Problem> {
    let now = service.now();
    let pools = try_join_all(Trouble::ALL.map(async |trouble| {
        let before = trouble.somebodys_before(now, service.oldest_sync);
        let found = service.store().unwell_pools(trouble, UnwellQuery { before, after: None, limit: MOST }).await?;
        Ok::<_, Problem>((trouble, found))
    }));
    let (found, messages) = tokio::try_join!(pools, Messages::of(&service))?;
    let (mut pools, mut unreadable) = (Vec::new(), Vec::new());
    for (trouble, page) in found {
        pools.extend(page.pools.into_iter().map(|pool| (trouble, pool)));
        unreadable.extend(page.unreadable);
    }
    tell(&unreadable);
    let tenants = service.tenants_by_id(pools.iter().map(|(_, pool)| &pool.tenant_id)).await?;
    let (mut for_operator, mut for_tenants) = (Vec::new(), Vec::new());
    for (state, UnwellPool { tenant_id, user_pool_id, since }) in pools {
        let contact = tenants.get(&tenant_id).and_then(|tenant| tenant.contact.clone());
        let list = match state.whose(now.since(since), service.oldest_sync) {
            None => continue,
            Some(Whose::Operator) => &mut for_operator,
            Some(Whose::Tenant) => &mut for_tenants,
        };
        list.push(UnwellPoolAnswer { tenant_id, user_pool_id, state, since, contact });
    }
    let state = DeploymentState::of(messages.given_up(), !(for_operator.is_empty() && unreadable.is_empty()));
    let Messages { dead_letters, timer_dead_letters, wake_ups_waiting, wake_ups_in_flight } = messages;
    let health = DeploymentHealth {
        state,
        dead_letters,
        timer_dead_letters,
        wake_ups_waiting,
        wake_ups_in_flight,
        for_operator,
        for_tenants,
        unreadable: unreadable.into_iter().map(UnreadableItem::from).collect(),
    };
    Ok(Json(health).into_response())
}
