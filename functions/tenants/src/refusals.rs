//! `POST` and `GET .../refusals`, `DELETE .../refusals/{connection_id}`: connections of which nothing is to be taken.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Extension, Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use causeway_core::{
    decisions::{Decisions, Refusal},
    id::{ConnectionId, TenantId, UserPoolId},
    naming::{Names, Naming},
    shown::shown,
    timestamp::Timestamp,
};
use causeway_edge::Caller;
use causeway_store::Found;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    input, page,
    page::{List, PageRequest},
    problem::{PROBLEM, Problem, ProblemAnswer},
    service::Service,
    user_pools::PoolPath,
};

/// How many connections one request refuses at most.
const MOST_CONNECTIONS: usize = 1000;
/// How long a reason may be, in characters.
const LONGEST_REASON: usize = 500;

/// The refusal that a path names.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(clippy::struct_field_names, reason = "the names of the path's parameters")]
pub struct RefusalPath {
    /// The tenant.
    #[param(value_type = TenantId)]
    pub tenant_id: String,
    /// The user pool.
    #[param(value_type = UserPoolId)]
    pub user_pool_id: String,
    /// The connection.
    #[param(value_type = ConnectionId)]
    pub connection_id: String,
}

/// What is refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Refuse {
    /// The connections of which nothing is to be taken.
    #[schema(value_type = Vec<ConnectionId>, min_items = 1, max_items = 1000)]
    connection_ids: BTreeSet<ConnectionId>,
    /// Why, for people. What controls how a text is shown becomes a space.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
    /// Until when; until it is let go, without it.
    until: Option<Timestamp>,
}

/// A connection that is refused: where something would be taken from it, it is parked and left as it is.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Refusal)]
pub struct RefusalAnswer {
    /// The connection.
    connection_id: ConnectionId,
    /// By what people know it.
    #[serde(flatten)]
    naming: Naming,
    /// Why, for people.
    reason: String,
    /// Who refused.
    refused_by: String,
    /// When.
    refused_at: Timestamp,
    /// Until when; null where until it is let go.
    #[schema(required = true)]
    until: Option<Timestamp>,
}

impl RefusalAnswer {
    /// Each connection that is refused at `now`.
    pub fn all(decisions: &Decisions, now: Timestamp) -> Vec<Self> {
        decisions.refusals_at(now).flat_map(Self::each).collect()
    }

    /// The refusal of one connection at `now`.
    pub fn of(decisions: &Decisions, id: &ConnectionId, now: Timestamp) -> Option<Self> {
        let refusal = decisions.refusal(id, now)?;
        Self::each(refusal).find(|refusal| refusal.connection_id == *id)
    }

    /// With what people know the connection by.
    fn named(self, names: &Names) -> Self {
        Self { naming: names.get(&self.connection_id).cloned().unwrap_or_default(), ..self }
    }

    fn each(refusal: &Refusal) -> impl Iterator<Item = Self> {
        refusal.connection_ids.iter().map(|id| Self {
            connection_id: id.clone(),
            naming: Naming::default(),
            reason: refusal.reason.clone(),
            refused_by: refusal.refused_by.clone(),
            refused_at: refusal.refused_at,
            until: refusal.until,
        })
    }
}

/// What was refused.
#[derive(Debug, Serialize, ToSchema)]
pub struct Refused {
    /// The connections, as they are refused from now on.
    items: Vec<RefusalAnswer>,
}

/// Refuses to have anything taken from connections
///
/// Where something would be taken from one, it is parked: left as it is, listed, and told of by no alarm. It takes the
/// place of an earlier refusal, and ends an approval. What it kept is held back once it ends, and not carried out.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}/refusals", operation_id = "refuse",
    tag = "user pools", params(PoolPath), request_body = Refuse,
    responses(
        (status = 201, description = "They are refused, and a run was asked for.", body = Refused),
        (status = 409, description = "The pool is not verified, or a connection has no provider of Causeway's in it.",
            body = ProblemAnswer, content_type = PROBLEM),
    )
)]
pub async fn refuse(
    State(service): State<Arc<Service>>,
    Path(path): Path<PoolPath>,
    Extension(Caller(caller)): Extension<Caller>,
    body: Bytes,
) -> Result<(StatusCode, Json<Refused>), Problem> {
    let request: Refuse = input::read(&body)?;
    let now = service.now();
    let reason = check(&request, now)?;
    let (_, pool) = service.verified_pool(&path).await?;
    let claims = service.store().claims(&pool.user_pool_id).await?;
    let own = claims.items.iter().filter(|claim| claim.tenant_id == pool.tenant_id);
    let names: Names = own.map(|claim| (claim.connection_id.clone(), Naming::of(claim, now))).collect();
    let mut known: BTreeSet<ConnectionId> = names.keys().cloned().collect();
    known.extend(claims.unreadable.iter().filter_map(|claim| claim.id().parse().ok()));
    if let Some(id) = request.connection_ids.iter().find(|id| !known.contains(*id)) {
        return Err(Problem::conflict(format!("{id} has no provider of Causeway's in this user pool")));
    }
    let Refuse { connection_ids, until, .. } = request;
    let refusal = Refusal { connection_ids, reason, refused_by: caller, refused_at: now, until };
    let items = RefusalAnswer::each(&refusal).map(|refusal| refusal.named(&names)).collect();
    service
        .decide(pool.clone(), |pool| {
            let decided = pool.decisions.refuse(refusal.clone(), now);
            Ok((decided.map_err(|none| Problem::conflict(none.to_string()))?, ()))
        })
        .await?;
    tracing::info!(
        tenant_id = %pool.tenant_id,
        user_pool_id = %pool.user_pool_id,
        refused_by = refusal.refused_by,
        connections = refusal.connection_ids.len(),
        "losses refused"
    );
    service.try_to_wake_up(&pool).await;
    Ok((StatusCode::CREATED, Json(Refused { items })))
}

