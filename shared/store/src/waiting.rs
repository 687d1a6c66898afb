//! The marks that say for which pools a message waits. `ingest` may write nothing else.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_dynamodb::{operation::update_item::builders::UpdateItemFluentBuilder, types::AttributeValue};
use causeway_core::{
    id::{TenantId, UserPoolId},
    timestamp::Timestamp,
    waiting::{Mark, Waiting},
};

use crate::{
    Item, Store, StoreError, attribute,
    key::{Key, POOL},
    number, read, text,
};

/// How long a mark is kept that nobody changes: much longer than it is believed.
const KEPT: Duration = Duration::from_hours(1);

/// A mark as it was read. One that can't be read is none, and may be replaced.
#[derive(Debug, Clone, Default)]
pub struct StoredMark {
    /// The mark.
    pub mark: Mark,
    /// The message that waits, as it stands in the table.
    waiting: Option<AttributeValue>,
}

impl StoredMark {
    fn of(item: Item) -> Option<(UserPoolId, Self)> {
        let pool = Key::of(&item).sort.strip_prefix(POOL)?.parse().ok()?;
        let waiting = item.get("waiting").cloned();
        Some((pool, Self { mark: read(item).unwrap_or_default(), waiting }))
    }
}

impl Store {
    /// The marks of a tenant's pools, those that have any.
    pub async fn marks(&self, tenant: &TenantId) -> Result<BTreeMap<UserPoolId, StoredMark>, StoreError> {
        let items = self.query_items(&Key::marks(tenant), POOL).await?;
        Ok(items.into_iter().filter_map(StoredMark::of).collect())
    }

    fn update_mark(&self, key: &Key) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.table).set_key(Some(key.attributes()))
    }

    /// Marks that a message is about to wait for a pool whose mark was read as `before`; `false` where somebody else
    /// has marked it since. It may be called twice, as where the first answer was lost.
    pub async fn mark(
        &self,
        tenant: &TenantId,
        pool: &UserPoolId,
        before: &StoredMark,
        waiting: &Waiting,
    ) -> Result<bool, StoreError> {
        let key = Key::mark(tenant, pool);
        let request = self
            .update_mark(&key)
            .update_expression("SET waiting = :waiting, expires_at = :expires_at")
            .expression_attribute_values(":waiting", attribute(waiting, &key)?)
            .expression_attribute_values(":expires_at", number(waiting.due.plus(KEPT).seconds()));
        let request = match &before.waiting {
            None => request.condition_expression("attribute_not_exists(waiting) OR waiting = :waiting"),
            Some(before) => request
                .condition_expression("attribute_not_exists(waiting) OR waiting = :waiting OR waiting = :before")
                .expression_attribute_values(":before", before.clone()),
        };
        happened(request.send().await.map_err(|error| StoreError::from_sdk("UpdateItem", error)))
    }

    /// Marks that the message of a mark that was read as `before` is about to be sent once more; `false` where the mark is
    /// another one by now, or somebody else is about to. Where the answer of the first of two calls was lost it is `false`
    /// too: the event comes again.
    pub async fn mark_again(
        &self,
        tenant: &TenantId,
        pool: &UserPoolId,
        before: &StoredMark,
        waiting: &Waiting,
    ) -> Result<bool, StoreError> {
        let Some(before) = &before.waiting else { return Ok(false) };
        let key = Key::mark(tenant, pool);
        let request = self
            .update_mark(&key)
            .update_expression("SET waiting = :waiting")
            .condition_expression("waiting = :before")
            .expression_attribute_values(":waiting", attribute(waiting, &key)?)
            .expression_attribute_values(":before", before.clone());
        happened(request.send().await.map_err(|error| StoreError::from_sdk("UpdateItem", error)))
    }

    /// Takes a mark off whose message could not be sent.
    pub async fn unmark(&self, tenant: &TenantId, pool: &UserPoolId, waiting: &Waiting) -> Result<(), StoreError> {
        let key = Key::mark(tenant, pool);
        let request = self
            .update_mark(&key)
            .update_expression("REMOVE waiting")
            .condition_expression("waiting = :waiting")
            .expression_attribute_values(":waiting", attribute(waiting, &key)?);
        happened(request.send().await.map_err(|error| StoreError::from_sdk("UpdateItem", error))).map(drop)
    }

    /// Takes the mark off before a look, so that an event from now on has a message of its own. `for_webhooks` says that
    /// the look is for webhooks, and is what the next one is put off by.
    pub async fn begin_look(
        &self,
        tenant: &TenantId,
        pool: &UserPoolId,
        now: Timestamp,
        for_webhooks: bool,
    ) -> Result<(), StoreError> {
        let request = self.update_mark(&Key::mark(tenant, pool));
        let request = if for_webhooks {
            request
                .update_expression("SET looked_at = :now, expires_at = :expires_at REMOVE waiting")
                .expression_attribute_values(":now", text(now))
                .expression_attribute_values(":expires_at", number(now.plus(KEPT).seconds()))
        } else {
            // Without a mark there is no item to make.
            request.update_expression("REMOVE waiting").condition_expression("attribute_exists(waiting)")
        };
        happened(request.send().await.map_err(|error| StoreError::from_sdk("UpdateItem", error))).map(drop)
    }
}

/// Whether a write happened, or its condition did not hold.
fn happened<T>(written: Result<T, StoreError>) -> Result<bool, StoreError> {
    match written {
        Ok(_) => Ok(true),
        Err(error) if error.is_conflict() => Ok(false),
        Err(error) => Err(error),
    }
}
