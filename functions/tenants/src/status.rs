//! `GET /v1/status`: how many pools are how, and those that need somebody, the worst first.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use causeway_core::{
    id::{AppClientId, Contact, TenantId, TenantName, UserPoolId},
    tenant::Tenant,
    timestamp::Timestamp,
    trouble::{Trouble, Whose},
    user_pool::UserPool,
};
use causeway_store::{Unreadable, UnwellPool, UnwellQuery, tell};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    fleet::Fleet,
    page::{PageRequest, UnreadableItem},
    problem::Problem,
    service::Service,
};

/// What to do about a pool's item that can't be read.
const RESTORE: &str = "Restore the item: docs/operations.md, \"An item can't be read\".";

/// The fleet, and the pools of it that need somebody.
#[derive(Debug, Serialize, ToSchema)]
pub struct Status {
    /// The fleet as a whole; null on every page but the first.
    #[schema(required = true)]
    fleet: Option<Fleet>,
    /// The user pools that need somebody, the worst first: what is the operator's, then what is the tenants', and of each
    /// state those first that have been so for longest.
    items: Vec<PoolInNeed>,
    /// The `cursor` of the next page; null at the end.
    #[schema(required = true)]
    next_cursor: Option<String>,
    /// What stands in the table and can't be read, where there is any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    unreadable: Vec<UnreadableItem>,
}

/// A user pool that needs somebody.
#[derive(Debug, Serialize, ToSchema)]
struct PoolInNeed {
    /// Its tenant.
    tenant_id: TenantId,
    /// The tenant's name; null where the tenant can't be read.
    #[schema(required = true)]
    tenant_name: Option<TenantName>,
    /// The user pool.
    user_pool_id: UserPoolId,
    /// Cognito's name of the pool, which the tenant chooses; null where it was not read yet.
    #[schema(required = true)]
    user_pool_name: Option<String>,
    /// What is wrong.
    state: Trouble,
    /// Since when.
    since: Timestamp,
    /// Who has to mend it.
    whose: Whose,
    /// Whom to turn to about its tenant; null where nobody said.
    #[schema(required = true)]
    contact: Option<Contact>,
    /// What is wrong, for people.
    message: String,
    /// What to do about it.
    remedy: String,
    /// What waits for an approval or a refusal, whatever `state` says; null where nothing does.
    #[schema(required = true)]
    held: Option<HeldBack>,
    /// The app clients that the pool is to give its providers to, and that its last run did not find.
    missing_app_clients: Vec<AppClientId>,
}

/// What the guard holds back of a pool.
#[derive(Debug, Serialize, ToSchema)]
struct HeldBack {
    /// For how many connections.
    connections: usize,
    /// Since when, of the first of them.
    since: Timestamp,
}

impl HeldBack {
    fn of(pool: &UserPool) -> Option<Self> {
        Some(Self { connections: pool.held.len(), since: *pool.held.values().min()? })
    }
}

/// A pool in its place among those that need somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    trouble: Trouble,
    pool: UnwellPool,
}

impl Place {
    /// The place that a cursor names.
    fn parse(text: &str) -> Option<Self> {
        let [word, since, tenant, pool] = text.split('/').collect::<Vec<_>>().try_into().ok()?;
        let pool = UnwellPool {
            tenant_id: tenant.parse().ok()?,
            user_pool_id: pool.parse().ok()?,
            since: Timestamp::parse(since)?,
        };
        Some(Self { trouble: Trouble::of_word(word)?, pool })
    }

    fn text(&self) -> String {
        let UnwellPool { tenant_id, user_pool_id, since } = &self.pool;
        format!("{}/{since}/{tenant_id}/{user_pool_id}", self.trouble.as_str())
    }
}

/// A page of the pools that need somebody, as the index has them.
#[derive(Debug, Default)]
struct Needing {
    places: Vec<Place>,
    unreadable: Vec<Unreadable>,
    /// Whether there are more.
    goes_on: bool,
}

impl Needing {
    /// Up to `limit` of them, after a place.
    async fn find(service: &Service, now: Timestamp, after: Option<&Place>, limit: usize) -> Result<Self, Problem> {
        let mut found = Self::default();
        let begin = after.map_or(Trouble::ALL[0], |place| place.trouble);
        for trouble in Trouble::ALL.into_iter().filter(|trouble| *trouble >= begin) {
            // One more, which tells whether there is another page.
            let wanted = (limit + 1).saturating_sub(found.places.len());
            let query = UnwellQuery {
                before: trouble.somebodys_before(now, service.oldest_sync),
                after: after.filter(|place| place.trouble == trouble).map(|place| &place.pool),
                limit: i32::try_from(wanted).unwrap_or(i32::MAX),
            };
            let page = service.store().unwell_pools(trouble, query).await?;
            found.unreadable.extend(page.unreadable);
            found.places.extend(page.pools.into_iter().map(|pool| Place { trouble, pool }));
            if found.places.len() > limit {
                found.places.truncate(limit);
                found.goes_on = true;
                break;
            }
        }
        Ok(found)
    }
}

