//! `POST` and `GET /v1/tenants`, `GET /v1/tenants/{id}`.

use std::sync::Arc;

use axum::{
    Extension,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use causeway_aws::clock;
use causeway_core::{
    audit::{AuditRecord, Change},
    id::{AccountId, Contact, ExternalId, TenantId, TenantName, WorkosClientId},
    object::object,
    provider::BaseUrl,
    secret::new_client_secret,
    tenant::{Purpose, Tenant},
    timestamp::Timestamp,
    unknown::Unknown,
    user_pool::UserPool,
};
use causeway_edge::Caller;
use causeway_store::{Found, Page};
use causeway_tenancy::check_form;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    external_id_rotation::RotationAnswer,
    input, page,
    page::{List, PageRequest},
    problem::Problem,
    service::Service,
    version::Versioned,
};

/// The tenant that a path names.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct TenantPath {
    /// The tenant.
    #[param(value_type = TenantId)]
    pub tenant_id: String,
}

/// A tenant to be registered.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTenant {
    /// For people.
    name: TenantName,
    /// Whom an operator turns to about it: an address, a name, a channel. Nothing is sent there.
    #[serde(default, deserialize_with = "input::present")]
    #[schema(value_type = Contact, required = false)]
    contact: Option<Contact>,
    /// Its WorkOS environment.
    #[serde(deserialize_with = "object")]
    workos: NewEnvironment,
}

/// A WorkOS environment.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewEnvironment {
    /// Its client ID.
    client_id: WorkosClientId,
    /// An API key of it; it can come later. Never shown again.
    #[serde(default, deserialize_with = "input::present")]
    #[schema(value_type = String, required = false, write_only, pattern = "^[!-~]{1,512}$")]
    api_key: Option<SecretString>,
}

/// A tenant as the API shows it: no secret, sealed or not.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Tenant)]
pub struct TenantAnswer {
    /// Its ID.
    id: TenantId,
    /// For people.
    name: TenantName,
    /// Whom an operator turns to about it; null where nobody said.
    #[schema(required = true)]
    contact: Option<Contact>,
    /// What Causeway shows to the tenant's roles.
    external_id: ExternalId,
    /// The rotation of the external ID that is on its way; null where none is.
    #[schema(required = true)]
    external_id_rotation: Option<RotationAnswer>,
    /// Where WorkOS delivers the tenant's events.
    webhook_url: String,
    /// Where WorkOS delivered them before; taken as long as it may deliver one again.
    former_webhooks: Vec<FormerWebhookAnswer>,
    /// Its WorkOS environment.
    workos: EnvironmentAnswer,
    /// When it was registered.
    created_at: Timestamp,
    /// When an operator last changed it.
    updated_at: Timestamp,
}

/// A WorkOS environment as the API shows it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Environment)]
struct EnvironmentAnswer {
    /// Its client ID.
    client_id: WorkosClientId,
    /// Whether an API key was given.
    has_api_key: bool,
}

/// A previous webhook endpoint, or its previous secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FormerWebhook)]
struct FormerWebhookAnswer {
    /// Its URL.
    webhook_url: String,
    /// Until when its events are taken. Then it is deleted at WorkOS.
    good_until: Timestamp,
}

fn former_webhooks(tenant: &Tenant, base: &BaseUrl) -> Vec<FormerWebhookAnswer> {
    let former = tenant.former_webhooks.iter();
    former
        .map(|former| FormerWebhookAnswer {
            webhook_url: base.webhook(&tenant.id, former.number),
            good_until: former.good_until,
        })
        .collect()
}

impl TenantAnswer {
    /// The tenant with these pools, its addresses made from `base`. The pools matter only where its external ID is
    /// being rotated; their roles trust `integration_account`.
    pub fn of(tenant: &Tenant, pools: &Found<UserPool>, base: &BaseUrl, integration_account: &AccountId) -> Self {
        Self {
            id: tenant.id.clone(),
            name: tenant.name.clone(),
            contact: tenant.contact.clone(),
            external_id: tenant.external_id.clone(),
            external_id_rotation: RotationAnswer::of(tenant, pools, integration_account),
            webhook_url: base.webhook(&tenant.id, tenant.webhook_number),
            former_webhooks: former_webhooks(tenant, base),
            workos: EnvironmentAnswer {
                client_id: tenant.workos_client_id.clone(),
                has_api_key: tenant.workos_api_key.is_some(),
            },
            created_at: tenant.created_at,
            updated_at: tenant.updated_at,
        }
    }
}

