//! The OpenID provider that each identity provider in Cognito points at: carries a sign-in from Cognito to
//! WorkOS and back.

mod answer;
mod authorize;
mod bearer_key;
mod bridge;
mod callback;
mod directory;
mod discovery;
mod domains;
mod endpoint;
mod failure;
mod handler;
mod lookup;
mod sign_in_log;
mod signer;
mod start;
#[cfg(test)]
mod tests;
mod token;
mod userinfo;

use std::{sync::Arc, time::Duration};

use causeway_aws::{
    BadSetting,
    clock::{now, random},
    configuration, optional_setting, parsed_setting, setting,
};
use causeway_cache::Cache;
use causeway_core::provider::BaseUrl;
use causeway_edge::{Door, Edge, Limit, run};
use causeway_store::{Sealer, Store};
use causeway_workos::Workos;
use lambda_runtime::Error;

use crate::{
    bearer_key::BearerKeys,
    bridge::{ATTEMPTS, Bridge, SHOWN, STATES_OF_POOL, STATES_OF_SOURCE},
    directory::Directory,
    handler::router,
    signer::Signer,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    causeway_telemetry::start();
    let bridge = Arc::new(bridge()?);
    bridge.get_ready().await;
    let base = bridge.base.clone();
    run(Edge::new(router(bridge), &base, Door::Open)).await
}

fn bridge() -> Result<Bridge, Error> {
    let configuration = configuration()?;
    let store = Store::new(&configuration, setting("TABLE_NAME")?);
    let sealer = Sealer::new(&configuration, setting("SEALING_KEY_ARN")?);
    let workos_url: url::Url = parsed_setting("WORKOS_URL")?;
    let base = BaseUrl::parse(&setting("PUBLIC_BASE_URL")?).map_err(|error| BadSetting {
        name: "PUBLIC_BASE_URL".to_owned(),
        problem: format!("can't be read: {error}"),
    })?;
    Ok(Bridge {
        base,
        workos: Workos::new(workos_url.clone())?,
        workos_url,
        local_callback: optional_setting("LOCAL_CALLBACK"),
        directory: Directory::new(store.clone(), sealer.clone(), now),
        bearer_key: BearerKeys::new(store.clone(), sealer, now, random::<32>),
        signer: Signer::new(
            &configuration,
            setting("SIGNING_KEY_ARNS")?.split(',').map(str::to_owned).collect(),
            Duration::from_secs(parsed_setting("SIGNING_KEY_LEAD_SECONDS")?),
            now,
        ),
        shown: Limit::new(SHOWN),
        attempts: Limit::new(ATTEMPTS),
        states_of_source: Limit::new(STATES_OF_SOURCE),
        states_of_pool: Limit::new(STATES_OF_POOL),
        store,
        organizations: Cache::new(),
        now,
        random: random::<32>,
    })
}
