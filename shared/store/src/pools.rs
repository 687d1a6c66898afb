//! User pools: what operators set, what runs record, and who owns them.

use aws_sdk_dynamodb::types::{Put, ReturnValue, TransactWriteItem, Update};
use causeway_core::{
    approval::Approval,
    guard::Loss,
    health::HealthState,
    id::{TenantId, UserPoolId},
    port::Recorded,
    timestamp::Timestamp,
    user_pool::UserPool,
};
use serde::Deserialize;

use crate::{
    Store, StoreError, attribute,
    due::{DuePool, shard},
    key::Key,
    number, read, text, write,
};

#[derive(Deserialize)]
struct Owner {
    tenant_id: TenantId,
}

impl Store {
    /// Registers a pool; a conflict if this tenant has it already, or does not exist.
    pub async fn create_pool(&self, pool: &UserPool) -> Result<(), StoreError> {
        let key = Key::pool(&pool.tenant_id, &pool.user_pool_id);
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(write(pool, &key)?))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(|source| StoreError::unreadable(&key, source))?;
        self.client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().put(put).build())
            .transact_items(self.tenant_exists(&pool.tenant_id)?)
            .send()
            .await
            .map_err(StoreError::from_transaction)?;
        Ok(())
    }

    /// A pool of a tenant.
    pub async fn pool(&self, tenant: &TenantId, pool: &UserPoolId) -> Result<Option<UserPool>, StoreError> {
        self.get(&Key::pool(tenant, pool), true).await
    }

    /// Every pool of a tenant.
    pub async fn pools(&self, tenant: &TenantId) -> Result<Vec<UserPool>, StoreError> {
        self.query_all(&format!("TENANT#{tenant}"), "POOL#").await
    }

    /// Replaces what operators set on a pool that was read as `pool.version`, and counts the change; a conflict if
    /// it is being removed or somebody changed it meanwhile. A pool that has runs is due at `pool.updated_at`, also
    /// if a run that goes on records another time. The version that is written is returned.
    pub async fn update_options(&self, pool: &UserPool) -> Result<u64, StoreError> {
        let key = Key::pool(&pool.tenant_id, &pool.user_pool_id);
        let due = if pool.due_at.is_some() { ", due_at = :updated_at, look_again_at = :updated_at" } else { "" };
        let version = pool.version + 1;
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .update_expression(format!("SET options = :options, updated_at = :updated_at, version = :next{due}"))
            .condition_expression("version = :read AND #status <> :removing")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":removing", text("removing"))
            .expression_attribute_values(":options", attribute(&pool.options, &key)?)
            .expression_attribute_values(":updated_at", text(pool.updated_at))
            .expression_attribute_values(":read", number(pool.version))
            .expression_attribute_values(":next", number(version))
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("UpdateItem", error))?;
        Ok(version)
    }

    /// The tenant whose `verify` passed first.
    pub async fn owner(&self, pool: &UserPoolId) -> Result<Option<TenantId>, StoreError> {
        let owner: Option<Owner> = self.get(&Key::owner(pool), true).await?;
        Ok(owner.map(|owner| owner.tenant_id))
    }

    /// Makes a pool that was read as `pool.version` active and its tenant the owner; a conflict if another
    /// tenant owns it, it is being removed or somebody changed it meanwhile. What `verify` learned is recorded with it.
    pub async fn activate_pool(&self, pool: &UserPool, due_at: Timestamp) -> Result<(), StoreError> {
        let key = Key::pool(&pool.tenant_id, &pool.user_pool_id);
        let unreadable = |source| StoreError::unreadable(&key, source);
        let owner = Put::builder()
            .table_name(&self.table)
            .set_item(Some(Key::owner(&pool.user_pool_id).attributes()))
            .item("tenant_id", text(&pool.tenant_id))
            .condition_expression("attribute_not_exists(pk) OR tenant_id = :tenant")
            .expression_attribute_values(":tenant", text(&pool.tenant_id))
            .build()
            .map_err(unreadable)?;
        let activate = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .update_expression(
                "SET #status = :active, version = :next, run.callbacks = :callbacks, \
                 run.#schema = :schema, due_at = :due_at, due_shard = :due_shard",
            )
            .condition_expression("version = :read AND #status <> :removing")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#schema", "schema")
            .expression_attribute_values(":active", text("active"))
            .expression_attribute_values(":removing", text("removing"))
            .expression_attribute_values(":read", number(pool.version))
            .expression_attribute_values(":next", number(pool.version + 1))
            .expression_attribute_values(":callbacks", attribute(&pool.run.callbacks, &key)?)
            .expression_attribute_values(":schema", attribute(&pool.run.schema, &key)?)
            .expression_attribute_values(":due_at", text(due_at))
            .expression_attribute_values(":due_shard", text(shard(&pool.user_pool_id)))
            .build()
            .map_err(unreadable)?;
        self.client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().put(owner).build())
            .transact_items(TransactWriteItem::builder().update(activate).build())
            .send()
            .await
            .map_err(StoreError::from_transaction)?;
        Ok(())
    }

    /// Takes the lease on a pool for the run `run_id` and returns the pool as it stands; `None` if another
    /// run holds it. A pool that is not there is a conflict.
    pub async fn take_lease(
        &self,
        tenant: &TenantId,
        pool: &UserPoolId,
        run_id: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<UserPool>, StoreError> {
        let key = Key::pool(tenant, pool);
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .update_expression("SET lease_holder = :run, lease_until = :until")
            .condition_expression("attribute_exists(pk) AND (attribute_not_exists(lease_until) OR lease_until <= :now)")
            .expression_attribute_values(":run", text(run_id))
            .expression_attribute_values(":until", text(until))
            .expression_attribute_values(":now", text(now))
            .return_values(ReturnValue::AllNew)
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("UpdateItem", error));
        match answer {
            Ok(answer) => answer.attributes.map(read).transpose(),
            Err(error) if error.is_conflict() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Records what a run learned and gives its lease back; a conflict if it holds none any more. A pool that
    /// somebody asked to look at meanwhile stays due at once. One that is not well is in the index `unwell`, since it
    /// got into its state; one that goes from one state that is nobody else's to mend to another, since the first.
    pub async fn record_run(&self, pool: &UserPool, recorded: Recorded<'_>) -> Result<(), StoreError> {
        let key = Key::pool(&pool.tenant_id, &pool.user_pool_id);
        let health = &recorded.state.health;
        let request = self.client.update_item().table_name(&self.table).set_key(Some(key.attributes()));
        let request = if health.state == HealthState::Ok {
            request.update_expression(
                "SET run = :state, due_at = :due_at, due_shard = :due_shard \
                 REMOVE lease_holder, lease_until, look_again_at, unwell, unwell_since",
            )
        } else {
            let states = [pool.run.health.state, health.state];
            let goes_on = states.into_iter().all(HealthState::is_nobody_elses_to_mend);
            let ended = recorded.state.last_run.as_ref().map_or(health.since, |last| last.finished_at);
            // One that was paused meanwhile begins anew, whenever it got into its state.
            let (since, begun) =
                if goes_on { ("if_not_exists(unwell_since, :since)", ended) } else { (":since", health.since) };
            request
                .update_expression(format!(
                    "SET run = :state, due_at = :due_at, due_shard = :due_shard, unwell = :unwell, \
                     unwell_since = {since} REMOVE lease_holder, lease_until, look_again_at"
                ))
                .expression_attribute_values(":unwell", attribute(&health.state, &key)?)
                .expression_attribute_values(":since", text(begun))
        };
        let answer = request
            .condition_expression("lease_holder = :run")
            .expression_attribute_values(":run", text(recorded.run_id))
            .expression_attribute_values(":state", attribute(recorded.state, &key)?)
            .expression_attribute_values(":due_at", text(recorded.due_at))
            .expression_attribute_values(":due_shard", text(shard(&pool.user_pool_id)))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("UpdateItem", error))?;
        let asked = answer.attributes.and_then(|before| Timestamp::parse(before.get("look_again_at")?.as_s().ok()?));
        if let Some(asked) = asked {
            let due = DuePool {
                tenant_id: pool.tenant_id.clone(),
                user_pool_id: pool.user_pool_id.clone(),
                due_at: recorded.due_at,
            };
            self.move_due(&due, asked).await?;
        }
        Ok(())
    }

    /// Counts the ways to sign in that a run is about to take away, and of how many connections it holds steps back,
    /// before it does anything: a run that is killed right after must not make room for more. A conflict if the run no
    /// longer holds the lease.
    pub async fn count_losses(
        &self,
        pool: &UserPool,
        run_id: &str,
        losses: &[Loss],
        held_of: Option<usize>,
    ) -> Result<(), StoreError> {
        let key = Key::pool(&pool.tenant_id, &pool.user_pool_id);
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .update_expression("SET run.losses = :losses, run.held_of = :held_of")
            .condition_expression("lease_holder = :run")
            .expression_attribute_values(":losses", attribute(&losses, &key)?)
            .expression_attribute_values(":held_of", attribute(&held_of, &key)?)
            .expression_attribute_values(":run", text(run_id))
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("UpdateItem", error))?;
        Ok(())
    }

    /// Takes an approval off a pool, so that it is used once; a conflict if it is not there any more.
    pub async fn use_approval(&self, pool: &UserPool, approval: &Approval) -> Result<(), StoreError> {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::pool(&pool.tenant_id, &pool.user_pool_id).attributes()))
            .update_expression("REMOVE approval")
            .condition_expression("approval.#hash = :hash")
            .expression_attribute_names("#hash", "hash")
            .expression_attribute_values(":hash", text(&approval.hash))
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("UpdateItem", error))?;
        Ok(())
    }

    /// Gives a lease back without recording anything.
    pub async fn release_lease(&self, tenant: &TenantId, pool: &UserPoolId, run_id: &str) -> Result<(), StoreError> {
        self.release(tenant, pool, run_id, "REMOVE lease_holder, lease_until").await
    }

    /// Gives the lease back on a pool that has no runs at present, and takes it out of the index `unwell`.
    pub async fn release_idle(&self, tenant: &TenantId, pool: &UserPoolId, run_id: &str) -> Result<(), StoreError> {
        self.release(tenant, pool, run_id, "REMOVE lease_holder, lease_until, unwell, unwell_since").await
    }

    async fn release(
        &self,
        tenant: &TenantId,
        pool: &UserPoolId,
        run_id: &str,
        update: &str,
    ) -> Result<(), StoreError> {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::pool(tenant, pool).attributes()))
            .update_expression(update)
            .condition_expression("lease_holder = :run")
            .expression_attribute_values(":run", text(run_id))
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("UpdateItem", error))?;
        Ok(())
    }

    /// Puts an operator's approval on a pool, in place of an earlier one.
    pub async fn approve(&self, tenant: &TenantId, pool: &UserPoolId, approval: &Approval) -> Result<(), StoreError> {
        let key = Key::pool(tenant, pool);
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .update_expression("SET approval = :approval")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":approval", attribute(approval, &key)?)
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("UpdateItem", error))?;
        Ok(())
    }
}
