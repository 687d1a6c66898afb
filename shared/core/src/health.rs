//! Errors by class, and what each means for a pool: its health, and when to look again.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    check::{Check, CheckOutcome},
    id::ConnectionId,
    naming::Naming,
    step::{Note, RecordedStep},
    timestamp::Timestamp,
    wake_up::Cause,
};

/// What kind of failure it is; decided once, by the adapter that met it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// The network or the service; may work the next time.
    Transient,
    /// Too many requests.
    Throttled,
    /// Somebody else writes at the same time.
    Conflict,
    /// A permission or a credential is missing.
    Denied,
    /// A hard limit is reached.
    Quota,
    /// The service understood and refuses.
    Rejected,
    /// Causeway's own mistake.
    Bug,
    /// One that a later version knows, in what it recorded. No failure of this version has it.
    #[serde(other)]
    Unknown,
}

impl ErrorClass {
    /// Whether waiting a little can help.
    pub fn passes_by_itself(self) -> bool {
        matches!(self, Self::Transient | Self::Throttled | Self::Conflict)
    }
}

/// How a pool is; `Ok` or what is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthState {
    /// The last run left nothing undone.
    Ok,
    /// The last run met a failure of the given kind.
    Transient,
    /// Cognito, STS or WorkOS asked to slow down.
    Throttled,
    /// Somebody else was writing to the pool.
    Conflict,
    /// The role or the WorkOS key no longer lets Causeway in, or the role lets in too many.
    Denied,
    /// The pool is full.
    Quota,
    /// A request was refused as wrong, or the checks show that sign-ins will be.
    Rejected,
    /// Steps that would take many sign-ins away wait for an operator.
    Held,
    /// Causeway's own mistake.
    Bug,
    /// One that a later version knows, in what it recorded: not well.
    #[serde(other)]
    Unknown,
}

impl From<ErrorClass> for HealthState {
    fn from(class: ErrorClass) -> Self {
        match class {
            ErrorClass::Transient => Self::Transient,
            ErrorClass::Throttled => Self::Throttled,
            ErrorClass::Conflict => Self::Conflict,
            ErrorClass::Denied => Self::Denied,
            ErrorClass::Quota => Self::Quota,
            ErrorClass::Rejected => Self::Rejected,
            ErrorClass::Bug => Self::Bug,
            ErrorClass::Unknown => Self::Unknown,
        }
    }
}

/// The health of a pool, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `ok` or what is wrong.
    pub state: HealthState,
    /// What is wrong, for people; when `ok` empty, or what to bear in mind.
    pub message: String,
    /// What to do about it; empty when nothing is.
    pub remedy: String,
    /// Since when it is in this state.
    pub since: Timestamp,
}

impl Health {
    /// Nothing wrong since `now`.
    pub fn ok(now: Timestamp) -> Self {
        Self { state: HealthState::Ok, message: String::new(), remedy: String::new(), since: now }
    }

    /// This health after `previous`: the same state keeps the time since when it has lasted.
    #[must_use]
    pub fn after(mut self, previous: &Self) -> Self {
        if self.state == previous.state {
            self.since = previous.since;
        }
        self
    }

