//! A tenant's WorkOS secrets, given anew: an API key is tried before it takes the place of the one before.

use std::collections::BTreeSet;

use causeway_core::{
    environment::is_another,
    id::ConnectionId,
    tenant::{Purpose, Tenant},
    user_pool::PoolStatus,
    webhook_endpoint::{MOST_FORMER, NewWebhook},
};
use causeway_tenancy::{check_form, refusal};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{input, problem::Problem, service::Service};

/// The WorkOS secrets that are given anew.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkosChanges {
    /// An API key of the environment of the tenant's client ID. Never shown again.
    #[serde(default, deserialize_with = "input::present")]
    #[schema(value_type = String, required = false, write_only, pattern = "^[!-~]{1,512}$")]
    api_key: Option<SecretString>,
    /// Takes the API key also if it sees none of the connections that the user pools have providers for: it is
    /// probably another environment's.
    #[serde(default)]
    confirm_environment: bool,
    /// The secret of the webhook endpoint at `webhook_url`, where somebody made that by hand. Never shown again.
    #[serde(default, deserialize_with = "input::present")]
    #[schema(value_type = String, required = false, write_only, pattern = "^[!-~]{1,512}$")]
    webhook_secret: Option<SecretString>,
}

impl WorkosChanges {
    /// Whether a new API key is among them.
    pub fn has_key(&self) -> bool {
        self.api_key.is_some()
    }

    /// The tenant with these secrets.
    pub async fn applied(self, service: &Service, mut tenant: Tenant) -> Result<Tenant, Problem> {
        if let Some(key) = &self.api_key {
            check_form(key)?;
        }
        if let Some(secret) = &self.webhook_secret {
            check_webhook_secret(secret)?;
        }
        let sealer = &service.reconciler.table.sealer;
        if let Some(key) = &self.api_key {
            try_key(service, &tenant, key, self.confirm_environment).await?;
            tenant.workos_api_key = Some(sealer.seal(&tenant.id, Purpose::WorkosApiKey, key).await?);
        }
        if let Some(secret) = &self.webhook_secret {
            let now = service.now();
            if tenant.former_webhooks.iter().filter(|former| former.good_until > now).count() >= MOST_FORMER {
                return Err(Problem::conflict(format!(
                    "{MOST_FORMER} previous webhook secrets are still taken: wait until the first one's `good_until`"
                )));
            }
            let secret = sealer.seal(&tenant.id, Purpose::WebhookSecret, secret).await?;
            let new = NewWebhook { number: tenant.webhook_number, endpoint_id: None, secret };
            tenant = tenant.with_webhook(new, now);
        }
        Ok(tenant)
    }
}

fn check_webhook_secret(secret: &SecretString) -> Result<(), Problem> {
    let text = secret.expose_secret();
    if (1..=512).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(Problem::invalid("workos.webhook_secret", "a webhook secret is 1 to 512 printable characters without spaces"))
}

/// Tries a key: WorkOS must take it for the client ID, and it must see a connection that the tenant's pools know.
async fn try_key(service: &Service, tenant: &Tenant, key: &SecretString, confirmed: bool) -> Result<(), Problem> {
    let workos = &service.reconciler.directory;
    if let Some(rule) = refusal(workos, tenant, key).await? {
        return Err(Problem::invalid("workos.api_key", rule));
    }
    let claimed = claimed_connections(service, tenant).await?;
    if confirmed || claimed.is_empty() {
        return Ok(());
    }
    let snapshot = workos.snapshot(key, false).await?;
    if is_another(&claimed, &snapshot) {
        return Err(Problem::conflict(format!(
            "the API key sees none of the {} connections that the tenant's user pools have identity providers for: it \
             is probably another environment's. If that is meant, send `confirm_environment` as true",
            claimed.len()
        )));
    }
    Ok(())
}

async fn claimed_connections(service: &Service, tenant: &Tenant) -> Result<BTreeSet<ConnectionId>, Problem> {
    let mut claimed = BTreeSet::new();
    let pools = service.store().pools(&tenant.id).await?;
    // What can't be read counts: without it another environment's key could pass for the tenant's own.
    let unreadable = pools.unreadable.iter().filter_map(|pool| pool.id().parse().ok());
    let verified = pools.items.iter().filter(|pool| pool.status != PoolStatus::Pending);
    for pool in verified.map(|pool| pool.user_pool_id.clone()).chain(unreadable) {
        let claims = service.store().claims(&pool).await?;
        claimed.extend(claims.unreadable.iter().filter_map(|claim| claim.id().parse().ok()));
        let own = claims.items.into_iter().filter(|claim| claim.tenant_id == tenant.id);
        claimed.extend(own.map(|claim| claim.connection_id));
    }
    Ok(claimed)
}
