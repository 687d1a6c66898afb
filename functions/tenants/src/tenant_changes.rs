//! `PATCH /v1/tenants/{id}`: changes a tenant.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::HeaderMap,
};
use causeway_core::{
    id::{Contact, TenantName},
    object::Object,
    tenant::Tenant,
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    input,
    problem::{PROBLEM, Problem, ProblemAnswer},
    service::Service,
    tenants::{TenantAnswer, TenantPath},
    version::{Precondition, Versioned},
    workos_secrets::WorkosChanges,
};

/// What of a tenant is changed; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "left out, null and a value are three things")]
struct TenantChanges {
    /// For people.
    #[serde(default, deserialize_with = "input::present")]
    #[schema(value_type = TenantName, required = false)]
    name: Option<TenantName>,
    /// Whom an operator turns to about it; null means nobody in particular.
    #[serde(default, deserialize_with = "input::present")]
    #[schema(value_type = Option<Contact>, required = false)]
    contact: Option<Option<Contact>>,
    /// Its WorkOS secrets.
    #[serde(default, deserialize_with = "input::present")]
    #[schema(value_type = WorkosChanges, required = false)]
    workos: Option<Object<WorkosChanges>>,
}

impl TenantChanges {
    /// The tenant with these changes.
    async fn applied(self, service: &Service, tenant: Tenant) -> Result<Tenant, Problem> {
        let name = self.name.unwrap_or_else(|| tenant.name.clone());
        let contact = self.contact.unwrap_or_else(|| tenant.contact.clone());
        let tenant = Tenant { name, contact, ..tenant };
        match self.workos {
            Some(Object(workos)) => workos.applied(service, tenant).await,
            None => Ok(tenant),
        }
    }
}

/// Changes a tenant
#[utoipa::path(
    patch, path = "/v1/tenants/{tenant_id}", operation_id = "update_tenant", tag = "tenants",
    params(TenantPath),
    request_body = Option<TenantChanges>,
    responses(
        (status = 200, description = "The tenant as it is now.", body = TenantAnswer,
            headers(("ETag", description = "Its version."))),
        (status = 409, description = "It was changed at the same time, or the API key is probably another \
            environment's.", body = ProblemAnswer, content_type = PROBLEM),
        (status = 502, description = "WorkOS can't be asked about the API key.",
            body = ProblemAnswer, content_type = PROBLEM),
        (status = 412, description = "It is not the version of `If-Match`.",
            body = ProblemAnswer, content_type = PROBLEM),
    )
)]
pub async fn update(
    State(service): State<Arc<Service>>,
    Path(path): Path<TenantPath>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Versioned<TenantAnswer>, Problem> {
    let tenant = service.tenant(&path.tenant_id).await?;
    let changes: TenantChanges = input::read(&body)?;
    let precondition = Precondition::of(&headers);
    precondition.check(tenant.version)?;
    let has_key = changes.workos.as_ref().is_some_and(|Object(workos)| workos.has_key());
    let mut updated = changes.applied(&service, tenant.clone()).await?;
    if updated == tenant {
        return Ok(Versioned::ok(tenant.version, service.shown(&tenant).await?));
    }
    updated.updated_at = service.now();
    match service.store().update_tenant(&updated).await {
        Ok(version) => updated.version = version,
        Err(error) if error.is_conflict() => return Err(precondition.lost()),
        Err(error) => return Err(error.into()),
    }
    tracing::info!(tenant_id = %updated.id, "tenant changed");
    if has_key {
        // What waited for a good key need not wait for the schedule.
        for pool in service.store().pools(&updated.id).await?.told().iter().filter(|pool| pool.is_reconciled()) {
            service.try_to_wake_up(pool).await;
        }
    }
    Ok(Versioned::ok(updated.version, service.shown(&updated).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_left_out_or_valid_and_never_null() {
        let read = |body: &str| input::read::<TenantChanges>(&Bytes::from(body.to_owned()));
        assert!(read("{}").unwrap().name.is_none());
        assert_eq!(read(r#"{"name":"New"}"#).unwrap().name.unwrap().as_str(), "New");
        for faulty in [r#"{"name":null}"#, r#"{"name":""}"#, r#"{"id":"tnt_1"}"#, r#"{"workos":["sk_1"]}"#] {
            assert!(read(faulty).is_err(), "{faulty}");
        }
    }
}
