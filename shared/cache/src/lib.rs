//! What was looked up a moment ago, so that a warm function makes no call to find it again.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use causeway_core::timestamp::Timestamp;

/// How long what was found is taken for granted: whoever is shut out is out within this time.
pub const FRESH_FOR: Duration = Duration::from_mins(1);
/// How long what was not found is taken to be missing: what is made now is served within this time.
pub const ABSENT_FOR: Duration = Duration::from_secs(1);
/// How often what was found is read again before its time, however often somebody gives cause to.
pub const READ_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How many entries of each kind are kept. All go when there are more: whoever sends made-up IDs must not
/// fill the memory, and an order of use is not worth its code.
const MOST: usize = 10_000;

struct Found<V> {
    value: Arc<V>,
    read_at: Timestamp,
    read_again_at: Option<Timestamp>,
}

/// What is known without a call.
enum Known<V> {
    Found(Arc<V>),
    Absent,
    Nothing,
}

struct Entries<K, V> {
    found: HashMap<K, Found<V>>,
    /// Apart, so that made-up IDs never push out what is there.
    absent: HashMap<K, Timestamp>,
}

/// What a cache can say of a key before anything is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Found before, though it may be time to read it again.
    Found,
    /// Looked for in the last second, and not there.
    Absent,
    /// Never met, or not for a while: it may be made up.
    Stranger,
}

/// A cache of one kind of item.
pub struct Cache<K, V> {
    entries: Mutex<Entries<K, V>>,
    fresh_for: Duration,
}

impl<K: Eq + Hash + Clone, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Eq + Hash + Clone, V> Cache<K, V> {
    /// An empty one, whose entries are good for [`FRESH_FOR`].
    pub fn new() -> Self {
        Self::with_freshness(FRESH_FOR)
    }

    /// An empty one, whose entries are good for so long.
    pub fn with_freshness(fresh_for: Duration) -> Self {
        Self { entries: Mutex::new(Entries { found: HashMap::new(), absent: HashMap::new() }), fresh_for }
    }

    /// What is known of `key`, or else what `read` finds.
    pub async fn get_or_read<E, F>(
        &self,
        key: &K,
        now: Timestamp,
        read: impl FnOnce() -> F,
    ) -> Result<Option<Arc<V>>, E>
    where
        F: Future<Output = Result<Option<V>, E>>,
    {
        match self.known(key, now) {
            Known::Found(value) => Ok(Some(value)),
            Known::Absent => Ok(None),
            // Boxed, as a call to a service is large, and seldom made.
            Known::Nothing => Ok(self.put(key, Box::pin(read()).await?, now, None)),
        }
    }

    /// What `read` finds, though something is known of `key`; that itself, where it was read again less than
    /// a second ago or is known to be missing.
    pub async fn read_again<E, F>(&self, key: &K, now: Timestamp, read: impl FnOnce() -> F) -> Result<Option<Arc<V>>, E>
    where
        F: Future<Output = Result<Option<V>, E>>,
    {
        if self.takes_its_turn(key, now) {
            return Ok(self.put(key, Box::pin(read()).await?, now, Some(now)));
        }
        match self.known(key, now) {
            Known::Found(value) => Ok(Some(value)),
            Known::Absent | Known::Nothing => Ok(None),
        }
    }

    /// What is known of `key`, without a read.
    pub fn standing(&self, key: &K, now: Timestamp) -> Standing {
        if self.entries().found.contains_key(key) {
            return Standing::Found;
        }
        if matches!(self.known(key, now), Known::Absent) { Standing::Absent } else { Standing::Stranger }
    }

    fn entries(&self) -> MutexGuard<'_, Entries<K, V>> {
        // Every change of the entries is whole, so that a panic elsewhere leaves them usable.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, key: &K, now: Timestamp) -> Known<V> {
        let entries = self.entries();
        if let Some(found) = entries.found.get(key).filter(|found| is_within(self.fresh_for, found.read_at, now)) {
            return Known::Found(Arc::clone(&found.value));
        }
        let is_absent = entries.absent.get(key).is_some_and(|read_at| is_within(ABSENT_FOR, *read_at, now));
        if is_absent { Known::Absent } else { Known::Nothing }
    }

    /// Whether `key` may be read again; the turn is taken before the read, so that of many at once one does.
    fn takes_its_turn(&self, key: &K, now: Timestamp) -> bool {
        let mut entries = self.entries();
        let Some(found) = entries.found.get_mut(key) else {
            return false;
        };
        if found.read_again_at.is_some_and(|at| is_within(READ_AGAIN_AFTER, at, now)) {
            return false;
        }
        found.read_again_at = Some(now);
        true
    }

    fn put(&self, key: &K, value: Option<V>, now: Timestamp, read_again_at: Option<Timestamp>) -> Option<Arc<V>> {
        let mut entries = self.entries();
        let Some(value) = value.map(Arc::new) else {
            entries.found.remove(key);
            make_room(&mut entries.absent);
            entries.absent.insert(key.clone(), now);
            return None;
        };
        entries.absent.remove(key);
        make_room(&mut entries.found);
        let found = Found { value: Arc::clone(&value), read_at: now, read_again_at };
        entries.found.insert(key.clone(), found);
        Some(value)
    }
}

