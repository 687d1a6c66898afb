//! `POST /v1/tenants/{id}/webhook-rotation`: another webhook endpoint with another secret, and no event lost.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
};
use causeway_core::{
    provider::BaseUrl,
    tenant::{Purpose, Tenant},
    webhook_endpoint::{MOST_FORMER, NewWebhook},
};
use causeway_workos::{Workos, WorkosError};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    input,
    problem::{PROBLEM, Problem, ProblemAnswer},
    service::Service,
    tenants::{TenantAnswer, TenantPath},
    version::Versioned,
};

/// What is to become of former endpoints.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WebhookRotation {
    /// Ends every former endpoint and secret at once, since one of them is in wrong hands.
    #[serde(default)]
    end_former: bool,
}

/// Registers another webhook endpoint, with another secret
///
/// What WorkOS delivers to the former one is taken for four days more, as long as it may deliver an event again. Then
/// it is deleted at WorkOS. With `end_former` nothing signed with a former secret is taken any more: at once, or after
/// a minute where an instance remembers the secret. What WorkOS has yet to deliver to the former endpoint is lost; the
/// next scheduled look makes it good.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant_id}/webhook-rotation", operation_id = "rotate_webhook", tag = "tenants",
    params(TenantPath), request_body = Option<WebhookRotation>,
    responses(
        (status = 202, description = "The new endpoint is registered; the previous one is among `former_webhooks`.",
            body = TenantAnswer, headers(("ETag", description = "Its version."))),
        (status = 409, description = "There is no endpoint or no API key yet, too many are on their way out, or the \
            tenant was changed at the same time.", body = ProblemAnswer, content_type = PROBLEM),
        (status = 502, description = "WorkOS refuses Causeway.", body = ProblemAnswer, content_type = PROBLEM),
    )
)]
pub async fn rotate_webhook(
    State(service): State<Arc<Service>>,
    Path(path): Path<TenantPath>,
    body: Bytes,
) -> Result<Versioned<TenantAnswer>, Problem> {
    let request: WebhookRotation = input::read(&body)?;
    let mut tenant = service.tenant(&path.tenant_id).await?;
    let now = service.now();
    if request.end_former {
        tenant = tenant.ending_former_webhooks(now);
    }
    let (Some(sealed_key), Some(_)) = (&tenant.workos_api_key, &tenant.webhook_secret) else {
        return Err(Problem::conflict("there is no webhook endpoint yet: `verify` of a user pool registers it"));
    };
    if tenant.former_webhooks.iter().filter(|former| former.good_until > now).count() >= MOST_FORMER {
        return Err(Problem::conflict(format!(
            "{MOST_FORMER} former endpoints or secrets are still taken: wait until the first one's `good_until`, or end \
             them by `end_former`"
        )));
    }
    let sealer = &service.reconciler.table.sealer;
    let key = sealer.open(&tenant.id, Purpose::WorkosApiKey, sealed_key).await?;
    let base = &service.reconciler.settings.base;
    let workos = &service.reconciler.directory;
    let tenant = with_endpoint_id(tenant, workos, &key, base).await?;
    let number = tenant.next_webhook_number();
    let url = base.webhook(&tenant.id, number);
    // Where an attempt before ended after this, the endpoint is taken over.
    let endpoint = workos.register_webhook_endpoint(&key, &url, &service.webhook_events).await?;
    let secret = sealer.seal(&tenant.id, Purpose::WebhookSecret, &endpoint.secret).await?;
    let new = NewWebhook { number, endpoint_id: Some(endpoint.id), secret };
    let mut rotated = Tenant { updated_at: now, ..tenant }.with_webhook(new, now);
    if request.end_former {
        rotated = rotated.ending_former_webhooks(now);
    }
    rotated.version = service.store().update_tenant(&rotated).await?;
    tracing::info!(tenant_id = %rotated.id, number, end_former = request.end_former, "webhook rotated");
    let shown = service.shown(&rotated).await?;
    Ok(Versioned { status: StatusCode::ACCEPTED, version: rotated.version, shown })
}

/// The tenant with the ID of its webhook endpoint, which is deleted by it once its time is over. Of one whose secret
/// was given by hand nothing but the URL is known at first.
async fn with_endpoint_id(
    mut tenant: Tenant,
    workos: &Workos,
    key: &SecretString,
    base: &BaseUrl,
) -> Result<Tenant, WorkosError> {
    if tenant.webhook_endpoint_id.is_none() {
        let urls = [base.webhook(&tenant.id, tenant.webhook_number)].into();
        tenant.webhook_endpoint_id = workos.webhook_endpoints_of(key, &urls).await?.pop_first();
    }
    Ok(tenant)
}
