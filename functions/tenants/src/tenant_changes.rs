//! `PATCH /v1/tenants/{id}`: changes a tenant.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::HeaderMap,
};
use causeway_core::{id::TenantName, tenant::Tenant};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    input,
    problem::{PROBLEM, Problem, ProblemAnswer},
    service::Service,
    tenants::{TenantAnswer, TenantPath},
    version::{Precondition, Versioned},
};

/// What of a tenant is changed; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TenantChanges {
    /// For people.
    #[serde(default, deserialize_with = "input::present")]
    #[schema(value_type = TenantName, required = false)]
    name: Option<TenantName>,
}

impl TenantChanges {
    /// The tenant with these changes.
    fn applied(self, tenant: Tenant) -> Tenant {
        Tenant { name: self.name.unwrap_or_else(|| tenant.name.clone()), ..tenant }
    }
}

/// Changes a tenant
#[utoipa::path(
    patch, path = "/v1/tenants/{tenant_id}", operation_id = "update_tenant", tag = "tenants",
    params(TenantPath),
    request_body = TenantChanges,
    responses(
        (status = 200, description = "The tenant as it is now.", body = TenantAnswer,
            headers(("ETag", description = "Its version."))),
        (status = 409, description = "It was changed at the same time.", body = ProblemAnswer, content_type = PROBLEM),
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
    let base = &service.reconciler.settings.base;
    let mut updated = changes.applied(tenant.clone());
    if updated == tenant {
        return Ok(Versioned::ok(tenant.version, TenantAnswer::of(&tenant, base)));
    }
    updated.updated_at = service.now();
    match service.store().update_tenant(&updated).await {
        Ok(version) => updated.version = version,
        Err(error) if error.is_conflict() => return Err(precondition.lost()),
        Err(error) => return Err(error.into()),
    }
    tracing::info!(tenant_id = %updated.id, "tenant changed");
    Ok(Versioned::ok(updated.version, TenantAnswer::of(&updated, base)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_left_out_or_valid_and_never_null() {
        let read = |body: &str| input::read::<TenantChanges>(&Bytes::from(body.to_owned()));
        assert!(read("{}").unwrap().name.is_none());
        assert_eq!(read(r#"{"name":"New"}"#).unwrap().name.unwrap().as_str(), "New");
        for faulty in [r#"{"name":null}"#, r#"{"name":""}"#, r#"{"id":"tnt_1"}"#] {
            assert!(read(faulty).is_err(), "{faulty}");
        }
    }
}
