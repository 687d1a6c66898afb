//! The checks of WorkOS's side: the key, the callback, the webhook endpoint.

use causeway_core::{
    check::Check,
    tenant::{Purpose, Tenant},
    webhook_endpoint::NewWebhook,
};
use causeway_telemetry::chain;
use causeway_workos::WorkosError;
use secrecy::SecretString;

use crate::{
    TenancyError,
    verify::{Checks, Verifier},
};

const KEY: &str = "workos_api_key";
const CALLBACK: &str = "workos_callback";
const WEBHOOK: &str = "workos_webhook";

/// Checks the key, and registers the callback and the webhook endpoint where they are missing.
pub async fn check_workos(verifier: &Verifier<'_>, tenant: &Tenant, checks: &mut Checks) -> Result<(), TenancyError> {
    let Some(sealed) = &tenant.workos_api_key else {
        let check = Check::fail(
            KEY,
            "the tenant has no WorkOS API key",
            "Give Causeway one (`workos.api_key`): WorkOS dashboard, API Keys.",
        );
        checks.push(check);
        return Ok(());
    };
    let key = verifier.reconciler.table.sealer.open(&tenant.id, Purpose::WorkosApiKey, sealed).await?;
    let check = check_key(verifier, tenant, &key).await;
    let key_holds = check.outcome == causeway_core::check::CheckOutcome::Pass;
    checks.push(check);
    if key_holds {
        checks.push(register_callback(verifier, tenant, &key).await);
        checks.push(register_webhook(verifier, tenant, &key).await?);
    }
    Ok(())
}

async fn check_key(verifier: &Verifier<'_>, tenant: &Tenant, key: &SecretString) -> Check {
    match verifier.reconciler.directory.key_belongs_to_client(&tenant.workos_client_id, key).await {
        Ok(true) => Check::pass(KEY, "WorkOS takes the API key for this client ID"),
        Ok(false) => Check::fail(
            KEY,
            format!("WorkOS refuses the API key, or it does not belong to the client ID {}", tenant.workos_client_id),
            "Take both from the same environment of the WorkOS dashboard: API Keys.",
        ),
        Err(error) => unclear(KEY, &error),
    }
}

async fn register_callback(verifier: &Verifier<'_>, tenant: &Tenant, key: &SecretString) -> Check {
    let uri = verifier.reconciler.settings.base.callback(&tenant.id);
    match verifier.reconciler.directory.register_redirect_uri(key, &uri).await {
        Ok(()) => Check::pass(CALLBACK, format!("the redirect URI {uri} is registered with WorkOS")),
        Err(error) => Check::fail(
            CALLBACK,
            format!("the redirect URI could not be registered with WorkOS: {}", chain(&error)),
            format!("Add {uri} in the WorkOS dashboard: Redirects."),
        ),
    }
}

/// Registers the webhook endpoint, unless WorkOS delivers to the one whose secret is known, and seals its
/// secret before anybody else is told of it.
async fn register_webhook(verifier: &Verifier<'_>, tenant: &Tenant, key: &SecretString) -> Result<Check, TenancyError> {
    let url = verifier.reconciler.settings.base.webhook(&tenant.id, tenant.webhook_number);
    let workos = &verifier.reconciler.directory;
    let failed = |error: &WorkosError| {
        Check::fail(
            WEBHOOK,
            format!("the webhook endpoint could not be registered with WorkOS: {}", chain(error)),
            format!("Check that the API key may manage webhooks, and that no other endpoint has the URL {url}."),
        )
    };
    match known_endpoint(verifier, tenant, key, &url).await {
        Ok(None) => {}
        Ok(Some(id)) => {
            if tenant.webhook_endpoint_id.as_ref() != Some(&id) {
                let found = Tenant { webhook_endpoint_id: Some(id), ..tenant.clone() };
                verifier.reconciler.table.store.update_tenant(&found).await?;
            }
            return Ok(Check::pass(WEBHOOK, format!("WorkOS delivers its events to {url}")));
        }
        Err(error) => return Ok(failed(&error)),
    }
    let endpoint = match workos.register_webhook_endpoint(key, &url, verifier.webhook_events).await {
        Ok(endpoint) => endpoint,
        Err(error) => return Ok(failed(&error)),
    };
    let secret = verifier.reconciler.table.sealer.seal(&tenant.id, Purpose::WebhookSecret, &endpoint.secret).await?;
    let (number, now) = (tenant.webhook_number, (verifier.reconciler.sources.now)());
    let new = NewWebhook { number, endpoint_id: Some(endpoint.id.clone()), secret };
    let registered = Tenant { updated_at: now, ..tenant.clone() }.with_webhook(new, now);
    if let Err(error) = verifier.reconciler.table.store.update_tenant(&registered).await {
        // Checks at the same time may have registered one: of two, the secret of one would be nobody's.
        if let Err(error) = workos.delete_webhook_endpoint(key, &endpoint.id).await {
            tracing::warn!(error = chain(&error), "a webhook endpoint whose secret is lost is left with WorkOS");
        }
        return Err(error.into());
    }
    Ok(Check::pass(WEBHOOK, format!("WorkOS delivers its events to {url}")))
}

/// The ID of the endpoint whose secret is known, if WorkOS delivers to it: the one that was registered, or one that
/// an operator made by hand and gave the secret of.
async fn known_endpoint(
    verifier: &Verifier<'_>,
    tenant: &Tenant,
    key: &SecretString,
    url: &str,
) -> Result<Option<String>, WorkosError> {
    let (workos, events) = (&verifier.reconciler.directory, verifier.webhook_events);
    match (&tenant.webhook_endpoint_id, &tenant.webhook_secret) {
        (Some(id), Some(_)) => Ok(workos.webhook_endpoint_delivers(key, id, url, events).await?.then(|| id.clone())),
        (None, Some(_)) => workos.webhook_endpoint_at(key, url, events).await,
        (_, None) => Ok(None),
    }
}

fn unclear(name: &str, error: &WorkosError) -> Check {
    Check::fail(name, format!("WorkOS could not be asked: {}", chain(error)), "Run the checks again in a minute.")
}
