//! What every call of the API needs.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use causeway_bucket::TemplateBucket;
use causeway_core::wake_up::Cause;
use causeway_core::{
    decisions::Decisions,
    id::{TenantId, UserPoolId},
    naming::{Names, Naming},
    role::{RoleRequest, TEMPLATE},
    tenant::Tenant,
    timestamp::Timestamp,
    user_pool::{PoolStatus, UserPool},
};
use causeway_queue::{DeadLetters, Deduplication, Queue, QueueError};
use causeway_store::{Found, Store};
use causeway_telemetry::chain;
use causeway_tenancy::{DeployedReconciler, Rules, Verifier};

use crate::{problem::Problem, tenants::TenantAnswer, user_pools::PoolPath};

/// How often a decision is made again where others decide at the same time.
const DECIDED_AGAIN: u32 = 3;

/// What every call of the API needs.
#[derive(Debug)]
pub struct Service {
    /// The queue of wake-ups.
    pub queue: Queue,
    /// The wake-ups that were given up.
    pub dead_letters: DeadLetters,
    /// The messages of the timer that were given up.
    pub timer_dead_letters: DeadLetters,
    /// Looks and plans; holds the table, the keys, and the ways to Cognito and WorkOS.
    pub reconciler: DeployedReconciler,
    /// The callback of a pool without a domain, on the local cloud.
    pub local_callback: Option<String>,
    /// The events that the webhook endpoint asks for; none means all.
    pub webhook_events: Vec<String>,
    /// Where the role's template stands for all to read; none if the stack has no such bucket.
    pub template_bucket: Option<TemplateBucket>,
    /// For how long a user pool may not have been brought in line.
    pub oldest_sync: Duration,
    /// What is asked of user pools and their roles.
    pub rules: Rules,
}

impl Service {
    pub fn store(&self) -> &Store {
        &self.reconciler.table.store
    }

    pub fn now(&self) -> Timestamp {
        (self.reconciler.sources.now)()
    }

    /// The tenant of this ID. An ID that can't be one is as unknown as one that is none.
    pub async fn tenant(&self, id: &str) -> Result<Tenant, Problem> {
        let id: TenantId = id.parse().map_err(|_| Problem::not_found())?;
        self.store().tenant(&id).await?.ok_or_else(Problem::not_found)
    }

    /// The tenants of these IDs, in one call for a hundred. One that can't be read is named by its own list.
    pub async fn tenants_by_id(
        &self,
        ids: impl IntoIterator<Item = &TenantId>,
    ) -> Result<BTreeMap<TenantId, Tenant>, Problem> {
        let ids: BTreeSet<&TenantId> = ids.into_iter().collect();
        let tenants = self.store().tenants_of(&ids.into_iter().cloned().collect::<Vec<_>>()).await?.items;
        Ok(tenants.into_iter().map(|tenant| (tenant.id.clone(), tenant)).collect())
    }

    /// A tenant as the API shows it. Its pools are read only where its external ID is being rotated.
    pub async fn shown(&self, tenant: &Tenant) -> Result<TenantAnswer, Problem> {
        let pools = match &tenant.former_external_id {
            Some(_) => self.store().pools(&tenant.id).await?,
            None => Found::NOTHING,
        };
        Ok(self.answer(tenant, &pools))
    }

    /// A tenant as it is shown, with its pools where its external ID is being rotated.
    pub fn answer(&self, tenant: &Tenant, pools: &Found<UserPool>) -> TenantAnswer {
        TenantAnswer::of(tenant, pools, &self.reconciler.settings.base, &self.rules.integration_account_id)
    }

    /// The pool of a path: one of the tenant that the path names.
    pub async fn pool(&self, path: &PoolPath) -> Result<UserPool, Problem> {
        let tenant: TenantId = path.tenant_id.parse().map_err(|_| Problem::not_found())?;
        let pool: UserPoolId = path.user_pool_id.parse().map_err(|_| Problem::not_found())?;
        self.store().pool(&tenant, &pool).await?.ok_or_else(Problem::not_found)
    }

