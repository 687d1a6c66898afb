//! What an event puts in motion: at most one message that waits for each pool of the tenant.

use std::{collections::BTreeMap, time::Duration};

use causeway_aws::clock;
use causeway_cache::Cache;
use causeway_core::{
    id::{TenantId, UserPoolId},
    serving::WakingPool,
    timestamp::Timestamp,
    waiting::{Place, Step, Waiting, step},
    wake_up::{Cause, WakeUp},
    webhook::Event,
};
use causeway_queue::{Deduplication, MOST_AT_ONCE, Queue, QueueError, Timed, Timer};
use causeway_store::{Store, StoreError, StoredMark};
use causeway_telemetry::chain;
use futures::future::join_all;

/// How long a tenant's pools are taken to be all that it has, where all of them have runs. Many events come at once,
/// and a pool that is registered and verified within these seconds is looked at because of that.
const POOLS_FRESH_FOR: Duration = Duration::from_secs(5);

/// How many pools are marked side by side.
const SIDE_BY_SIDE: usize = 50;

/// Wakes a tenant's pools up.
pub struct Waker {
    store: Store,
    queue: Queue,
    timer: Timer,
    pools: Cache<TenantId, Vec<WakingPool>>,
}

/// What an event has put in motion.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Woken {
    /// How many pools are looked at for it.
    pub pools: usize,
    /// For how many of these a message was sent; for the others one was on its way.
    pub sent: usize,
}

