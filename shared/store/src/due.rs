//! When user pools are due, and which are.

use causeway_core::{
    id::{TenantId, UserPoolId},
    timestamp::Timestamp,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::{
    Item, Store, StoreError,
    key::{Key, pool_of},
    read, text,
};

/// Over how many partitions of the index `due` the pools are spread.
pub const DUE_SHARDS: u8 = 8;

pub(crate) fn shard(pool: &UserPoolId) -> String {
    let hash = Sha256::digest(pool.as_str().as_bytes());
    format!("DUE#{}", hash[0] % DUE_SHARDS)
}

/// A pool that is due, as the index knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuePool {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The pool.
    pub user_pool_id: UserPoolId,
    /// When it became due.
    pub due_at: Timestamp,
}

/// A page of the pools that are due.
#[derive(Debug)]
pub struct DuePage {
    /// The pools, the longest due first.
    pub pools: Vec<DuePool>,
    /// Items that can't be read, each by its key and what is wrong: the others are due all the same.
    pub unreadable: Vec<StoreError>,
    /// Where the next page begins; none at the end.
    pub next: Option<DueCursor>,
}

/// Where a page of the pools that are due begins.
#[derive(Debug, Clone)]
pub struct DueCursor(Item);

#[derive(Deserialize)]
pub(crate) struct DueItem {
    due_at: Timestamp,
}

/// A pool by its item in the index, which has the keys only.
fn due_pool(item: Item) -> Result<DuePool, StoreError> {
    let (tenant_id, user_pool_id) = pool_of(&item)?;
    Ok(DuePool { tenant_id, user_pool_id, due_at: read::<DueItem>(item)?.due_at })
}

impl Store {
    /// A page of the pools of one shard that are due at `now`.
    pub async fn due_pools(
        &self,
        shard: u8,
        now: Timestamp,
        limit: i32,
        after: Option<DueCursor>,
    ) -> Result<DuePage, StoreError> {
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("due")
            .key_condition_expression("due_shard = :shard AND due_at <= :now")
            .expression_attribute_values(":shard", text(format!("DUE#{shard}")))
            .expression_attribute_values(":now", text(now))
            .limit(limit)
            .set_exclusive_start_key(after.map(|DueCursor(key)| key))
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("Query", error))?;
        let next = answer.last_evaluated_key.filter(|key| !key.is_empty()).map(DueCursor);
        let mut page = DuePage { pools: Vec::new(), unreadable: Vec::new(), next };
        for item in answer.items.unwrap_or_default() {
            match due_pool(item) {
                Ok(pool) => page.pools.push(pool),
                Err(error) => page.unreadable.push(error),
            }
        }
        Ok(page)
    }

    /// How many pools of one shard have runs, or would have if they were not paused, or are being removed: as many calls as
    /// a count takes.
    pub async fn pools_with_runs(&self, shard: u8) -> Result<u64, StoreError> {
        Ok(self.count_of_index("due", "due_shard", &format!("DUE#{shard}"), None).await?.0)
    }

    /// Moves the due time of a pool on, from the one that was read; a conflict if a run moved it first.
    pub async fn move_due(&self, due: &DuePool, to: Timestamp) -> Result<(), StoreError> {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::pool(&due.tenant_id, &due.user_pool_id).attributes()))
            .update_expression("SET due_at = :to")
            .condition_expression("due_at = :from")
            .expression_attribute_values(":to", text(to))
            .expression_attribute_values(":from", text(due.due_at))
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("UpdateItem", error))?;
        Ok(())
    }
}
