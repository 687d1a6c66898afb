//! Which external ID a tenant's role takes, while the tenant's is being rotated.

use causeway_core::{
    external_id::SeenExternalIds,
    health::ErrorClass,
    id::ExternalId,
    port::{Assumption, PoolError, Pools, Ports, RoleToAssume, Table, TableError},
    tenant::Tenant,
    timestamp::Timestamp,
    user_pool::UserPool,
};
use causeway_telemetry::chain;

use crate::{Reconciler, look::Entered};

impl<P: Ports> Reconciler<P> {
    /// Enters a pool's role with the tenant's external ID, or where it refuses that with the previous one.
    pub async fn enter(&self, tenant: &Tenant, pool: &UserPool) -> Result<Entered<P>, PoolError> {
        let refused = match self.pools.enter(&RoleToAssume::of(pool, &tenant.external_id)).await {
            Err(error) if error.class() == ErrorClass::Denied => error,
            outcome => return outcome,
        };
        let Some(former) = &tenant.former_external_id else { return Err(refused) };
        // Where neither is taken, the new one is what must be mended.
        self.pools.enter(&RoleToAssume::of(pool, &former.external_id)).await.map_err(|_| refused)
    }

    /// Forgets the credentials of a pool's role.
    pub(crate) fn forget_access(&self, tenant: &Tenant, pool: &UserPool) {
        let former = tenant.former_external_id.as_ref().map(|former| &former.external_id);
        for external_id in [Some(&tenant.external_id), former].into_iter().flatten() {
            self.pools.forget(&RoleToAssume::of(pool, external_id));
        }
    }

    /// Which external IDs a pool's role takes; `None` where none is being rotated, or nothing can be concluded.
    pub(crate) async fn external_ids_seen(
        &self,
        tenant: &Tenant,
        pool: &UserPool,
        now: Timestamp,
    ) -> Option<SeenExternalIds> {
        let former = &tenant.former_external_id.as_ref()?.external_id;
        let role = RoleToAssume::of(pool, &tenant.external_id);
        let taken = async |external_id: &ExternalId| match self.pools.probe(&role, Some(external_id.as_str())).await {
            Assumption::Assumed => Some(true),
            Assumption::Refused => Some(false),
            Assumption::Unclear(_) => None,
        };
        let (takes_new, takes_former) = futures::join!(taken(&tenant.external_id), taken(former));
        Some(SeenExternalIds { takes_new: takes_new?, takes_former: takes_former?, seen_at: now })
    }

    /// Forgets the previous external ID, if there is one that no role needs. Where it fails, a later run does it.
    pub(crate) async fn forget_unneeded(&self, tenant: &Tenant) {
        if tenant.former_external_id.is_none() {
            return;
        }
        match self.forget_former(tenant).await {
            // Somebody else changed the tenant: the next run begins with what it is then.
            Err(error) if error.is_conflict() => {}
            Err(error) => tracing::warn!(error = chain(&error), "the previous external ID was not forgotten"),
            Ok(()) => {}
        }
    }

    async fn forget_former(&self, tenant: &Tenant) -> Result<(), TableError> {
        if !tenant.is_rotated(&self.table.pools(&tenant.id).await?) {
            return Ok(());
        }
        self.table.update_tenant(&Tenant { former_external_id: None, ..tenant.clone() }).await?;
        tracing::info!("the previous external ID is forgotten");
        Ok(())
    }
}
