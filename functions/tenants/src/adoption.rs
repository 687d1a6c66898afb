//! `POST .../adopt`: takes over one existing provider.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
};
use causeway_core::{
    adoption::NotAdoptable,
    id::{ConnectionId, ProviderName},
    provider::Change,
    subject::Subject,
};
use causeway_reconciler::{AdoptionError, AdoptionRequest};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    input,
    problem::{PROBLEM, Problem, ProblemAnswer},
    service::Service,
    user_pools::PoolPath,
};

/// How long an adoption may take; API Gateway gives up after 30 s.
pub const TIME: Duration = Duration::from_secs(24);

/// The provider that is taken over.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Adopt {
    /// Its name, which it keeps.
    provider_name: ProviderName,
    /// The connection; without it the one whose ID is among the provider's identifiers.
    connection_id: Option<ConnectionId>,
    /// What `sub` becomes. Users whose `sub` changes become new users.
    #[serde(default)]
    subject: Subject,
    /// Only shows what would be done.
    #[serde(default)]
    dry_run: bool,
}

/// An issuer before and after.
#[derive(Debug, Serialize, ToSchema)]
pub struct IssuerChange {
    /// Before; null where the provider shows none.
    #[schema(required = true)]
    pub before: Option<String>,
    /// After.
    pub after: String,
}

/// A provider that was taken over, or would be.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Adoption)]
pub struct AdoptionAnswer {
    /// Its name.
    provider_name: ProviderName,
    /// Its connection.
    connection_id: ConnectionId,
    /// Its issuer.
    issuer: IssuerChange,
    /// What `sub` is.
    subject: Subject,
    /// What changes of the provider, field by field; secrets never show.
    changes: Vec<Change>,
    /// Whether it is Causeway's now.
    adopted: bool,
}

/// Takes over an identity provider that somebody else made
///
/// It keeps its name and its identifiers, and so its users as long as their `sub` stays the same. Neither the pool's
/// mode nor the guard holds it back.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}/adopt", operation_id = "adopt_provider",
    tag = "user pools", params(PoolPath), request_body = Adopt,
    responses(
        (status = 200, description = "It is Causeway's; with `dry_run` what would be done.", body = AdoptionAnswer),
        (status = 409, description = "The pool is not verified, a run is under way, or the provider or its connection \
            has been taken.", body = ProblemAnswer, content_type = PROBLEM),
        (status = 502, description = "WorkOS or the tenant's account refuses Causeway.",
            body = ProblemAnswer, content_type = PROBLEM),
    )
)]
pub async fn adopt(
    State(service): State<Arc<Service>>,
    Path(path): Path<PoolPath>,
    body: Bytes,
) -> Result<Json<AdoptionAnswer>, Problem> {
    let asked: Adopt = input::read(&body)?;
    let (tenant, pool) = service.verified_pool(&path).await?;
    let request = AdoptionRequest {
        provider_name: asked.provider_name.clone(),
        connection: asked.connection_id,
        subject: asked.subject,
    };
    let deadline = service.now().plus(TIME);
    let reconciler = &service.reconciler;
    let adopted = if asked.dry_run {
        reconciler.plan_adoption(&tenant, &pool, &request, deadline).await?
    } else {
        let adopted = reconciler.adopt(&tenant, &pool, &request, deadline).await?;
        // The run gives it the other identifiers and puts it into the app clients.
        service.try_to_wake_up(&pool).await;
        adopted
    };
    Ok(Json(AdoptionAnswer {
        provider_name: asked.provider_name,
        connection_id: adopted.connection_id,
        issuer: IssuerChange { before: adopted.issuer_before, after: adopted.issuer_after },
        subject: asked.subject,
        changes: adopted.changes,
        adopted: !asked.dry_run,
    }))
}

impl From<AdoptionError> for Problem {
    fn from(error: AdoptionError) -> Self {
        let detail = error.to_string();
        match error {
            AdoptionError::NotAdoptable(
                NotAdoptable::AlreadyOurs(_) | NotAdoptable::HasProvider(_) | NotAdoptable::CanNotSignIn(_),
            )
            // One provider by its name is compared with no export.
            | AdoptionError::Differs(_)
            | AdoptionError::NotActive => Self::conflict(detail),
            AdoptionError::NotAdoptable(NotAdoptable::NoProvider | NotAdoptable::NotOidc(_)) => {
                Self::invalid("provider_name", detail)
            }
            AdoptionError::NotAdoptable(_) => Self::invalid("connection_id", detail),
            AdoptionError::Busy => Self::conflict(format!("{detail}: try again in a moment")),
            AdoptionError::Failed(error) => error.into(),
        }
    }
}
