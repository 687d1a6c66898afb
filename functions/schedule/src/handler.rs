//! One tick: a wake-up for each pool that is due, whose due time then moves on.

use std::time::Duration;

use causeway_aws::clock;
use causeway_core::{
    timestamp::Timestamp,
    wake_up::{Cause, WakeUp},
};
use causeway_queue::{Deduplication, Queue};
use causeway_store::{DUE_SHARDS, DuePool, Store, StoreError};
use causeway_telemetry::chain;
use futures::future::join_all;
use lambda_runtime::{Context, Error};
use serde_json::{Value, json};

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
    /// Wakes up everything that is due, shard by shard, page by page.
    pub async fn handle(&self, context: Context) -> Result<Value, Error> {
        let now = clock::now();
        let deadline = i64::try_from(context.deadline).map_or(now, Timestamp::from_millis).minus(MARGIN);
        let (mut woken, mut failed) = (0_u32, 0_u32);
        for shard in 0..DUE_SHARDS {
            let mut after: Option<DuePool> = None;
            loop {
                let page = self.store.due_pools(shard, now, PAGE, after.as_ref()).await?;
                for sent in join_all(page.items.iter().map(|due| self.wake_up(due))).await {
                    if sent { woken += 1 } else { failed += 1 }
                }
                after = page.items.last().cloned();
                if page.next.is_none() || after.is_none() || clock::now() >= deadline {
                    break;
                }
            }
        }
        tracing::info!(request_id = context.request_id, woken, failed, "ticked");
        Ok(json!({ "woken": woken, "failed": failed }))
    }

    /// Wakes up one pool. Its due time moves only after the wake-up is on the queue, so that none is lost.
    async fn wake_up(&self, due: &DuePool) -> bool {
        let wake_up =
            WakeUp { tenant_id: due.tenant_id.clone(), user_pool_id: due.user_pool_id.clone(), cause: Cause::Schedule };
        if let Err(error) = self.queue.wake_up(&wake_up, Deduplication::Due(due.due_at)).await {
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
