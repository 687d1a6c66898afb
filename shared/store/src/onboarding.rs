//! Onboarding links, the sessions that they are traded for, and what the onboarding page records.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use causeway_core::{
    check::Check,
    id::{OnboardingLinkId, TenantId, UserPoolId},
    onboarding::{OnboardingLink, Token},
    timestamp::Timestamp,
    trouble::Trouble,
    user_pool::UserPool,
};
use serde::{Deserialize, Serialize};

use crate::{Found, Item, Store, StoreError, key::Key, number, text, write};

/// What stands under the hash of a link's secret.
#[derive(Serialize, Deserialize)]
pub(crate) struct Pointer {
    tenant_id: TenantId,
    link_id: OnboardingLinkId,
    /// In seconds since 1970: DynamoDB's TTL. The link's own time decides.
    expires_at: i64,
}

impl Pointer {
    fn to(link: &OnboardingLink) -> Self {
        Self { tenant_id: link.tenant_id.clone(), link_id: link.id.clone(), expires_at: link.ends_at.seconds() }
    }
}

/// A browser's session: what stands under the hash of its cookie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The tenant of its link.
    pub tenant_id: TenantId,
    /// The link that it was traded for.
    pub link_id: OnboardingLinkId,
    /// When it asked for errands in the last minute.
    pub asked_at: Vec<Timestamp>,
    /// How often it asked for errands; a count of a stale copy is refused by the store.
    pub asks: u64,
    /// In seconds since 1970: DynamoDB's TTL. The link's own time decides.
    expires_at: i64,
}

/// The checks of a pool, as far as they have been run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedChecks {
    /// In the order in which they were run.
    pub checks: Vec<Check>,
    /// When the first began.
    pub began_at: Timestamp,
    /// When the last had ended; none while they go on.
    #[serde(default)]
    pub finished_at: Option<Timestamp>,
}

impl Store {
    /// Stores a link, and under the hash of its secret which one it is.
    pub async fn create_onboarding_link(&self, link: &OnboardingLink, secret: &Token) -> Result<(), StoreError> {
        let key = Key::onboarding_link(&link.tenant_id, &link.id);
        let mut item = write(link, &key)?;
        item.insert("expires_at".to_owned(), number(link.ends_at.seconds()));
        let pointer_key = Key::onboarding_secret(&secret.lookup());
        let pointer = write(&Pointer::to(link), &pointer_key)?;
        self.client
            .transact_write_items()
            .transact_items(self.put_new(item, &key)?)
            .transact_items(self.put_new(pointer, &pointer_key)?)
            .send()
            .await
            .map_err(StoreError::from_transaction)?;
        Ok(())
    }

    /// A link of a tenant.
    pub async fn onboarding_link(
        &self,
        tenant: &TenantId,
        link: &OnboardingLinkId,
    ) -> Result<Option<OnboardingLink>, StoreError> {
        self.get(&Key::onboarding_link(tenant, link), true).await
    }

    /// Every link of a tenant that has not ended long ago.
    pub async fn onboarding_links(&self, tenant: &TenantId) -> Result<Found<OnboardingLink>, StoreError> {
        self.query_all(&format!("TENANT#{tenant}"), "ONBOARDING#").await
    }

    /// The link that a secret opens, good or not.
    pub async fn link_of_secret(&self, secret: &Token) -> Result<Option<OnboardingLink>, StoreError> {
        match self.get::<Pointer>(&Key::onboarding_secret(&secret.lookup()), true).await? {
            Some(pointer) => self.onboarding_link(&pointer.tenant_id, &pointer.link_id).await,
            None => Ok(None),
        }
    }

    /// A session, by the hash of its cookie.
    pub async fn session(&self, lookup: &str) -> Result<Option<Session>, StoreError> {
        self.get(&Key::session(lookup), true).await
    }

    /// The link that a session was traded for, good or not, by the hash of the session's cookie.
    pub async fn link_of_session(&self, lookup: &str) -> Result<Option<OnboardingLink>, StoreError> {
        match self.session(lookup).await? {
            Some(session) => self.onboarding_link(&session.tenant_id, &session.link_id).await,
            None => Ok(None),
        }
    }

    /// Trades a link for a session, once: a conflict if it was opened, revoked or ended meanwhile.
    pub async fn open_onboarding_link(
        &self,
        link: &OnboardingLink,
        cookie: &Token,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let key = Key::onboarding_link(&link.tenant_id, &link.id);
        let opened = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .update_expression("SET opened_at = :now")
            .condition_expression(
                "attribute_exists(pk) AND attribute_not_exists(opened_at) AND attribute_not_exists(revoked_at) \
                 AND ends_at > :now",
            )
            .expression_attribute_values(":now", text(now))
            .build()
            .map_err(|source| StoreError::unreadable(&key, source))?;
        let session_key = Key::session(&cookie.lookup());
        let session = Session {
            tenant_id: link.tenant_id.clone(),
            link_id: link.id.clone(),
            asked_at: Vec::new(),
            asks: 0,
            expires_at: link.ends_at.seconds(),
        };
        let session = write(&session, &session_key)?;
        self.client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().update(opened).build())
            .transact_items(self.put_new(session, &session_key)?)
            .send()
            .await
            .map_err(StoreError::from_transaction)?;
        Ok(())
    }

    /// Revokes a link and its session from now on; a conflict if there is no such link. One that is revoked
    /// already keeps its time.
    pub async fn revoke_onboarding_link(
        &self,
        tenant: &TenantId,
        link: &OnboardingLinkId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::onboarding_link(tenant, link).attributes()))
            .update_expression("SET revoked_at = if_not_exists(revoked_at, :now)")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":now", text(now))
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("UpdateItem", error))?;
        Ok(())
    }

    /// Gives the operator's word on a pool that was read as `pool.version`; a conflict if somebody changed it.
    pub async fn admit_pool(&self, pool: &UserPool, now: Timestamp) -> Result<(), StoreError> {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::pool(&pool.tenant_id, &pool.user_pool_id).attributes()))
            .update_expression(
                "SET awaits_admission = :no, version = :next, updated_at = :now, unwell = :pending, unwell_since = :now",
            )
            .expression_attribute_values(":pending", text(Trouble::Pending.as_str()))
            .condition_expression("version = :read")
            .expression_attribute_values(":no", aws_sdk_dynamodb::types::AttributeValue::Bool(false))
            .expression_attribute_values(":read", number(pool.version))
            .expression_attribute_values(":next", number(pool.version + 1))
            .expression_attribute_values(":now", text(now))
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("UpdateItem", error))?;
        Ok(())
    }

    /// Records how far the checks of a pool are, in place of what was recorded before.
    pub async fn record_checks(
        &self,
        tenant: &TenantId,
        pool: &UserPoolId,
        checks: &RecordedChecks,
    ) -> Result<(), StoreError> {
        self.put(&Key::checks(tenant, pool), checks).await
    }

    /// The checks of a pool as they were last recorded.
    pub async fn recorded_checks(
        &self,
        tenant: &TenantId,
        pool: &UserPoolId,
    ) -> Result<Option<RecordedChecks>, StoreError> {
        self.get(&Key::checks(tenant, pool), true).await
    }

    fn put_new(&self, item: Item, key: &Key) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(|source| StoreError::unreadable(&key, source))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}
