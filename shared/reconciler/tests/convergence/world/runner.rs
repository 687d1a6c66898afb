//! Runs the deployed reconciler in the world.

use std::{
    pin::pin,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use causeway_core::{
    approval::PlannedSteps,
    decisions::Decisions,
    plan::RecordedStep,
    removal::{Providers, Removal},
    run::{Failure, Outcome, RunReport},
    timestamp::Timestamp,
    user_pool::PoolStatus,
    waiting::Urgency,
    wake_up::{Cause, WakeUp},
};
use causeway_reconciler::{Deadlines, Ran as End, Reconciler, Settings};

use super::{
    Event, FULL_PASS, INTERVAL, State, clock,
    wire::{Disturbance, Fault, Side, Simulated, Trial, Wire, pass_to},
};

/// Longer than any run takes.
const LONG: Duration = Duration::from_mins(10);

#[derive(Debug, Clone)]
pub struct World {
    state: Arc<Mutex<State>>,
}

/// What a run did.
#[derive(Debug, Default)]
pub struct Ran {
    /// Its report; none where it died, or where there was nothing to run.
    pub report: Option<RunReport>,
    /// How often it wrote anything but its lease and its record.
    pub changes: usize,
    /// How many providers it had described.
    pub described: usize,
    /// The faults that hit a call, and whom it went to.
    pub faults: Vec<(Side, Fault)>,
}

impl Ran {
    pub fn failures(&self) -> &[Failure] {
        self.report.as_ref().map_or(&[], |report| &report.failures)
    }

    /// What was done, and what was held back.
    pub fn steps(&self) -> &[RecordedStep] {
        self.report.as_ref().map_or(&[], |report| &report.steps)
    }

    pub fn done(&self) -> impl Iterator<Item = &RecordedStep> {
        self.steps().iter().filter(|step| !step.held)
    }

    pub fn held(&self) -> impl Iterator<Item = &RecordedStep> {
        self.steps().iter().filter(|step| step.held)
    }

    pub fn is_out_of_time(&self) -> bool {
        self.report.as_ref().is_some_and(|report| report.outcome == Outcome::OutOfTime)
    }
}

impl World {
    pub fn new() -> Self {
        Self { state: Arc::new(Mutex::new(State::new())) }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn happen(&self, event: &Event) {
        self.state().happen(event);
    }

    fn reconciler(&self, disturbance: &Disturbance) -> (Reconciler<Simulated>, Wire) {
        let wire = Wire::new(Arc::clone(&self.state), disturbance);
        let settings = Settings { base: self.state().base(), interval: INTERVAL, full_pass: FULL_PASS };
        let (table, pools, directory) = (wire.clone(), wire.clone(), wire.clone());
        (Reconciler { table, pools, directory, settings, sources: clock::SOURCES }, wire)
    }

    /// Runs the pool once no other run holds it: the lease of one that died ends by itself.
    pub async fn run(&self, disturbance: &Disturbance) -> Ran {
        let lease_until = self.state().items.lease_until();
        if let Some(until) = lease_until {
            pass_to(until).await;
        }
        let Some(pool) = self.state().items.pool() else { return Ran::default() };
        let (reconciler, wire) = self.reconciler(disturbance);
        let wake_up = WakeUp {
            tenant_id: pool.tenant_id.clone(),
            user_pool_id: pool.user_pool_id.clone(),
            cause: Cause::Schedule,
        };
        let time = disturbance.time.map_or(LONG, |tenths| Duration::from_millis(100 * u64::from(tenths)));
        let end = clock::now().plus(time);
        let mut running = pin!(reconciler.run(&wake_up, Urgency::AtOnce, Deadlines { usual: end, longest: end }));
        let ended = loop {
            tokio::select! {
                biased;
                () = wire.crash() => break None,
                () = wire.stood_still() => {
                    Box::pin(self.run(&Disturbance::default())).await;
                    wire.go_on();
                }
                ended = &mut running => break Some(ended),
            }
        };
        let report = match ended {
            Some(Ok(End::Done(report))) => Some(*report),
            // What could not be recorded is as if the run had died.
            Some(Ok(End::Nothing | End::Refused(_)) | Err(_)) | None => None,
        };
        let trial = wire.trial();
        let ran = Ran { report, changes: trial.changes, described: trial.described, faults: trial.faults.clone() };
        let approved = trial.decisions.clone();
        drop(trial);
        self.check_losses(&ran, &approved);
        ran
    }

    /// Whatever a run took away is a loss that the guard knows, or was approved when it began.
    fn check_losses(&self, ran: &Ran, approved: &Decisions) {
        let Some(pool) = self.state().items.pool() else { return };
        for step in ran.done().filter(|step| step.takes_away) {
            let is_counted = pool.run.losses.iter().any(|loss| loss.connection_id == step.connection_id);
            let is_approved = [approved, &pool.decisions].iter().any(|them| them.covers(step, clock::now()));
            assert!(is_counted || is_approved, "{step:?} is done, and is no loss that the guard knows");
        }
    }

    /// The plan of this moment; nothing of it is done.
    pub async fn planned(&self) -> PlannedSteps {
        let (reconciler, wire) = self.reconciler(&Disturbance::default());
        let (tenant, pool) = {
            let state = self.state();
            (state.items.tenant(), state.items.pool().unwrap())
        };
        let planned = reconciler.planned(&tenant, &pool, clock::now().plus(LONG)).await.unwrap();
        assert_eq!(wire.trial().changes, 0, "a plan changes something");
        planned
    }

    /// An operator approves what is held back now.
    pub async fn approve(&self) {
        let planned = self.planned().await;
        let held: Vec<RecordedStep> = planned.steps.into_iter().filter(|step| step.held).collect();
        if !held.is_empty() {
            self.decide(|decisions, now| decisions.approve(held, None, "an operator", now).unwrap().0);
        }
    }

    /// An operator decides on losses.
    pub fn decide(&self, decide: impl FnOnce(&Decisions, Timestamp) -> Decisions) {
        let mut state = self.state();
        let Some(pool) = state.items.pool() else { return };
        let decided = decide(&pool.decisions, clock::now());
        state.items.decide(&decided, u128::from(decided.version) << 64).unwrap();
    }

    /// An operator asks to remove the pool with its providers.
    pub fn begin_removal(&self) {
        let now = clock::now();
        let removal = Removal { providers: Providers::Delete, requested_at: now };
        let mut state = self.state();
        state.items.set([
            ("status", serde_json::to_value(PoolStatus::Removing).unwrap()),
            ("removal", serde_json::to_value(removal).unwrap()),
            ("due_at", serde_json::to_value(now).unwrap()),
            ("look_again_at", serde_json::to_value(now).unwrap()),
        ]);
        state.items.remove("decisions");
        state.items.remove("held");
    }
}

impl Wire {
    /// A run has taken its lease: what it may do follows from the pool that it was shown.
    pub(super) fn began(&self, pool: &causeway_core::user_pool::UserPool) {
        let mut trial = self.trial();
        trial.mode = Some(pool.options.mode);
        trial.options = Some(pool.options.clone());
        trial.decisions = pool.decisions.clone();
        trial.is_removal = pool.status == PoolStatus::Removing;
    }
}

impl Trial {
    pub fn mode(&self) -> causeway_core::user_pool::Mode {
        self.mode.unwrap_or_default()
    }
}
