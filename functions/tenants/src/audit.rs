//! Every change over the API leaves a record: written before it is made, completed when it is answered. A change
//! that can't be recorded is not made.

use std::sync::Arc;

use axum::{
    Extension,
    body::{Body, to_bytes},
    extract::{Path, RawPathParams, Request, State},
    http::Method,
    middleware::Next,
    response::Response,
};
use causeway_core::{
    audit::{AuditRecord, Change},
    id::TenantId,
};
use causeway_edge::Caller;
use causeway_telemetry::chain;

use crate::{
    page,
    page::{List, PageRequest},
    problem::Problem,
    service::Service,
    tenants::TenantPath,
};

/// The longest path that is recorded whole, in bytes.
const LONGEST_PATH: usize = 256;

/// Records a change of a tenant. The one that makes a tenant is recorded together with it.
pub async fn recorded(
    State(service): State<Arc<Service>>,
    parameters: RawPathParams,
    Extension(Caller(caller)): Extension<Caller>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let parameter = |wanted: &str| parameters.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value);
    let Some(tenant_id) = parameter("tenant_id").filter(|_| changes_something(request.method())) else {
        return Ok(next.run(request).await);
    };
    // Of a tenant that does not exist nothing can be changed, and no record is left.
    let tenant = service.tenant(tenant_id).await?;
    let pool = parameter("user_pool_id").and_then(|id| id.parse().ok());
    let change = Change {
        caller: &caller,
        method: request.method().as_str(),
        path: recorded_path(request.uri().path()),
        tenant_id: &tenant.id,
        user_pool_id: pool.as_ref(),
    };
    let record = AuditRecord::begun(change, service.now(), service.reconciler.sources.number());
    service.store().put_audit(&record).await?;

    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.map_err(|_| Problem::invalid("(body)", "the body can't be read"))?;
    let response = next.run(Request::from_parts(head, Body::from(body.clone()))).await;
    let record = record.answered(response.status().as_u16(), &body);
    // The change is made, or is not, whatever comes of this: the record that is there says that it may have been.
    if let Err(error) = service.store().put_audit(&record).await {
        tracing::error!(audit_id = record.id, error = chain(&error), "the outcome of a change was not recorded");
    }
    Ok(response)
}

/// A path as it is recorded: no path of ours is longer than what is kept, and every path here is ASCII.
fn recorded_path(path: &str) -> &str {
    path.get(..LONGEST_PATH).unwrap_or(path)
}

fn changes_something(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Lists who changed what of a tenant over the API, the newest first
///
/// Kept for a year, also when the tenant is removed. No value that was sent is in it.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant_id}/audit", operation_id = "list_audit_records", tag = "tenants",
    params(TenantPath, PageRequest),
    responses((status = 200, description = "A page.", body = List<AuditRecord>))
)]
pub async fn list(
    State(service): State<Arc<Service>>,
    Path(path): Path<TenantPath>,
    request: PageRequest,
) -> Result<Response, Problem> {
    let tenant: TenantId = path.tenant_id.parse().map_err(|_| Problem::not_found())?;
    let store = service.store();
    let page = store.audit(&tenant, request.limit, request.after.as_deref()).await?;
    let has_none = page.items.is_empty() && store.audit(&tenant, 1, None).await?.items.is_empty();
    // A tenant that was removed has records of what was done to it; one that never was has none.
    if has_none {
        service.tenant(&path.tenant_id).await?;
    }
    Ok(page::answer(&request, page, |record| record))
}

#[cfg(test)]
mod tests {
    use super::recorded_path;

    #[test]
    fn a_path_is_recorded_whole_unless_it_is_longer_than_any_of_ours() {
        let path = "/v1/tenants/tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N/user-pools/eu-central-1_AbCdEf123/approvals";
        assert_eq!(recorded_path(path), path);
        assert_eq!(recorded_path(&"/a".repeat(5000)).len(), 256);
    }
}
