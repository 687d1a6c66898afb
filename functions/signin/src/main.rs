//! The OpenID provider that each identity provider in Cognito points at: carries a sign-in from Cognito to
//! WorkOS and back.

mod answer;
mod authorize;
mod bridge;
mod callback;
mod directory;
mod discovery;
mod endpoint;
mod failure;
mod handler;
mod limit;
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
use causeway_store::{Sealer, Store};
use causeway_workos::Workos;
use lambda_http::{Error, service_fn};

use crate::{
    bridge::{ATTEMPTS, Bridge, WRONG_TOKENS},
    directory::Directory,
    handler::router,
    limit::Limit,
    signer::Signer,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    causeway_telemetry::start();
    let router = router(Arc::new(bridge()?));
    lambda_http::run(service_fn(|request| handler::handle(router.clone(), request))).await
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
        directory: Directory::new(store.clone(), sealer, now),
        signer: Signer::new(
            &configuration,
            setting("SIGNING_KEY_ARNS")?.split(',').map(str::to_owned).collect(),
            Duration::from_secs(parsed_setting("SIGNING_KEY_LEAD_SECONDS")?),
            now,
        ),
        wrong_tokens: Limit::new(WRONG_TOKENS),
        attempts: Limit::new(ATTEMPTS),
        store,
        organizations: Cache::new(),
        now,
        random: random::<32>,
    })
}
