//! One run of one pool, from its lease to its record.

use causeway_core::{
    foreign::ForeignProviders,
    guard::recent,
    health::{Course, Ending, failures_in_a_row, next_due},
    id::ulid_text,
    organization::OrganizationReads,
    plan::{Note, Plan},
    port::{Ports, Recorded, Table, TableError},
    run::{Failure, Outcome, RunReport},
    tenant::Tenant,
    timestamp::Timestamp,
    user_pool::{Counts, LastRun, Mode, PoolStatus, RunState, UserPool},
    wake_up::{Cause, WakeUp},
};
use causeway_telemetry::chain;

use crate::{
    Look, LookError, Reconciler,
    describe::{Described, FullPass},
    execute::{Executed, Execution},
    look::ROLE_PROBE,
    removal::RemovalRun,
};

/// How much longer than its longest deadline a run holds its pool: longer than its last step and its record can take,
/// so that a lease never ends under a living run. A killed run's lease ends by itself.
pub const LEASE_AFTER_DEADLINE: std::time::Duration = std::time::Duration::from_secs(40);

/// A run that could not be recorded; its message goes back to the queue.
#[derive(Debug, thiserror::Error)]
#[error("the run of the user pool could not be {what}")]
pub struct RunError {
    /// What could not be done.
    what: &'static str,
    #[source]
    source: TableError,
}

/// When a run stops beginning steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// Usually.
    pub usual: Timestamp,
    /// Where time ran out for the run before: what does not get done in the usual time must get done all the same.
    pub longest: Timestamp,
}

impl Deadlines {
    fn of(self, pool: &UserPool) -> Timestamp {
        let ran_out = pool.run.last_run.as_ref().is_some_and(|last| last.outcome == Outcome::OutOfTime);
        if ran_out { self.longest } else { self.usual }
    }
}

/// What came of a wake-up.
#[derive(Debug)]
pub enum Ran {
    /// There is nothing to run: no such tenant or pool, or it is not reconciled.
    Nothing,
    /// Another run holds the pool; it was made due, so that it is looked at right after.
    Busy,
    /// It ran.
    Done(Box<RunReport>),
}

impl<P: Ports> Reconciler<P> {
    /// Brings one pool in line, as far as time allows.
    pub async fn run(&self, wake_up: &WakeUp, deadlines: Deadlines) -> Result<Ran, RunError> {
        let (tenant_id, pool_id) = (&wake_up.tenant_id, &wake_up.user_pool_id);
        let started_at = (self.sources.now)();
        let id = ulid_text(started_at, self.sources.number());
        let failed = |what| move |source| RunError { what, source };
        let Some(tenant) = self.table.tenant(tenant_id).await.map_err(failed("begun"))? else {
            return Ok(Ran::Nothing);
        };
        let lease_until = deadlines.longest.plus(LEASE_AFTER_DEADLINE);
        let lease = self.table.take_lease(tenant_id, pool_id, &id, started_at, lease_until).await;
        let Some(pool) = lease.map_err(failed("begun"))? else {
            return self.busy(wake_up).await.map_err(failed("put off"));
        };
        let deadline = deadlines.of(&pool);
        if pool.status == PoolStatus::Removing {
            tracing::Span::current().record("run_id", &id);
            let run = RemovalRun { id: &id, started_at, cause: wake_up.cause, deadline };
            let report = Box::pin(self.remove(&tenant, &pool, run)).await.map_err(failed("recorded"))?;
            // It may have been the last one that a rotation waited for.
            self.forget_unneeded(&tenant).await;
            return Ok(Ran::Done(Box::new(report)));
        }
        if !pool.is_reconciled() {
            self.table.release_idle(tenant_id, pool_id, &id).await.map_err(failed("ended"))?;
            return Ok(Ran::Nothing);
        }
        tracing::Span::current().record("run_id", &id);
        self.end_webhooks(&tenant, started_at).await;
        let external_ids = self.external_ids_seen(&tenant, &pool, started_at).await;
        let attempt = Box::pin(self.attempt(&tenant, &pool, &id, wake_up.cause, deadline)).await;
        let report = attempt.report(id, started_at, (self.sources.now)(), wake_up.cause);
        let mut state = attempt.state(&pool, &report, self);
        state.external_ids = external_ids.or(state.external_ids);
        let due_at = next_due(
            Ending::of(attempt.course(&report, &state)),
            wake_up.cause,
            self.settings.interval,
            report.finished_at,
            self.sources.fraction(),
        );
        let recorded = Recorded { run_id: &report.id, state: &state, due_at };
        self.table.record_run(&pool, recorded).await.map_err(failed("recorded"))?;
        self.end_rotation(&tenant, state.external_ids.as_ref()).await;
        if (report.outcome != Outcome::NoChange || wake_up.cause != Cause::Schedule)
            && let Err(error) = self.table.put_run(tenant_id, pool_id, &report).await
        {
            // What the run did is on record; only its story for people is lost, and it is in the log.
            tracing::error!(error = chain(&error), "the report of the run was not stored");
        }
        Ok(Ran::Done(Box::new(report)))
    }

