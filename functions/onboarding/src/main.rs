//! `onboarding`: the page that an onboarding link opens. Anybody can reach it, so it never enters a tenant's account and
//! opens no key: what needs either it asks of `reconcile` by an errand.

mod app_clients;
mod assets;
#[cfg(test)]
mod attackers;
mod checks;
mod connections;
mod failure;
mod form;
mod handler;
mod layout;
mod link;
mod page;
mod role;
mod service;
mod sign_in_link;
mod visitor;
mod workos;

use std::sync::Arc;

use causeway_aws::{clock, configuration, optional_setting, parsed_setting, setting};
use causeway_core::{id::partition_of, provider::BaseUrl};
use causeway_edge::{Door, Edge, Limit, run};
use causeway_queue::Queue;
use causeway_store::{Sealer, Store};
use causeway_tenancy::Rules;
use causeway_workos::Workos;
use lambda_runtime::Error;

use crate::service::{MISSES, Service};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    causeway_telemetry::start();
    let service = service()?;
    let base = service.base.clone();
    run(Edge::new(handler::router(Arc::new(service)), &base, Door::Open)).await
}

fn service() -> Result<Service, Error> {
    let configuration = configuration()?;
    let region = setting("AWS_REGION")?;
    Ok(Service {
        store: Store::new(&configuration, setting("TABLE_NAME")?),
        sealer: Sealer::new(&configuration, setting("SEALING_KEY_ARN")?),
        queue: Queue::new(&configuration, setting("QUEUE_URL")?),
        workos: Workos::new(parsed_setting("WORKOS_URL")?)?,
        base: BaseUrl::parse(&setting("PUBLIC_BASE_URL")?)?,
        rules: Rules {
            role_name_prefix: setting("TENANT_ROLE_NAME_PREFIX")?,
            integration_account_id: parsed_setting("INTEGRATION_ACCOUNT_ID")?,
            partition: partition_of(&region),
        },
        local_callback: optional_setting("LOCAL_CALLBACK"),
        template_bucket_domain: optional_setting("TEMPLATE_BUCKET_DOMAIN"),
        misses: Limit::new(MISSES),
        now: clock::now,
        random: clock::random,
    })
}