    /// By what people know the connections of a pool: those of its tenant, since claims belong to the pool.
    pub async fn names(&self, pool: &UserPool) -> Result<Names, Problem> {
        let claims = self.store().claims(&pool.user_pool_id).await?.told();
        let own = claims.iter().filter(|claim| claim.tenant_id == pool.tenant_id);
        let now = self.now();
        Ok(own.map(|claim| (claim.connection_id.clone(), Naming::of(claim, now))).collect())
    }

    /// A tenant and a pool of its own that is verified. Claims and reports belong to the pool, so that only
    /// its owner may see them.
    pub async fn verified_pool(&self, path: &PoolPath) -> Result<(Tenant, UserPool), Problem> {
        let pool = self.pool(path).await?;
        match pool.status {
            PoolStatus::Active => {}
            PoolStatus::Pending => {
                return Err(Problem::conflict("the user pool is not verified: call `verify` first"));
            }
            PoolStatus::Removing => return Err(Problem::conflict("the user pool is being removed")),
        }
        Ok((self.tenant(&path.tenant_id).await?, pool))
    }

    /// Writes what `decide` makes of what operators decided on a pool's losses, and gives back what it learned. Where
    /// somebody else wrote at the same time, it decides again by what is there then.
    pub async fn decide<T>(
        &self,
        mut pool: UserPool,
        decide: impl Fn(&UserPool) -> Result<(Decisions, T), Problem>,
    ) -> Result<T, Problem> {
        let mut attempts = DECIDED_AGAIN;
        loop {
            let (decisions, learned) = decide(&pool)?;
            let number = self.reconciler.sources.number();
            match self.store().decide(&pool, &decisions, number).await {
                Ok(()) => return Ok(learned),
                Err(error) if error.is_conflict() && attempts > 0 => attempts -= 1,
                Err(error) => return Err(error.into()),
            }
            let again = self.store().pool(&pool.tenant_id, &pool.user_pool_id).await?;
            pool = again.filter(|pool| pool.status == PoolStatus::Active).ok_or_else(Problem::not_found)?;
        }
    }

    /// What runs the checks of a pool.
    pub fn verifier(&self) -> Verifier<'_> {
        Verifier {
            reconciler: &self.reconciler,
            queue: &self.queue,
            integration_account_id: &self.rules.integration_account_id,
            local_callback: self.local_callback.as_deref(),
            webhook_events: &self.webhook_events,
        }
    }

    /// The role of a pool.
    pub fn role_of(&self, tenant: &Tenant, pool: &UserPool) -> RoleRequest {
        RoleRequest::of(&self.rules.integration_account_id, tenant, pool)
    }

    /// The launch link of a role, as long as its template is where the link says.
    pub async fn launch_url(&self, role: &RoleRequest) -> Option<String> {
        role.launch_url(self.template_url().await?)
    }

    /// Where the role's template stands for all to read; it is put there first.
    pub async fn template_url(&self) -> Option<&str> {
        match self.template_bucket.as_ref()?.url_of(TEMPLATE).await {
            Ok(template) => Some(template),
            Err(error) => {
                tracing::error!(error = chain(&error), "the role's template could not be put into its bucket");
                None
            }
        }
    }

    /// Puts a wake-up for a pool on the queue.
    pub async fn wake_up(&self, pool: &UserPool) -> Result<(), Problem> {
        Ok(self.send_wake_up(pool).await?)
    }

    /// Puts a wake-up for a pool on the queue, for a change that is made already: where that fails, the schedule
    /// wakes the pool up.
    pub async fn try_to_wake_up(&self, pool: &UserPool) {
        if let Err(error) = self.send_wake_up(pool).await {
            tracing::warn!(user_pool_id = %pool.user_pool_id, error = chain(&error), "the pool was not woken up");
        }
    }

    async fn send_wake_up(&self, pool: &UserPool) -> Result<(), QueueError> {
        let random = self.reconciler.sources.number();
        self.queue.wake_up(&pool.wake_up(Cause::Api), Deduplication::Never(random)).await
    }
}
