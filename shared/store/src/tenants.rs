//! Tenants, and the directory that lists them.

use aws_sdk_dynamodb::types::{ConditionCheck, Put, TransactWriteItem};
use causeway_core::{
    audit::AuditRecord,
    id::TenantId,
    serving::{ListeningTenant, ServingTenant},
    tenant::Tenant,
};

use crate::{Found, Item, Page, Store, StoreError, key::Key, number, read_all, text, write};

impl Store {
    /// Adds a tenant, and the record of it.
    pub async fn create_tenant(&self, tenant: &Tenant, audit: &AuditRecord) -> Result<(), StoreError> {
        let key = Key::tenant(&tenant.id);
        let put = |item: Item| {
            let put = Put::builder()
                .table_name(&self.table)
                .set_item(Some(item))
                .condition_expression("attribute_not_exists(pk)")
                .build()
                .map_err(|source| StoreError::unreadable(&key, source))?;
            Ok::<_, StoreError>(TransactWriteItem::builder().put(put).build())
        };
        self.client
            .transact_write_items()
            .transact_items(put(write(tenant, &key)?)?)
            .transact_items(put(Key::directory(&tenant.id).attributes())?)
            .transact_items(self.audit_part(audit)?)
            .send()
            .await
            .map_err(StoreError::from_transaction)?;
        Ok(())
    }

    /// The condition, as a part of a transaction, that a tenant exists and is not being removed.
    pub(crate) fn tenant_exists(&self, id: &TenantId) -> Result<TransactWriteItem, StoreError> {
        let key = Key::tenant(id);
        let check = ConditionCheck::builder()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .condition_expression("attribute_exists(pk) AND attribute_not_exists(removing_since)")
            .build()
            .map_err(|source| StoreError::unreadable(&key, source))?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    /// A tenant.
    pub async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
        self.get(&Key::tenant(id), true).await
    }

    /// A tenant, for its sign-ins.
    pub async fn serving_tenant(&self, id: &TenantId) -> Result<Option<ServingTenant>, StoreError> {
        self.get(&Key::tenant(id), true).await
    }

    /// A tenant, for its webhooks.
    pub async fn listening_tenant(&self, id: &TenantId) -> Result<Option<ListeningTenant>, StoreError> {
        self.get(&Key::tenant(id), true).await
    }

    /// Replaces a tenant that was read as `tenant.version`, and counts the change. The version that is
    /// written is returned.
    pub async fn update_tenant(&self, tenant: &Tenant) -> Result<u64, StoreError> {
        let key = Key::tenant(&tenant.id);
        let changed = Tenant { version: tenant.version + 1, ..tenant.clone() };
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(write(&changed, &key)?))
            .condition_expression("version = :read")
            .expression_attribute_values(":read", number(tenant.version))
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("PutItem", error))?;
        Ok(changed.version)
    }

    /// A page of tenants, the newest first, after the tenant `after`.
    pub async fn tenants(&self, limit: i32, after: Option<&str>) -> Result<Page<Tenant>, StoreError> {
        let start = after.map(|after| {
            let mut attributes = Item::new();
            attributes.insert("pk".to_owned(), text(Key::DIRECTORY));
            attributes.insert("sk".to_owned(), text(after));
            attributes
        });
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(Key::DIRECTORY))
            .scan_index_forward(false)
            .limit(limit)
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("Query", error))?;
        let ids: Vec<TenantId> = answer
            .items
            .unwrap_or_default()
            .iter()
            .filter_map(|item| item.get("sk")?.as_s().ok()?.parse().ok())
            .collect();
        let next = answer.last_evaluated_key.and_then(|key| key.get("sk")?.as_s().ok().cloned());
        let Found { mut items, mut unreadable } = self.tenants_of(&ids).await?;
        items.sort_by(|one, other| other.id.cmp(&one.id));
        unreadable.sort_by(|one, other| other.item.cmp(&one.item));
        Ok(Page { items, unreadable, next })
    }

    /// The tenants of these IDs, in no order.
    pub async fn tenants_of(&self, ids: &[TenantId]) -> Result<Found<Tenant>, StoreError> {
        let items = self.batch_get(ids.iter().map(|id| Key::tenant(id).attributes()).collect()).await?;
        Ok(read_all(items))
    }
}
