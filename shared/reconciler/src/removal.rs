//! The removal of a user pool, run by run until nothing of it is left.

use std::collections::BTreeMap;

use causeway_core::{
    claim::Claim,
    health::{Course, Ending, ErrorClass, failures_in_a_row, next_due},
    id::ConnectionId,
    plan::Step,
    port::{Ports, Problem, Recorded, Table, TableError},
    removal::{Providers, plan_to_delete, step_to_keep},
    run::{Failure, Outcome, RunReport},
    tenant::Tenant,
    timestamp::Timestamp,
    user_pool::{Counts, LastRun, RunState, UserPool},
    wake_up::Cause,
};
use causeway_telemetry::chain;

use crate::{
    LookError, Reconciler,
    describe::Described,
    execute::{Executed, Execution},
    look::ROLE_PROBE,
};

/// What to do about a removal that the tenant's account does not let happen.
const REMEDY: &str = "Read the failures of the last run and mend what they name; `GET .../role` has the role's \
    documents. Then send the `DELETE` again, which tries at once. With `providers=keep` it needs nothing in the \
    tenant's account.";

/// What one run of a removal did.
#[derive(Debug, Default)]
struct Removed {
    steps: Vec<Step>,
    failures: Vec<Failure>,
    probed: bool,
    /// How many claims are left.
    left: usize,
}

impl Removed {
    fn failed(class: ErrorClass, attempted: &str, message: String, left: usize) -> Self {
        let failure = Failure { connection_id: None, attempted: attempted.to_owned(), class, message };
        Self { failures: vec![failure], left, ..Self::default() }
    }

    fn add(&mut self, executed: Executed, left: usize) {
        self.steps.extend(executed.done);
        self.failures.extend(executed.failures);
        self.left = left;
    }

    fn is_complete(&self) -> bool {
        self.left == 0 && self.failures.is_empty()
    }

    fn outcome(&self) -> Outcome {
        if self.steps.is_empty() && !self.failures.is_empty() {
            Outcome::Failed
        } else if !self.failures.is_empty() {
            Outcome::Partial
        } else if self.left > 0 {
            Outcome::OutOfTime
        } else {
            Outcome::Changed
        }
    }
}

/// Whether the pool is not there any more: then its providers are not either.
fn is_gone(error: &LookError) -> bool {
    matches!(error, LookError::Pool(error) if error.problem == Problem::NotFound
        && matches!(error.operation, "DescribeUserPool" | "ListIdentityProviders"))
}

/// A run of a removal: which, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RemovalRun<'a> {
    pub id: &'a str,
    pub started_at: Timestamp,
    pub cause: Cause,
    pub deadline: Timestamp,
}

impl<P: Ports> Reconciler<P> {
    /// Takes a pool down as far as time and the tenant's account allow, and forgets it once nothing is left.
    pub(crate) async fn remove(
        &self,
        tenant: &Tenant,
        pool: &UserPool,
        run: RemovalRun<'_>,
    ) -> Result<RunReport, TableError> {
        let claims = self.own_claims(pool).await?;
        let removed = match pool.removal.as_ref().map(|removal| removal.providers) {
            Some(Providers::Delete) => Box::pin(self.delete_providers(tenant, pool, claims, run)).await?,
            // Without a word on it, nothing is taken away.
            Some(Providers::Keep) | None => self.keep_providers(pool, claims, run).await?,
        };
        let report = RunReport {
            id: run.id.to_owned(),
            started_at: run.started_at,
            finished_at: (self.sources.now)(),
            cause: run.cause,
            outcome: removed.outcome(),
            steps: removed.steps.clone(),
            failures: removed.failures.clone(),
            notes: Vec::new(),
            omitted: 0,
        };
        // Before the pool goes: should the run end in between, the next one reports once more.
        self.table.put_run(&pool.tenant_id, &pool.user_pool_id, &report).await?;
        if removed.is_complete() {
            self.forget_domains(pool).await?;
            self.table.end_removal(pool, run.id).await?;
        } else {
            self.record_removal(pool, &removed, &report).await?;
        }
        Ok(report)
    }

