//! The table in memory. Items are kept in the form in which they are stored, member by member, and every write has the
//! condition that it has on DynamoDB.

use std::collections::{BTreeMap, BTreeSet};

use causeway_core::{
    claim::Claim,
    decisions::Decisions,
    foreign::ForeignProviders,
    guard::{Held, Loss},
    health::ErrorClass,
    id::{ConnectionId, TenantId, UserPoolId},
    lookup::KnownDomain,
    port::{Claims, Lease, Recorded, Table, TableError, Taken},
    run::RunReport,
    tenant::Tenant,
    timestamp::Timestamp,
    trouble::Trouble,
    user_pool::{PoolStatus, UserPool},
    waiting::{Standing, refusal},
    wake_up::Cause,
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::{
    State,
    wire::{Side, Wire},
};

const TENANT: &str = "TENANT";
const POOL: &str = "POOL";
const FOREIGN: &str = "FOREIGN";
const CLAIMS: &str = "CLAIM#";
const DOMAINS: &str = "DOMAIN#";

/// A member that a version which is to come writes.
const NEWER: &str = "of_a_later_version";

/// All items by their keys.
#[derive(Debug, Clone, Default)]
pub struct Items {
    stored: BTreeMap<String, Map<String, Value>>,
    /// Those into which a later version wrote.
    newer: BTreeSet<String>,
}

/// The member by which the table's index of pools that are not well has the pool.
const UNWELL: &str = "unwell";

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
        self.stored.insert(key.to_owned(), item);
    }

    fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        self.stored.get(key).map(read)
    }

    fn delete(&mut self, key: &str) {
        self.stored.remove(key);
        self.newer.remove(key);
    }

    /// Writes a member into each item, and into the objects in it, that this version does not know.
    pub fn write_newer(&mut self) {
        for (key, item) in &mut self.stored {
            let within = if key == POOL { item.get_mut("run").and_then(Value::as_object_mut) } else { None };
            if let Some(run) = within {
                run.insert(NEWER.to_owned(), "kept".into());
            }
            item.insert(NEWER.to_owned(), "kept".into());
            self.newer.insert(key.clone());
        }
    }

    /// The items that have lost what a later version wrote into them.
    pub fn without_newer(&self) -> Vec<&str> {
        let has = |item: &Map<String, Value>| item.get(NEWER).is_some_and(|value| value == "kept");
        let has_all = |key: &str, item: &Map<String, Value>| {
            has(item) && (key != POOL || item.get("run").and_then(Value::as_object).is_some_and(has))
        };
        let marked = self.stored.iter().filter(|(key, _)| self.newer.contains(*key));
        marked.filter(|(key, item)| !has_all(key, item)).map(|(key, _)| key.as_str()).collect()
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
        let claims = self.stored.range(CLAIMS.to_owned()..).take_while(|(key, _)| key.starts_with(CLAIMS));
        claims.map(|(_, item)| read(item)).collect()
    }

    pub fn has_refused_identifiers(&self) -> bool {
        self.get::<ForeignProviders>(FOREIGN).is_some_and(|foreign| !foreign.taken.is_empty())
    }

    /// What the lookup answers, by domain.
    pub fn known_domains(&self) -> Vec<KnownDomain> {
        let domains = self.stored.range(DOMAINS.to_owned()..).take_while(|(key, _)| key.starts_with(DOMAINS));
        domains.map(|(_, item)| read(item)).collect()
    }

    pub fn claim(&self, id: &ConnectionId) -> Option<Claim> {
        self.get(&key_of_claim(id))
    }

    /// Until when a run holds the pool.
    pub fn lease_until(&self) -> Option<Timestamp> {
        let until = self.stored.get(POOL)?.get("lease_until")?;
        Some(Timestamp::deserialize(until).unwrap())
    }

    /// What is the matter with the pool, as the table's index has it.
    pub fn trouble(&self) -> Option<Trouble> {
        self.stored.get(POOL)?.get(UNWELL).and_then(|trouble| Option::deserialize(trouble).unwrap())
    }

    /// Sets members of the pool's item, as an operator's call does.
    pub fn set(&mut self, members: impl IntoIterator<Item = (&'static str, Value)>) {
        if let Some(item) = self.stored.get_mut(POOL) {
            item.extend(members.into_iter().map(|(name, value)| (name.to_owned(), value)));
        }
    }

    /// Has a member of the tenant's item be of no form that this version reads, and gives back what it was.
    pub fn damage_tenant(&mut self, member: &str) -> Value {
        self.put_in_tenant(member, json!([7]))
    }

    /// Writes a member of the tenant's item, and gives back what it was.
    pub fn put_in_tenant(&mut self, member: &str, value: Value) -> Value {
        let item = self.stored.get_mut(TENANT).unwrap();
        item.insert(member.to_owned(), value).unwrap()
    }

    /// Takes a member off the pool's item.
    pub fn remove(&mut self, member: &str) {
        if let Some(item) = self.stored.get_mut(POOL) {
            item.remove(member);
        }
    }

    /// The pool's item, if this run holds it.
    fn held(&mut self, run_id: &str) -> Result<&mut Map<String, Value>, TableError> {
        self.stored
            .get_mut(POOL)
            .filter(|item| item.get("lease_holder").is_some_and(|it| it == run_id))
            .ok_or_else(stale)
    }

    /// Whoever holds the pool loses it.
    pub fn lose_lease(&mut self) {
        if let Some(item) = self.stored.get_mut(POOL) {
            item.remove("lease_holder");
            item.remove("lease_until");
        }
    }

    fn take_lease(&mut self, Lease { run_id, call, now, until }: Lease<'_>) -> Taken {
        let (Some(pool), held_until) = (self.pool(), self.lease_until()) else { return Taken::Nothing };
        let item = self.stored.get_mut(POOL).unwrap();
        let standing = Standing {
            held_until,
            is_removing: pool.status == PoolStatus::Removing,
            looked_at: pool.run.looked_at,
            webhook_look_at: item.get("webhook_look_at").map(|at| Timestamp::deserialize(at).unwrap()),
        };
        let has_it = item.get("lease_holder").is_some_and(|it| it == run_id);
        if let Some(refusal) = refusal(standing, call, now).filter(|_| !has_it) {
            return Taken::Refused(refusal);
        }
        item.insert("lease_holder".to_owned(), run_id.into());
        item.insert("lease_until".to_owned(), written(&until));
        if call.cause == Cause::Webhook {
            item.insert("webhook_look_at".to_owned(), written(&now));
        }
        Taken::Pool(Box::new(read(item)))
    }

    fn release(&mut self, run_id: &str) {
        if self.held(run_id).is_ok() {
            self.lose_lease();
        }
    }

    fn record_run(&mut self, recorded: &Recorded<'_>) -> Result<(), TableError> {
        let pool = self.pool().ok_or_else(stale)?;
        if pool.run.last_run.is_some_and(|last| last.id == recorded.run_id) {
            return Ok(());
        }
        let unknown = pool.unknown;
        let item = self.held(recorded.run_id)?;
        item.insert("run".to_owned(), unknown.under("run").with(recorded.state).unwrap());
        item.insert("held".to_owned(), unknown.under("held").with(recorded.held).unwrap());
        item.insert(UNWELL.to_owned(), written(&recorded.trouble));
        let asked = item.remove("look_again_at");
        item.insert("due_at".to_owned(), asked.unwrap_or_else(|| written(&recorded.due_at)));
        self.release(recorded.run_id);
        Ok(())
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
        self.delete(&key_of_claim(&claim.connection_id));
        Ok(())
    }

    fn count_losses(&mut self, run_id: &str, losses: &[Loss], held: &Held) -> Result<(), TableError> {
        let item = self.held(run_id)?;
        item.insert("held".to_owned(), written(held));
        let run = item.get_mut("run").and_then(Value::as_object_mut).unwrap();
        run.insert("losses".to_owned(), written(&losses));
        Ok(())
    }

    /// Writes what operators decided, read as its version, or by the same write once more.
    pub fn decide(&mut self, decisions: &Decisions, number: u128) -> Result<(), TableError> {
        let pool = self.pool().ok_or_else(stale)?;
        let there = pool.decisions;
        let written_by = format!("{number:032x}");
        if there.version != decisions.version && there.written != written_by {
            return Err(stale());
        }
        let decided = Decisions { version: decisions.version + 1, written: written_by, ..decisions.clone() };
        self.set([("decisions", pool.unknown.under("decisions").with(&decided).unwrap())]);
        Ok(())
    }
}

