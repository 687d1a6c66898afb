//! The table behind the reconciler's port.

use std::collections::BTreeMap;

use causeway_core::{
    claim::Claim,
    decisions::Decisions,
    foreign::ForeignProviders,
    guard::{Held, Loss},
    id::{TenantId, UserPoolId},
    lookup::KnownDomain,
    port::{Claims, Lease, Recorded, Table, TableError, Taken},
    run::RunReport,
    tenant::{Purpose, Tenant},
    timestamp::Timestamp,
    user_pool::UserPool,
};
use secrecy::SecretString;

use crate::{Found, SealError, Sealer, Store, StoreError, Unreadable};

/// The table, with the key to what is sealed in it.
#[derive(Debug, Clone)]
pub struct StoredTable {
    /// The table.
    pub store: Store,
    /// Opens what is sealed in it.
    pub sealer: Sealer,
}

impl From<StoreError> for TableError {
    fn from(error: StoreError) -> Self {
        if error.is_conflict() { Self::stale(error) } else { Self::new(error.class(), error) }
    }
}

impl From<SealError> for TableError {
    fn from(error: SealError) -> Self {
        Self::new(error.class(), error)
    }
}

impl Table for StoredTable {
    async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, TableError> {
        Ok(self.store.tenant(id).await?)
    }

    async fn update_tenant(&self, tenant: &Tenant) -> Result<u64, TableError> {
        Ok(self.store.update_tenant(tenant).await?)
    }

    async fn workos_key(&self, tenant: &Tenant) -> Result<Option<SecretString>, TableError> {
        let Some(sealed) = &tenant.workos_api_key else { return Ok(None) };
        Ok(Some(self.sealer.open(&tenant.id, Purpose::WorkosApiKey, sealed).await?))
    }

    async fn pools(&self, tenant: &TenantId) -> Result<Vec<UserPool>, TableError> {
        Ok(self.store.pools(tenant).await?.all()?)
    }

    async fn take_lease(&self, tenant: &TenantId, pool: &UserPoolId, lease: Lease<'_>) -> Result<Taken, TableError> {
        Ok(self.store.take_lease(tenant, pool, lease).await?)
    }

    async fn begin_look(
        &self,
        tenant: &TenantId,
        pool: &UserPoolId,
        now: Timestamp,
        for_webhooks: bool,
    ) -> Result<(), TableError> {
        Ok(self.store.begin_look(tenant, pool, now, for_webhooks).await?)
    }

    async fn release_lease(&self, tenant: &TenantId, pool: &UserPoolId, run_id: &str) -> Result<(), TableError> {
        Ok(self.store.release_lease(tenant, pool, run_id).await?)
    }

    async fn release_unreadable(
        &self,
        tenant: &TenantId,
        pool: &UserPoolId,
        run_id: &str,
        now: Timestamp,
    ) -> Result<(), TableError> {
        Ok(self.store.release_unreadable(tenant, pool, run_id, now).await?)
    }

    async fn release_idle(&self, tenant: &TenantId, pool: &UserPoolId, run_id: &str) -> Result<(), TableError> {
        Ok(self.store.release_idle(tenant, pool, run_id).await?)
    }

    async fn record_run(&self, pool: &UserPool, recorded: Recorded<'_>) -> Result<(), TableError> {
        Ok(self.store.record_run(pool, recorded).await?)
    }

    async fn end_removal(&self, pool: &UserPool, run_id: &str) -> Result<(), TableError> {
        Ok(self.store.end_removal(pool, run_id).await?)
    }

    async fn put_run(&self, tenant: &TenantId, pool: &UserPoolId, run: &RunReport) -> Result<(), TableError> {
        Ok(self.store.put_run(tenant, pool, run).await?)
    }

    async fn run(&self, tenant: &TenantId, pool: &UserPoolId, id: &str) -> Result<Option<RunReport>, TableError> {
        Ok(self.store.run(tenant, pool, id).await?)
    }

    async fn claims(&self, pool: &UserPoolId) -> Result<Claims, TableError> {
        let Found { items, unreadable } = self.store.claims(pool).await?;
        let named = |claim: Unreadable| match claim.id().parse() {
            Ok(id) => Ok((id, StoreError::from(claim).into())),
            // Nobody knows whose provider it is.
            Err(_) => Err(StoreError::from(claim)),
        };
        let unreadable = unreadable.into_iter().map(named).collect::<Result<_, _>>()?;
        Ok(Claims { items, unreadable })
    }

    async fn put_claim(&self, pool: &UserPoolId, claim: &Claim) -> Result<Claim, TableError> {
        Ok(self.store.put_claim(pool, claim).await?)
    }

    async fn delete_claim(&self, pool: &UserPoolId, claim: &Claim) -> Result<(), TableError> {
        Ok(self.store.delete_claim(pool, claim).await?)
    }

    async fn known_domains(&self, pool: &UserPoolId) -> Result<BTreeMap<String, Option<KnownDomain>>, TableError> {
        Ok(self.store.known_domains(pool).await?)
    }

    async fn put_known_domain(&self, pool: &UserPoolId, known: &KnownDomain) -> Result<(), TableError> {
        Ok(self.store.put_known_domain(pool, known).await?)
    }

    async fn delete_known_domain(&self, pool: &UserPoolId, domain: &str) -> Result<(), TableError> {
        Ok(self.store.delete_known_domain(pool, domain).await?)
    }

    async fn foreign_providers(&self, pool: &UserPoolId) -> Result<ForeignProviders, TableError> {
        Ok(self.store.foreign_providers(pool).await?)
    }

    async fn put_foreign_providers(&self, pool: &UserPoolId, foreign: &ForeignProviders) -> Result<(), TableError> {
        Ok(self.store.put_foreign_providers(pool, foreign).await?)
    }

    async fn count_losses(
        &self,
        pool: &UserPool,
        run_id: &str,
        losses: &[Loss],
        held: &Held,
    ) -> Result<(), TableError> {
        Ok(self.store.count_losses(pool, run_id, losses, held).await?)
    }

    async fn decide(&self, pool: &UserPool, decisions: &Decisions, number: u128) -> Result<(), TableError> {
        Ok(self.store.decide(pool, decisions, number).await?)
    }
}
