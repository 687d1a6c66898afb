//! `ingest`: turns WorkOS's webhooks into wake-ups.

mod handler;

use causeway_aws::{configuration, setting};
use causeway_queue::Queue;
use causeway_store::{Sealer, Store};
use lambda_http::{Error, Request, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    causeway_telemetry::start();
    let configuration = configuration()?;
    let ingest = handler::Ingest::new(
        Store::new(&configuration, setting("TABLE_NAME")?),
        Sealer::new(&configuration, setting("SEALING_KEY_ARN")?),
        Queue::new(&configuration, setting("QUEUE_URL")?),
    );
    lambda_http::run(service_fn(|request: Request| async { Ok::<_, Error>(ingest.handle(request).await) })).await
}