fn make_room<K, V>(entries: &mut HashMap<K, V>) {
    if entries.len() >= MOST {
        entries.clear();
    }
}

/// Whether `at` lies less than `duration` before `now`. A clock that was set back makes an entry old.
fn is_within(duration: Duration, at: Timestamp, now: Timestamp) -> bool {
    at <= now && now.since(at) < duration
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        cell::Cell,
        convert::Infallible,
        future::{Ready, ready},
    };

    fn second(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_000_000 + second)
    }

    struct Source {
        value: Cell<Option<u32>>,
        reads: Cell<u32>,
    }

    impl Source {
        fn new(value: Option<u32>) -> Self {
            Self { value: Cell::new(value), reads: Cell::new(0) }
        }

        fn read(&self) -> Ready<Result<Option<u32>, Infallible>> {
            self.reads.set(self.reads.get() + 1);
            ready(Ok(self.value.get()))
        }
    }

    async fn get(cache: &Cache<u32, u32>, source: &Source, key: u32, at: Timestamp) -> Option<u32> {
        cache.get_or_read(&key, at, || source.read()).await.unwrap().map(|value| *value)
    }

    async fn again(cache: &Cache<u32, u32>, source: &Source, at: Timestamp) -> Option<u32> {
        cache.read_again(&1, at, || source.read()).await.unwrap().map(|value| *value)
    }

    #[tokio::test]
    async fn what_was_found_is_read_once_in_60_seconds() {
        let (cache, source) = (Cache::new(), Source::new(Some(7)));
        assert_eq!(get(&cache, &source, 1, second(0)).await, Some(7));
        source.value.set(None);
        assert_eq!(get(&cache, &source, 1, second(59)).await, Some(7));
        assert_eq!(source.reads.get(), 1);
        assert_eq!(get(&cache, &source, 1, second(60)).await, None);
        assert_eq!(get(&cache, &source, 1, second(60)).await, None);
        assert_eq!(source.reads.get(), 2);
    }

    #[tokio::test]
    async fn what_was_missing_is_found_a_second_later() {
        let (cache, source) = (Cache::new(), Source::new(None));
        assert_eq!(get(&cache, &source, 1, second(0)).await, None);
        source.value.set(Some(7));
        assert_eq!(get(&cache, &source, 1, second(0)).await, None);
        assert_eq!(get(&cache, &source, 1, second(1)).await, Some(7));
    }

    #[tokio::test]
    async fn an_entry_is_read_again_at_most_once_a_second() {
        let (cache, source) = (Cache::new(), Source::new(Some(7)));
        assert_eq!(again(&cache, &source, second(0)).await, None, "nothing is known that could be read again");
        get(&cache, &source, 1, second(0)).await;
        source.value.set(Some(8));
        assert_eq!(again(&cache, &source, second(0)).await, Some(8));
        source.value.set(Some(9));
        for _ in 0..1000 {
            assert_eq!(again(&cache, &source, second(0)).await, Some(8));
        }
        assert_eq!(source.reads.get(), 2);
        assert_eq!(again(&cache, &source, second(1)).await, Some(9));
    }

    #[tokio::test]
    async fn made_up_keys_neither_fill_the_memory_nor_push_out_what_is_there() {
        let (cache, source, nothing) = (Cache::new(), Source::new(Some(7)), Source::new(None));
        get(&cache, &source, 0, second(0)).await;
        for key in 1..25_000 {
            get(&cache, &nothing, key, second(0)).await;
        }
        assert!(cache.entries().absent.len() <= MOST);
        assert_eq!(get(&cache, &source, 0, second(1)).await, Some(7));
        assert_eq!(source.reads.get(), 1);
        for key in 0..25_000 {
            get(&cache, &source, key, second(2)).await;
        }
        assert!(cache.entries().found.len() <= MOST);
    }

    #[tokio::test]
    async fn a_clock_that_was_set_back_makes_no_entry_last_longer() {
        let (cache, source) = (Cache::new(), Source::new(Some(7)));
        get(&cache, &source, 1, second(3600)).await;
        source.value.set(None);
        assert_eq!(get(&cache, &source, 1, second(0)).await, None);
    }
}
