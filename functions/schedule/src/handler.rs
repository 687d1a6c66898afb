//! One tick: a wake-up for each pool that is due, whose due time then moves on.

use std::time::Duration;

use causeway_aws::clock;
use causeway_core::{
    timestamp::Timestamp,
    wake_up::{Cause, WakeUp},
};
use causeway_queue::{Deduplication, MOST_AT_ONCE, Queue, QueueError};
use causeway_store::{DUE_SHARDS, DuePool, Store, StoreError, Unwell};
use causeway_telemetry::{METRICS, chain, current_trace_id, measured};
use futures::future::join_all;
use lambda_runtime::{Context, Error};
use serde_json::{Value, json};

use crate::measure::{Seen, Ticked, UNWELL};

/// How many pools are read at a time, and woken up side by side.
const PAGE: i32 = 50;
/// How long before the function's end a tick stops: what it leaves is due at the next.
const MARGIN: Duration = Duration::from_secs(5);

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
    /// Wakes up everything that is due, and logs it in one line, also where it failed on the way.
    pub async fn handle(&self, context: Context) -> Result<Value, Error> {
        let now = clock::now();
        let deadline = i64::try_from(context.deadline).map_or(now, Timestamp::from_millis).minus(MARGIN);
        let (((ticked, ended), unwell), mut metrics) =
            measured(async { (Box::pin(self.tick(now, deadline)).await, self.unwell().await) }).await;
        let seen = Seen { ticked, is_whole: ended.is_ok() && ticked.unreadable == 0, unwell };
        seen.measure(&mut metrics, self.interval, now);
        let (Ticked { woken, failed, .. }, unwell) = (ticked, seen.unwell());
        let (request_id, trace_id) = (context.request_id, current_trace_id());
        if let Err(error) = ended {
            let cause = chain(&error);
            tracing::error!(
                target: METRICS, request_id, trace_id, woken, failed, unwell, error = cause, %metrics, "the tick failed"
            );
            return Err(error.into());
        }
        tracing::info!(target: METRICS, request_id, trace_id, woken, failed, unwell, %metrics, "ticked");
        Ok(json!({ "woken": woken, "failed": failed }))
    }

    /// Shard by shard, page by page, up to what fails.
    async fn tick(&self, now: Timestamp, deadline: Timestamp) -> (Ticked, Result<(), StoreError>) {
        let mut ticked = Ticked::default();
        for shard in 0..DUE_SHARDS {
            let mut after = None;
            loop {
                let page = match self.store.due_pools(shard, now, PAGE, after).await {
                    Ok(page) => page,
                    Err(error) => return (ticked, Err(error)),
                };
                for error in &page.unreadable {
                    tracing::error!(error = chain(error), "a due user pool was not woken up");
                    ticked.failed += 1;
                    ticked.unreadable += 1;
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
        (ticked, Ok(()))
    }

    /// The pools that are not well, by state as in [`UNWELL`]. A state that can't be asked for is left out: pools are
    /// woken up all the same.
    async fn unwell(&self) -> [Option<Unwell>; 8] {
        let asked = UNWELL.map(async |(state, _)| match self.store.unwell(state).await {
            Ok(unwell) => Some(unwell),
            Err(error) => {
                tracing::warn!(?state, error = chain(&error), "the pools of a state were not counted");
                None
            }
        });
        let mut known = join_all(asked).await.into_iter();
        UNWELL.map(|_| known.next().flatten())
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

fn wake_up(due: &DuePool) -> WakeUp {
    WakeUp { tenant_id: due.tenant_id.clone(), user_pool_id: due.user_pool_id.clone(), cause: Cause::Schedule }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
