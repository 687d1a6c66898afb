//! `POST .../verify`: runs the checks, and makes the pool active where none fails.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use causeway_core::{check::Check, user_pool::PoolStatus};
use causeway_tenancy::Checks;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    problem::{PROBLEM, Problem, ProblemAnswer},
    service::Service,
    user_pools::PoolPath,
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
    let verified = service.verifier().run(&tenant, pool, Checks::default()).await?;
    Ok(Json(Verification { status: verified.status, checks: verified.checks }))
}
