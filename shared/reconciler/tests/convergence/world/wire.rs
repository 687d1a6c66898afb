//! A run's way to the world: each call takes its time, and goes wrong where it is told to.

use std::{
    future::pending,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use causeway_core::{
    decisions::Decisions,
    desired::Desired,
    health::ErrorClass,
    port::{DirectoryError, PoolError, Ports, Problem, TableError},
    user_pool::{Mode, PoolOptions},
};
use tokio::sync::Notify;

use super::{Event, State, check::Bounds, clock, pools::Write};

/// Whom a call goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Cognito,
    Table,
    Workos,
}

impl Side {
    /// How long a call takes.
    fn takes(self) -> Duration {
        Duration::from_millis(match self {
            Self::Cognito => 100,
            Self::Table => 10,
            Self::Workos => 150,
        })
    }
}

/// What goes wrong with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process ends before it.
    Crash,
    /// It is refused.
    Refuse,
    /// It is done, and the answer is lost.
    LoseAnswer,
    /// It is done, the answer is lost, and it is made once more.
    Repeat,
    /// It is refused, and so is all that Cognito is asked after it.
    Throttle,
    /// Nobody answers, and so many seconds later Cognito does it.
    DoLate(u8),
}

/// What disturbs a run, by the number of the call that it hits.
#[derive(Debug, Clone, Default)]
pub struct Disturbance {
    pub faults: Vec<(u8, Fault)>,
    /// After how many tenths of a second time is over.
    pub time: Option<u8>,
    pub meanwhile: Option<(u8, Event)>,
    /// Before which call the run loses its lease and stands still until another one is done.
    pub overtaken: Option<u8>,
    /// By how many seconds the pool's list is behind, and what is shown of a single provider.
    pub behind: (u8, u8),
}

impl Disturbance {
    pub fn is_none(&self) -> bool {
        self.faults.is_empty() && self.time.is_none() && self.is_inside()
    }

    /// Whether nothing but faults and a lack of time disturbs the run.
    pub fn is_inside(&self) -> bool {
        self.meanwhile.is_none() && self.overtaken.is_none() && self.behind == (0, 0)
    }
}

/// An error that a side of the world answers with.
pub trait Trouble {
    fn of(class: ErrorClass, outcome_is_unclear: bool) -> Self;
}

impl Trouble for TableError {
    fn of(class: ErrorClass, _: bool) -> Self {
        Self::new(class, "the table is in trouble")
    }
}

impl Trouble for DirectoryError {
    fn of(class: ErrorClass, _: bool) -> Self {
        Self::new(class, "WorkOS is in trouble")
    }
}

impl Trouble for PoolError {
    fn of(class: ErrorClass, outcome_is_unclear: bool) -> Self {
        let (code, message) = ("Trouble".to_owned(), "Cognito is in trouble".to_owned());
        Self { operation: "a call", code, message, problem: Problem::Other(class), outcome_is_unclear }
    }
}

/// What happens to one run, and what it may do.
#[derive(Debug, Default)]
pub struct Trial {
    disturbance: Disturbance,
    calls: u8,
    is_throttled: bool,
    /// Whether a part of the look was refused.
    is_blind: bool,
    /// The faults that hit a call, and whom it went to.
    pub faults: Vec<(Side, Fault)>,
    /// How often something was written but the lease and the record.
    pub changes: usize,
    /// How many providers were described.
    pub described: usize,
    pub mode: Option<Mode>,
    /// The pool's options when the lease was taken: whoever changes them meanwhile is heard by the next run.
    pub options: Option<PoolOptions>,
    /// What operators had decided then.
    pub decisions: Decisions,
    pub is_removal: bool,
    pub bounds: Option<Bounds>,
}

/// The ports of a simulated run.
#[derive(Debug, Clone, Copy)]
pub enum Simulated {}

impl Ports for Simulated {
    type Table = Wire;
    type Pools = Wire;
    type Directory = Wire;
}

/// A run's way to all three sides.
#[derive(Debug, Clone)]
pub struct Wire {
    state: Arc<Mutex<State>>,
    trial: Arc<Mutex<Trial>>,
    crashed: Arc<Notify>,
    stood_still: Arc<Notify>,
    goes_on: Arc<Notify>,
}

impl Wire {
    pub fn new(state: Arc<Mutex<State>>, disturbance: &Disturbance) -> Self {
        let trial = Trial { disturbance: disturbance.clone(), ..Trial::default() };
        let (crashed, stood_still, goes_on) = (Arc::default(), Arc::default(), Arc::default());
        Self { state, trial: Arc::new(Mutex::new(trial)), crashed, stood_still, goes_on }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn trial(&self) -> MutexGuard<'_, Trial> {
        self.trial.lock().unwrap()
    }

    /// Ends when the process does.
    pub async fn crash(&self) {
        self.crashed.notified().await;
    }

    /// Ends when the run stands still.
    pub async fn stood_still(&self) {
        self.stood_still.notified().await;
    }

