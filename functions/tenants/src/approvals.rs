//! `POST .../approvals`: a person's word that what the guard holds back is meant.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Extension, Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use causeway_core::{approval::PlannedSteps, id::ConnectionId, plan::Step, timestamp::Timestamp};
use causeway_edge::Caller;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    input,
    problem::{PROBLEM, Problem, ProblemAnswer},
    reconcile::PLAN,
    service::Service,
    user_pools::PoolPath,
};

/// What is approved: exactly one of the two.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Approve {
    /// The hash of the plan that was looked at: all that it holds back.
    hash: Option<String>,
    /// What the present plan holds back of these connections.
    #[schema(value_type = Option<Vec<ConnectionId>>, min_items = 1, max_items = 1000)]
    connection_ids: Option<BTreeSet<ConnectionId>>,
}

/// What was held back and is let through.
#[derive(Debug, Serialize, ToSchema)]
pub struct Approved {
    /// The hash of the steps under it.
    hash: String,
    /// When the approval ends, unless its steps are done before, or their losses are no longer planned.
    expires_at: Timestamp,
    /// When the run was asked for that is to carry the steps out.
    requested_at: Timestamp,
    /// The steps under it: all that were held, or those of as many connections as there is room for. The others stay
    /// held, for an approval of their own.
    steps: Vec<Step>,
}

/// Lets through what the guard holds back: all of a plan, or what is of some connections
///
/// It covers, for each connection, the losses that the plan shows with their reason. What a later plan takes beyond that
/// is held back. It lasts until its steps are done, or a complete look shows that their losses are no longer planned, and
/// 24 hours at most.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}/approvals", operation_id = "approve",
    tag = "user pools", params(PoolPath), request_body = Approve,
    responses(
        (status = 202, description = "The steps are approved, and a run was asked for.", body = Approved),
        (status = 409, description = "The pool is not verified, nothing is held back, or something else than was approved.",
            body = ProblemAnswer, content_type = PROBLEM),
        (status = 502, description = "WorkOS or the tenant's account refuses Causeway.",
            body = ProblemAnswer, content_type = PROBLEM),
        (status = 503, description = "Both sides could not be seen in time, and the last run held nothing back.",
            body = ProblemAnswer, content_type = PROBLEM),
    )
)]
pub async fn approve(
    State(service): State<Arc<Service>>,
    Path(path): Path<PoolPath>,
    Extension(Caller(caller)): Extension<Caller>,
    body: Bytes,
) -> Result<Response, Problem> {
    let request: Approve = input::read(&body)?;
    let wanted = Wanted::read(request)?;
    let (tenant, pool) = service.verified_pool(&path).await?;
    let planned = service.reconciler.planned(&tenant, &pool, service.now().plus(PLAN)).await?;
    let held = wanted.check(planned)?;
    let now = service.now();
    let (approval, steps) = service
        .decide(pool.clone(), |pool| {
            let decided = pool.decisions.approve(held.clone(), wanted.connections(), &caller, now);
            let (decisions, approval, steps) = decided.map_err(|none| Problem::conflict(none.to_string()))?;
            Ok((decisions, (approval, steps)))
        })
        .await?;
    tracing::info!(
        tenant_id = %tenant.id,
        user_pool_id = %pool.user_pool_id,
        hash = approval.hash,
        approved_by = approval.approved_by,
        steps = steps.len(),
        "held steps approved"
    );
    let requested_at = service.now();
    service.wake_up(&pool).await?;
    let answer = Approved { hash: approval.hash, expires_at: approval.expires_at, requested_at, steps };
    Ok((StatusCode::ACCEPTED, Json(answer)).into_response())
}

/// What somebody wants to approve.
#[derive(Debug)]
enum Wanted {
    All { hash: String },
    Of(BTreeSet<ConnectionId>),
}

impl Wanted {
    fn read(request: Approve) -> Result<Self, Problem> {
        match (request.hash, request.connection_ids) {
            (Some(hash), None) => Ok(Self::All { hash }),
            (None, Some(ids)) if !ids.is_empty() => Ok(Self::Of(ids)),
            (None, Some(_)) => Err(Problem::invalid("connection_ids", "one connection at least")),
            _ => Err(Problem::invalid("(body)", "exactly one of `hash` and `connection_ids`")),
        }
    }

    /// The connections, where some are wanted and not all.
    fn connections(&self) -> Option<&BTreeSet<ConnectionId>> {
        match self {
            Self::All { .. } => None,
            Self::Of(ids) => Some(ids),
        }
    }

    /// The planned steps that are held, if they are what is wanted.
    fn check(&self, planned: PlannedSteps) -> Result<Vec<Step>, Problem> {
        let held: Vec<Step> = planned.steps.into_iter().filter(|step| step.held).collect();
        if held.is_empty() {
            return Err(Problem::conflict("nothing is held back"));
        }
        let is_held = |id: &ConnectionId| held.iter().any(|step| step.connection_id == *id);
        match self {
            Self::All { hash } if *hash != planned.hash => Err(Problem::conflict(
                "the held steps are not the ones of this hash: look at the plan again and approve its hash",
            )),
            Self::All { .. } => Ok(held),
            Self::Of(ids) => match ids.iter().find(|id| !is_held(id)) {
                Some(id) => Err(Problem::conflict(format!("nothing is held back of {id}: look at the plan again"))),
                None => Ok(held),
            },
        }
    }
}
