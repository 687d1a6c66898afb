//! `POST` and `GET /v1/tenants`, `GET /v1/tenants/{id}`.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use causeway_aws::clock;
use causeway_core::{
    id::{ExternalId, TenantId, TenantName, WorkosClientId},
    provider::BaseUrl,
    secret::new_client_secret,
    tenant::{Purpose, Tenant},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{input, page, page::PageRequest, problem::Problem, service::Service};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewTenant {
    name: TenantName,
    workos: NewEnvironment,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewEnvironment {
    client_id: WorkosClientId,
    api_key: Option<SecretString>,
}

/// Registers a tenant and generates its external ID.
pub async fn create(State(service): State<Arc<Service>>, body: Bytes) -> Result<Response, Problem> {
    let new: NewTenant = input::read(&body)?;
    if let Some(key) = &new.workos.api_key {
        check_key(key)?;
    }
    let now = service.now();
    let id = TenantId::generate(now, service.reconciler.sources.number());
    let sealer = &service.reconciler.sealer;
    let workos_api_key = match &new.workos.api_key {
        Some(key) => Some(sealer.seal(&id, Purpose::WorkosApiKey, key).await?),
        None => None,
    };
    let state_key = new_client_secret(clock::random());
    let tenant = Tenant {
        name: new.name,
        external_id: ExternalId::generate(service.reconciler.sources.number()),
        workos_client_id: new.workos.client_id,
        workos_api_key,
        webhook_endpoint_id: None,
        webhook_secret: None,
        sign_in_state_key: sealer.seal(&id, Purpose::SignInState, &state_key).await?,
        created_at: now,
        updated_at: now,
        version: 1,
        id,
    };
    service.store().create_tenant(&tenant).await?;
    tracing::info!(tenant_id = %tenant.id, "tenant registered");
    Ok((StatusCode::CREATED, Json(view(&tenant, &service.reconciler.settings.base))).into_response())
}

/// A key must fit into a header; what else it is, only WorkOS can tell.
fn check_key(key: &SecretString) -> Result<(), Problem> {
    let text = key.expose_secret();
    if (1..=512).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(())
    } else {
        Err(Problem::invalid("workos.api_key", "a WorkOS API key is 1 to 512 printable characters without spaces"))
    }
}

/// Lists tenants, the newest first.
pub async fn list(State(service): State<Arc<Service>>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let request = PageRequest::parse(query.as_deref())?;
    let after = request.after.as_deref();
    if after.is_some_and(|after| after.parse::<TenantId>().is_err()) {
        return Err(Problem::invalid("cursor", "a cursor is the next_cursor of an earlier page"));
    }
    let page = service.store().tenants(request.limit, after).await?;
    Ok(page::answer(page, |tenant| view(&tenant, &service.reconciler.settings.base)))
}

/// One tenant.
pub async fn read(State(service): State<Arc<Service>>, Path(tenant): Path<String>) -> Result<Response, Problem> {
    let tenant = service.tenant(&tenant).await?;
    Ok(Json(view(&tenant, &service.reconciler.settings.base)).into_response())
}

/// A tenant as the API shows it: no secret, sealed or not.
fn view(tenant: &Tenant, base: &BaseUrl) -> Value {
    json!({
        "id": tenant.id,
        "name": tenant.name,
        "external_id": tenant.external_id,
        "webhook_url": base.webhook(&tenant.id),
        "workos": {
            "client_id": tenant.workos_client_id,
            "has_api_key": tenant.workos_api_key.is_some(),
        },
        "created_at": tenant.created_at,
        "updated_at": tenant.updated_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(event: &str) -> Bytes {
        let path = format!("{}/../../events/{event}.json", env!("CARGO_MANIFEST_DIR"));
        let event: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        Bytes::from(event["body"].as_str().unwrap().to_owned())
    }

    #[test]
    fn a_registration_is_read_and_one_with_an_unknown_field_is_not() {
        let new: NewTenant = input::read(&body("tenants-create")).unwrap();
        assert_eq!(new.name.as_str(), "Example");
        assert!(input::read::<NewTenant>(&body("tenants-unknown-field")).is_err());
    }

    #[test]
    fn a_key_that_no_header_can_carry_is_refused() {
        for key in ["", "a b", "a\nb", &"a".repeat(513)] {
            assert!(check_key(&SecretString::from(key.to_owned())).is_err(), "{key:?}");
        }
    }
}
