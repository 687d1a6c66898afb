//! Errors by class, and what each means for a pool: its health, and when to look again.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    check::{Check, CheckOutcome},
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
}

impl HealthState {
    /// Whether time or Causeway's developers alone can mend it: no tenant and no operator is asked to do anything.
    pub fn is_nobody_elses_to_mend(self) -> bool {
        matches!(self, Self::Transient | Self::Throttled | Self::Conflict | Self::Bug)
    }
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

    /// The health of a pool of which `steps` wait for an operator.
    pub fn held(steps: usize, now: Timestamp) -> Self {
        Self {
            state: HealthState::Held,
            message: format!("{steps} steps that would take sign-ins away are held back"),
            remedy: APPROVE.to_owned(),
            since: now,
        }
    }

    /// This health of a pool of which `steps` wait for an operator as well.
    #[must_use]
    pub fn and_held(mut self, steps: usize) -> Self {
        if steps > 0 {
            let held = Self::held(steps, self.since);
            self.message = format!("{}. Apart from that, {}", self.message, held.message);
            self.remedy = format!("{} {}", self.remedy, held.remedy);
        }
        self
    }

    /// This health of a pool in which checks found this, passes left out. What fails makes it `rejected` where nothing
    /// else is wrong, and is told after what else is; a warning is told of a pool that is well.
    #[must_use]
    pub fn and_found(mut self, checks: &[Check]) -> Self {
        let failed = told(checks, CheckOutcome::Fail);
        let (message, remedy) = failed.clone().or_else(|| told(checks, CheckOutcome::Warn)).unwrap_or_default();
        if self.state == HealthState::Ok {
            if failed.is_some() {
                self.state = HealthState::Rejected;
            }
            (self.message, self.remedy) = (message, remedy);
        } else if failed.is_some() {
            self.message = format!("{}. Apart from that, {message}", self.message);
            self.remedy = format!("{} {remedy}", self.remedy);
        }
        self
    }

    /// The health that a failure leaves.
    pub fn from_failure(class: ErrorClass, message: String, now: Timestamp) -> Self {
        Self { state: class.into(), message, remedy: remedy(class).to_owned(), since: now }
    }
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
const APPROVE: &str =
    "If what is held back is meant, look at the plan (`reconcile` with `dry_run`) and approve its hash.";

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
    /// For how long the pool has been in the state that it leaves it in.
    pub failing_for: Duration,
}

