//! `POST .../reconcile` and `POST .../approvals`.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use causeway_core::{
    approval::{APPROVED_FOR, Approval, ApprovedStep},
    user_pool::Mode,
};
use lambda_http::request::RequestContext;
use serde::Deserialize;
use serde_json::json;

use crate::{input, problem::Problem, service::Service};

/// How long a plan may take; API Gateway gives up after 30 s.
const PLAN: Duration = Duration::from_secs(25);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reconcile {
    #[serde(default)]
    dry_run: bool,
}

/// The plan, or a wake-up.
pub async fn reconcile(
    State(service): State<Arc<Service>>,
    Path((tenant, pool)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response, Problem> {
    let request: Reconcile = input::read(&body)?;
    let (tenant, pool) = service.verified_pool(&tenant, &pool).await?;
    if request.dry_run {
        let planned = service.reconciler.planned(&tenant, &pool, service.now().plus(PLAN)).await?;
        return Ok(Json(planned.to_json()).into_response());
    }
    if pool.options.mode == Mode::Paused {
        return Err(Problem::conflict("the user pool's mode is paused: it has no runs"));
    }
    service.wake_up(&pool).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "user_pool_id": pool.user_pool_id }))).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Approve {
    hash: String,
}

/// Lets the held steps of the present plan through, once, if they are still what was approved.
pub async fn approve(
    State(service): State<Arc<Service>>,
    Path((tenant, pool)): Path<(String, String)>,
    Extension(context): Extension<RequestContext>,
    body: Bytes,
) -> Result<Response, Problem> {
    let request: Approve = input::read(&body)?;
    let (tenant, pool) = service.verified_pool(&tenant, &pool).await?;
    let planned = service.reconciler.planned(&tenant, &pool, service.now().plus(PLAN)).await?;
    let held: Vec<_> = planned.steps.iter().filter(|step| step.held).collect();
    if held.is_empty() {
        return Err(Problem::conflict("nothing is held back"));
    }
    if planned.hash != request.hash {
        return Err(Problem::conflict(
            "the held steps are not the ones of this hash: look at the plan again and approve its hash",
        ));
    }
    let approval = Approval {
        hash: planned.hash,
        steps: held.iter().map(|step| ApprovedStep::of(step)).collect(),
        approved_by: input::caller(&context),
        expires_at: service.now().plus(APPROVED_FOR),
    };
    service.store().approve(&tenant.id, &pool.user_pool_id, &approval).await?;
    tracing::info!(
        tenant_id = %tenant.id,
        user_pool_id = %pool.user_pool_id,
        hash = approval.hash,
        approved_by = approval.approved_by,
        steps = approval.steps.len(),
        "held steps approved"
    );
    service.wake_up(&pool).await?;
    let body = json!({ "hash": approval.hash, "expires_at": approval.expires_at, "steps": held });
    Ok((StatusCode::ACCEPTED, Json(body)).into_response())
}
