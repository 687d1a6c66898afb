//! The end of webhook endpoints of before: once WorkOS can't deliver to them again they are deleted there.

use causeway_core::{
    tenant::{Purpose, Tenant},
    timestamp::Timestamp,
};
use causeway_telemetry::chain;

use crate::{LookError, Reconciler};

impl Reconciler {
    /// Deletes at WorkOS what ended, and forgets it. Not a part of any run's outcome: where it fails, a later run
    /// tries again.
    pub(crate) async fn end_webhooks(&self, tenant: &Tenant, now: Timestamp) {
        if tenant.ended_webhooks(now).next().is_none() {
            return;
        }
        if let Err(error) = self.delete_ended(tenant, now).await {
            tracing::warn!(error = chain(&error), "a webhook endpoint of before was not deleted");
        }
    }

    async fn delete_ended(&self, tenant: &Tenant, now: Timestamp) -> Result<(), LookError> {
        let sealed = tenant.workos_api_key.as_ref().ok_or(LookError::NoKey)?;
        let key = self.sealer.open(&tenant.id, Purpose::WorkosApiKey, sealed).await?;
        for id in tenant.ended_webhooks(now).filter_map(|webhook| webhook.endpoint_id.as_ref()) {
            self.workos.delete_webhook_endpoint(&key, id).await?;
        }
        let mut left = tenant.clone();
        left.former_webhooks.retain(|webhook| webhook.good_until > now);
        match self.store.update_tenant(&left).await {
            // Somebody else changed the tenant: the next run begins with what it is then.
            Err(error) if error.is_conflict() => Ok(()),
            outcome => Ok(outcome.map(drop)?),
        }
    }
}