/// What is known of the pools of a page and of their tenants.
struct Known {
    tenants: BTreeMap<TenantId, Tenant>,
    pools: BTreeMap<(TenantId, UserPoolId), UserPool>,
    unreadable: Vec<Unreadable>,
}

impl Known {
    async fn of(service: &Service, places: &[Place]) -> Result<Self, Problem> {
        let tenants = service.tenants_by_id(places.iter().map(|place| &place.pool.tenant_id));
        let keys = places.iter().map(|place| (&place.pool.tenant_id, &place.pool.user_pool_id));
        let pools = async { Ok::<_, Problem>(service.store().pools_of(keys).await?) };
        let (tenants, pools) = tokio::try_join!(tenants, pools)?;
        let by_key = pools.items.into_iter().map(|pool| ((pool.tenant_id.clone(), pool.user_pool_id.clone()), pool));
        Ok(Self { tenants, pools: by_key.collect(), unreadable: pools.unreadable })
    }

    /// What a pool needs; `None` where it is gone by now, or is nobody's.
    fn need(&self, place: Place, whose: Option<Whose>) -> Option<PoolInNeed> {
        let Place { trouble: state, pool: UnwellPool { tenant_id, user_pool_id, since } } = place;
        let unreadable = self.unreadable.iter().find(|item| item.is_of_pool(&tenant_id, &user_pool_id));
        let pool = self.pools.get(&(tenant_id.clone(), user_pool_id.clone()));
        let (message, remedy) = match (pool, unreadable) {
            (None, None) => return None,
            (_, Some(Unreadable { error, .. })) => {
                (format!("The user pool's item in the table can't be read: {error}"), RESTORE.to_owned())
            }
            (Some(pool), None) => match state.told_before_a_run() {
                Some((message, remedy)) => (message.to_owned(), remedy.to_owned()),
                None => (pool.run.health.message.clone(), pool.run.health.remedy.clone()),
            },
        };
        let tenant = self.tenants.get(&tenant_id);
        Some(PoolInNeed {
            tenant_name: tenant.map(|tenant| tenant.name.clone()),
            contact: tenant.and_then(|tenant| tenant.contact.clone()),
            user_pool_name: pool.and_then(|pool| pool.run.name.clone()),
            held: pool.and_then(HeldBack::of),
            missing_app_clients: pool.map(UserPool::missing_app_clients).unwrap_or_default(),
            whose: whose?,
            tenant_id,
            user_pool_id,
            state,
            since,
            message,
            remedy,
        })
    }
}

/// Shows how many user pools are how, and those that need somebody, the worst first
///
/// It scans nothing, however many pools there are.
#[utoipa::path(
    get, path = "/v1/status", operation_id = "get_status", tag = "deployment", params(PageRequest),
    responses((status = 200, description = "A page.", body = Status))
)]
pub async fn status(State(service): State<Arc<Service>>, request: PageRequest) -> Result<Response, Problem> {
    let after = request.after.as_deref().map(|after| Place::parse(after).ok_or_else(PageRequest::no_cursor));
    let (after, now) = (after.transpose()?, service.now());
    let limit = usize::try_from(request.limit).unwrap_or(0);
    let fleet = async {
        match &after {
            None => Fleet::of(&service).await.map(Some),
            Some(_) => Ok(None),
        }
    };
    let page = async {
        let found = Needing::find(&service, now, after.as_ref(), limit).await?;
        let known = Known::of(&service, &found.places).await?;
        Ok((found, known))
    };
    let (fleet, (found, known)) = tokio::try_join!(fleet, page)?;
    let next_cursor = found.places.last().filter(|_| found.goes_on).map(|last| request.cursor_of(&last.text()));
    let whose = |place: &Place| place.trouble.whose(now.since(place.pool.since), service.oldest_sync);
    let items = found.places.into_iter().filter_map(|place| {
        let whose = whose(&place);
        known.need(place, whose)
    });
    let items = items.collect();
    let unreadable: Vec<Unreadable> = found.unreadable.into_iter().chain(known.unreadable).collect();
    tell(&unreadable);
    let unreadable = unreadable.into_iter().map(UnreadableItem::from).collect();
    Ok(Json(Status { fleet, items, next_cursor, unreadable }).into_response())
}

#[cfg(test)]
mod tests;