    /// The health of a pool of which steps wait for a person.
    pub fn held<'a>(held: impl IntoIterator<Item = &'a RecordedStep>, now: Timestamp) -> Self {
        let mut steps = 0;
        let of: BTreeMap<&ConnectionId, &Naming> =
            held.into_iter().inspect(|_| steps += 1).map(|step| (&step.connection_id, &step.naming)).collect();
        let called = of.iter().map(|(id, naming)| format!("{:#}", naming.called(id.as_str())));
        let called = named(called.collect::<Vec<_>>());
        Self {
            state: HealthState::Held,
            message: format!("{steps} steps that would take sign-ins away are held back: {called}"),
            remedy: APPROVE.to_owned(),
            since: now,
        }
    }

    /// This health, with what else is wrong: `other` where nothing was wrong yet.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        if self.state == HealthState::Ok {
            return other;
        }
        Self {
            message: format!("{}. Apart from that, {}", self.message, other.message),
            remedy: format!("{} {}", self.remedy, other.remedy),
            ..self
        }
    }

    /// This health of a pool of which a run left something out that somebody has to do something about.
    #[must_use]
    pub fn and_noted(self, notes: &[Note]) -> Self {
        let left_out: Vec<&Note> = notes.iter().filter(|note| note.remedy.is_some()).collect();
        if left_out.is_empty() {
            return self;
        }
        let remedies: BTreeSet<&str> = left_out.iter().filter_map(|note| note.remedy.as_deref()).collect();
        let told: Vec<String> = left_out.iter().take(MOST_NOTED).map(|note| note.told()).collect();
        let more = left_out.len().saturating_sub(MOST_NOTED);
        let more = if more > 0 { format!("; and {more} more: read the notes of the last run") } else { String::new() };
        let since = self.since;
        self.and(Self {
            state: HealthState::Rejected,
            message: format!("{}{more}", told.join("; ")),
            remedy: remedies.into_iter().collect::<Vec<_>>().join(" "),
            since,
        })
    }

    /// This health of a pool in which checks found this, passes left out. What fails makes it `rejected` where nothing
    /// else is wrong; a warning changes no state. Both are told after what else is wrong.
    #[must_use]
    pub fn and_found(self, checks: &[Check]) -> Self {
        let states = [(CheckOutcome::Fail, HealthState::Rejected), (CheckOutcome::Warn, HealthState::Ok)];
        states.into_iter().fold(self, |health, (outcome, state)| match told(checks, outcome) {
            None => health,
            Some((message, remedy)) => {
                let since = health.since;
                health.and(Self { state, message, remedy, since })
            }
        })
    }

    /// The health that a failure leaves.
    pub fn from_failure(class: ErrorClass, message: String, now: Timestamp) -> Self {
        Self { state: class.into(), message, remedy: remedy(class).to_owned(), since: now }
    }
}

/// How many connections a pool's health names; the report of the run names them all.
const MOST_NAMED: usize = 50;
/// How many of the notes of a run a pool's health tells of.
const MOST_NOTED: usize = 10;

/// The first of these names, and how many more there are.
pub(crate) fn named(names: impl AsRef<[String]>) -> String {
    let names = names.as_ref();
    let more = names.len().saturating_sub(MOST_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names[..names.len().min(MOST_NAMED)].join(", "))
}

/// How many checks a pool's health tells of; `verify` tells of all.
const MOST_CHECKS: usize = 5;

/// What checks of one outcome found, and what to do about it; `None` where there are none.
fn told(checks: &[Check], outcome: CheckOutcome) -> Option<(String, String)> {
    let of_outcome: Vec<&Check> = checks.iter().filter(|check| check.outcome == outcome).collect();
    let text = |of: fn(&Check) -> &str, between: &str| {
        of_outcome.iter().take(MOST_CHECKS).map(|check| of(check)).collect::<Vec<_>>().join(between)
    };
    let more = of_outcome.len().saturating_sub(MOST_CHECKS);
    let more = if more > 0 { format!("; and {more} more: run `verify`") } else { String::new() };
    let message = format!("{}{more}", text(|check| &check.message, "; "));
    (!of_outcome.is_empty()).then(|| (message, text(|check| &check.remedy, " ")))
}

/// What to do about steps that are held back.
const APPROVE: &str = "Look at the plan (`reconcile` with `dry_run`). If what is held back is meant, approve its hash, or \
    the connections for which it is. If not, put it right in WorkOS, or refuse it (`POST .../refusals`).";

fn remedy(class: ErrorClass) -> &'static str {
    match class {
        ErrorClass::Transient | ErrorClass::Throttled | ErrorClass::Conflict => {
            "Nothing to do: Causeway tries again by itself."
        }
        ErrorClass::Denied => "Run `verify` on the user pool and follow the remedy of the check that fails.",
        ErrorClass::Quota => {
            "Raise the pool's quota of identity providers (Service Quotas, L-1B44D826), or choose fewer organizations."
        }
        ErrorClass::Rejected => "Read the failures of the last run, mend what they name, and ask for a reconcile.",
        ErrorClass::Bug | ErrorClass::Unknown => "Report it with the ID of the last run.",
    }
}

