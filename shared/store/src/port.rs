//! The table behind the reconciler's port.

use std::collections::BTreeMap;

use causeway_core::{
    approval::Approval,
    claim::Claim,
    foreign::ForeignProviders,
    guard::Loss,
    id::{TenantId, UserPoolId},
    lookup::KnownDomain,
    port::{Recorded, Table, TableError},
    run::RunReport,
    tenant::{Purpose, Tenant},
    timestamp::Timestamp,
    user_pool::UserPool,
};
use secrecy::SecretString;

use crate::{SealError, Sealer, Store, StoreError};

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
        Ok(self.store.pools(tenant).await?)
    }

    async fn take_lease(
        &self,
        tenant: &TenantId,
        pool: &UserPoolId,
        run_id: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<UserPool>, TableError> {
        Ok(self.store.take_lease(tenant, pool, run_id, now, until).await?)
    }

    async fn release_lease(&self, tenant: &TenantId, pool: &UserPoolId, run_id: &str) -> Result<(), TableError> {
        Ok(self.store.release_lease(tenant, pool, run_id).await?)
    }

    async fn release_idle(&self, tenant: &TenantId, pool: &UserPoolId, run_id: &str) -> Result<(), TableError> {
        Ok(self.store.release_idle(tenant, pool, run_id).await?)
    }

    async fn look_again(&self, tenant: &TenantId, pool: &UserPoolId, at: Timestamp) -> Result<(), TableError> {
        Ok(self.store.look_again(tenant, pool, at).await?)
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

    async fn claims(&self, pool: &UserPoolId) -> Result<Vec<Claim>, TableError> {
        Ok(self.store.claims(pool).await?)
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
        held_of: Option<usize>,
    ) -> Result<(), TableError> {
        Ok(self.store.count_losses(pool, run_id, losses, held_of).await?)
    }

    async fn use_approval(&self, pool: &UserPool, approval: &Approval) -> Result<(), TableError> {
        Ok(self.store.use_approval(pool, approval).await?)
    }
}
