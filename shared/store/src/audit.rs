//! The record of changes over the API.

use std::time::Duration;

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use causeway_core::{audit::AuditRecord, id::TenantId};

use crate::{Page, Store, StoreError, key::Key, number, write};

/// How long a record is kept.
const KEPT: Duration = Duration::from_hours(24 * 365);

impl Store {
    /// Writes a record, in place of an earlier one of the same change.
    pub async fn put_audit(&self, record: &AuditRecord) -> Result<(), StoreError> {
        self.put_until(&Key::audit(&record.tenant_id, &record.id), record, record.at.plus(KEPT)).await
    }

    /// A record as a part of a transaction: of a change that is made with it or not at all.
    pub(crate) fn audit_part(&self, record: &AuditRecord) -> Result<TransactWriteItem, StoreError> {
        let key = Key::audit(&record.tenant_id, &record.id);
        let mut item = write(record, &key)?;
        item.insert("expires_at".to_owned(), number(record.at.plus(KEPT).seconds()));
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .build()
            .map_err(|source| StoreError::unreadable(&key, source))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// A page of the records of a tenant, removed or not, the newest first, after the record `after`.
    pub async fn audit(
        &self,
        tenant: &TenantId,
        limit: i32,
        after: Option<&str>,
    ) -> Result<Page<AuditRecord>, StoreError> {
        let partition = Key::audit(tenant, "").partition;
        self.query_page(&partition, "", limit, after.map(str::to_owned)).await
    }
}
