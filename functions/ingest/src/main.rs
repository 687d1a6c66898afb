//! `ingest`: turns WorkOS's webhooks into wake-ups.

#[cfg(test)]
mod attackers;
mod handler;
#[cfg(test)]
mod tests;
mod waker;

use std::sync::Arc;

use causeway_aws::{configuration, setting};
use causeway_core::provider::BaseUrl;
use causeway_edge::{Door, Edge, run};
use causeway_queue::{Queue, Timer};
use causeway_store::{Sealer, Store};
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    causeway_telemetry::start();
    let configuration = configuration()?;
    let ingest = handler::Ingest::new(
        Store::new(&configuration, setting("TABLE_NAME")?),
        Sealer::new(&configuration, setting("SEALING_KEY_ARN")?),
        Queue::new(&configuration, setting("QUEUE_URL")?),
        Timer::new(&configuration, setting("TIMER_URL")?),
    );
    let base = BaseUrl::parse(&setting("PUBLIC_BASE_URL")?)?;
    run(Edge::new(handler::router(Arc::new(ingest)), &base, Door::Open)).await
}