/// Registers a tenant
///
/// Its external ID is generated.
#[utoipa::path(
    post, path = "/v1/tenants", operation_id = "create_tenant", tag = "tenants",
    request_body = NewTenant,
    responses((status = 201, description = "It is registered.", body = TenantAnswer,
        headers(("ETag", description = "Its version."))))
)]
pub async fn create(
    State(service): State<Arc<Service>>,
    Extension(Caller(caller)): Extension<Caller>,
    body: Bytes,
) -> Result<Versioned<TenantAnswer>, Problem> {
    let new: NewTenant = input::read(&body)?;
    if let Some(key) = &new.workos.api_key {
        check_form(key)?;
    }
    let now = service.now();
    let id = TenantId::generate(now, service.reconciler.sources.number());
    let sealer = &service.reconciler.table.sealer;
    let workos_api_key = match &new.workos.api_key {
        Some(key) => Some(sealer.seal(&id, Purpose::WorkosApiKey, key).await?),
        None => None,
    };
    let state_key = new_client_secret(clock::random());
    let tenant = Tenant {
        name: new.name,
        contact: new.contact,
        external_id: ExternalId::generate(service.reconciler.sources.number()),
        former_external_id: None,
        workos_client_id: new.workos.client_id,
        workos_api_key,
        webhook_endpoint_id: None,
        webhook_secret: None,
        webhook_number: 0,
        former_webhooks: Vec::new(),
        removing_since: None,
        sign_in_state_key: sealer.seal(&id, Purpose::SignInState, &state_key).await?,
        created_at: now,
        updated_at: now,
        version: 1,
        unknown: Unknown::default(),
        id,
    };
    let change =
        Change { caller: &caller, method: "POST", path: "/v1/tenants", tenant_id: &tenant.id, user_pool_id: None };
    let record = AuditRecord::begun(change, now, service.reconciler.sources.number());
    let record = record.answered(StatusCode::CREATED.as_u16(), &body);
    service.store().create_tenant(&tenant, &record).await?;
    tracing::info!(tenant_id = %tenant.id, "tenant registered");
    Ok(Versioned::created(tenant.version, service.answer(&tenant, &Found::NOTHING)))
}

/// Lists tenants, the newest first
#[utoipa::path(
    get, path = "/v1/tenants", operation_id = "list_tenants", tag = "tenants", params(PageRequest),
    responses((status = 200, description = "A page.", body = List<TenantAnswer>))
)]
pub async fn list(State(service): State<Arc<Service>>, request: PageRequest) -> Result<Response, Problem> {
    let after = request.after.as_deref();
    let page = service.store().tenants(request.limit, after).await?;
    let mut items = Vec::new();
    for tenant in &page.items {
        items.push(service.shown(tenant).await?);
    }
    Ok(page::answer(&request, Page { items, unreadable: page.unreadable, next: page.next }, |tenant| tenant))
}

/// Shows a tenant
#[utoipa::path(
    get, path = "/v1/tenants/{tenant_id}", operation_id = "get_tenant", tag = "tenants", params(TenantPath),
    responses((status = 200, description = "The tenant.", body = TenantAnswer,
        headers(("ETag", description = "Its version."))))
)]
pub async fn read(
    State(service): State<Arc<Service>>,
    Path(path): Path<TenantPath>,
) -> Result<Versioned<TenantAnswer>, Problem> {
    let tenant = service.tenant(&path.tenant_id).await?;
    Ok(Versioned::ok(tenant.version, service.shown(&tenant).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(event: &str) -> Bytes {
        let path = format!("{}/../../events/{event}.json", env!("CARGO_MANIFEST_DIR"));
        let event: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        Bytes::from(event["body"].as_str().unwrap().to_owned())
    }

    #[test]
    fn a_registration_is_read_and_one_with_an_unknown_field_is_not() {
        let new: NewTenant = input::read(&body("tenants-create")).unwrap();
        assert_eq!(new.name.as_str(), "Example");
        assert!(input::read::<NewTenant>(&body("tenants-unknown-field")).is_err());
        let without = |key: &str| Bytes::from(format!(r#"{{"name":"A","workos":{{"client_id":"client_1"{key}}}}}"#));
        assert!(input::read::<NewTenant>(&without("")).is_ok());
        assert!(input::read::<NewTenant>(&without(r#","api_key":null"#)).is_err());
    }
}