impl Ending {
    /// How a run of this course ended. Where time ran out and something was done, the rest is taken up at once, also
    /// beside a failure: each run has less to do. Without that, a run that can't get on would follow the other without
    /// a pause.
    pub fn of(course: Course) -> Self {
        let Course { worst, failures, looked, done, out_of_time, failing_for } = course;
        match worst {
            Some(class) if !(out_of_time && done) => {
                Self::Failed { class, failures, showed_no_change: looked && !done, failing_for }
            }
            _ if out_of_time => Self::OutOfTime,
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
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_mins(15);
    const LONG: Duration = Duration::from_hours(1000);

    fn failed(class: ErrorClass, failures: u32, failing_for: Duration) -> Ending {
        Ending::Failed { class, failures, showed_no_change: false, failing_for }
    }

    fn minutes(ending: Ending, cause: Cause) -> u64 {
        let now = Timestamp::from_seconds(1_000_000);
        next_due(ending, cause, INTERVAL, now, 0.5).since(now).as_secs() / 60
    }

    #[test]
    fn what_a_check_found_is_told_and_makes_no_pool_unwell_that_it_only_warns_of() {
        let now = Timestamp::from_seconds(1);
        let (warn, fail) = (Check::warn("a", "warned", "heed"), Check::fail("b", "failed", "mend"));
        let found = |health: Health, checks: &[Check]| {
            let health = health.and_found(checks);
            (health.state, health.message, health.remedy)
        };
        let texts = |state, message: &str, remedy: &str| (state, message.to_owned(), remedy.to_owned());
        assert_eq!(found(Health::ok(now), &[]), texts(HealthState::Ok, "", ""));
        assert_eq!(found(Health::ok(now), &[warn.clone()]), texts(HealthState::Ok, "warned", "heed"));
        let both = [warn.clone(), fail.clone()];
        assert_eq!(found(Health::ok(now), &both), texts(HealthState::Rejected, "failed", "mend"));
        let denied = Health { remedy: "verify.".into(), ..Health::from_failure(ErrorClass::Denied, "no".into(), now) };
        let expected = texts(HealthState::Denied, "no. Apart from that, failed", "verify. mend");
        assert_eq!(found(denied.clone(), &both), expected);
        assert_eq!(found(denied, &[warn]), texts(HealthState::Denied, "no", "verify."));
        let many = Health::ok(now).and_found(&vec![fail; 7]);
        assert!(many.message.ends_with("failed; and 2 more: run `verify`"), "{}", many.message);
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
        let quota = Some(ErrorClass::Quota);
        let ending = |worst, out_of_time, done| {
            Ending::of(Course { worst, failures: 3, looked: true, done, out_of_time, failing_for: LONG })
        };
        let failed = |showed_no_change| Ending::Failed {
            class: ErrorClass::Quota,
            failures: 3,
            showed_no_change,
            failing_for: LONG,
        };
        assert_eq!(ending(quota, true, true), Ending::OutOfTime);
        assert_eq!(ending(quota, true, false), failed(true));
        assert_eq!(ending(quota, false, true), failed(false));
        assert_eq!(ending(None, true, false), Ending::OutOfTime);
        assert_eq!(ending(None, false, true), Ending::InLine { changed: true });
    }

    #[test]
    fn what_a_webhook_told_of_and_workos_did_not_show_yet_does_not_wait_for_what_else_failed() {
        let now = Timestamp::from_seconds(1);
        let wait = |class, cause, looked, done| {
            let course =
                Course { worst: Some(class), failures: 1, looked, done, out_of_time: false, failing_for: LONG };
            next_due(Ending::of(course), cause, INTERVAL, now, 0.5).since(now).as_secs()
        };
        let (soon, minute, interval) = (30, 60, 15 * 60);
        for (class, cause, looked, done, expected) in [
            (ErrorClass::Quota, Cause::Webhook, true, false, soon),
            (ErrorClass::Transient, Cause::Webhook, true, false, soon),
            (ErrorClass::Quota, Cause::Webhook, true, true, interval),
            (ErrorClass::Quota, Cause::Schedule, true, false, interval),
            (ErrorClass::Denied, Cause::Webhook, false, false, interval),
            (ErrorClass::Throttled, Cause::Webhook, false, false, minute),
        ] {
            let after = wait(class, cause, looked, done);
            assert_eq!(after, expected, "{class:?}, {cause:?}, looked: {looked}, done: {done}");
        }
        let course = Course {
            worst: Some(ErrorClass::Quota),
            failures: 1,
            looked: true,
            done: false,
            out_of_time: false,
            failing_for: LONG,
        };
        let often = Duration::from_secs(5);
        let due = next_due(Ending::of(course), Cause::Webhook, often, now, 0.5);
        assert_eq!(due, now.plus(often), "a second look is never later than the next one");
    }

    #[test]
    fn a_failing_pool_is_looked_at_ever_less_often_up_to_once_a_day() {
        let after = |class, failures| minutes(failed(class, failures, LONG), Cause::Schedule);
        assert_eq!([1, 2, 3].map(|failures| after(ErrorClass::Throttled, failures)), [1, 2, 4]);
        assert_eq!([1, 2].map(|failures| after(ErrorClass::Denied, failures)), [15, 30]);
        assert_eq!(after(ErrorClass::Denied, u32::MAX), 24 * 60);
        assert_eq!(after(ErrorClass::Transient, u32::MAX), 24 * 60);
    }

    #[test]
    fn a_pool_is_put_off_for_three_times_as_long_as_it_has_failed_however_many_webhooks_came_meanwhile() {
        let after = |class, failing| minutes(failed(class, 50, Duration::from_mins(failing)), Cause::Webhook);
        assert_eq!([0, 1, 5].map(|minutes| after(ErrorClass::Transient, minutes)), [1, 3, 15]);
        assert_eq!([0, 5, 60].map(|minutes| after(ErrorClass::Denied, minutes)), [15, 15, 180]);
    }

    #[test]
    fn failures_are_counted_as_long_as_they_are_of_one_class_and_nothing_is_done() {
        let denied = HealthState::Denied;
        for (before, state, worst, done, expected) in [
            (0, HealthState::Ok, Some(ErrorClass::Denied), false, 1),
            (10, denied, Some(ErrorClass::Denied), false, 11),
            (10, denied, Some(ErrorClass::Throttled), false, 1),
            (10, denied, Some(ErrorClass::Denied), true, 1),
            (10, denied, None, false, 0),
            (0, HealthState::Held, Some(ErrorClass::Quota), true, 1),
            (u32::MAX, denied, Some(ErrorClass::Denied), false, u32::MAX),
        ] {
            let counted = failures_in_a_row(before, state, worst, done);
            assert_eq!(counted, expected, "{before} {state:?}, then {worst:?}, done: {done}");
        }
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
