//! The user pools that are not well, by the index that holds no others.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, Select};
use causeway_core::{
    id::{TenantId, UserPoolId},
    timestamp::Timestamp,
    trouble::Trouble,
};
use serde::Deserialize;

use crate::{
    Item, Store, StoreError, Unreadable,
    key::{Key, pool_of},
    read, text,
};

/// The index.
const INDEX: &str = "unwell";

/// How many pages of an index are counted at most. A page is of 1 MB (DynamoDB API: `Query`), which is the keys of some
/// 5,000 pools.
const MOST_PAGES: u32 = 64;

/// The pools that have one trouble, as the index `unwell` knows them.
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
    fn of(item: Item) -> Result<Self, StoreError> {
        let (tenant_id, user_pool_id) = pool_of(&item)?;
        Ok(Self { tenant_id, user_pool_id, since: read::<UnwellItem>(item)?.unwell_since })
    }

    /// Its key in the index.
    fn start(&self, trouble: Trouble) -> Item {
        let mut start = Key::pool(&self.tenant_id, &self.user_pool_id).attributes();
        start.insert("unwell".to_owned(), text(trouble.as_str()));
        start.insert("unwell_since".to_owned(), text(self.since));
        start
    }
}

/// A page of the pools that have one trouble.
#[derive(Debug)]
pub struct UnwellPage {
    /// The pools, those first that have had it for longest.
    pub pools: Vec<UnwellPool>,
    /// Items of the index that can't be read.
    pub unreadable: Vec<Unreadable>,
}

/// Which of the pools that have one trouble.
#[derive(Debug, Clone, Copy)]
pub struct UnwellQuery<'a> {
    /// Those that have had it since before this time; none means all.
    pub before: Option<Timestamp>,
    /// Those after this one.
    pub after: Option<&'a UnwellPool>,
    /// So many.
    pub limit: i32,
}

#[derive(Deserialize)]
pub(crate) struct UnwellItem {
    unwell_since: Timestamp,
}

/// What makes the index have a pool in this trouble.
pub(crate) fn unwell_since(trouble: Trouble, since: Timestamp) -> HashMap<String, AttributeValue> {
    [("unwell".to_owned(), text(trouble.as_str())), ("unwell_since".to_owned(), text(since))].into()
}

impl Store {
    /// The pools that have this trouble, those first that have had it for longest.
    pub async fn unwell_pools(&self, trouble: Trouble, query: UnwellQuery<'_>) -> Result<UnwellPage, StoreError> {
        let mut page = UnwellPage { pools: Vec::new(), unreadable: Vec::new() };
        let UnwellQuery { before, after, limit } = query;
        // DynamoDB refuses to begin beyond what is asked for.
        if before.zip(after).is_some_and(|(before, after)| after.since >= before) {
            return Ok(page);
        }
        let request = self.client.query().table_name(&self.table).index_name(INDEX).limit(limit);
        let request = request.expression_attribute_values(":trouble", text(trouble.as_str()));
        let request = match before {
            None => request.key_condition_expression("unwell = :trouble"),
            Some(before) => request
                .key_condition_expression("unwell = :trouble AND unwell_since < :before")
                .expression_attribute_values(":before", text(before)),
        };
        let mut start = after.map(|after| after.start(trouble));
        // What can't be read takes no pool's place on the page.
        for _ in 0..MOST_PAGES {
            let request = request.clone().set_exclusive_start_key(start);
            let answer = request.send().await.map_err(|error| StoreError::from_sdk("Query", error))?;
            for item in answer.items.unwrap_or_default() {
                let key = Key::of(&item);
                match UnwellPool::of(item) {
                    Ok(pool) => page.pools.push(pool),
                    Err(error) => page.unreadable.push(Unreadable::of(&key, &error)),
                }
            }
            start = answer.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() || i32::try_from(page.pools.len()).is_ok_and(|pools| pools >= limit) {
                break;
            }
        }
        page.pools.truncate(usize::try_from(limit).unwrap_or_default());
        Ok(page)
    }

    /// How many pools have this trouble, and since when, by the index `unwell`: as many calls as a count takes.
    pub async fn unwell(&self, trouble: Trouble) -> Result<Unwell, StoreError> {
        let (count, since) = self.count_of_index(INDEX, "unwell", trouble.as_str(), Some("unwell_since")).await?;
        Ok(Unwell { count, since })
    }

    /// How many items of an index have this partition key, up to [`MOST_PAGES`] pages of them, and the earliest of the
    /// times that they have in the member `time`, the sort key; one that can't be read is passed over.
    pub(crate) async fn count_of_index(
        &self,
        index: &str,
        name: &str,
        value: &str,
        time: Option<&str>,
    ) -> Result<(u64, Option<Timestamp>), StoreError> {
        let (mut count, mut earliest, mut start) = (0, None, None);
        for _ in 0..MOST_PAGES {
            let request = self.client.query().table_name(&self.table).index_name(index);
            let request = request.key_condition_expression(format!("{name} = :value"));
            let request = request.expression_attribute_values(":value", text(value));
            let request = request.set_projection_expression(time.map(str::to_owned));
            let request = request.set_select(time.is_none().then_some(Select::Count));
            let answer = request.set_exclusive_start_key(start).send().await;
            let answer = answer.map_err(|error| StoreError::from_sdk("Query", error))?;
            count += u64::try_from(answer.count).unwrap_or_default();
            let time_of = |item: Item| Timestamp::parse(item.get(time?)?.as_s().ok()?);
            earliest = earliest.or_else(|| answer.items.unwrap_or_default().into_iter().find_map(time_of));
            start = answer.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                break;
            }
        }
        Ok((count, earliest))
    }
}
