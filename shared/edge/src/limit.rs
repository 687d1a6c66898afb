//! How often something may be done, for each key apart: what protects the services behind the bridge from who
//! asks too much. Kept in the memory of one function instance, so that it costs no call.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
};

use causeway_core::timestamp::Timestamp;

/// How many keys are remembered. All are forgotten when there are more: that gives who makes up so many keys
/// one more burst, and not an endless memory.
const MOST: usize = 10_000;
/// A turn, in the unit that turns are counted in: with thousandths, a turn that grows back by the
/// millisecond needs no fractions.
const TURN: i64 = 1000;

/// How many turns there are: a bucket that is full at first and grows back.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// How many may be taken at once.
    pub burst: u32,
    /// How many grow back in a second.
    pub per_second: u32,
}

/// The turns that a key has left, in thousandths, at a time; below zero it owes some.
#[derive(Debug, Clone, Copy)]
struct Left {
    thousandths: i64,
    at: Timestamp,
}

/// Turns for each key.
#[derive(Debug)]
pub struct Limit<K> {
    rate: Rate,
    left: Mutex<HashMap<K, Left>>,
}

impl<K: Eq + Hash + Clone> Limit<K> {
    /// A limit that nobody has used yet.
    pub fn new(rate: Rate) -> Self {
        Self { rate, left: Mutex::new(HashMap::new()) }
    }

    /// Takes a turn of `key`; `false` where none is left.
    pub fn take(&self, key: &K, now: Timestamp) -> bool {
        self.take_many(key, 1, now)
    }

    /// Takes so many turns of `key` for one thing that can't be done in parts; `false` where none is left. What is taken
    /// beyond those that are left is owed: it grows back before there is another one.
    pub fn take_many(&self, key: &K, number: u32, now: Timestamp) -> bool {
        let mut all = self.left();
        let left = all.get(key).map_or(self.full(), |left| self.grown(*left, now));
        let taken = (left >= TURN).then(|| left - i64::from(number) * TURN);
        if all.len() >= MOST && !all.contains_key(key) {
            all.clear();
        }
        all.insert(key.clone(), Left { thousandths: taken.unwrap_or(left), at: now });
        taken.is_some()
    }

    /// Gives a turn back that was taken for nothing bad.
    pub fn give_back(&self, key: &K) {
        self.give_back_many(key, 1);
    }

    /// Gives so many turns back.
    pub fn give_back_many(&self, key: &K, number: u32) {
        let full = self.full();
        if let Some(left) = self.left().get_mut(key) {
            left.thousandths = full.min(left.thousandths.saturating_add(i64::from(number) * TURN));
        }
    }

    fn full(&self) -> i64 {
        i64::from(self.rate.burst) * TURN
    }

    fn grown(&self, left: Left, now: Timestamp) -> i64 {
        // A clock that was set back lets nothing grow.
        let millis = if now > left.at { i64::try_from(now.since(left.at).as_millis()).unwrap_or(i64::MAX) } else { 0 };
        let grown = millis.saturating_mul(i64::from(self.rate.per_second));
        self.full().min(left.thousandths.saturating_add(grown))
    }

    fn left(&self) -> MutexGuard<'_, HashMap<K, Left>> {
        // Every change of the map is whole, so that a panic elsewhere leaves it usable.
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { burst: 10, per_second: 2 };

    fn millis(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + millis)
    }

    fn taken(limit: &Limit<u32>, key: u32, at: Timestamp) -> usize {
        (0..1000).filter(|_| limit.take(&key, at)).count()
    }

    #[test]
    fn a_burst_passes_and_after_it_what_grows_back() {
        let limit = Limit::new(RATE);
        assert_eq!(taken(&limit, 1, millis(0)), 10);
        assert_eq!(taken(&limit, 1, millis(499)), 0);
        assert_eq!(taken(&limit, 1, millis(500)), 1);
        assert_eq!(taken(&limit, 1, millis(10_000)), 10, "more than a burst is never saved up");
    }

    #[test]
    fn one_key_takes_nothing_from_another() {
        let limit = Limit::new(RATE);
        taken(&limit, 1, millis(0));
        assert_eq!(taken(&limit, 2, millis(0)), 10);
    }

    #[test]
    fn turns_that_are_given_back_never_run_out() {
        let limit = Limit::new(RATE);
        for _ in 0..1000 {
            assert!(limit.take(&1, millis(0)));
            limit.give_back(&1);
        }
        assert_eq!(taken(&limit, 1, millis(0)), 10);
    }

    #[test]
    fn what_is_taken_beyond_what_is_left_is_owed_and_given_back_whole() {
        let limit = Limit::new(RATE);
        assert!(limit.take_many(&1, 110, millis(0)));
        // A hundred are owed, of which two grow back in a second.
        assert!(!limit.take(&1, millis(50_000)));
        assert!(limit.take(&1, millis(50_500)));
        for at in 0..1_000 {
            assert!(limit.take_many(&2, 110, millis(at)));
            limit.give_back_many(&2, 110);
        }
        assert_eq!(taken(&limit, 2, millis(1_000)), 10);
        assert!(!limit.take_many(&2, 1, millis(1_001)), "none is left");
        assert_eq!(taken(&limit, 2, millis(1_500)), 1, "what was refused is not owed");
    }

    #[test]
    fn made_up_keys_do_not_fill_the_memory_and_a_clock_set_back_gives_no_turns() {
        let limit = Limit::new(RATE);
        for key in 0..25_000 {
            limit.take(&key, millis(0));
        }
        assert!(limit.left().len() <= MOST);
        taken(&limit, 1, millis(1_000));
        assert_eq!(taken(&limit, 1, millis(-1_000)), 0);
    }
}