type Outcome<T> = Result<T, TableError>;

impl Table for Wire {
    async fn tenant(&self, _: &TenantId) -> Outcome<Option<Tenant>> {
        self.read(Side::Table, |state: &mut State| {
            let read = state.items.stored.get(TENANT).map(Tenant::deserialize).transpose();
            read.map_err(|error| TableError::new(ErrorClass::Bug, error))
        })
        .await
    }

    async fn update_tenant(&self, tenant: &Tenant) -> Outcome<u64> {
        self.change(|state| {
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

    async fn take_lease(&self, _: &TenantId, _: &UserPoolId, lease: Lease<'_>) -> Outcome<Taken> {
        let taken = self.call(Side::Table, |state| Ok::<_, TableError>(state.items.take_lease(lease))).await?;
        if let Taken::Pool(pool) = &taken {
            self.began(pool);
        }
        Ok(taken)
    }

    async fn begin_look(&self, _: &TenantId, _: &UserPoolId, _: Timestamp, _: bool) -> Outcome<()> {
        self.call(Side::Table, |_| Ok(())).await
    }

    async fn release_lease(&self, _: &TenantId, _: &UserPoolId, run_id: &str) -> Outcome<()> {
        self.call(Side::Table, |state| {
            state.items.release(run_id);
            Ok(())
        })
        .await
    }

    async fn release_unreadable(&self, _: &TenantId, _: &UserPoolId, run_id: &str, _: Timestamp) -> Outcome<()> {
        self.call(Side::Table, |state| {
            state.items.held(run_id)?.insert(UNWELL.to_owned(), written(&Trouble::Bug));
            state.items.release(run_id);
            Ok(())
        })
        .await
    }

    async fn release_idle(&self, _: &TenantId, _: &UserPoolId, run_id: &str) -> Outcome<()> {
        self.call(Side::Table, |state| {
            if state.items.held(run_id).is_ok() {
                state.items.remove(UNWELL);
            }
            state.items.release(run_id);
            Ok(())
        })
        .await
    }

    async fn record_run(&self, _: &UserPool, recorded: Recorded<'_>) -> Outcome<()> {
        self.call(Side::Table, |state| state.items.record_run(&recorded)).await
    }

    async fn end_removal(&self, _: &UserPool, run_id: &str) -> Outcome<()> {
        self.change(|state| {
            state.items.held(run_id)?;
            state.items.delete(POOL);
            state.items.delete(FOREIGN);
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

    async fn claims(&self, _: &UserPoolId) -> Outcome<Claims> {
        self.read(Side::Table, |state| Ok(Claims { items: state.items.claims(), ..Claims::default() })).await
    }

    async fn put_claim(&self, _: &UserPoolId, claim: &Claim) -> Outcome<Claim> {
        self.change(|state| state.items.put_claim(claim)).await
    }

    async fn delete_claim(&self, _: &UserPoolId, claim: &Claim) -> Outcome<()> {
        self.change(|state| state.items.delete_claim(claim)).await
    }

    async fn known_domains(&self, _: &UserPoolId) -> Outcome<BTreeMap<String, Option<KnownDomain>>> {
        self.read(Side::Table, |state| {
            let known = state.items.known_domains().into_iter();
            Ok(known.map(|known| (known.domain.clone(), Some(known))).collect())
        })
        .await
    }

    async fn put_known_domain(&self, _: &UserPoolId, known: &KnownDomain) -> Outcome<()> {
        self.change(|state| {
            state.items.put(&format!("{DOMAINS}{}", known.domain), known);
            Ok(())
        })
        .await
    }

    async fn delete_known_domain(&self, _: &UserPoolId, domain: &str) -> Outcome<()> {
        self.change(|state| {
            state.items.delete(&format!("{DOMAINS}{domain}"));
            Ok(())
        })
        .await
    }

    async fn foreign_providers(&self, _: &UserPoolId) -> Outcome<ForeignProviders> {
        self.read(Side::Table, |state| Ok(state.items.get(FOREIGN).unwrap_or_default())).await
    }

    async fn put_foreign_providers(&self, _: &UserPoolId, foreign: &ForeignProviders) -> Outcome<()> {
        self.change(|state| {
            state.items.put(FOREIGN, foreign);
            Ok(())
        })
        .await
    }

    async fn count_losses(&self, _: &UserPool, run_id: &str, losses: &[Loss], held: &Held) -> Outcome<()> {
        self.change(|state| state.items.count_losses(run_id, losses, held)).await
    }

    async fn decide(&self, _: &UserPool, decisions: &Decisions, number: u128) -> Outcome<()> {
        self.change(|state| state.items.decide(decisions, number)).await
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
