//! `POST .../verify`: runs the checks, and makes the pool active where none fails.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use causeway_core::{
    check::{Check, all_hold},
    tenant::Tenant,
    user_pool::{PoolStatus, UserPool},
};
use serde::Serialize;
use tokio::sync::mpsc::UnboundedSender;
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
    pub status: PoolStatus,
    /// Every check; one that needs an earlier one is left out where that one fails.
    pub checks: Vec<Check>,
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
        (status = 409, body = ProblemAnswer, content_type = PROBLEM,
            description = "Another tenant owns the pool, it is being removed, or it was changed at the same time."),
    )
)]
pub async fn verify(
    State(service): State<Arc<Service>>,
    Path(path): Path<PoolPath>,
) -> Result<Json<Verification>, Problem> {
    let pool = service.pool(&path).await?;
    let tenant = service.tenant(&path.tenant_id).await?;
    Ok(Json(run(&service, &tenant, pool, Checks::default()).await?))
}

/// Every check so far, each told on as it ends.
#[derive(Debug, Default)]
pub struct Checks {
    /// In the order in which they were run.
    pub all: Vec<Check>,
    /// Who is told.
    pub told: Option<UnboundedSender<Check>>,
}

impl Checks {
    /// Adds a check.
    pub fn push(&mut self, check: Check) {
        if let Some(told) = &self.told {
            // Whoever no longer listens needs not be told.
            let _ = told.send(check.clone());
        }
        self.all.push(check);
    }

    /// Adds several.
    pub fn extend(&mut self, checks: impl IntoIterator<Item = Check>) {
        checks.into_iter().for_each(|check| self.push(check));
    }
}

/// Runs all checks of a pool, into `checks`, which is empty.
pub async fn run(
    service: &Service,
    tenant: &Tenant,
    mut pool: UserPool,
    mut checks: Checks,
) -> Result<Verification, Problem> {
    if pool.status == PoolStatus::Removing {
        return Err(Problem::conflict("the user pool is being removed"));
    }
    if pool.awaits_admission {
        return Err(Problem::conflict(
            "the user pool is in an account that waits for the operator: `POST .../admission` admits it",
        ));
    }
    let owner = service.store().owner(&pool.user_pool_id).await?;
    if owner.is_some_and(|owner| owner != tenant.id) {
        return Err(Problem::conflict("the user pool is verified by another tenant already"));
    }
    check_workos(service, tenant, &mut checks).await?;
    let callbacks = check_pool(service, tenant, &pool, &mut checks).await;
    let checks = checks.all;
    if all_hold(&checks) {
        pool.run.callbacks = callbacks;
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
    Ok(Verification { status: pool.status, checks })
}
