//! What a tick is measured by.

use std::{collections::BTreeMap, time::Duration};

use causeway_core::{timestamp::Timestamp, trouble::Trouble};
use causeway_store::Unwell;
use causeway_telemetry::{Measurements, Metric};

/// What is counted for a message of the timer's queue that is no wake-up.
pub fn of_malformed() -> Measurements {
    let mut metrics = Measurements::default();
    metrics.count(Metric::WakeUpsMalformed);
    metrics
}

/// What a tick did with the pools that were due.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ticked {
    /// How many were woken up.
    pub woken: u64,
    /// How many could not be, or are due still.
    pub failed: u64,
    /// How many of these have an item in the index that can't be read.
    pub unreadable: u64,
    /// When the pool became due that had been due for longest.
    pub longest_due: Option<Timestamp>,
}

impl Ticked {
    /// Adds what was done with other pools.
    pub fn add(&mut self, other: Self) {
        self.woken += other.woken;
        self.failed += other.failed;
        self.unreadable += other.unreadable;
        self.longest_due = self.longest_due.into_iter().chain(other.longest_due).min();
    }
}

/// What a tick saw.
#[derive(Debug)]
pub struct Seen {
    /// What it did, up to its end or to where it failed.
    pub ticked: Ticked,
    /// Whether it came to its end, and could read all that was due.
    pub is_whole: bool,
    /// The pools that are not well, by their trouble; without those that could not be asked for.
    pub unwell: BTreeMap<Trouble, Unwell>,
}

impl Seen {
    /// How many pools are not well, as far as that is known.
    pub fn unwell(&self) -> u64 {
        self.unwell.values().map(|unwell| unwell.count).sum()
    }

    /// Adds what the tick at `now` saw to its calls. `interval` is how often a pool that is well is looked at.
    pub fn measure(&self, metrics: &mut Measurements, interval: Duration, now: Timestamp) {
        metrics.add(Metric::PoolsWoken, self.ticked.woken);
        metrics.add(Metric::PoolsNotWoken, self.ticked.failed);
        for (trouble, unwell) in &self.unwell {
            if let Some(metric) = Metric::of_pools(*trouble) {
                metrics.add(metric, unwell.count);
            }
        }
        if let Some(age) = self.oldest_sync_age(interval, now) {
            metrics.add(Metric::OldestSyncAge, age.as_secs());
        }
    }