    /// Forgets what the lookup answered of the pool, unless it is somebody else's by now.
    async fn forget_domains(&self, pool: &UserPool) -> Result<(), TableError> {
        for (domain, known) in self.table.known_domains(&pool.user_pool_id).await? {
            if known.is_none_or(|known| known.tenant_id == pool.tenant_id) {
                self.table.delete_known_domain(&pool.user_pool_id, &domain).await?;
            }
        }
        Ok(())
    }

    async fn keep_providers(
        &self,
        pool: &UserPool,
        claims: BTreeMap<ConnectionId, Claim>,
        run: RemovalRun<'_>,
    ) -> Result<Removed, TableError> {
        let mut removed = Removed { left: claims.len(), ..Removed::default() };
        for claim in claims.values() {
            if (self.sources.now)() >= run.deadline {
                break;
            }
            self.table.delete_claim(&pool.user_pool_id, claim).await?;
            removed.steps.push(step_to_keep(claim));
            removed.left -= 1;
        }
        Ok(removed)
    }

    async fn delete_providers(
        &self,
        tenant: &Tenant,
        pool: &UserPool,
        claims: BTreeMap<ConnectionId, Claim>,
        run: RemovalRun<'_>,
    ) -> Result<Removed, TableError> {
        let left = claims.len();
        let mut removed = Removed::default();
        if left > 0 {
            removed.probed = pool.run.role_probe_due_at <= run.started_at;
            if removed.probed
                && let Err(error) = self.check_role(tenant, pool).await
            {
                return Ok(Removed::failed(error.class(), "check the role", chain(&error), left));
            }
            match self.take_down(tenant, pool, claims.clone(), run).await {
                Ok(executed) => removed.add(executed, self.own_claims(pool).await?.len()),
                Err(error) if is_gone(&error) => return self.keep_providers(pool, claims, run).await,
                Err(error) => {
                    return Ok(Removed::failed(error.class(), "look at the user pool", chain(&error), left));
                }
            }
        }
        // Somebody may have put a provider into an app client again right before it was deleted, and Cognito
        // refuses every change of an app client that names one that is not there.
        if removed.is_complete() {
            match self.take_down(tenant, pool, BTreeMap::new(), run).await {
                Ok(executed) => {
                    for failure in &executed.failures {
                        tracing::warn!(?failure, "an app client may name a provider that is gone");
                    }
                    removed.steps.extend(executed.done);
                }
                Err(error) => tracing::warn!(error = chain(&error), "the app clients were not looked at once more"),
            }
        }
        Ok(removed)
    }

    async fn take_down(
        &self,
        tenant: &Tenant,
        pool: &UserPool,
        claims: BTreeMap<ConnectionId, Claim>,
        run: RemovalRun<'_>,
    ) -> Result<Executed, LookError> {
        let look = Box::pin(self.look_to_remove(tenant, pool, claims, run.deadline)).await?;
        if look.described == Described::Part {
            return Err(LookError::OutOfTime);
        }
        let plan = plan_to_delete(&look.observed, &look.claims, &look.specs);
        Ok(Execution::new(self, tenant, pool, run.id, &look, run.deadline).carry_out(&plan, false).await)
    }

    async fn record_removal(&self, pool: &UserPool, removed: &Removed, report: &RunReport) -> Result<(), TableError> {
        let now = report.finished_at;
        let mut state: RunState = pool.run.clone();
        state.last_run = Some(LastRun { id: report.id.clone(), finished_at: now, outcome: report.outcome });
        state.counts = Counts { connections: 0, providers: u32::try_from(removed.left).unwrap_or(u32::MAX) };
        if removed.probed {
            state.role_probe_due_at = now.plus(ROLE_PROBE);
        }
        state.health = report.health().after(&pool.run.health);
        let (worst, done) = (report.worst(), !removed.steps.is_empty());
        state.failures = failures_in_a_row(state.failures, pool.run.health.state, worst, done);
        if worst.is_some_and(|class| !class.passes_by_itself()) {
            REMEDY.clone_into(&mut state.health.remedy);
        }
        let ending = Ending::of(Course {
            worst,
            failures: state.failures,
            looked: false,
            // What a removal got done is no reason to go on at once where it failed: each look at it begins anew.
            done: false,
            out_of_time: true,
            failing_for: now.since(state.health.since),
        });
        let due_at = next_due(ending, report.cause, self.settings.interval, now, self.sources.fraction());
        self.table.record_run(pool, Recorded { run_id: &report.id, state: &state, due_at }).await
    }
}
