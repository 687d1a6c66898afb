//! `POST /v1/tenants/{id}/external-id-rotation`: another external ID, taken over role by role.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use causeway_core::{
    id::{AccountId, ExternalId, UserPoolId},
    role::RoleRequest,
    rotation::has_role_in_use,
    tenant::Tenant,
    timestamp::Timestamp,
    user_pool::UserPool,
};
use causeway_store::Found;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    page::UnreadableItem,
    problem::{PROBLEM, Problem, ProblemAnswer},
    service::Service,
    tenants::{TenantAnswer, TenantPath},
    version::Versioned,
};

/// A rotation of the external ID that is on its way.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExternalIdRotation)]
pub struct RotationAnswer {
    /// The previous external ID.
    former_external_id: ExternalId,
    /// When the new one took its place.
    started_at: Timestamp,
    /// How far each role in use is. The rotation ends once all take the new ID and refuse the former one.
    roles: Vec<RoleProgress>,
    /// The user pools that stand in the table and can't be read, where there are any. The rotation waits for them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    unreadable: Vec<UnreadableItem>,
}

/// How far a role is in a rotation.
#[derive(Debug, Serialize, ToSchema)]
struct RoleProgress {
    /// The pool that it is for.
    user_pool_id: UserPoolId,
    /// The role.
    role_arn: String,
    /// Whether it takes the new external ID; null where no run has tried it yet.
    #[schema(required = true)]
    takes_new: Option<bool>,
    /// Whether it takes the previous one; null where no run has tried it yet.
    #[schema(required = true)]
    takes_former: Option<bool>,
    /// When it was tried last.
    #[schema(required = true)]
    seen_at: Option<Timestamp>,
    /// What the tenant has to do next; null where nothing is left to do, or no run has tried the role yet.
    #[schema(required = true)]
    remedy: Option<String>,
}

impl RotationAnswer {
    /// How far the rotation of a tenant with these pools is. Their roles trust `integration_account`.
    pub fn of(tenant: &Tenant, pools: &Found<UserPool>, integration_account: &AccountId) -> Option<Self> {
        let former = tenant.former_external_id.as_ref()?;
        let progress = |pool: &UserPool| {
            let seen = tenant.seen_external_ids(pool);
            RoleProgress {
                user_pool_id: pool.user_pool_id.clone(),
                role_arn: pool.role_arn(),
                takes_new: seen.map(|seen| seen.takes_new),
                takes_former: seen.map(|seen| seen.takes_former),
                seen_at: seen.map(|seen| seen.seen_at),
                remedy: seen.and_then(|seen| {
                    seen.remedy(&former.external_id, &RoleRequest::of(integration_account, tenant, pool))
                }),
            }
        };
        Some(Self {
            former_external_id: former.external_id.clone(),
            started_at: former.rotated_at,
            roles: pools.items.iter().filter(|pool| has_role_in_use(pool)).map(progress).collect(),
            unreadable: pools.unreadable.iter().cloned().map(UnreadableItem::from).collect(),
        })
    }
}

/// Gives a tenant another external ID
///
/// Roles that don't take it yet are entered with the previous one, and their documents carry both. A role that takes
/// it has documents with the new one only. Once every role takes the new one and refuses the other, that is forgotten.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant_id}/external-id-rotation", operation_id = "rotate_external_id", tag = "tenants",
    params(TenantPath),
    responses(
        (status = 202, description = "The tenant has another external ID; `external_id_rotation` shows how far its \
            roles are.", body = TenantAnswer, headers(("ETag", description = "Its version."))),
        (status = 409, description = "A rotation is on its way, or the tenant was changed at the same time.",
            body = ProblemAnswer, content_type = PROBLEM),
    )
)]
pub async fn rotate_external_id(
    State(service): State<Arc<Service>>,
    Path(path): Path<TenantPath>,
) -> Result<Versioned<TenantAnswer>, Problem> {
    let tenant = service.tenant(&path.tenant_id).await?;
    let pools = service.store().pools(&tenant.id).await?;
    // One that no role needs any more, as its pool was removed, is in nobody's way.
    let is_rotated = pools.unreadable.is_empty() && tenant.is_rotated(&pools.items);
    if tenant.former_external_id.is_some() && !is_rotated {
        return Err(Problem::conflict(
            "a rotation is on its way: `external_id_rotation` shows which roles it waits for",
        ));
    }
    let (new, now) = (ExternalId::generate(service.reconciler.sources.number()), service.now());
    // Nobody knows whether the role of a pool that can't be read is in use.
    let is_needed = pools.items.iter().any(has_role_in_use) || !pools.unreadable.is_empty();
    let mut rotated = Tenant { updated_at: now, ..tenant }.with_external_id(new, is_needed, now);
    rotated.version = service.store().update_tenant(&rotated).await?;
    tracing::info!(tenant_id = %rotated.id, "external ID rotated");
    for pool in pools.items.iter().filter(|pool| pool.is_reconciled()) {
        service.try_to_wake_up(pool).await;
    }
    let shown = service.shown(&rotated).await?;
    Ok(Versioned { status: StatusCode::ACCEPTED, version: rotated.version, shown })
}