    async fn busy(&self, wake_up: &WakeUp) -> Result<Ran, TableError> {
        match self.table.look_again(&wake_up.tenant_id, &wake_up.user_pool_id, (self.sources.now)()).await {
            Ok(()) => Ok(Ran::Busy),
            // Not there, or never due: there is nothing to come back to.
            Err(error) if error.is_conflict() => Ok(Ran::Nothing),
            Err(error) => Err(error),
        }
    }

    async fn attempt(
        &self,
        tenant: &Tenant,
        pool: &UserPool,
        run_id: &str,
        cause: Cause,
        deadline: Timestamp,
    ) -> Attempt<P> {
        let now = (self.sources.now)();
        let probed = pool.run.role_probe_due_at <= now;
        if probed && let Err(error) = self.check_role(tenant, pool).await {
            return Attempt::blind(error);
        }
        let full = (pool.run.full_pass_due_at <= now).then(|| FullPass { after: pool.run.full_pass_after.clone() });
        let look = match Box::pin(self.look(tenant, pool, Some(cause), full, deadline)).await {
            Ok(look) => look,
            // A role that can't be assumed at all refuses the wrong external ID as well: nothing is shown by it.
            Err(error) => return Attempt::blind(error),
        };
        let mut plan = look.plan(pool, now);
        if look.described == Described::Part {
            let settled = Execution::new(self, tenant, pool, run_id, &look, deadline).settled(&plan).await;
            self.remember_foreign(pool, look.foreign.clone()).await;
            return Attempt { probed, settled, ..Attempt::blind(LookError::OutOfTime) };
        }
        let only_look = pool.options.mode == Mode::Observe;
        if only_look {
            let planned = plan.steps.len();
            plan.notes
                .push(Note::general(format!("the pool's mode is observe: {planned} planned steps were left out")));
            plan.steps.iter_mut().for_each(|step| step.held = false);
            plan.held_of = None;
        }
        let execution = Execution::new(self, tenant, pool, run_id, &look, deadline);
        let executed = execution.carry_out(&plan, only_look).await;
        if executed.foreign_outdated {
            self.remember_foreign(pool, ForeignProviders::default()).await;
        } else if look.foreign_moved {
            self.remember_foreign(pool, look.foreign.clone()).await;
        }
        Attempt { seen: Some(Seen { look, plan, executed }), failure: None, probed, settled: 0 }
    }

    /// Only a memory: without it the providers are described again.
    async fn remember_foreign(&self, pool: &UserPool, foreign: ForeignProviders) {
        if let Err(error) = self.table.put_foreign_providers(&pool.user_pool_id, &foreign).await {
            tracing::warn!(error = chain(&error), "what is known of foreign providers was not stored");
        }
    }
}

/// What one attempt saw and did.
struct Attempt<P: Ports> {
    seen: Option<Seen<P>>,
    failure: Option<LookError>,
    probed: bool,
    /// How many claims a look that time was too short for has settled: as many fewer are to be described next.
    settled: usize,
}

struct Seen<P: Ports> {
    look: Look<P>,
    plan: Plan,
    executed: Executed,
}

impl<P: Ports> Attempt<P> {
    fn blind(error: LookError) -> Self {
        Self { seen: None, failure: Some(error), probed: false, settled: 0 }
    }