    /// Has the run go on.
    pub fn go_on(&self) {
        self.goes_on.notify_one();
    }

    async fn be_overtaken(&self) {
        let is_overtaken = {
            let mut trial = self.trial();
            let calls = trial.calls;
            trial.disturbance.overtaken.take_if(|at| *at <= calls).is_some()
        };
        if is_overtaken {
            self.state().items.lose_lease();
            self.stood_still.notify_one();
            self.goes_on.notified().await;
        }
    }

    /// Asks something.
    pub async fn read<T, E: Trouble>(
        &self,
        side: Side,
        mut act: impl FnMut(&mut State) -> Result<T, E>,
    ) -> Result<T, E> {
        let answer = self.call(side, &mut act).await;
        let mut trial = self.trial();
        trial.is_blind |= answer.is_err() && trial.changes == 0 && side != Side::Table;
        answer
    }

    /// Writes to the table, which is checked right after.
    pub async fn change<T>(&self, mut act: impl FnMut(&mut State) -> Result<T, TableError>) -> Result<T, TableError> {
        let checked = |state: &mut State| {
            let answer = act(state);
            state.check();
            answer
        };
        let answer = self.call(Side::Table, checked).await;
        self.trial().changes += 1;
        answer
    }

    /// Writes to the pool, which is checked right after.
    pub async fn change_pool<T>(
        &self,
        write: &Write,
        mut act: impl FnMut(&mut State) -> Result<T, PoolError>,
    ) -> Result<T, PoolError> {
        assert!(!self.trial().is_blind, "an incomplete look has an effect on the pool");
        let trial = Arc::clone(&self.trial);
        let checked = |state: &mut State| {
            let before = state.cognito.clone();
            let answer = act(state);
            state.changed();
            state.check_effect(&before, &trial.lock().unwrap());
            answer
        };
        let answer = self.call_for(Side::Cognito, Some(write), checked).await;
        self.trial().changes += 1;
        answer
    }

    /// Makes a call, unless something goes wrong.
    pub async fn call<T, E: Trouble>(&self, side: Side, act: impl FnMut(&mut State) -> Result<T, E>) -> Result<T, E> {
        self.call_for(side, None, act).await
    }

    async fn call_for<T, E: Trouble>(
        &self,
        side: Side,
        write: Option<&Write>,
        mut act: impl FnMut(&mut State) -> Result<T, E>,
    ) -> Result<T, E> {
        tokio::time::sleep(side.takes()).await;
        self.be_overtaken().await;
        let (fault, is_throttled) = self.next(side);
        if fault == Some(Fault::Crash) {
            self.crashed.notify_one();
            return pending().await;
        }
        let mut state = self.state();
        state.do_what_is_late();
        match fault {
            _ if is_throttled && side == Side::Cognito => Err(E::of(ErrorClass::Throttled, false)),
            Some(Fault::Throttle) => Err(E::of(ErrorClass::Throttled, false)),
            Some(Fault::Refuse) => Err(E::of(ErrorClass::Transient, true)),
            Some(Fault::LoseAnswer) => act(&mut state).and(Err(E::of(ErrorClass::Transient, true))),
            Some(Fault::DoLate(seconds)) => {
                let at = clock::now().plus(Duration::from_secs(u64::from(seconds)));
                state.late.extend(write.map(|write| (at, write.clone())));
                Err(E::of(ErrorClass::Transient, true))
            }
            Some(Fault::Repeat) => {
                let _ = act(&mut state);
                act(&mut state)
            }
            _ => act(&mut state),
        }
    }

    /// How far behind the pool's list and its descriptions are.
    pub fn behind(&self) -> (Duration, Duration) {
        let (list, description) = self.trial().disturbance.behind;
        (Duration::from_secs(u64::from(list)), Duration::from_secs(u64::from(description)))
    }

    /// What happens to the next call, and whether Cognito is throttled by now.
    fn next(&self, side: Side) -> (Option<Fault>, bool) {
        let mut trial = self.trial();
        let number = trial.calls;
        trial.calls = trial.calls.saturating_add(1);
        if let Some((at, event)) = &trial.disturbance.meanwhile
            && *at == number
        {
            self.state().happen_meanwhile(event);
        }
        let fault = trial.disturbance.faults.iter().find(|(at, _)| *at == number).map(|(_, fault)| *fault);
        trial.faults.extend(fault.map(|fault| (side, fault)));
        trial.is_throttled |= fault == Some(Fault::Throttle);
        (fault, trial.is_throttled)
    }

    /// What the run has been shown of WorkOS: what it may do follows from that.
    pub fn showed(&self, desired: Desired, hidden: std::collections::BTreeSet<char>) {
        self.trial().bounds = Some(Bounds { desired, hidden });
    }
}

pub async fn pass_to(time: causeway_core::timestamp::Timestamp) {
    clock::pass(time.since(clock::now())).await;
}
