//! The checks of a user pool, and what follows where none fails: the pool becomes active, and its tenant's own.

use causeway_core::{
    check::{Check, CheckOutcome, all_hold},
    id::AccountId,
    role::RoleRequest,
    tenant::Tenant,
    user_pool::{PoolStatus, UserPool},
    wake_up::Cause,
};
use causeway_queue::{Deduplication, Queue};
use tokio::sync::mpsc::UnboundedSender;

use crate::{DeployedReconciler, TenancyError, verify_pool::check_pool, verify_workos::check_workos};

/// What the checks need: a way into the tenants' accounts, and their WorkOS keys.
#[derive(Debug, Clone, Copy)]
pub struct Verifier<'a> {
    /// Holds the table, the keys, and the ways to Cognito and WorkOS.
    pub reconciler: &'a DeployedReconciler,
    /// The queue of wake-ups.
    pub queue: &'a Queue,
    /// The account that Causeway runs in.
    pub integration_account_id: &'a AccountId,
    /// The callback of a pool without a domain, on the local cloud.
    pub local_callback: Option<&'a str>,
    /// The events that the webhook endpoint asks for; none means all.
    pub webhook_events: &'a [String],
}

/// What the checks found.
#[derive(Debug)]
pub struct Verification {
    /// Where the pool is in its life now.
    pub status: PoolStatus,
    /// Every check; one that needs an earlier one is left out where that one fails.
    pub checks: Vec<Check>,
}

/// Every check so far, each told on as it ends.
#[derive(Debug, Default)]
pub struct Checks {
    /// In the order in which they were run.
    all: Vec<Check>,
    /// Who is told.
    told: Option<UnboundedSender<Check>>,
}

impl Checks {
    /// Checks of which somebody is told one by one.
    pub fn told_to(sender: UnboundedSender<Check>) -> Self {
        Self { all: Vec::new(), told: Some(sender) }
    }

    /// Adds a check.
    pub(crate) fn push(&mut self, check: Check) {
        if let Some(told) = &self.told {
            // Whoever no longer listens needs not be told.
            let _ = told.send(check.clone());
        }
        self.all.push(check);
    }

    /// Adds several.
    pub(crate) fn extend(&mut self, checks: impl IntoIterator<Item = Check>) {
        checks.into_iter().for_each(|check| self.push(check));
    }
}

impl Verifier<'_> {
    /// Runs all checks of a pool, and makes it active where none fails. Changes nothing in the tenant's account; with
    /// WorkOS it registers the callback and the webhook endpoint where they are missing.
    pub async fn run(
        &self,
        tenant: &Tenant,
        mut pool: UserPool,
        mut checks: Checks,
    ) -> Result<Verification, TenancyError> {
        self.check_state(tenant, &pool).await?;
        check_workos(self, tenant, &mut checks).await?;
        let seen = check_pool(self, tenant, &pool, &mut checks).await;
        let checks = checks.all;
        if all_hold(&checks) {
            pool.run.name = seen.name;
            pool.run.callbacks = seen.callbacks;
            pool.run.schema = Some(seen.schema);
            self.activate(&pool).await?;
            pool.status = PoolStatus::Active;
            let random = self.reconciler.sources.number();
            self.queue.wake_up(&pool.wake_up(Cause::Api), Deduplication::Never(random)).await?;
        }
        let failed = checks.iter().filter(|check| check.outcome == CheckOutcome::Fail);
        let failed: Vec<&str> = failed.map(|check| check.name.as_str()).collect();
        tracing::info!(
            tenant_id = %tenant.id, user_pool_id = %pool.user_pool_id, failed = ?failed, "user pool verified"
        );
        Ok(Verification { status: pool.status, checks })
    }

    async fn check_state(&self, tenant: &Tenant, pool: &UserPool) -> Result<(), TenancyError> {
        if pool.status == PoolStatus::Removing {
            return Err(TenancyError::conflict("the user pool is being removed"));
        }
        if pool.awaits_admission {
            return Err(TenancyError::conflict(
                "the user pool is in an account that waits for the operator: `POST .../admission` admits it",
            ));
        }
        let owner = self.reconciler.table.store.owner(&pool.user_pool_id).await?;
        if owner.is_some_and(|owner| owner != tenant.id) {
            return Err(TenancyError::conflict("the user pool is verified by another tenant already"));
        }
        Ok(())
    }

    async fn activate(&self, pool: &UserPool) -> Result<(), TenancyError> {
        // The wake-up that follows makes the first run; the due time stands in should that one be lost.
        let now = (self.reconciler.sources.now)();
        let due_at = now.plus(self.reconciler.settings.interval);
        match self.reconciler.table.store.activate_pool(pool, now, due_at).await {
            Ok(()) => Ok(()),
            Err(error) if error.is_conflict() => Err(TenancyError::conflict(
                "the user pool was verified by another tenant, or changed, at the same time: read it and try again",
            )),
            Err(error) => Err(error.into()),
        }
    }

    /// What the role of a pool depends on.
    pub(crate) fn role_of(&self, tenant: &Tenant, pool: &UserPool) -> RoleRequest {
        RoleRequest::of(self.integration_account_id, tenant, pool)
    }
}