/// How a run ended, as far as the next due time depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Both sides are equal now.
    InLine {
        /// Whether anything had to be done.
        changed: bool,
    },
    /// Time ran out, or some of it is for the next run; there is more to do.
    OutOfTime,
    /// Some of it is for a later run, which what is done and seen by then is to let through.
    PutOff,
    /// It failed, for the `failures`th time in a row (from 1).
    Failed {
        /// Of which class.
        class: ErrorClass,
        /// How often in a row, this time included: [`failures_in_a_row`].
        failures: u32,
        /// Whether it saw both sides completely, and nothing was done.
        showed_no_change: bool,
        /// For how long it has failed in this way.
        failing_for: Duration,
    },
}

/// What of a run its [`Ending`] depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and any of them come together")]
pub struct Course {
    /// The class of its worst failure.
    pub worst: Option<ErrorClass>,
    /// How many runs in a row failed, this one included: [`failures_in_a_row`].
    pub failures: u32,
    /// Whether both sides were seen completely.
    pub looked: bool,
    /// Whether anything was done.
    pub done: bool,
    /// Whether time ran out.
    pub out_of_time: bool,
    /// Whether something was put off.
    pub put_off: bool,
    /// Whether something may still happen that a later run has to see.
    pub looks_again: bool,
    /// For how long the pool has been in the state that it leaves it in.
    pub failing_for: Duration,
}

impl Ending {
    /// How a run of this course ended. Where time ran out and something was done, the rest is taken up at once, also
    /// beside a failure: each run has less to do. Without that, a run that can't get on would follow the other without
    /// a pause.
    pub fn of(course: Course) -> Self {
        let Course { worst, failures, looked, done, out_of_time, put_off, looks_again, failing_for } = course;
        match worst {
            Some(class) if !(out_of_time && done) => {
                Self::Failed { class, failures, showed_no_change: looked && !done, failing_for }
            }
            _ if out_of_time || (put_off && done) => Self::OutOfTime,
            _ if put_off || looks_again => Self::PutOff,
            _ => Self::InLine { changed: done },
        }
    }
}

/// How many runs in a row have failed, with one whose worst failure is of class `worst` after `before` of them, which
/// left the pool in the state `state`. One that fails in another way, or that got something done, is the first of its
/// row: else a pool would be looked at once a day for what is met for the first time, and passes by itself.
pub fn failures_in_a_row(before: u32, state: HealthState, worst: Option<ErrorClass>, done: bool) -> u32 {
    match worst {
        None => 0,
        Some(class) if done || state != class.into() => 1,
        Some(_) => before.saturating_add(1),
    }
}

/// The longest time between two looks at a pool that keeps failing.
const SELDOMEST: Duration = Duration::from_hours(24);
/// WorkOS can be behind its own event: how long after a webhook that showed no change to look once more.
const SECOND_LOOK: Duration = Duration::from_secs(30);

/// When a pool is due next. `jitter` is a random number from 0 to 1; it spreads the pools over a fifth of
/// the interval, so that they don't all come at once. A webhook that showed no change leads to a second look soon, also
/// where something else failed: what it told of must not wait for that. A pool that fails waits three times as long as
/// it has failed at the most: webhooks that came in a short outage, each with a run that failed, put it off no longer.
pub fn next_due(ending: Ending, cause: Cause, interval: Duration, now: Timestamp, jitter: f64) -> Timestamp {
    let wait = match ending {
        Ending::OutOfTime => return now,
        Ending::PutOff => return now.plus(SECOND_LOOK.min(interval)),
        Ending::InLine { changed: false } if cause == Cause::Webhook => return now.plus(SECOND_LOOK.min(interval)),
        Ending::InLine { .. } => interval,
        Ending::Failed { class, failures, showed_no_change, failing_for } => {
            let doublings = failures.saturating_sub(1).min(16);
            let first = if class.passes_by_itself() { Duration::from_mins(1) } else { interval };
            let longest = first.max(failing_for.saturating_mul(3)).min(SELDOMEST);
            let wait = first.saturating_mul(1 << doublings).min(longest);
            if showed_no_change && cause == Cause::Webhook {
                return now.plus(SECOND_LOOK.min(wait));
            }
            wait
        }
    };
    now.plus(wait.mul_f64(0.9 + 0.2 * jitter.clamp(0.0, 1.0)))
}

#[cfg(test)]
mod tests;