    fn outcome(&self) -> Outcome {
        let Some(Seen { plan, executed, .. }) = &self.seen else {
            return if self.is_out_of_time() { Outcome::OutOfTime } else { Outcome::Failed };
        };
        let held = plan.steps.iter().any(|step| step.held);
        if self.is_out_of_time() {
            Outcome::OutOfTime
        } else if held || !executed.failures.is_empty() {
            Outcome::Partial
        } else if executed.done.is_empty() {
            Outcome::NoChange
        } else {
            Outcome::Changed
        }
    }

    fn report(&self, id: String, started_at: Timestamp, finished_at: Timestamp, cause: Cause) -> RunReport {
        let (mut steps, mut failures, mut notes) = (Vec::new(), Vec::new(), Vec::new());
        if let Some(Seen { plan, executed, .. }) = &self.seen {
            steps.extend(executed.done.iter().cloned());
            steps.extend(plan.steps.iter().filter(|step| step.held).cloned());
            failures.extend(executed.failures.iter().cloned());
            notes.extend(plan.notes.iter().cloned());
        }
        if let Some(error) = &self.failure {
            failures.push(Failure {
                connection_id: None,
                attempted: "look at both sides".to_owned(),
                class: error.class(),
                message: chain(error),
            });
        }
        let outcome = self.outcome();
        RunReport { id, started_at, finished_at, cause, outcome, steps, failures, notes, omitted: 0 }
    }

    fn is_out_of_time(&self) -> bool {
        match &self.seen {
            Some(seen) => seen.executed.out_of_time,
            None => matches!(self.failure, Some(LookError::OutOfTime)),
        }
    }

    fn state(&self, pool: &UserPool, report: &RunReport, reconciler: &Reconciler<P>) -> RunState {
        let now = report.finished_at;
        let mut state = pool.run.clone();
        state.last_run = Some(LastRun { id: report.id.clone(), finished_at: now, outcome: report.outcome });
        let found = self.seen.as_ref().map_or(&[][..], |seen| &seen.look.found);
        state.health = report.health().and_found(found).after(&pool.run.health);
        state.failures = failures_in_a_row(state.failures, pool.run.health.state, report.worst(), self.has_done());
        if self.probed {
            state.role_probe_due_at = now.plus(ROLE_PROBE);
        }
        state.losses = recent(&state.losses, now);
        if let Some(Seen { look, plan, executed }) = &self.seen {
            state.losses.clone_from(&executed.losses);
            state.held_of = plan.held_of;
            state.callbacks.clone_from(&look.callbacks);
            state.schema = Some(look.schema.clone());
            state.counts = counts(look, executed);
            state.has_domains = executed.kept.domains;
            if look.organizations.is_some() && executed.kept.in_claims {
                let interval = reconciler.settings.interval;
                state.organizations = OrganizationReads::after(report.cause, interval, report.started_at);
            }
            if let Described::Until(last) = &look.described {
                state.full_pass_after = Some(last.clone());
            }
            if look.described == Described::Every {
                state.full_pass_after = None;
                let spread = 0.9 + 0.2 * reconciler.sources.fraction();
                state.full_pass_due_at = now.plus(reconciler.settings.full_pass.mul_f64(spread));
            }
        }
        state
    }

    /// Whether it got anything done, so that the next run has less to do.
    fn has_done(&self) -> bool {
        self.settled > 0 || self.seen.as_ref().is_some_and(|seen| !seen.executed.done.is_empty())
    }

    fn course(&self, report: &RunReport, state: &RunState) -> Course {
        Course {
            worst: report.worst(),
            failures: state.failures,
            looked: self.seen.is_some(),
            done: self.has_done(),
            out_of_time: self.is_out_of_time(),
            failing_for: report.finished_at.since(state.health.since),
        }
    }
}

fn counts<P: Ports>(look: &Look<P>, executed: &Executed) -> Counts {
    let done = |name: &str| executed.done.iter().filter(|step| step.action.name() == name).count();
    let held = look
        .claims
        .values()
        .filter(|claim| claim.is_held() && look.observed.providers.contains_key(&claim.provider_name));
    let providers = (held.count() + done("create")).saturating_sub(done("delete"));
    let wanted = look.desired.connections.values().filter(|wanted| wanted.presence.is_provided());
    Counts {
        connections: u32::try_from(wanted.count()).unwrap_or(u32::MAX),
        providers: u32::try_from(providers).unwrap_or(u32::MAX),
    }
}
