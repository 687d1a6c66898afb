//! `POST .../approvals`: a person's word that what the guard holds back is meant.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Extension, Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use causeway_core::{
    approval::{PlannedSteps, beyond_record},
    id::ConnectionId,
    meaning::meaning,
    plan::RecordedStep,
    timestamp::Timestamp,
    user_pool::UserPool,
};
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

/// How many connections one request approves at most.
const MOST_CONNECTIONS: usize = 1000;

/// What is approved: exactly one of the two.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Approve {
    /// The hash of the plan that was looked at: all that it holds back.
    hash: Option<String>,
    /// What the last run's report shows as held of these connections.
    #[schema(value_type = Option<Vec<ConnectionId>>, min_items = 1, max_items = 1000)]
    connection_ids: Option<BTreeSet<ConnectionId>>,
}

/// What was held back and is let through.
#[derive(Debug, Serialize, ToSchema)]
pub struct Approved {
    /// What the steps mean, as a sentence: who loses a way to sign in, by name.
    summary: String,
    /// The hash of the steps under it.
    hash: String,
    /// When the approval ends, unless its steps are done before, or their losses are no longer planned.
    expires_at: Timestamp,
    /// When the run was asked for that is to carry the steps out.
    requested_at: Timestamp,
    /// The steps under it: all that were held, or those of as many connections as there is room for. The others stay
    /// held, for an approval of their own.
    steps: Vec<RecordedStep>,
}

