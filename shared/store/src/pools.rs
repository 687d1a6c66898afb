//! User pools: what operators set, what runs record, and who owns them.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};
use causeway_core::{
    decisions::Decisions,
    guard::{Held, Loss},
    health::HealthState,
    id::{TenantId, UserPoolId},
    port::Recorded,
    serving::{ServingPool, WakingPool},
    timestamp::Timestamp,
    trouble::Trouble,
    user_pool::{PoolStatus, UserPool},
};
use serde::{Deserialize, Serialize};

use crate::{
    Found, Item, RegistrationTurn, Store, StoreError, attribute,
    due::shard,
    key::{Key, POOL},
    lease::refused,
    number, read_all, text,
    unwell::unwell_since,
    write,
};

#[derive(Serialize, Deserialize)]
pub(crate) struct Owner {
    tenant_id: TenantId,
}

/// A part of a pool's item as it is written, with what a later version wrote there when the pool was read.
pub(crate) fn kept<T: Serialize + ?Sized>(
    pool: &UserPool,
    path: &[&str],
    value: &T,
) -> Result<AttributeValue, StoreError> {
    let key = Key::pool(&pool.tenant_id, &pool.user_pool_id);
    let unknown = path.iter().fold(pool.unknown.clone(), |unknown, name| unknown.under(name));
    attribute(&unknown.with(value).map_err(|source| StoreError::unreadable(&key, source))?, &key)
}

/// Whether the last run that the item of a pool tells of is this one.
fn is_recorded(item: &Item, run_id: &str) -> bool {
    let last_run =
        item.get("run").and_then(|run| run.as_m().ok()?.get("last_run")?.as_m().ok()?.get("id")?.as_s().ok());
    last_run.is_some_and(|id| id == run_id)
}