    /// For how long the pool has not been brought in line that has waited longest, of those that are nobody else's to
    /// mend: one interval and for how long it is due, or for how long it has failed. A run that fails moves the due
    /// time of its pool on, so that its failures alone tell of it, or that no run has ended for it yet. None where something that counts is not known: a
    /// service level that nobody knows is not held.
    fn oldest_sync_age(&self, interval: Duration, now: Timestamp) -> Option<Duration> {
        if !self.is_whole {
            return None;
        }
        let mut age = interval + self.ticked.longest_due.map_or(Duration::ZERO, |due| now.since(due));
        for trouble in Trouble::ALL.iter().filter(|trouble| trouble.is_nobody_elses_to_mend()) {
            age = age.max(self.unwell.get(trouble)?.since.map_or(Duration::ZERO, |since| now.since(since)));
        }
        Some(age)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const INTERVAL: Duration = Duration::from_mins(15);

    fn now() -> Timestamp {
        Timestamp::from_seconds(1_000_000)
    }

    fn ago(seconds: u64) -> Timestamp {
        now().minus(Duration::from_secs(seconds))
    }

    /// A tick that had something due for so many seconds, and saw one pool in each of these troubles, since so many
    /// seconds ago.
    fn seen(longest_due: Option<u64>, since: &[(Trouble, u64)]) -> Seen {
        let ticked = Ticked { longest_due: longest_due.map(ago), ..Ticked::default() };
        let unwell = Trouble::ALL.map(|trouble| {
            let since = since.iter().find(|(other, _)| *other == trouble).map(|(_, seconds)| ago(*seconds));
            (trouble, Unwell { count: u64::from(since.is_some()), since })
        });
        let unwell = unwell.into();
        Seen { ticked, is_whole: true, unwell }
    }

    #[test]
    fn the_oldest_sync_is_that_of_the_pool_that_is_due_or_fails_for_longest_and_is_nobody_elses_to_mend() {
        const HOURS: u64 = 3600;
        let cases = [
            ("nothing is due and all are well", None, vec![], 900),
            ("a pool is due for two minutes", Some(120), vec![], 1020),
            ("one has just failed", None, vec![(Trouble::Transient, 60)], 900),
            ("one has failed for hours", None, vec![(Trouble::Transient, 20 * HOURS)], 20 * HOURS),
            ("or was throttled", None, vec![(Trouble::Throttled, 2 * HOURS)], 2 * HOURS),
            ("or met others' writes", None, vec![(Trouble::Conflict, HOURS)], HOURS),
            ("or a mistake", None, vec![(Trouble::Bug, 30 * HOURS)], 30 * HOURS),
            ("or never ran", None, vec![(Trouble::NeverRan, 3 * HOURS)], 3 * HOURS),
            ("one due for longer than another fails", Some(HOURS), vec![(Trouble::Bug, 2000)], HOURS + 900),
            ("the longest of several", None, vec![(Trouble::Bug, 2000), (Trouble::Transient, 3000)], 3000),
            (
                "what others have to mend is for them",
                None,
                vec![
                    (Trouble::Denied, 100 * HOURS),
                    (Trouble::Quota, 100 * HOURS),
                    (Trouble::Rejected, 100 * HOURS),
                    (Trouble::Held, 100 * HOURS),
                    (Trouble::AwaitsAdmission, 100 * HOURS),
                    (Trouble::Pending, 100 * HOURS),
                ],
                900,
            ),
        ];
        for (case, longest_due, since, age) in cases {
            let found = seen(longest_due, &since).oldest_sync_age(INTERVAL, now());
            assert_eq!(found, Some(Duration::from_secs(age)), "{case}");
        }
    }

    #[test]
    fn a_tick_that_did_not_see_all_that_counts_does_not_say_how_old_the_oldest_sync_is() {
        assert_eq!(Seen { is_whole: false, ..seen(None, &[]) }.oldest_sync_age(INTERVAL, now()), None);
        for trouble in Trouble::ALL {
            let mut seen = seen(None, &[]);
            seen.unwell.remove(&trouble);
            let is_known = seen.oldest_sync_age(INTERVAL, now()).is_some();
            assert_eq!(is_known, !trouble.is_nobody_elses_to_mend(), "{trouble:?}");
        }
    }

    #[test]
    fn a_tick_is_measured_by_what_it_woke_up_and_by_every_state_that_it_could_count_none_of_them_mixed_up() {
        let mut seen = seen(Some(30), &[]);
        (seen.ticked.woken, seen.ticked.failed) = (40, 2);
        for (count, unwell) in (1..).zip(seen.unwell.values_mut()) {
            *unwell = Unwell { count, since: None };
        }
        let measured = |seen: &Seen| -> Value {
            let mut metrics = Measurements::default();
            seen.measure(&mut metrics, INTERVAL, now());
            serde_json::from_str(&metrics.to_string()).unwrap()
        };
        let all = json!({
            "PoolsWoken": 40, "PoolsNotWoken": 2, "OldestSyncAge": 930, "PoolsBug": 1, "PoolsHeld": 2,
            "PoolsTransient": 3, "PoolsThrottled": 4, "PoolsConflict": 5, "PoolsNeverRan": 6,
            "PoolsAwaitingAdmission": 7, "PoolsDenied": 8, "PoolsRejected": 9, "PoolsQuota": 10,
        });
        assert_eq!((measured(&seen), seen.unwell()), (all.clone(), 66));
        seen.unwell.remove(&Trouble::Denied);
        let mut without_denied = all;
        without_denied.as_object_mut().unwrap().remove("PoolsDenied");
        assert_eq!((measured(&seen), seen.unwell()), (without_denied, 58));
    }
}
