//! `reconcile`: brings the user pools that the queue's messages name in line with WorkOS.

mod handler;
mod measure;
mod service;

use std::time::Duration;

use aws_lambda_events::event::sqs::SqsEvent;
use aws_types::SdkConfig;
use causeway_aws::{clock, configuration, list_setting, optional_setting, parsed_setting, setting};
use causeway_cognito::Access;
use causeway_core::provider::BaseUrl;
use causeway_queue::{DeadLetters, Queue};
use causeway_reconciler::{Reconciler, Settings, Sources};
use causeway_store::{Sealer, Store, StoredTable};
use causeway_tenancy::DeployedReconciler;
use causeway_workos::Workos;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

use crate::service::Service;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    causeway_telemetry::start();
    let configuration = configuration()?;
    let service = Service {
        queue: Queue::new(&configuration, setting("QUEUE_URL")?),
        dead_letters: DeadLetters::new(&configuration, setting("DEAD_LETTER_QUEUE_URL")?),
        reconciler: reconciler(configuration)?,
        integration_account_id: parsed_setting("INTEGRATION_ACCOUNT_ID")?,
        local_callback: optional_setting("LOCAL_CALLBACK"),
        webhook_events: list_setting("WEBHOOK_EVENTS"),
    };
    run(service_fn(|event: LambdaEvent<SqsEvent>| handler::handle(&service, event))).await
}

fn reconciler(configuration: SdkConfig) -> Result<DeployedReconciler, Error> {
    Ok(Reconciler {
        table: StoredTable {
            store: Store::new(&configuration, setting("TABLE_NAME")?),
            sealer: Sealer::new(&configuration, setting("SEALING_KEY_ARN")?),
        },
        pools: Access::new(configuration),
        directory: Workos::new(parsed_setting("WORKOS_URL")?)?,
        settings: Settings {
            base: BaseUrl::parse(&setting("PUBLIC_BASE_URL")?)?,
            interval: Duration::from_secs(parsed_setting("RECONCILE_INTERVAL_SECONDS")?),
            full_pass: Duration::from_secs(parsed_setting("FULL_PASS_INTERVAL_SECONDS")?),
        },
        sources: Sources { now: clock::now, random: clock::random },
    })
}
