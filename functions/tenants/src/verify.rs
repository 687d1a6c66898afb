//! `POST .../verify`: runs the checks, and makes the pool active where none fails.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use causeway_core::{
    check::{Check, all_hold},
    user_pool::PoolStatus,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    problem::{PROBLEM, Problem, ProblemAnswer},
    service::Service,
    user_pools::PoolPath,
    verify_pool::check_pool,
    verify_workos::check_workos,
};

/// What the checks found.
#[derive(Debug, Serialize, ToSchema)]
pub struct Verification {
    /// Where the pool is in its life now.
    status: PoolStatus,
    /// Every check; one that needs an earlier one is left out where that one fails.
    checks: Vec<Check>,
}

/// Runs all checks of a user pool, and makes it active where none fails
///
/// Changes nothing in the tenant's account. With WorkOS it registers the callback and the webhook endpoint
/// where they are missing.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}/verify", operation_id = "verify",
    tag = "user pools", params(PoolPath),
    responses(
        (status = 200, description = "The checks, whatever they say.", body = Verification),
        (status = 409, description = "Another tenant owns the pool, or it was changed at the same time.",
            body = ProblemAnswer, content_type = PROBLEM),
    )
)]
pub async fn verify(
    State(service): State<Arc<Service>>,
    Path(path): Path<PoolPath>,
) -> Result<Json<Verification>, Problem> {
    let mut pool = service.pool(&path).await?;
    let tenant = service.tenant(&path.tenant_id).await?;
    let owner = service.store().owner(&pool.user_pool_id).await?;
    if owner.is_some_and(|owner| owner != tenant.id) {
        return Err(Problem::conflict("the user pool is verified by another tenant already"));
    }
    let mut checks: Vec<Check> = check_workos(&service, &tenant).await?;
    let seen = check_pool(&service, &tenant, &pool).await;
    checks.extend(seen.checks);
    if all_hold(&checks) {
        pool.run.callbacks = seen.callbacks;
        // The wake-up that follows makes the first run; the due time stands in should that one be lost.
        let due_at = service.now().plus(service.reconciler.settings.interval);
        match service.store().activate_pool(&pool, due_at).await {
            Ok(()) => {}
            Err(error) if error.is_conflict() => {
                return Err(Problem::conflict(
                    "the user pool was verified by another tenant, or changed, at the same time: read it and try again",
                ));
            }
            Err(error) => return Err(error.into()),
        }
        pool.status = PoolStatus::Active;
        service.wake_up(&pool).await?;
    }
    let failed: Vec<&str> = checks
        .iter()
        .filter(|check| check.outcome == causeway_core::check::CheckOutcome::Fail)
        .map(|check| check.name.as_str())
        .collect();
    tracing::info!(tenant_id = %tenant.id, user_pool_id = %pool.user_pool_id, failed = ?failed, "user pool verified");
    Ok(Json(Verification { status: pool.status, checks }))
}
