//! The end of previous webhook endpoints: once WorkOS can't deliver to them again they are deleted there.

use causeway_core::{
    port::{Directory, Ports, Table},
    tenant::Tenant,
    timestamp::Timestamp,
};
use causeway_telemetry::chain;

use crate::{LookError, Reconciler};

impl<P: Ports> Reconciler<P> {
    /// Deletes at WorkOS what ended, and forgets it. Not a part of any run's outcome: where it fails, a later run
    /// tries again.
    pub(crate) async fn end_webhooks(&self, tenant: &Tenant, now: Timestamp) {
        if tenant.ended_webhooks(now).next().is_none() {
            return;
        }
        if let Err(error) = self.delete_ended(tenant, now).await {
            tracing::warn!(error = chain(&error), "a previous webhook endpoint was not deleted");
        }
    }

    async fn delete_ended(&self, tenant: &Tenant, now: Timestamp) -> Result<(), LookError> {
        let key = self.key(tenant).await?;
        for id in tenant.ended_webhooks(now).filter_map(|webhook| webhook.endpoint_id.as_ref()) {
            self.directory.delete_webhook_endpoint(&key, id).await?;
        }
        let mut left = tenant.clone();
        left.former_webhooks.retain(|webhook| webhook.good_until > now);
        match self.table.update_tenant(&left).await {
            // Somebody else changed the tenant: the next run begins with what it is then.
            Err(error) if error.is_conflict() => Ok(()),
            outcome => Ok(outcome.map(drop)?),
        }
    }
}
