//! One run of one pool, from its lease to its record.

use causeway_core::{
    health::ErrorClass,
    id::ulid_text,
    port::{Lease, Ports, Table, TableError, Taken},
    run::{Outcome, RunReport},
    tenant::Tenant,
    timestamp::Timestamp,
    user_pool::{PoolStatus, UserPool},
    waiting::{Call, Refusal, SKEW, Urgency},
    wake_up::{Cause, WakeUp},
};

use crate::{Reconciler, look::ROLE_PROBE};

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
    /// It did not begin, for this reason.
    Refused(Refusal),
    /// It ran.
    Done(Box<RunReport>),
}

/// A run that holds its pool.
#[derive(Debug)]
pub(crate) struct Run<'a, P: Ports> {
    pub reconciler: &'a Reconciler<P>,
    pub tenant: &'a Tenant,
    /// The pool, as it stood when the lease was taken.
    pub pool: &'a UserPool,
    pub id: &'a str,
    pub cause: Cause,
    pub started_at: Timestamp,
    pub deadline: Timestamp,
}

impl<P: Ports> Run<'_, P> {
    pub fn now(&self) -> Timestamp {
        self.reconciler.now()
    }

    pub fn is_over(&self) -> bool {
        self.now() >= self.deadline
    }

    /// Whether its look covers the events before it. Those of the schedule cover nobody's, so that they need no call for
    /// it.
    pub fn covers_events(&self) -> bool {
        self.cause != Cause::Schedule
    }

    /// Whether the role is to be tried without and with a wrong external ID.
    pub fn probes_role(&self) -> bool {
        self.pool.run.role_probe_due_at.has_come(self.started_at, ROLE_PROBE + SKEW)
    }
}

impl<P: Ports> Reconciler<P> {
    /// Brings one pool in line, or takes down one that is being removed, as far as time allows.
    pub async fn run(&self, wake_up: &WakeUp, urgency: Urgency, deadlines: Deadlines) -> Result<Ran, RunError> {
        let (tenant_id, pool_id, cause) = (&wake_up.tenant_id, &wake_up.user_pool_id, wake_up.cause);
        let failed = |what| move |source| RunError { what, source };
        let started_at = self.now();
        let id = ulid_text(started_at, self.sources.number());
        let until = deadlines.longest.plus(LEASE_AFTER_DEADLINE);
        let lease = Lease { run_id: &id, call: Call { cause, urgency }, now: started_at, until };
        let pool = match self.table.take_lease(tenant_id, pool_id, lease).await.map_err(failed("begun"))? {
            Taken::Pool(pool) => *pool,
            Taken::Refused(refusal) => return Ok(Ran::Refused(refusal)),
            Taken::Nothing => return Ok(Ran::Nothing),
        };
        let tenant = match self.table.tenant(tenant_id).await {
            Ok(Some(tenant)) => tenant,
            Ok(None) => {
                self.table.release_lease(tenant_id, pool_id, &id).await.map_err(failed("ended"))?;
                return Ok(Ran::Nothing);
            }
            // The message comes again, finds the pool free, and is given up in the end.
            Err(source) => {
                let released = match source.class() {
                    ErrorClass::Bug => self.table.release_unreadable(tenant_id, pool_id, &id, started_at).await,
                    _ => self.table.release_lease(tenant_id, pool_id, &id).await,
                };
                released.map_err(failed("ended"))?;
                return Err(failed("begun")(source));
            }
        };
        let is_removal = pool.status == PoolStatus::Removing;
        if !is_removal && !pool.is_reconciled() {
            // One that is not verified yet stays among those that somebody has to go on with.
            let released = match pool.status {
                PoolStatus::Pending => self.table.release_lease(tenant_id, pool_id, &id).await,
                _ => self.table.release_idle(tenant_id, pool_id, &id).await,
            };
            released.map_err(failed("ended"))?;
            return Ok(Ran::Nothing);
        }
        tracing::Span::current().record("run_id", &id);
        let deadline = deadlines.of(&pool);
        let run = Run { reconciler: self, tenant: &tenant, pool: &pool, id: &id, cause, started_at, deadline };
        let attempt = if is_removal {
            Box::pin(run.take_down()).await.map_err(failed("recorded"))?
        } else {
            if run.covers_events() {
                // Whoever marks the pool from now on has a message of its own.
                let for_webhooks = cause == Cause::Webhook;
                self.table.begin_look(tenant_id, pool_id, started_at, for_webhooks).await.map_err(failed("begun"))?;
            }
            Box::pin(run.bring_in_line()).await
        };
        let report = run.end(attempt).await.map_err(failed("recorded"))?;
        Ok(Ran::Done(Box::new(report)))
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.sources.now)()
    }
}
