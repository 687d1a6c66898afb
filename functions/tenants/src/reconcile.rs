//! `POST .../reconcile`.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use causeway_core::{
    id::UserPoolId,
    plan::{Note, RecordedStep},
    timestamp::Timestamp,
    user_pool::Mode,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    input,
    problem::{PROBLEM, Problem, ProblemAnswer},
    service::Service,
    user_pools::PoolPath,
};

/// How long a plan may take; API Gateway gives up after 30 s.
pub const PLAN: Duration = Duration::from_secs(25);

/// What is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Reconcile {
    /// Only plans, and changes nothing.
    #[serde(default)]
    dry_run: bool,
}

/// What a run would do now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Plan)]
pub struct PlanAnswer {
    /// What the steps mean, as a sentence: who loses a way to sign in, by name, and how many gain one.
    summary: String,
    /// The hash of the held steps, for an approval.
    hash: String,
    /// All steps, in order; none for a pool that is in line. Where the time was too short for a plan, those that the
    /// last run held back, as a note says.
    steps: Vec<RecordedStep>,
    /// What is left out, and why.
    notes: Vec<Note>,
}

/// A run was asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct Woken {
    /// The pool that is looked at.
    user_pool_id: UserPoolId,
    /// When the run was asked for. The one that it causes begins then or later; its ID is a ULID, which has
    /// the time of its beginning.
    requested_at: Timestamp,
}

/// Asks for a run, or shows what it would do
#[utoipa::path(
    post, path = "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}/reconcile", operation_id = "reconcile",
    tag = "user pools", params(PoolPath), request_body = Option<Reconcile>,
    responses(
        (status = 200, description = "With `dry_run`: the plan.", body = PlanAnswer),
        (status = 202, description = "A run was asked for.", body = Woken),
        (status = 409, description = "The pool is not verified, or paused.",
            body = ProblemAnswer, content_type = PROBLEM),
        (status = 502, description = "WorkOS or the tenant's account refuses Causeway.",
            body = ProblemAnswer, content_type = PROBLEM),
        (status = 503, description = "With `dry_run`: both sides could not be seen in time, and the last run held \
            nothing back.", body = ProblemAnswer, content_type = PROBLEM),
    )
)]
pub async fn reconcile(
    State(service): State<Arc<Service>>,
    Path(path): Path<PoolPath>,
    body: Bytes,
) -> Result<Response, Problem> {
    let request: Reconcile = input::read(&body)?;
    let (tenant, pool) = service.verified_pool(&path).await?;
    if request.dry_run {
        let planned = service.reconciler.planned(&tenant, &pool, service.now().plus(PLAN)).await?;
        let summary = planned.summary();
        let plan = PlanAnswer { summary, hash: planned.hash, steps: planned.steps, notes: planned.notes };
        return Ok(Json(plan).into_response());
    }
    if pool.options.mode == Mode::Paused {
        return Err(Problem::conflict("the user pool's mode is paused: it has no runs"));
    }
    let requested_at = service.now();
    service.wake_up(&pool).await?;
    Ok((StatusCode::ACCEPTED, Json(Woken { user_pool_id: pool.user_pool_id, requested_at })).into_response())
}
