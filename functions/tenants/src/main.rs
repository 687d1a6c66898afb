//! `tenants`: the API for operators. Registration, the role, the checks, plans, approvals, reports.

mod adoption;
mod approvals;
#[cfg(test)]
mod attackers;
mod audit;
mod dead_letters;
mod external_id_rotation;
mod fleet;
mod health;
mod idempotency;
mod input;
mod moving;
mod onboarding_links;
mod openapi;
mod page;
mod pool_changes;
mod problem;
mod reconcile;
mod refusals;
mod removal;
mod reports;
mod routes;
mod service;
mod sign_ins;
mod status;
mod tenant_changes;
mod tenants;
mod user_pools;
mod verify;
mod version;
mod webhook_rotation;
mod workos_secrets;

use std::{sync::Arc, time::Duration};

use causeway_aws::{clock, configuration, list_setting, optional_setting, parsed_setting, setting};
use causeway_bucket::TemplateBucket;
use causeway_cognito::Access;
use causeway_core::{id::partition_of, provider::BaseUrl};
use causeway_edge::{Door, Edge, run};
use causeway_queue::{DeadLetters, Queue};
use causeway_reconciler::{Reconciler, Settings, Sources};
use causeway_store::{Sealer, Store, StoredTable};
use causeway_tenancy::Rules;
use causeway_workos::Workos;
use lambda_runtime::Error;
use service::Service;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    causeway_telemetry::start();
    let service = service()?;
    let base = service.reconciler.settings.base.clone();
    run(Edge::new(routes::router(Arc::new(service)), &base, Door::Signed)).await
}

fn service() -> Result<Service, Error> {
    let configuration = configuration()?;
    let region = setting("AWS_REGION")?;
    let template_bucket = match (optional_setting("TEMPLATE_BUCKET"), optional_setting("TEMPLATE_BUCKET_DOMAIN")) {
        (Some(name), Some(domain)) => Some(TemplateBucket::new(&configuration, &name, &domain)?),
        _ => None,
    };
    Ok(Service {
        queue: Queue::new(&configuration, setting("QUEUE_URL")?),
        dead_letters: DeadLetters::new(&configuration, setting("DEAD_LETTER_QUEUE_URL")?),
        timer_dead_letters: DeadLetters::new(&configuration, setting("TIMER_DEAD_LETTER_QUEUE_URL")?),
        reconciler: Reconciler {
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
        },
        local_callback: optional_setting("LOCAL_CALLBACK"),
        webhook_events: list_setting("WEBHOOK_EVENTS"),
        template_bucket,
        oldest_sync: Duration::from_secs(parsed_setting("OLDEST_SYNC_SECONDS")?),
        rules: Rules {
            role_name_prefix: setting("TENANT_ROLE_NAME_PREFIX")?,
            integration_account_id: parsed_setting("INTEGRATION_ACCOUNT_ID")?,
            partition: partition_of(&region),
        },
    })
}
