//! The user pools that are not well, by the index that holds no others.

use causeway_core::{
    health::HealthState,
    id::{TenantId, UserPoolId},
    timestamp::Timestamp,
};
use serde::Deserialize;

use crate::{Item, Store, StoreError, attribute, key::Key, key::POOL, read};

/// The pools of one state of health other than `Ok`, as the index `unwell` knows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unwell {
    /// How many there are.
    pub count: u64,
    /// Since when the first of them has not been well; none where there are none.
    pub since: Option<Timestamp>,
}

/// A pool that is not well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnwellPool {
    /// Its tenant.
    pub tenant_id: TenantId,
    /// The pool.
    pub user_pool_id: UserPoolId,
    /// Since when it has been so.
    pub since: Timestamp,
}

impl UnwellPool {
    fn of(item: &Item) -> Option<Self> {
        let text = |name: &str| item.get(name)?.as_s().ok();
        let tenant_id = text("pk")?.strip_prefix("TENANT#")?.parse().ok()?;
        let user_pool_id = text("sk")?.strip_prefix(POOL)?.parse().ok()?;
        Some(Self { tenant_id, user_pool_id, since: Timestamp::parse(text("unwell_since")?)? })
    }
}

#[derive(Deserialize)]
pub(crate) struct UnwellItem {
    unwell_since: Timestamp,
}

impl Store {
    /// The first `limit` pools that are in a state of health other than `Ok`, those first that have been so for longest.
    pub async fn unwell_pools(&self, state: HealthState, limit: i32) -> Result<Vec<UnwellPool>, StoreError> {
        let key = Key { partition: "unwell".to_owned(), sort: String::new() };
        let request = self.client.query().table_name(&self.table).index_name("unwell").limit(limit);
        let request = request.key_condition_expression("unwell = :state");
        let answer = request.expression_attribute_values(":state", attribute(&state, &key)?).send().await;
        let items = answer.map_err(|error| StoreError::from_sdk("Query", error))?.items.unwrap_or_default();
        Ok(items.iter().filter_map(UnwellPool::of).collect())
    }

    /// The pools that are in a state of health other than `Ok`, by the index `unwell`: as many calls as a count takes.
    pub async fn unwell(&self, state: HealthState) -> Result<Unwell, StoreError> {
        let key = Key { partition: "unwell".to_owned(), sort: String::new() };
        let state = attribute(&state, &key)?;
        let (mut unwell, mut start) = (Unwell { count: 0, since: None }, None);
        loop {
            // The index sorts by `unwell_since`: the first page begins with the earliest.
            let answer = self
                .client
                .query()
                .table_name(&self.table)
                .index_name("unwell")
                .key_condition_expression("unwell = :state")
                .expression_attribute_values(":state", state.clone())
                .projection_expression("unwell_since")
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| StoreError::from_sdk("Query", error))?;
            unwell.count += u64::try_from(answer.count).unwrap_or_default();
            if unwell.since.is_none() {
                let since = |item| read::<UnwellItem>(item).ok().map(|item| item.unwell_since);
                unwell.since = answer.items.unwrap_or_default().into_iter().find_map(since);
            }
            start = answer.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                return Ok(unwell);
            }
        }
    }
}
