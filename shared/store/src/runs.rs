//! Reports of runs.

use std::time::Duration;

use causeway_core::{
    id::{TenantId, UserPoolId},
    run::RunReport,
};
use serde::de::DeserializeOwned;

use crate::{Found, Item, Page, Store, StoreError, key::Key, kinds::Stored, read_all, text};

/// How long a report is kept.
const KEPT: Duration = Duration::from_hours(2160);

impl Store {
    /// Stores a report of a run of this tenant. It outlives the pool's removal, after which another tenant can
    /// own the pool.
    pub async fn put_run(&self, tenant: &TenantId, pool: &UserPoolId, run: &RunReport) -> Result<(), StoreError> {
        let stored = run.clone().within_size();
        self.put_until(&Key::run(tenant, pool, &run.id), &stored, run.finished_at.plus(KEPT)).await
    }

    /// The report of a run of this tenant. Scheduled runs that changed nothing have none.
    pub async fn run(&self, tenant: &TenantId, pool: &UserPoolId, id: &str) -> Result<Option<RunReport>, StoreError> {
        self.get(&Key::run(tenant, pool, id), false).await
    }

    /// A page of the reports of this tenant's runs, the newest first, after the run `after`.
    pub async fn runs(
        &self,
        tenant: &TenantId,
        pool: &UserPoolId,
        limit: i32,
        after: Option<&str>,
    ) -> Result<Page<RunReport>, StoreError> {
        let Key { partition, sort: prefix } = Key::run(tenant, pool, "");
        let page = self.query_page(&partition, &prefix, limit, after.map(|id| format!("{prefix}{id}"))).await?;
        let next = page.next.and_then(|sort| sort.strip_prefix(&prefix).map(str::to_owned));
        Ok(Page { next, ..page })
    }

    /// A page of the items under a partition whose sort key begins with `prefix`, the last first.
    pub(crate) async fn query_page<T: Stored + DeserializeOwned>(
        &self,
        partition: &str,
        prefix: &str,
        limit: i32,
        after: Option<String>,
    ) -> Result<Page<T>, StoreError> {
        let start = after.map(|sort| Key { partition: partition.to_owned(), sort }.attributes());
        let mut request = self
            .client
            .query()
            .table_name(&self.table)
            .expression_attribute_values(":pk", text(partition))
            .scan_index_forward(false)
            .limit(limit)
            .set_exclusive_start_key(start);
        // DynamoDB refuses an empty prefix.
        request = if prefix.is_empty() {
            request.key_condition_expression("pk = :pk")
        } else {
            request
                .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                .expression_attribute_values(":prefix", text(prefix))
        };
        let answer = request.send().await.map_err(|error| StoreError::from_sdk("Query", error))?;
        let Found { items, unreadable } = read_all(answer.items.unwrap_or_default());
        let next = answer.last_evaluated_key.and_then(|key| key.get("sk")?.as_s().ok().cloned());
        Ok(Page { items, unreadable, next })
    }

    /// All items under a partition whose sort key begins with `prefix`, in order.
    pub(crate) async fn query_all<T: Stored + DeserializeOwned>(
        &self,
        partition: &str,
        prefix: &str,
    ) -> Result<Found<T>, StoreError> {
        Ok(read_all(self.query_items(partition, prefix).await?))
    }

    /// The same, unread.
    pub(crate) async fn query_items(&self, partition: &str, prefix: &str) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let answer = self
                .client
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                .expression_attribute_values(":pk", text(partition))
                .expression_attribute_values(":prefix", text(prefix))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| StoreError::from_sdk("Query", error))?;
            items.extend(answer.items.unwrap_or_default());
            start = answer.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                return Ok(items);
            }
        }
    }
}
