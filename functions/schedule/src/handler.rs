//! One tick: a wake-up for each pool that is due, whose due time then moves on. Whatever fails or lags keeps nothing else
//! waiting: each shard is looked through beside the others, and the pools that are not well are counted meanwhile.

use std::{collections::BTreeMap, time::Duration};

use causeway_aws::clock;
use causeway_core::{
    timestamp::Timestamp,
    trouble::Trouble,
    wake_up::{Cause, WakeUp},
};
use causeway_queue::{Deduplication, MOST_AT_ONCE, Queue, QueueError};
use causeway_store::{DUE_SHARDS, DueCursor, DuePool, Store, StoreError, Unwell};
use causeway_telemetry::{METRICS, Metric, chain, current_trace_id, measured};
use futures::future::join_all;
use lambda_runtime::{Context, Error};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use crate::measure::{Seen, Ticked};

/// How many pools of a shard are read at a time.
const PAGE: i32 = 50;
/// How long before the function's end a tick stops: what it leaves is due at the next.
const MARGIN: Duration = Duration::from_secs(5);
/// How long counting the pools of a state of health may take.
const COUNTED_WITHIN: Duration = Duration::from_secs(20);

/// What a tick needs.
pub struct Schedule {
    /// The table.
    pub store: Store,
    /// The queue.
    pub queue: Queue,
    /// How far a due time moves on. The run that follows sets its own.
    pub interval: Duration,
}

/// A tick that did not come to the end of a shard.
#[derive(Debug, thiserror::Error)]
pub enum Unfinished {
    /// The shard could not be read.
    #[error("the pools of shard {shard} that are due could not be read")]
    Failed {
        /// Which shard.
        shard: u8,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// It has more than there was time for, or the table did not answer in time.
    #[error("time was too short for the pools of shard {shard} that are due")]
    OutOfTime {
        /// Which shard.
        shard: u8,
        /// Whether those were read that are due for longest.
        is_seen: bool,
    },
}

impl Schedule {
    /// Wakes up everything that is due, and logs it in one line, also where it failed on the way.
    pub async fn handle(&self, context: Context) -> Result<Value, Error> {
        let now = clock::now();
        let deadline = i64::try_from(context.deadline).map_or(now, Timestamp::from_millis).minus(MARGIN);
        let time = deadline.since(now);
        let (((ticked, unfinished), unwell), mut metrics) =
            measured(async { futures::join!(Box::pin(self.tick(now, time)), self.unwell(time)) }).await;
        let failed = unfinished.iter().find(|shard| matches!(shard, Unfinished::Failed { .. }));
        let is_seen = !unfinished.iter().any(|shard| matches!(shard, Unfinished::OutOfTime { is_seen: false, .. }));
        let seen = Seen { ticked, is_whole: failed.is_none() && is_seen && ticked.unreadable == 0, unwell };
        seen.measure(&mut metrics, self.interval, now);
        for shard in &unfinished {
            tracing::error!(error = chain(shard), "a tick did not come to the end of a shard");
        }
        let (request_id, trace_id) = (context.request_id, current_trace_id());
        let (Ticked { woken, failed: not_woken, .. }, unwell) = (ticked, seen.unwell());
        if let Some(error) = failed {
            let error = chain(error);
            tracing::error!(
                target: METRICS, request_id, trace_id, woken, failed = not_woken, unwell, error, %metrics,
                "the tick failed"
            );
            return Err(error.into());
        }
        tracing::info!(target: METRICS, request_id, trace_id, woken, failed = not_woken, unwell, %metrics, "ticked");
        Ok(json!({ "woken": woken, "failed": not_woken }))
    }

    /// All shards side by side, so that none waits for another, each as far as time allows.
    async fn tick(&self, now: Timestamp, time: Duration) -> (Ticked, Vec<Unfinished>) {
        let end = Instant::now() + time;
        let shards = join_all((0..DUE_SHARDS).map(|shard| self.look_through(shard, now, end))).await;
        let (mut all, mut unfinished) = (Ticked::default(), Vec::new());
        for (ticked, ended) in shards {
            all.add(ticked);
            unfinished.extend(ended.err());
        }
        (all, unfinished)
    }

    /// Wakes up what is due of one shard, page by page, those that are due for longest first.
    async fn look_through(&self, shard: u8, now: Timestamp, end: Instant) -> (Ticked, Result<(), Unfinished>) {
        let (mut ticked, mut after, mut is_seen) = (Ticked::default(), None, false);
        while Instant::now() < end {
            after = match timeout_at(end, self.page(shard, now, after, &mut ticked)).await {
                Ok(Ok(None)) => return (ticked, Ok(())),
                Ok(Ok(next)) => next,
                Ok(Err(source)) => return (ticked, Err(Unfinished::Failed { shard, source })),
                Err(_) => break,
            };
            is_seen = true;
        }
        (ticked, Err(Unfinished::OutOfTime { shard, is_seen }))
    }

    /// One page of a shard, ten pools after the other. Gives where the next one begins.
    async fn page(
        &self,
        shard: u8,
        now: Timestamp,
        after: Option<DueCursor>,
        ticked: &mut Ticked,
    ) -> Result<Option<DueCursor>, StoreError> {
        let page = self.store.due_pools(shard, now, PAGE, after).await?;
        for error in &page.unreadable {
            tracing::error!(error = chain(error), "a due user pool was not woken up");
            ticked.failed += 1;
            ticked.unreadable += 1;
        }
        ticked.longest_due = ticked.longest_due.into_iter().chain(page.pools.first().map(|due| due.due_at)).min();
        for due in page.pools.chunks(MOST_AT_ONCE) {
            for sent in self.wake_up(due).await {
                if sent { ticked.woken += 1 } else { ticked.failed += 1 }
            }
        }
        Ok(page.next)
    }

    /// The pools that are not well, by their trouble, of those that are counted. One that can't be asked for, or not in time,
    /// is left out: pools are woken up all the same.
    async fn unwell(&self, time: Duration) -> BTreeMap<Trouble, Unwell> {
        let end = Instant::now() + time.min(COUNTED_WITHIN);
        let counted = Trouble::ALL.into_iter().filter(|trouble| Metric::of_pools(*trouble).is_some());
        let asked = counted.map(async |trouble| {
            let late = match timeout_at(end, self.store.unwell(trouble)).await {
                Ok(Ok(unwell)) => return Some((trouble, unwell)),
                Ok(Err(error)) => chain(&error),
                Err(late) => chain(&late),
            };
            tracing::warn!(state = trouble.as_str(), error = late, "the pools of a state were not counted");
            None
        });
        join_all(asked).await.into_iter().flatten().collect()
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