impl Store {
    /// Registers a pool, which is in the index `unwell` until its first run; a conflict if this tenant has it already, or does not exist, or if another pool took a turn after
    /// `turn` was given. Without a turn it waits for no other.
    pub async fn create_pool(&self, pool: &UserPool, turn: Option<&RegistrationTurn>) -> Result<(), StoreError> {
        let key = Key::pool(&pool.tenant_id, &pool.user_pool_id);
        let mut item = write(pool, &key)?;
        item.extend(unwell_since(pool.trouble_of_new(), pool.created_at));
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(|source| StoreError::unreadable(&key, source))?;
        let turn = turn.map(|turn| self.take_turn(&pool.tenant_id, turn, pool.created_at)).transpose()?;
        let parts = [TransactWriteItem::builder().put(put).build(), self.tenant_exists(&pool.tenant_id)?];
        self.client
            .transact_write_items()
            .set_transact_items(Some(parts.into_iter().chain(turn).collect()))
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
    pub async fn pools(&self, tenant: &TenantId) -> Result<Found<UserPool>, StoreError> {
        self.query_all(&format!("TENANT#{tenant}"), POOL).await
    }

    /// These pools, in no order; without those that are not there.
    pub async fn pools_of(
        &self,
        pools: impl IntoIterator<Item = (&TenantId, &UserPoolId)>,
    ) -> Result<Found<UserPool>, StoreError> {
        // DynamoDB refuses a request that names an item twice.
        let pools: BTreeSet<_> = pools.into_iter().collect();
        let keys = pools.into_iter().map(|(tenant, pool)| Key::pool(tenant, pool).attributes());
        Ok(read_all(self.batch_get(keys.collect()).await?))
    }

    /// A pool of a tenant, for its sign-ins.
    pub async fn serving_pool(&self, tenant: &TenantId, pool: &UserPoolId) -> Result<Option<ServingPool>, StoreError> {
        self.get(&Key::pool(tenant, pool), true).await
    }

    /// Every pool of a tenant, for who wakes them up.
    pub async fn waking_pools(&self, tenant: &TenantId) -> Result<Found<WakingPool>, StoreError> {
        self.query_all(&format!("TENANT#{tenant}"), POOL).await
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
            .expression_attribute_values(":options", kept(pool, &["options"], &pool.options)?)
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
    /// tenant owns it, it is being removed or somebody changed it meanwhile. What `verify` learned is recorded with it. One
    /// that was not active before has never run, since `now`.
    pub async fn activate_pool(&self, pool: &UserPool, now: Timestamp, due_at: Timestamp) -> Result<(), StoreError> {
        let key = Key::pool(&pool.tenant_id, &pool.user_pool_id);
        let unreadable = |source| StoreError::unreadable(&key, source);
        let owner = Update::builder()
            .table_name(&self.table)
            .set_key(Some(Key::owner(&pool.user_pool_id).attributes()))
            .update_expression("SET tenant_id = :tenant")
            .condition_expression("attribute_not_exists(pk) OR tenant_id = :tenant")
            .expression_attribute_values(":tenant", text(&pool.tenant_id))
            .build()
            .map_err(unreadable)?;
        let is_new = pool.status == PoolStatus::Pending;
        let never_ran = if is_new { ", unwell = :unwell, unwell_since = :unwell_since" } else { "" };
        let activate = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .update_expression(format!(
                "SET #status = :active, version = :next, run.#name = :name, run.callbacks = :callbacks, \
                 run.#schema = :schema, due_at = :due_at, due_shard = :due_shard{never_ran}"
            ))
            .condition_expression("version = :read AND #status <> :removing")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#name", "name")
            .expression_attribute_values(":name", attribute(&pool.run.name, &key)?)
            .expression_attribute_names("#schema", "schema")
            .expression_attribute_values(":active", text("active"))
            .expression_attribute_values(":removing", text("removing"))
            .expression_attribute_values(":read", number(pool.version))
            .expression_attribute_values(":next", number(pool.version + 1))
            .expression_attribute_values(":callbacks", attribute(&pool.run.callbacks, &key)?)
            .expression_attribute_values(":schema", kept(pool, &["run", "schema"], &pool.run.schema)?)
            .expression_attribute_values(":due_at", text(due_at))
            .expression_attribute_values(":due_shard", text(shard(&pool.user_pool_id)));
        let activate = unwell_since(Trouble::NeverRan, now)
            .into_iter()
            .filter(|_| is_new)
            .fold(activate, |activate, (name, value)| activate.expression_attribute_values(format!(":{name}"), value))
            .build()
            .map_err(unreadable)?;
        self.client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().update(owner).build())
            .transact_items(TransactWriteItem::builder().update(activate).build())
            .send()
            .await
            .map_err(StoreError::from_transaction)?;
        Ok(())
    }

    /// Records what a run learned and gives its lease back; a conflict if it holds none any more. A pool that
    /// somebody asked to look at meanwhile stays due at once. One that is in trouble is in the index `unwell`, since it
    /// got into it; one that goes from one state that is nobody else's to mend to another, since the first.
    /// That it is on record already, as where the first answer was lost, is as good.
    pub async fn record_run(&self, pool: &UserPool, recorded: Recorded<'_>) -> Result<(), StoreError> {
        let key = Key::pool(&pool.tenant_id, &pool.user_pool_id);
        let health = &recorded.state.health;
        let request = self.client.update_item().table_name(&self.table).set_key(Some(key.attributes()));
        let request = match recorded.trouble {
            None => request.update_expression(
                "SET run = :state, held = :held, due_at = if_not_exists(look_again_at, :due_at), due_shard = :due_shard \
                 REMOVE lease_holder, lease_until, look_again_at, unwell, unwell_since",
            ),
            Some(trouble) => {
                let before = Trouble::left_by(pool.run.health.state, !pool.held.is_empty());
                let goes_on = before.is_some_and(Trouble::is_nobody_elses_to_mend) && trouble.is_nobody_elses_to_mend();
                let ended = recorded.state.last_run.as_ref().map_or(health.since, |last| last.finished_at);
                // What is held back beside another failure has its own time.
                let begun = match recorded.held.values().min() {
                    Some(held) if trouble == Trouble::Held && health.state != HealthState::Held => *held,
                    _ => health.since,
                };
                // One that was paused meanwhile begins anew, whenever it got into its state.
                let (since, begun) =
                    if goes_on { ("if_not_exists(unwell_since, :since)", ended) } else { (":since", begun) };
                request
                    .update_expression(format!(
                        "SET run = :state, held = :held, due_at = if_not_exists(look_again_at, :due_at), \
                         due_shard = :due_shard, unwell = :unwell, unwell_since = {since} \
                         REMOVE lease_holder, lease_until, look_again_at"
                    ))
                    .expression_attribute_values(":unwell", text(trouble.as_str()))
                    .expression_attribute_values(":since", text(begun))
            }
        };
        let answer = request
            .condition_expression("lease_holder = :run")
            .expression_attribute_values(":run", text(recorded.run_id))
            .expression_attribute_values(":state", kept(pool, &["run"], recorded.state)?)
            .expression_attribute_values(":held", kept(pool, &["held"], recorded.held)?)
            .expression_attribute_values(":due_at", text(recorded.due_at))
            .expression_attribute_values(":due_shard", text(shard(&pool.user_pool_id)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(()),
            Err(error)
                if refused(&error)
                    .and_then(|failed| failed.item())
                    .is_some_and(|item| is_recorded(item, recorded.run_id)) =>
            {
                Ok(())
            }
            Err(error) => Err(StoreError::from_sdk("UpdateItem", error)),
        }
    }

    /// Counts the ways to sign in that a run is about to take away, and what waits for a person, before it does anything:
    /// a run that is killed right after must not make room for more. A conflict if the run no longer holds the lease.
    pub async fn count_losses(
        &self,
        pool: &UserPool,
        run_id: &str,
        losses: &[Loss],
        held: &Held,
    ) -> Result<(), StoreError> {
        let key = Key::pool(&pool.tenant_id, &pool.user_pool_id);
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .update_expression("SET run.losses = :losses, held = :held")
            .condition_expression("lease_holder = :run")
            .expression_attribute_values(":losses", kept(pool, &["run", "losses"], losses)?)
            .expression_attribute_values(":held", kept(pool, &["held"], held)?)
            .expression_attribute_values(":run", text(run_id))
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("UpdateItem", error))?;
        Ok(())
    }

    /// Writes what operators decided on losses of a pool, read as `decisions.version`, and counts the write; a conflict if
    /// somebody else wrote it meanwhile, or the pool is being removed. `number` is random, and tells this write from all
    /// others: one whose answer was lost is made again with the same one, and is no conflict with itself.
    pub async fn decide(&self, pool: &UserPool, decisions: &Decisions, number: u128) -> Result<(), StoreError> {
        let key = Key::pool(&pool.tenant_id, &pool.user_pool_id);
        let written = format!("{number:032x}");
        let decided = Decisions { version: decisions.version + 1, written: written.clone(), ..decisions.clone() };
        let unread =
            if decisions.version == 0 { "attribute_not_exists(decisions)" } else { "decisions.version = :read" };
        let request = self.client.update_item().table_name(&self.table).set_key(Some(key.attributes()));
        let request = request
            .update_expression("SET decisions = :decisions")
            .condition_expression(format!(
                "attribute_exists(pk) AND #status <> :removing AND ({unread} OR decisions.written = :written)"
            ))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":removing", text("removing"))
            .expression_attribute_values(":written", text(written))
            .expression_attribute_values(":decisions", kept(pool, &["decisions"], &decided)?);
        let request = if decisions.version == 0 {
            request
        } else {
            request.expression_attribute_values(":read", self::number(decisions.version))
        };
        request.send().await.map_err(|error| StoreError::from_sdk("UpdateItem", error))?;
        Ok(())
    }
}
