//! One tick: a wake-up for each pool that is due, whose due time then moves on.

use std::time::Duration;

use causeway_aws::clock;
use causeway_core::{
    health::HealthState,
    timestamp::Timestamp,
    wake_up::{Cause, WakeUp},
};
use causeway_queue::{Deduplication, MOST_AT_ONCE, Queue, QueueError};
use causeway_store::{DUE_SHARDS, DuePool, Store, StoreError};
use causeway_telemetry::{METRICS, Metric, chain, current_trace_id, measured};
use futures::future::join_all;
use lambda_runtime::{Context, Error};
use serde_json::{Value, json};

/// How many pools are read at a time, and woken up side by side.
const PAGE: i32 = 50;
/// How long before the function's end a tick stops: what it leaves is due at the next.
const MARGIN: Duration = Duration::from_secs(5);

/// The states of health in which pools are counted.
const UNWELL: [(HealthState, Metric); 8] = [
    (HealthState::Transient, Metric::PoolsTransient),
    (HealthState::Throttled, Metric::PoolsThrottled),
    (HealthState::Conflict, Metric::PoolsConflict),
    (HealthState::Denied, Metric::PoolsDenied),
    (HealthState::Quota, Metric::PoolsQuota),
    (HealthState::Rejected, Metric::PoolsRejected),
    (HealthState::Held, Metric::PoolsHeld),
    (HealthState::Bug, Metric::PoolsBug),
];

/// What a tick needs.
pub struct Schedule {
    /// The table.
    pub store: Store,
    /// The queue.
    pub queue: Queue,
    /// How far a due time moves on. The run that follows sets its own.
    pub interval: Duration,
}

impl Schedule {
    /// Wakes up everything that is due, and logs it in one line.
    pub async fn handle(&self, context: Context) -> Result<Value, Error> {
        let now = clock::now();
        let deadline = i64::try_from(context.deadline).map_or(now, Timestamp::from_millis).minus(MARGIN);
        let (ticked, mut metrics) = measured(async {
            let ticked = self.tick(now, deadline).await?;
            Ok::<_, StoreError>((ticked, self.unwell().await))
        })
        .await;
        let (Ticked { woken, failed, longest_due }, unwell) = ticked?;
        metrics.add(Metric::PoolsWoken, woken);
        metrics.add(Metric::PoolsNotWoken, failed);
        metrics.add(Metric::OldestSyncAge, self.oldest_sync_age(longest_due, now).as_secs());
        for (metric, count) in &unwell {
            metrics.add(*metric, *count);
        }
        let unwell: u64 = unwell.iter().map(|(_, count)| count).sum();
        let (request_id, trace_id) = (context.request_id, current_trace_id());
        tracing::info!(target: METRICS, request_id, trace_id, woken, failed, unwell, %metrics, "ticked");
        Ok(json!({ "woken": woken, "failed": failed }))
    }

    /// Shard by shard, page by page.
    async fn tick(&self, now: Timestamp, deadline: Timestamp) -> Result<Ticked, StoreError> {
        let mut ticked = Ticked::default();
        for shard in 0..DUE_SHARDS {
            let mut after = None;
            loop {
                let page = self.store.due_pools(shard, now, PAGE, after).await?;
                for error in &page.unreadable {
                    tracing::error!(error = chain(error), "a due user pool was not woken up");
                    ticked.failed += 1;
                }
                ticked.longest_due =
                    ticked.longest_due.into_iter().chain(page.pools.first().map(|due| due.due_at)).min();
                for sent in join_all(page.pools.chunks(MOST_AT_ONCE).map(|due| self.wake_up(due))).await.concat() {
                    if sent { ticked.woken += 1 } else { ticked.failed += 1 }
                }
                after = page.next;
                if after.is_none() || clock::now() >= deadline {
                    break;
                }
            }
        }
        Ok(ticked)
    }

    /// How many pools are not well, by state. A state that can't be counted is left out: pools are woken up all the
    /// same.
    async fn unwell(&self) -> Vec<(Metric, u64)> {
        let counts = join_all(UNWELL.map(async |(state, _)| self.store.count_unwell(state).await)).await;
        let mut known = Vec::new();
        for ((state, metric), count) in UNWELL.into_iter().zip(counts) {
            match count {
                Ok(count) => known.push((metric, count)),
                Err(error) => tracing::warn!(?state, error = chain(&error), "the pools of a state were not counted"),
            }
        }
        known
    }

    /// For how long the pool that is due longest has not been looked at: one interval, and since it became due. What
    /// was woken up and waits on the queue is not due any more: the age of the queue's messages tells of it.
    fn oldest_sync_age(&self, longest_due: Option<Timestamp>, now: Timestamp) -> Duration {
        self.interval + longest_due.map_or(Duration::ZERO, |due| now.since(due))
    }

    /// Wakes up to ten pools up, and says of each whether it was.
    async fn wake_up(&self, due: &[DuePool]) -> Vec<bool> {
        let wake_ups: Vec<WakeUp> = due.iter().map(wake_up).collect();
        let messages: Vec<_> = wake_ups.iter().zip(due.iter().map(|due| Deduplication::Due(due.due_at))).collect();
        let sent = self.queue.wake_up_all(&messages).await;
        join_all(due.iter().zip(sent).map(|(due, sent)| self.move_on(due, sent))).await
    }

    /// Moves the due time of a pool on, but only after its wake-up is on the queue, so that none is lost.
    async fn move_on(&self, due: &DuePool, sent: Result<(), QueueError>) -> bool {
        if let Err(error) = sent {
            tracing::error!(user_pool_id = %due.user_pool_id, error = chain(&error), "a due user pool was not woken up");
            return false;
        }
        let [random] = clock::random::<1>();
        let jitter = 0.9 + 0.2 * f64::from(random) / 255.0;
        let moved: Result<(), StoreError> =
            self.store.move_due(due, clock::now().plus(self.interval.mul_f64(jitter))).await;
        match moved {
            // A run was faster and has set its own due time.
            Err(error) if error.is_conflict() => true,
            Err(error) => {
                tracing::error!(user_pool_id = %due.user_pool_id, error = chain(&error), "a due time was not moved");
                false
            }
            Ok(()) => true,
        }
    }
}

/// What a tick did.
#[derive(Debug, Default)]
struct Ticked {
    woken: u64,
    failed: u64,
    /// When the pool became due that had been due for longest.
    longest_due: Option<Timestamp>,
}

fn wake_up(due: &DuePool) -> WakeUp {
    WakeUp { tenant_id: due.tenant_id.clone(), user_pool_id: due.user_pool_id.clone(), cause: Cause::Schedule }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