/// Why an event could not be acted on.
#[derive(Debug, thiserror::Error)]
pub enum NotWoken {
    /// The table could not be asked.
    #[error("the table is not available")]
    Store(#[from] StoreError),
    /// A message could not be sent.
    #[error("the queue is not available")]
    Queue(#[from] QueueError),
    /// Whether its messages were sent is not known, and they were sent once more a moment ago.
    #[error("the event came a moment ago")]
    InDoubt,
}

/// What came of marking a pool.
#[derive(Debug)]
enum Marked {
    /// This message is to be sent.
    Message(Message),
    /// The message of somebody else serves.
    Served,
    /// Nobody knows whether there is a message.
    InDoubt,
}

/// A message for a pool that is marked.
#[derive(Debug)]
struct Message {
    wake_up: WakeUp,
    waiting: Waiting,
}

impl Message {
    fn deduplication(&self) -> Deduplication {
        Deduplication::Mark(self.waiting.since, self.waiting.number())
    }
}

impl Waker {
    /// With the table and the queues.
    pub fn new(store: Store, queue: Queue, timer: Timer) -> Self {
        Self { store, queue, timer, pools: Cache::with_freshness(POOLS_FRESH_FOR) }
    }

    /// Has each of the tenant's pools looked at, by the message that waits for it or by one of its own.
    pub async fn wake_up(&self, tenant: &TenantId, event: &Event) -> Result<Woken, NotWoken> {
        let now = clock::now();
        let pools = self.pools(tenant, now).await?;
        if pools.is_empty() {
            return Ok(Woken::default());
        }
        let marks = self.store.marks(tenant).await?;
        let (mut messages, mut in_doubt, mut failed) = (Vec::new(), false, None);
        for some in steps(&pools, &marks, event, now).chunks(SIDE_BY_SIDE) {
            for marked in join_all(some.iter().map(|(wake_up, step)| self.marked(wake_up, step, &marks))).await {
                match marked {
                    Ok(Marked::Message(message)) => messages.push(message),
                    Ok(Marked::Served) => {}
                    Ok(Marked::InDoubt) => in_doubt = true,
                    Err(error) => failed = Some(error),
                }
            }
        }
        // Where a pool could not be marked, the others' marks have their messages all the same.
        self.send(&messages, now).await?;
        match failed {
            Some(error) => Err(error.into()),
            None if in_doubt => Err(NotWoken::InDoubt),
            None => Ok(Woken { pools: pools.len(), sent: messages.len() }),
        }
    }

    /// The wake-ups of the tenant's pools that have runs, in the order of their IDs. One that can't be read is told and
    /// keeps no other from being woken up.
    async fn pools(&self, tenant: &TenantId, now: Timestamp) -> Result<Vec<WakeUp>, StoreError> {
        let read = || async { self.store.waking_pools(tenant).await.map(|pools| Some(pools.told())) };
        let mut pools = self.pools.get_or_read(tenant, now, read).await?.unwrap_or_default();
        // One that had no runs a moment ago may have some now.
        if pools.is_empty() || !pools.iter().all(WakingPool::is_reconciled) {
            pools = self.pools.read_again(tenant, now, read).await?.unwrap_or_default();
        }
        Ok(pools.iter().filter(|pool| pool.is_reconciled()).map(|pool| pool.wake_up(Cause::Webhook)).collect())
    }

    /// Marks the pool of a message that is about to be sent, unless somebody else did.
    async fn marked(
        &self,
        wake_up: &WakeUp,
        step: &Step,
        marks: &BTreeMap<UserPoolId, StoredMark>,
    ) -> Result<Marked, StoreError> {
        let (tenant, pool) = (&wake_up.tenant_id, &wake_up.user_pool_id);
        let before = marks.get(pool).cloned().unwrap_or_default();
        let message =
            |waiting: &Waiting| Marked::Message(Message { wake_up: wake_up.clone(), waiting: waiting.clone() });
        Ok(match step {
            Step::Again(waiting) => message(waiting),
            Step::AgainLater(waiting) if self.store.mark_again(tenant, pool, &before, waiting).await? => {
                message(waiting)
            }
            Step::AgainLater(_) | Step::InDoubt => Marked::InDoubt,
            Step::Send(waiting) if self.store.mark(tenant, pool, &before, waiting).await? => message(waiting),
            Step::Send(_) | Step::Nothing => Marked::Served,
        })
    }

    /// Sends messages, ten in a call, and takes the marks off whose messages could not be sent: the event comes again.
    async fn send(&self, messages: &[Message], now: Timestamp) -> Result<(), QueueError> {
        let (later, at_once): (Vec<&Message>, Vec<&Message>) =
            messages.iter().partition(|message| message.waiting.due > now);
        let at_once = at_once.chunks(MOST_AT_ONCE).map(|some| self.send_at_once(some));
        let later = later.chunks(MOST_AT_ONCE).map(|some| self.send_later(some));
        let (at_once, later) = futures::join!(join_all(at_once), join_all(later));
        at_once.into_iter().chain(later).collect()
    }

    async fn send_at_once(&self, messages: &[&Message]) -> Result<(), QueueError> {
        let wake_ups: Vec<_> = messages.iter().map(|message| (&message.wake_up, message.deduplication())).collect();
        self.unmarked(messages, self.queue.wake_up_all(&wake_ups).await).await
    }

    async fn send_later(&self, messages: &[&Message]) -> Result<(), QueueError> {
        let timed = messages.iter().map(|message| {
            let Message { wake_up, waiting } = message;
            let deduplication_id = message.deduplication().id(&wake_up.user_pool_id);
            Timed { wake_up: wake_up.clone(), due: waiting.due, deduplication_id }
        });
        let timed: Vec<Timed> = timed.collect();
        self.unmarked(messages, self.timer.set(&timed, clock::now()).await).await
    }

    async fn unmarked(&self, messages: &[&Message], sent: Vec<Result<(), QueueError>>) -> Result<(), QueueError> {
        let mut outcome = Ok(());
        for (Message { wake_up, waiting }, sent) in messages.iter().zip(sent) {
            let Err(error) = sent else { continue };
            outcome = Err(error);
            if let Err(error) = self.store.unmark(&wake_up.tenant_id, &wake_up.user_pool_id, waiting).await {
                // It ends by itself, and this event sends its message again before that.
                let error = chain(&error);
                tracing::warn!(user_pool_id = %wake_up.user_pool_id, error, "a mark was left without its message");
            }
        }
        outcome
    }
}

/// What an event needs for each pool.
fn steps<'a>(
    pools: &'a [WakeUp],
    marks: &BTreeMap<UserPoolId, StoredMark>,
    event: &Event,
    now: Timestamp,
) -> Vec<(&'a WakeUp, Step)> {
    let (of, event) = (u32::try_from(pools.len()).unwrap_or(u32::MAX), event.digest());
    let needed = |(before, wake_up): (u32, &'a WakeUp)| {
        let mark = marks.get(&wake_up.user_pool_id).map(|stored| stored.mark.clone()).unwrap_or_default();
        (wake_up, step(&mark, Place { before, of }, &event, now))
    };
    (0..).zip(pools).map(needed).collect()
}
