//! The table in memory. Items are kept in the form in which they are stored, member by member, and every write has the
//! condition that it has on DynamoDB.

use std::collections::BTreeMap;

use causeway_core::{
    approval::Approval,
    claim::Claim,
    foreign::ForeignProviders,
    guard::Loss,
    id::{ConnectionId, TenantId, UserPoolId},
    lookup::KnownDomain,
    port::{Recorded, Table, TableError},
    run::RunReport,
    tenant::Tenant,
    timestamp::Timestamp,
    user_pool::UserPool,
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{
    State,
    wire::{Side, Wire},
};

const TENANT: &str = "TENANT";
const POOL: &str = "POOL";
const FOREIGN: &str = "FOREIGN";
const CLAIMS: &str = "CLAIM#";
const DOMAINS: &str = "DOMAIN#";

/// All items by their keys.
#[derive(Debug, Clone, Default)]
pub struct Items(BTreeMap<String, Map<String, Value>>);

fn stale() -> TableError {
    TableError::stale("somebody else changed the item")
}

fn key_of_claim(id: &ConnectionId) -> String {
    format!("{CLAIMS}{id}")
}

fn written(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

fn read<T: DeserializeOwned>(item: &Map<String, Value>) -> T {
    T::deserialize(item).unwrap()
}

impl Items {
    fn put(&mut self, key: &str, value: &impl Serialize) {
        let Value::Object(item) = written(value) else { panic!("an item has members") };
        self.0.insert(key.to_owned(), item);
    }

    fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        self.0.get(key).map(read)
    }

    pub fn put_tenant(&mut self, tenant: &Tenant) {
        self.put(TENANT, tenant);
    }

    pub fn put_pool(&mut self, pool: &UserPool) {
        self.put(POOL, pool);
    }

    pub fn tenant(&self) -> Tenant {
        self.get(TENANT).unwrap()
    }

    /// The pool; none once it is removed.
    pub fn pool(&self) -> Option<UserPool> {
        self.get(POOL)
    }

    pub fn claims(&self) -> Vec<Claim> {
        let claims = self.0.range(CLAIMS.to_owned()..).take_while(|(key, _)| key.starts_with(CLAIMS));
        claims.map(|(_, item)| read(item)).collect()
    }

    /// What the lookup answers, by domain.
    pub fn known_domains(&self) -> Vec<KnownDomain> {
        let domains = self.0.range(DOMAINS.to_owned()..).take_while(|(key, _)| key.starts_with(DOMAINS));
        domains.map(|(_, item)| read(item)).collect()
    }

    pub fn claim(&self, id: &ConnectionId) -> Option<Claim> {
        self.get(&key_of_claim(id))
    }

    /// Until when a run holds the pool.
    pub fn lease_until(&self) -> Option<Timestamp> {
        let until = self.0.get(POOL)?.get("lease_until")?;
        Some(Timestamp::deserialize(until).unwrap())
    }

    /// Sets members of the pool's item, as an operator's call does.
    pub fn set(&mut self, members: impl IntoIterator<Item = (&'static str, Value)>) {
        if let Some(item) = self.0.get_mut(POOL) {
            item.extend(members.into_iter().map(|(name, value)| (name.to_owned(), value)));
        }
    }

    /// Takes a member off the pool's item.
    pub fn remove(&mut self, member: &str) {
        if let Some(item) = self.0.get_mut(POOL) {
            item.remove(member);
        }
    }

    /// The pool's item, if this run holds it.
    fn held(&mut self, run_id: &str) -> Result<&mut Map<String, Value>, TableError> {
        self.0.get_mut(POOL).filter(|item| item.get("lease_holder").is_some_and(|it| it == run_id)).ok_or_else(stale)
    }

    fn take_lease(&mut self, run_id: &str, now: Timestamp, until: Timestamp) -> Option<UserPool> {
        let is_held = self.lease_until().is_some_and(|until| until > now);
        let item = self.0.get_mut(POOL).filter(|_| !is_held)?;
        item.insert("lease_holder".to_owned(), run_id.into());
        item.insert("lease_until".to_owned(), written(&until));
        Some(read(item))
    }

    fn release(&mut self, run_id: &str) -> Result<(), TableError> {
        let item = self.held(run_id)?;
        item.remove("lease_holder");
        item.remove("lease_until");
        Ok(())
    }

    fn record_run(&mut self, recorded: &Recorded<'_>) -> Result<(), TableError> {
        let item = self.held(recorded.run_id)?;
        item.insert("run".to_owned(), written(recorded.state));
        let asked = item.remove("look_again_at");
        item.insert("due_at".to_owned(), asked.unwrap_or_else(|| written(&recorded.due_at)));
        self.release(recorded.run_id)
    }

    fn put_claim(&mut self, claim: &Claim) -> Result<Claim, TableError> {
        let there = self.claim(&claim.connection_id).map_or(0, |there| there.version);
        if there != claim.version {
            return Err(stale());
        }
        let changed = Claim { version: claim.version + 1, ..claim.clone() };
        self.put(&key_of_claim(&claim.connection_id), &changed);
        Ok(changed)
    }

    fn delete_claim(&mut self, claim: &Claim) -> Result<(), TableError> {
        if self.claim(&claim.connection_id).is_none_or(|there| there.version != claim.version) {
            return Err(stale());
        }
        self.0.remove(&key_of_claim(&claim.connection_id));
        Ok(())
    }

    fn count_losses(&mut self, run_id: &str, losses: &[Loss], held_of: Option<usize>) -> Result<(), TableError> {
        let run = self.held(run_id)?.get_mut("run").and_then(Value::as_object_mut).unwrap();
        run.insert("losses".to_owned(), written(&losses));
        run.insert("held_of".to_owned(), written(&held_of));
        Ok(())
    }

    fn use_approval(&mut self, approval: &Approval) -> Result<(), TableError> {
        let there = self.pool().and_then(|pool| pool.approval);
        if there.is_none_or(|there| there.hash != approval.hash) {
            return Err(stale());
        }
        self.remove("approval");
        Ok(())
    }

    fn look_again(&mut self, at: Timestamp) -> Result<(), TableError> {
        if self.pool().is_none_or(|pool| pool.due_at.is_none()) {
            return Err(stale());
        }
        self.set([("due_at", written(&at)), ("look_again_at", written(&at))]);
        Ok(())
    }
}

type Outcome<T> = Result<T, TableError>;

impl Table for Wire {
    async fn tenant(&self, _: &TenantId) -> Outcome<Option<Tenant>> {
        self.read(Side::Table, |state: &mut State| Ok(state.items.get(TENANT))).await
    }

    async fn update_tenant(&self, tenant: &Tenant) -> Outcome<u64> {
        self.change(Side::Table, |state| {
            if state.items.tenant().version != tenant.version {
                return Err(stale());
            }
            state.items.put_tenant(&Tenant { version: tenant.version + 1, ..tenant.clone() });
            Ok(tenant.version + 1)
        })
        .await
    }

    async fn workos_key(&self, tenant: &Tenant) -> Outcome<Option<SecretString>> {
        self.read(Side::Table, |_| Ok(tenant.workos_api_key.as_ref().map(|_| SecretString::from("sk_test")))).await
    }

    async fn pools(&self, _: &TenantId) -> Outcome<Vec<UserPool>> {
        self.read(Side::Table, |state| Ok(state.items.pool().into_iter().collect())).await
    }

    async fn take_lease(
        &self,
        _: &TenantId,
        _: &UserPoolId,
        run_id: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Outcome<Option<UserPool>> {
        let pool: Option<UserPool> =
            self.call(Side::Table, |state| Ok::<_, TableError>(state.items.take_lease(run_id, now, until))).await?;
        if let Some(pool) = &pool {
            self.began(pool);
        }
        Ok(pool)
    }

    async fn release_lease(&self, _: &TenantId, _: &UserPoolId, run_id: &str) -> Outcome<()> {
        self.call(Side::Table, |state| state.items.release(run_id)).await
    }

    async fn release_idle(&self, _: &TenantId, _: &UserPoolId, run_id: &str) -> Outcome<()> {
        self.call(Side::Table, |state| state.items.release(run_id)).await
    }

    async fn look_again(&self, _: &TenantId, _: &UserPoolId, at: Timestamp) -> Outcome<()> {
        self.call(Side::Table, |state| state.items.look_again(at)).await
    }

    async fn record_run(&self, _: &UserPool, recorded: Recorded<'_>) -> Outcome<()> {
        self.call(Side::Table, |state| state.items.record_run(&recorded)).await
    }

    async fn end_removal(&self, _: &UserPool, run_id: &str) -> Outcome<()> {
        self.change(Side::Table, |state| {
            state.items.held(run_id)?;
            state.items.0.remove(POOL);
            state.items.0.remove(FOREIGN);
            Ok(())
        })
        .await
    }

    async fn put_run(&self, _: &TenantId, _: &UserPoolId, run: &RunReport) -> Outcome<()> {
        self.call(Side::Table, |state| {
            state.items.put(&format!("RUN#{}", run.id), &run.clone().within_size());
            Ok(())
        })
        .await
    }

    async fn run(&self, _: &TenantId, _: &UserPoolId, id: &str) -> Outcome<Option<RunReport>> {
        self.read(Side::Table, |state| Ok(state.items.get(&format!("RUN#{id}")))).await
    }

    async fn claims(&self, _: &UserPoolId) -> Outcome<Vec<Claim>> {
        self.read(Side::Table, |state| Ok(state.items.claims())).await
    }

    async fn put_claim(&self, _: &UserPoolId, claim: &Claim) -> Outcome<Claim> {
        self.change(Side::Table, |state| state.items.put_claim(claim)).await
    }

    async fn delete_claim(&self, _: &UserPoolId, claim: &Claim) -> Outcome<()> {
        self.change(Side::Table, |state| state.items.delete_claim(claim)).await
    }

    async fn known_domains(&self, _: &UserPoolId) -> Outcome<BTreeMap<String, Option<KnownDomain>>> {
        self.read(Side::Table, |state| {
            let known = state.items.known_domains().into_iter();
            Ok(known.map(|known| (known.domain.clone(), Some(known))).collect())
        })
        .await
    }

    async fn put_known_domain(&self, _: &UserPoolId, known: &KnownDomain) -> Outcome<()> {
        self.change(Side::Table, |state| {
            state.items.put(&format!("{DOMAINS}{}", known.domain), known);
            Ok(())
        })
        .await
    }

    async fn delete_known_domain(&self, _: &UserPoolId, domain: &str) -> Outcome<()> {
        self.change(Side::Table, |state| {
            state.items.0.remove(&format!("{DOMAINS}{domain}"));
            Ok(())
        })
        .await
    }

    async fn foreign_providers(&self, _: &UserPoolId) -> Outcome<ForeignProviders> {
        self.read(Side::Table, |state| Ok(state.items.get(FOREIGN).unwrap_or_default())).await
    }

    async fn put_foreign_providers(&self, _: &UserPoolId, foreign: &ForeignProviders) -> Outcome<()> {
        self.change(Side::Table, |state| {
            state.items.put(FOREIGN, foreign);
            Ok(())
        })
        .await
    }

    async fn count_losses(&self, _: &UserPool, run_id: &str, losses: &[Loss], held_of: Option<usize>) -> Outcome<()> {
        self.change(Side::Table, |state| state.items.count_losses(run_id, losses, held_of)).await
    }

    async fn use_approval(&self, _: &UserPool, approval: &Approval) -> Outcome<()> {
        self.change(Side::Table, |state| state.items.use_approval(approval)).await
    }
}

/// A tenant that gave its key.
pub fn tenant(id: &TenantId, now: Timestamp) -> Tenant {
    serde_json::from_value(serde_json::json!({
        "id": id, "name": "Acme", "external_id": "causeway-0123456789abcdef0123456789abcdef",
        "workos_client_id": "client_01", "workos_api_key": "sealed", "webhook_endpoint_id": null,
        "webhook_secret": null, "sign_in_state_key": "sealed", "created_at": now, "updated_at": now, "version": 1,
    }))
    .unwrap()
}
