//! `POST .../verify`: runs the checks, and makes the pool active where none fails.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use causeway_core::{
    check::{Check, all_hold},
    user_pool::PoolStatus,
};
use serde_json::json;

use crate::{problem::Problem, service::Service, verify_pool::check_pool, verify_workos::check_workos};

/// Runs all checks of a pool. Changes nothing in the tenant's account; with WorkOS it registers the callback
/// and the webhook endpoint where they are missing.
pub async fn verify(
    State(service): State<Arc<Service>>,
    Path((tenant, pool)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let mut pool = service.pool(&tenant, &pool).await?;
    let tenant = service.tenant(&tenant).await?;
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
    Ok(Json(json!({ "status": pool.status, "checks": checks })).into_response())
}
