//! Errors by class, and what each means for a pool: its health, and when to look again.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{timestamp::Timestamp, wake_up::Cause};

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
    /// A request was refused as wrong.
    Rejected,
    /// Steps that would take many sign-ins away wait for an operator.
    Held,
    /// Causeway's own mistake.
    Bug,
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
        }
    }
}

/// The health of a pool, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `ok` or what is wrong.
    pub state: HealthState,
    /// What is wrong, for people; empty when `ok`.
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

    /// The health of a pool of which `steps` wait for an operator.
    pub fn held(steps: usize, now: Timestamp) -> Self {
        Self {
            state: HealthState::Held,
            message: format!("{steps} steps that would take sign-ins away are held back"),
            remedy: "Look at the plan (`reconcile` with `dry_run`), and approve its hash if it is meant.".to_owned(),
            since: now,
        }
    }

    /// The health that a failure leaves.
    pub fn from_failure(class: ErrorClass, message: String, now: Timestamp) -> Self {
        Self { state: class.into(), message, remedy: remedy(class).to_owned(), since: now }
    }
}

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
        ErrorClass::Bug => "Report it with the ID of the last run.",
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
    /// Time ran out; there is more to do.
    OutOfTime,
    /// It failed, for the `failures`th time in a row (from 1).
    Failed {
        /// Of which class.
        class: ErrorClass,
        /// How often in a row, this time included.
        failures: u32,
    },
}

impl Ending {
    /// How a run ended whose worst failure is of class `worst`, the `failures`th in a row. Where time ran out and
    /// something was `done`, the rest is taken up at once, also beside a failure: each run has less to do. Without
    /// that, a run that can't get on would follow the other without a pause.
    pub fn of(worst: Option<ErrorClass>, failures: u32, out_of_time: bool, done: bool) -> Self {
        match worst {
            Some(class) if !(out_of_time && done) => Self::Failed { class, failures },
            _ if out_of_time => Self::OutOfTime,
            _ => Self::InLine { changed: done },
        }
    }
}

/// The longest time between two looks at a pool that keeps failing.
const SELDOMEST: Duration = Duration::from_hours(24);
/// WorkOS can be behind its own event: how long after a webhook that showed no change to look once more.
const SECOND_LOOK: Duration = Duration::from_secs(30);

/// When a pool is due next. `jitter` is a random number from 0 to 1; it spreads the pools over a fifth of
/// the interval, so that they don't all come at once.
pub fn next_due(ending: Ending, cause: Cause, interval: Duration, now: Timestamp, jitter: f64) -> Timestamp {
    let wait = match ending {
        Ending::OutOfTime => return now,
        Ending::InLine { changed: false } if cause == Cause::Webhook => return now.plus(SECOND_LOOK.min(interval)),
        Ending::InLine { .. } => interval,
        Ending::Failed { class, failures } => {
            let doublings = failures.saturating_sub(1).min(16);
            let first = if class.passes_by_itself() { Duration::from_mins(1) } else { interval };
            first.saturating_mul(1 << doublings).min(SELDOMEST)
        }
    };
    now.plus(wait.mul_f64(0.9 + 0.2 * jitter.clamp(0.0, 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_mins(15);

    fn minutes(ending: Ending, cause: Cause) -> u64 {
        let now = Timestamp::from_seconds(1_000_000);
        next_due(ending, cause, INTERVAL, now, 0.5).since(now).as_secs() / 60
    }

    #[test]
    fn a_pool_in_line_is_looked_at_every_interval() {
        assert_eq!(minutes(Ending::InLine { changed: false }, Cause::Schedule), 15);
        assert_eq!(minutes(Ending::InLine { changed: true }, Cause::Webhook), 15);
    }

    #[test]
    fn a_webhook_that_showed_no_change_leads_to_a_second_look_30_seconds_on() {
        let now = Timestamp::from_seconds(1);
        let due = next_due(Ending::InLine { changed: false }, Cause::Webhook, INTERVAL, now, 0.0);
        assert_eq!(due, now.plus(Duration::from_secs(30)));
    }

    #[test]
    fn work_left_over_is_taken_up_at_once() {
        assert_eq!(minutes(Ending::OutOfTime, Cause::Schedule), 0);
    }

    #[test]
    fn one_failure_does_not_put_off_what_time_was_too_short_for_unless_nothing_was_done() {
        let failed = Ending::Failed { class: ErrorClass::Quota, failures: 3 };
        assert_eq!(Ending::of(Some(ErrorClass::Quota), 3, true, true), Ending::OutOfTime);
        assert_eq!(Ending::of(Some(ErrorClass::Quota), 3, true, false), failed);
        assert_eq!(Ending::of(Some(ErrorClass::Quota), 3, false, true), failed);
        assert_eq!(Ending::of(None, 0, true, false), Ending::OutOfTime);
        assert_eq!(Ending::of(None, 0, false, true), Ending::InLine { changed: true });
    }

    #[test]
    fn a_failing_pool_is_looked_at_ever_less_often_up_to_once_a_day() {
        let after = |class, failures| minutes(Ending::Failed { class, failures }, Cause::Schedule);
        assert_eq!([1, 2, 3].map(|failures| after(ErrorClass::Throttled, failures)), [1, 2, 4]);
        assert_eq!([1, 2].map(|failures| after(ErrorClass::Denied, failures)), [15, 30]);
        assert_eq!(after(ErrorClass::Denied, u32::MAX), 24 * 60);
        assert_eq!(after(ErrorClass::Transient, u32::MAX), 24 * 60);
    }

    #[test]
    fn a_state_that_lasts_keeps_the_time_it_began() {
        let first = Health::from_failure(ErrorClass::Denied, "a".into(), Timestamp::from_seconds(1));
        let second = Health::from_failure(ErrorClass::Denied, "b".into(), Timestamp::from_seconds(2)).after(&first);
        assert_eq!((second.since, second.message.as_str()), (Timestamp::from_seconds(1), "b"));
        let well = Health::ok(Timestamp::from_seconds(3)).after(&second);
        assert_eq!(well.since, Timestamp::from_seconds(3));
    }
}
