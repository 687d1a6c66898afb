//! The user pools that are not well, by the index that holds no others.

use causeway_core::{health::HealthState, timestamp::Timestamp};
use serde::Deserialize;

use crate::{Store, StoreError, attribute, key::Key, read};

/// The pools of one state of health other than `Ok`, as the index `unwell` knows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unwell {
    /// How many there are.
    pub count: u64,
    /// Since when the first of them has not been well; none where there are none.
    pub since: Option<Timestamp>,
}

#[derive(Deserialize)]
pub(crate) struct UnwellItem {
    unwell_since: Timestamp,
}

impl Store {
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