/// Lets through what the guard holds back: all of a plan, or what is of some connections
///
/// It covers, for each connection, the losses that were shown with their reason: by the plan whose hash is given, or, for
/// connections, by the report of the last run. Where more, or something else, is planned now than was shown, nothing is
/// approved. What a later plan takes beyond that is held back. It lasts until its steps are done, or a complete look
/// shows that their losses are no longer planned, and 24 hours at most.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}/approvals", operation_id = "approve",
    tag = "user pools", params(PoolPath), request_body = Approve,
    responses(
        (status = 202, description = "The steps are approved, and a run was asked for.", body = Approved),
        (status = 409, description = "The pool is not verified, nothing is held back, or something else than was shown.",
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
    let on_record = match &wanted {
        Wanted::All { .. } => Vec::new(),
        Wanted::Of(_) => held_on_record(&service, &pool).await?,
    };
    let held = wanted.check(planned, &on_record)?;
    let now = service.now();
    let (approval, steps) = service
        .decide(pool.clone(), |pool| {
            let decided = pool.decisions.approve(held.clone(), wanted.connections(), &caller, now);
            let (decisions, approval, steps) = decided.map_err(|none| Problem::conflict(none.to_string()))?;
            Ok((decisions, (approval, steps)))
        })
        .await?;
    let summary = meaning(&steps);
    tracing::info!(
        tenant_id = %tenant.id,
        user_pool_id = %pool.user_pool_id,
        summary,
        hash = approval.hash,
        approved_by = approval.approved_by,
        steps = steps.len(),
        "held steps approved"
    );
    let requested_at = service.now();
    service.wake_up(&pool).await?;
    let answer = Approved { summary, hash: approval.hash, expires_at: approval.expires_at, requested_at, steps };
    Ok((StatusCode::ACCEPTED, Json(answer)).into_response())
}

/// The steps that the report of the last run shows as held. A run that changed nothing has none.
async fn held_on_record(service: &Service, pool: &UserPool) -> Result<Vec<RecordedStep>, Problem> {
    let Some(last) = &pool.run.last_run else { return Ok(Vec::new()) };
    let report = service.store().run(&pool.tenant_id, &pool.user_pool_id, &last.id).await?;
    Ok(report.and_then(PlannedSteps::held_back_by).map(|held| held.steps).unwrap_or_default())
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
            (None, Some(ids)) if (1..=MOST_CONNECTIONS).contains(&ids.len()) => Ok(Self::Of(ids)),
            (None, Some(_)) => {
                Err(Problem::invalid("connection_ids", format!("from 1 to {MOST_CONNECTIONS} connections")))
            }
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

    /// The planned steps that are held, if they are what is wanted, and were shown: for connections by what is
    /// `on_record` as held.
    fn check(&self, planned: PlannedSteps, on_record: &[RecordedStep]) -> Result<Vec<RecordedStep>, Problem> {
        let held: Vec<RecordedStep> = planned.steps.into_iter().filter(|step| step.held).collect();
        if held.is_empty() {
            return Err(Problem::conflict("nothing is held back"));
        }
        let is_held = |id: &ConnectionId| held.iter().any(|step| step.connection_id == *id);
        match self {
            Self::All { hash } if *hash != planned.hash => Err(Problem::conflict(
                "the held steps are not the ones of this hash: look at the plan again and approve its hash",
            )),
            Self::All { .. } => Ok(held),
            Self::Of(ids) => {
                if let Some(id) = ids.iter().find(|id| !is_held(id)) {
                    return Err(Problem::conflict(format!("nothing is held back of {id}: look at the plan again")));
                }
                match beyond_record(&held, on_record).intersection(ids).next() {
                    Some(id) => Err(Problem::conflict(format!(
                        "what is planned now of {id} is not what the last run's report shows as held: look at the plan \
                         and approve its hash, or ask for a run, read its report and send this again"
                    ))),
                    None => Ok(held),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn id(number: usize) -> String {
        format!("conn_{number:026}")
    }

    fn held(number: usize, reason: &str) -> RecordedStep {
        serde_json::from_value(json!({
            "action": "delete", "connection_id": id(number), "provider_name": format!("conn-{number:026}"),
            "reason": reason, "changes": [], "held": true, "takes_away": true,
        }))
        .unwrap()
    }

    fn of(numbers: &[usize]) -> Wanted {
        Wanted::Of(numbers.iter().map(|number| id(*number).parse().unwrap()).collect())
    }

    fn answered(wanted: &Wanted, planned: &[RecordedStep], on_record: &[RecordedStep]) -> u16 {
        let checked = wanted.check(PlannedSteps::new(planned.to_vec(), Vec::new()), on_record);
        checked.map_or_else(
            |problem| problem.into_response().status().as_u16(),
            |steps| {
                assert_eq!(steps, planned);
                202
            },
        )
    }

    #[test]
    fn connections_are_approved_as_the_last_run_showed_them_and_not_as_they_are_planned_now() {
        let (gone, excluded) = ("the connection is gone", "the connection is no longer chosen");
        let planned = [held(1, gone), held(2, gone), held(3, excluded)];
        let on_record = [held(1, gone), held(2, excluded)];
        assert_eq!(answered(&of(&[1]), &planned, &on_record), 202);
        for refused in [&[2][..], &[3], &[1, 2], &[4]] {
            assert_eq!(answered(&of(refused), &planned, &on_record), 409, "{refused:?}");
        }
        // Where no run has held anything, nobody was shown anything.
        assert_eq!(answered(&of(&[1]), &planned, &[]), 409);
        assert_eq!(answered(&of(&[1]), &[], &on_record), 409);
    }

    #[test]
    fn a_hash_approves_the_plan_that_it_is_of_whatever_a_run_showed() {
        let planned = [held(1, "a reason"), held(2, "a reason")];
        let hash = PlannedSteps::new(planned.to_vec(), Vec::new()).hash;
        assert_eq!(answered(&Wanted::All { hash: hash.clone() }, &planned, &[]), 202);
        assert_eq!(answered(&Wanted::All { hash }, &planned[..1], &planned), 409);
    }

    #[test]
    fn one_of_hash_and_connections_is_named_and_up_to_a_thousand_of_these() {
        let read = |request: serde_json::Value| {
            let request = serde_json::from_value::<Approve>(request).unwrap();
            Wanted::read(request).is_ok()
        };
        let ids = |number: usize| (0..number).map(id).collect::<Vec<_>>();
        assert!(read(json!({ "hash": "a" })) && read(json!({ "connection_ids": ids(1) })));
        assert!(read(json!({ "connection_ids": ids(MOST_CONNECTIONS) })));
        for odd in [
            json!({}),
            json!({ "hash": null, "connection_ids": null }),
            json!({ "hash": "a", "connection_ids": ids(1) }),
            json!({ "hash": "a", "connection_ids": [] }),
            json!({ "connection_ids": [] }),
            json!({ "connection_ids": ids(MOST_CONNECTIONS + 1) }),
        ] {
            assert!(!read(odd.clone()), "{odd}");
        }
    }
}
