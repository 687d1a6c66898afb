//! `POST .../adoptions`: takes over the providers of a pool that moves here from another deployment.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
};
use causeway_core::{
    export::{ExportedPool, ExportedProvider, MOST_AT_ONCE, judge},
    id::{ConnectionId, OrganizationId, ProviderName},
    moving::Difference,
    object::{object, objects},
    provider::Change,
    subject::Subject,
};
use causeway_reconciler::{AdoptionError, Compared, MoveRequest};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    adoption::{IssuerChange, TIME},
    input,
    problem::{PROBLEM, Problem, ProblemAnswer},
    service::Service,
    user_pools::PoolPath,
};

/// An export of the pool, or a part of it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AdoptExport {
    /// The pool as it was exported.
    #[serde(deserialize_with = "object")]
    pool: ExportedPool,
    /// Some of its providers.
    #[serde(deserialize_with = "objects")]
    #[schema(min_items = 1, max_items = 25)]
    providers: Vec<ExportedProvider>,
    /// Only compares.
    #[serde(default)]
    dry_run: bool,
}

/// A provider that is as it was exported.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdoptedProvider)]
pub struct AdoptedProviderAnswer {
    /// Its name.
    provider_name: ProviderName,
    /// Its connection.
    connection_id: ConnectionId,
    /// The connection's organization.
    #[schema(required = true)]
    organization_id: Option<OrganizationId>,
    /// What `sub` is.
    subject: Subject,
    /// Its issuer; null where it was adopted before.
    #[schema(required = true)]
    issuer: Option<IssuerChange>,
    /// What changes of the provider, field by field; secrets never show.
    changes: Vec<Change>,
    /// Whether it is Causeway's now.
    adopted: bool,
}

/// A difference between the export and what is here.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExportDifference)]
pub struct DifferenceAnswer {
    /// The provider; null where it is of the user pool.
    #[schema(required = true)]
    provider_name: Option<ProviderName>,
    /// Its connection.
    #[schema(required = true)]
    connection_id: Option<ConnectionId>,
    /// What differs.
    message: String,
}

impl From<Difference> for DifferenceAnswer {
    fn from(difference: Difference) -> Self {
        let (provider_name, connection_id) =
            difference.provider.map(|provider| (provider.provider_name, provider.connection_id)).unzip();
        Self { provider_name, connection_id, message: difference.differs.to_string() }
    }
}

/// What came of an export. Where something differs, nothing is adopted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdoptedExport)]
pub struct AdoptedExportAnswer {
    /// Whether all of these providers are Causeway's now.
    adopted: bool,
    /// The providers; none where something differs.
    providers: Vec<AdoptedProviderAnswer>,
    /// In what the export and the things themselves differ.
    differences: Vec<DifferenceAnswer>,
}

impl AdoptedExportAnswer {
    fn of(compared: Vec<Compared<'_>>, adopted: bool) -> Self {
        let providers = compared.into_iter().map(|one| {
            let ExportedProvider { connection_id, organization_id, provider_name, subject, .. } = one.exported.clone();
            let is_new = one.adopted.is_some();
            let (issuer, changes) = one
                .adopted
                .map(|new| (IssuerChange { before: new.issuer_before, after: new.issuer_after }, new.changes))
                .unzip();
            AdoptedProviderAnswer {
                provider_name,
                connection_id,
                organization_id,
                subject,
                issuer,
                changes: changes.unwrap_or_default(),
                adopted: adopted || !is_new,
            }
        });
        Self { adopted, providers: providers.collect(), differences: Vec::new() }
    }

    fn differing(differences: Vec<Difference>) -> Self {
        let differences = differences.into_iter().map(DifferenceAnswer::from).collect();
        Self { adopted: false, providers: Vec::new(), differences }
    }
}

/// Takes over the identity providers of a user pool that moves here from another deployment
///
/// The export is compared, and not believed: each provider has to show the issuer of its tenant and connection there, and
/// this tenant's WorkOS that connection in the same organization. One difference, and nothing is adopted. What is adopted
/// already, as the export has it, is left as it is: the call can be repeated. No run follows by itself.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}/adoptions", operation_id = "adopt_export",
    tag = "user pools", params(PoolPath), request_body = AdoptExport,
    responses(
        (status = 200, description = "What came of it, or would.", body = AdoptedExportAnswer),
        (status = 409, description = "The pool is not verified.", body = ProblemAnswer, content_type = PROBLEM),
        (status = 502, description = "WorkOS or the tenant's account refuses Causeway.",
            body = ProblemAnswer, content_type = PROBLEM),
    )
)]
pub async fn adopt_export(
    State(service): State<Arc<Service>>,
    Path(path): Path<PoolPath>,
    body: Bytes,
) -> Result<Json<AdoptedExportAnswer>, Problem> {
    let asked: AdoptExport = input::read(&body)?;
    judge(&asked.pool, &asked.providers, MOST_AT_ONCE).map_err(|fault| Problem::invalid(fault.field, fault.rule))?;
    let (tenant, pool) = service.verified_pool(&path).await?;
    let request = MoveRequest { pool: &asked.pool, providers: &asked.providers };
    let deadline = service.now().plus(TIME);
    let compared = if asked.dry_run {
        service.reconciler.plan_move(&tenant, &pool, request, deadline).await
    } else {
        service.reconciler.move_here(&tenant, &pool, request, deadline).await
    };
    match compared {
        Ok(compared) => Ok(Json(AdoptedExportAnswer::of(compared, !asked.dry_run))),
        Err(AdoptionError::Differs(differences)) => Ok(Json(AdoptedExportAnswer::differing(differences))),
        // Nothing of it speaks against sending it again.
        Err(AdoptionError::Busy) => Err(Problem::busy("a run is under way in the user pool: try again in a moment")),
        Err(error) => Err(error.into()),
    }
}