/// The reason, as it may be shown, of what may be refused.
fn check(request: &Refuse, now: Timestamp) -> Result<String, Problem> {
    if !(1..=MOST_CONNECTIONS).contains(&request.connection_ids.len()) {
        return Err(Problem::invalid("connection_ids", format!("from 1 to {MOST_CONNECTIONS} connections")));
    }
    let reason: String = shown(&request.reason, Some(' ')).collect();
    if !(1..=LONGEST_REASON).contains(&request.reason.chars().count()) || reason.trim().is_empty() {
        return Err(Problem::invalid("reason", format!("a text of 1 to {LONGEST_REASON} characters")));
    }
    if request.until.is_some_and(|until| until <= now) {
        return Err(Problem::invalid("until", "a time in the future"));
    }
    Ok(reason)
}

/// Lists the connections of which nothing is to be taken, the newest first
#[utoipa::path(
    get, path = "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}/refusals", operation_id = "list_refusals",
    tag = "user pools", params(PoolPath, PageRequest),
    responses((status = 200, description = "A page.", body = List<RefusalAnswer>))
)]
pub async fn list(
    State(service): State<Arc<Service>>,
    Path(path): Path<PoolPath>,
    request: PageRequest,
) -> Result<Response, Problem> {
    let pool = service.pool(&path).await?;
    let refused = Found { items: RefusalAnswer::all(&pool.decisions, service.now()), ..Found::NOTHING };
    let names = if refused.items.is_empty() { Names::new() } else { service.names(&pool).await? };
    let page = page::of_all(refused, &request, |refusal| format!("{}/{}", refusal.refused_at, refusal.connection_id));
    Ok(page::answer(&request, page, |refusal| refusal.named(&names)))
}

/// Lets a refused connection go: what would be taken from it is held back again, for an approval
#[utoipa::path(
    delete, path = "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}/refusals/{connection_id}",
    operation_id = "let_refusal_go", tag = "user pools", params(RefusalPath),
    responses(
        (status = 204, description = "It is not refused any more."),
        (status = 409, description = "The pool is not verified.", body = ProblemAnswer, content_type = PROBLEM),
    )
)]
pub async fn let_go(State(service): State<Arc<Service>>, Path(path): Path<RefusalPath>) -> Result<StatusCode, Problem> {
    let id: ConnectionId = path.connection_id.parse().map_err(|_| Problem::not_found())?;
    let path = PoolPath { tenant_id: path.tenant_id, user_pool_id: path.user_pool_id };
    let (_, pool) = service.verified_pool(&path).await?;
    let now = service.now();
    let let_go = |pool: &causeway_core::user_pool::UserPool| {
        let decided = pool.decisions.let_go(&id, now).ok_or_else(Problem::not_found)?;
        Ok((decided, ()))
    };
    service.decide(pool.clone(), let_go).await?;
    tracing::info!(tenant_id = %pool.tenant_id, user_pool_id = %pool.user_pool_id, connection_id = %id, "refusal let go");
    service.try_to_wake_up(&pool).await;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_a_text_that_shows_and_an_end_lies_ahead() {
        let now = Timestamp::from_seconds(1_000_000);
        let taken = |reason: &str, until: Option<i64>| {
            let connection_ids = [format!("conn_{}", "A".repeat(26)).parse().unwrap()].into();
            let until = until.map(Timestamp::from_seconds);
            check(&Refuse { connection_ids, reason: reason.to_owned(), until }, now).ok()
        };
        let is_taken = |reason: &str, until| taken(reason, until).is_some();
        assert!(is_taken("their contract runs on", None) && is_taken(&"ä".repeat(500), Some(1_000_001)));
        assert_eq!(taken("it runs\n\u{202e}on", None).as_deref(), Some("it runs  on"));
        for odd in ["", " ", "\n", "\u{200b}\u{202e}", &"a".repeat(501)] {
            assert!(!is_taken(odd, None), "{odd:?}");
        }
        assert!(!is_taken("a reason", Some(1_000_000)));
    }
}
