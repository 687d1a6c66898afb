//! `schedule`: wakes up the user pools that are due, by the table at each tick, or by a message whose time has come.

mod handler;
mod measure;
mod timer;

use std::time::Duration;

use causeway_aws::{configuration, parsed_setting, setting};
use causeway_queue::Queue;
use causeway_store::Store;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

use crate::handler::Schedule;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    causeway_telemetry::start();
    let configuration = configuration()?;
    let schedule = Schedule {
        store: Store::new(&configuration, setting("TABLE_NAME")?),
        queue: Queue::new(&configuration, setting("QUEUE_URL")?),
        interval: Duration::from_secs(parsed_setting("RECONCILE_INTERVAL_SECONDS")?),
    };
    run(service_fn(|event: LambdaEvent<Value>| answer(&schedule, event))).await
}

/// A tick says nothing; what the timer's queue hands over has messages.
async fn answer(schedule: &Schedule, event: LambdaEvent<Value>) -> Result<Value, Error> {
    if event.payload.get("Records").is_none() {
        return schedule.handle(event.context).await;
    }
    let messages = serde_json::from_value(event.payload)?;
    let response = timer::pass_on(&schedule.queue, messages, &event.context.request_id).await;
    Ok(serde_json::to_value(response)?)
}
