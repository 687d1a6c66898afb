//! `schedule`: wakes up the user pools that are due.

mod handler;
mod measure;

use std::time::Duration;

use causeway_aws::{configuration, parsed_setting, setting};
use causeway_queue::Queue;
use causeway_store::Store;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    causeway_telemetry::start();
    let configuration = configuration()?;
    let schedule = handler::Schedule {
        store: Store::new(&configuration, setting("TABLE_NAME")?),
        queue: Queue::new(&configuration, setting("QUEUE_URL")?),
        interval: Duration::from_secs(parsed_setting("RECONCILE_INTERVAL_SECONDS")?),
    };
    run(service_fn(|event: LambdaEvent<serde_json::Value>| schedule.handle(event.context))).await
}
