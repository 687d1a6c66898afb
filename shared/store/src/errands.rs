//! Errands: what the onboarding page asks `reconcile` to do, and what came of it.

use std::time::Duration;

use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use causeway_core::{
    errand::{Errand, SeenAppClients},
    id::{TenantId, UserPoolId},
    timestamp::Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::{Session, Store, StoreError, attribute, key::Key, number, text, write};

/// How long an errand stands in the table at least.
const KEPT: Duration = Duration::from_hours(24);

/// The last errand for a pool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Errands {
    /// What was asked for last.
    pub asked: Option<Errand>,
    /// The ID of the errand that ended last.
    pub ended: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Ended {
    errand_id: String,
}

impl Store {
    /// The last errand for a pool, and the one that ended last.
    pub async fn errands(&self, tenant: &TenantId, pool: &UserPoolId) -> Result<Errands, StoreError> {
        let (asked_key, ended_key) = (Key::errand(tenant, pool), Key::ended_errand(tenant, pool));
        let (asked, ended) = tokio::try_join!(self.get(&asked_key, true), self.get::<Ended>(&ended_key, true))?;
        Ok(Errands { asked, ended: ended.map(|ended| ended.errand_id) })
    }

    /// Writes an errand down that `session` asks for; a conflict if somebody else has asked since `before` was read, or
    /// the session has asked for another. `asked_at` is when the session has asked so far, with this time.
    pub async fn ask(
        &self,
        (tenant, pool): (&TenantId, &UserPoolId),
        errand: &Errand,
        before: Option<&Errand>,
        (session, asked_at): (&Session, &[Timestamp]),
    ) -> Result<(), StoreError> {
        let key = Key::errand(tenant, pool);
        let mut item = write(errand, &key)?;
        item.insert("expires_at".to_owned(), number(errand.asked_at.plus(KEPT).seconds()));
        let put = Put::builder().table_name(&self.table).set_item(Some(item));
        let put = match before {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(before) => {
                put.condition_expression("id = :before").expression_attribute_values(":before", text(&before.id))
            }
        };
        let counted = self.counted(&errand.session, session, asked_at)?;
        let put = put.build().map_err(|source| StoreError::unreadable(&key, source))?;
        self.client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().put(put).build())
            .transact_items(TransactWriteItem::builder().update(counted).build())
            .send()
            .await
            .map_err(StoreError::from_transaction)?;
        Ok(())
    }

    /// Counts that a session, which stands under `lookup`, asks for something else than an errand; a conflict if it has
    /// asked for anything since it was read.
    pub async fn count_ask(&self, lookup: &str, session: &Session, asked_at: &[Timestamp]) -> Result<(), StoreError> {
        let counted = self.counted(lookup, session, asked_at)?;
        self.client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().update(counted).build())
            .send()
            .await
            .map_err(StoreError::from_transaction)?;
        Ok(())
    }

    fn counted(&self, lookup: &str, session: &Session, asked_at: &[Timestamp]) -> Result<Update, StoreError> {
        let key = Key::session(lookup);
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .update_expression("SET asked_at = :asked_at, asks = :next")
            .condition_expression("asks = :read")
            .expression_attribute_values(":asked_at", attribute(&asked_at, &key)?)
            .expression_attribute_values(":read", number(session.asks))
            .expression_attribute_values(":next", number(session.asks + 1))
            .build()
            .map_err(|source| StoreError::unreadable(&key, source))
    }

    /// Takes an errand back that nobody could be called for, as if it had been asked for long ago.
    pub async fn take_back(&self, (tenant, pool): (&TenantId, &UserPoolId), errand: &Errand) -> Result<(), StoreError> {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::errand(tenant, pool).attributes()))
            .update_expression("SET asked_at = :never")
            .condition_expression("id = :id")
            .expression_attribute_values(":never", text(Timestamp::from_seconds(0)))
            .expression_attribute_values(":id", text(&errand.id))
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("UpdateItem", error))?;
        Ok(())
    }

    /// Writes down that an errand for a pool has ended, whatever came of it. It stands for as long as the errand does.
    pub async fn end_errand(
        &self,
        (tenant, pool): (&TenantId, &UserPoolId),
        errand: &Errand,
    ) -> Result<(), StoreError> {
        let ended = Ended { errand_id: errand.id.clone() };
        self.put_until(&Key::ended_errand(tenant, pool), &ended, errand.asked_at.plus(KEPT)).await
    }

    /// Writes down which app clients of a pool an errand saw, in place of what was seen before.
    pub async fn record_app_clients(
        &self,
        tenant: &TenantId,
        pool: &UserPoolId,
        seen: &SeenAppClients,
    ) -> Result<(), StoreError> {
        self.put(&Key::app_clients(tenant, pool), seen).await
    }

    /// The app clients of a pool as an errand last saw them; none before one has.
    pub async fn seen_app_clients(&self, tenant: &TenantId, pool: &UserPoolId) -> Result<SeenAppClients, StoreError> {
        Ok(self.get(&Key::app_clients(tenant, pool), true).await?.unwrap_or_default())
    }
}
