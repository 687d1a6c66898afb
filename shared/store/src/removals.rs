//! The removal of user pools and tenants.

use aws_sdk_dynamodb::types::{Delete, TransactWriteItem, builders::DeleteBuilder};
use causeway_core::{removal::Removal, tenant::Tenant, timestamp::Timestamp, user_pool::UserPool};

use crate::{Store, StoreError, due::shard, key::Key, number, pools::kept, text};

impl Store {
    /// Begins to remove a pool that was read as `pool.version`: from now on it lets nobody in, and runs take
    /// it down. It is due at once, also if a run that goes on records another time.
    pub async fn begin_removal(&self, pool: &UserPool, removal: &Removal, now: Timestamp) -> Result<(), StoreError> {
        let key = Key::pool(&pool.tenant_id, &pool.user_pool_id);
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .update_expression(
                "SET #status = :removing, removal = :removal, version = :next, updated_at = :now, \
                 due_at = :now, due_shard = :due_shard, look_again_at = :now REMOVE held, decisions",
            )
            .condition_expression("version = :read")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":removing", text("removing"))
            .expression_attribute_values(":removal", kept(pool, &["removal"], removal)?)
            .expression_attribute_values(":read", number(pool.version))
            .expression_attribute_values(":next", number(pool.version + 1))
            .expression_attribute_values(":now", text(now))
            .expression_attribute_values(":due_shard", text(shard(&pool.user_pool_id)))
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("UpdateItem", error))?;
        Ok(())
    }

    /// Deletes a pool that was read as `pool.version` and that no `verify` has passed for: it has no owner, no
    /// claims and no runs.
    pub async fn delete_pending_pool(&self, pool: &UserPool) -> Result<(), StoreError> {
        let key = Key::pool(&pool.tenant_id, &pool.user_pool_id);
        let is_pending = self
            .deletion(&key)
            .condition_expression("version = :read AND #status = :pending")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":read", number(pool.version))
            .expression_attribute_values(":pending", text("pending"));
        self.delete_together(&key, [is_pending].into_iter().chain(self.deletions_of_what_was_seen(pool))).await
    }

    /// Ends the removal of a pool: the pool goes, and whoever verifies it next owns it. A conflict if the run
    /// no longer holds the lease. The reports of its runs stay until they expire.
    pub async fn end_removal(&self, pool: &UserPool, run_id: &str) -> Result<(), StoreError> {
        let key = Key::pool(&pool.tenant_id, &pool.user_pool_id);
        let is_held = self
            .deletion(&key)
            .condition_expression("lease_holder = :run AND #status = :removing")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":run", text(run_id))
            .expression_attribute_values(":removing", text("removing"));
        let is_own = self
            .deletion(&Key::owner(&pool.user_pool_id))
            .condition_expression("attribute_not_exists(pk) OR tenant_id = :tenant")
            .expression_attribute_values(":tenant", text(&pool.tenant_id));
        let foreign = self.deletion(&Key::foreign(&pool.user_pool_id));
        let deletions = [is_held, is_own, foreign].into_iter().chain(self.deletions_of_what_was_seen(pool));
        self.delete_together(&key, deletions).await
    }

    /// Deletes a tenant that was read as `tenant.version`, with its secrets. What was recorded of changes stays.
    pub async fn delete_tenant(&self, tenant: &Tenant) -> Result<(), StoreError> {
        let key = Key::tenant(&tenant.id);
        let is_unchanged = self
            .deletion(&key)
            .condition_expression("version = :read")
            .expression_attribute_values(":read", number(tenant.version));
        self.delete_together(&key, [is_unchanged, self.deletion(&Key::directory(&tenant.id))]).await
    }

    /// What errands saw of a pool for the onboarding page.
    fn deletions_of_what_was_seen(&self, pool: &UserPool) -> [DeleteBuilder; 2] {
        let (tenant, pool) = (&pool.tenant_id, &pool.user_pool_id);
        [Key::checks(tenant, pool), Key::app_clients(tenant, pool)].map(|key| self.deletion(&key))
    }

    fn deletion(&self, key: &Key) -> DeleteBuilder {
        Delete::builder().table_name(&self.table).set_key(Some(key.attributes()))
    }

    async fn delete_together(
        &self,
        key: &Key,
        deletions: impl IntoIterator<Item = DeleteBuilder>,
    ) -> Result<(), StoreError> {
        let mut request = self.client.transact_write_items();
        for deletion in deletions {
            let deletion = deletion.build().map_err(|source| StoreError::unreadable(key, source))?;
            request = request.transact_items(TransactWriteItem::builder().delete(deletion).build());
        }
        request.send().await.map_err(StoreError::from_transaction)?;
        Ok(())
    }
}
