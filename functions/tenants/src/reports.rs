//! `GET .../providers` and `GET .../runs`.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    extract::{Path, State},
    response::Response,
};
use causeway_core::{
    claim::Claim,
    connection::ConnectionState,
    id::{AppClientId, ConnectionId, Identifier, OrganizationId, ProviderName},
    naming::Naming,
    offering::offering,
    provider::Issuer,
    run::RunReport,
    sign_in_links::SignInLinks,
    subject::Subject,
    timestamp::Timestamp,
    user_pool::UserPool,
};
use causeway_store::Page;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    page,
    page::{List, PageRequest},
    problem::Problem,
    refusals::RefusalAnswer,
    service::Service,
    user_pools::PoolPath,
};

/// An identity provider that Causeway made, as of the last run.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Provider)]
pub struct ProviderAnswer {
    /// The connection that it was made for.
    connection_id: ConnectionId,
    /// By what people know it.
    #[serde(flatten)]
    naming: Naming,
    /// The connection's organization.
    #[schema(required = true)]
    organization_id: Option<OrganizationId>,
    /// The connection's state; null before the first run that saw it.
    #[schema(required = true)]
    connection_state: Option<ConnectionState>,
    /// Its name in the pool.
    provider_name: ProviderName,
    /// Its `IdpIdentifiers`.
    identifiers: BTreeSet<Identifier>,
    /// Its issuer.
    issuer: Issuer,
    /// What `sub` is in its sign-ins.
    subject: Subject,
    /// How an application begins a sign-in with it.
    sign_in: SignInLinks,
    /// The app clients of the pool's that offer it; null before a run has seen them, and where there are more than are
    /// kept.
    #[schema(required = true)]
    app_clients: Option<Vec<AppClientId>>,
    /// Whether the last run left nothing undone for the connection.
    in_sync: bool,
    /// Since when what would be taken from it is held back; null where nothing is.
    #[schema(required = true)]
    held_since: Option<Timestamp>,
    /// The refusal to have anything taken from it, for which it is parked where something would be; null where there is
    /// none.
    #[schema(required = true, value_type = Option<RefusalAnswer>)]
    refused: Option<RefusalAnswer>,
}

impl ProviderAnswer {
    /// The provider of a claim in a pool, whose domain is `https://<domain>`.
    fn of(claim: Claim, pool: &UserPool, domain: Option<&str>, now: Timestamp) -> Self {
        // The organization's ID is the provider's own member, which is there also where there is none.
        let naming = Naming { organization_id: None, ..Naming::of(&claim, now) };
        let refused = RefusalAnswer::of(&pool.decisions, &claim.connection_id, now);
        Self {
            held_since: pool.held.get(&claim.connection_id).copied().filter(|_| refused.is_none()),
            refused,
            sign_in: SignInLinks::of(&claim, domain),
            app_clients: pool
                .run
                .app_clients
                .as_deref()
                .map(|clients| offering(clients, &claim.provider_name).cloned().collect()),
            connection_id: claim.connection_id,
            naming,
            organization_id: claim.organization_id,
            connection_state: claim.connection_state,
            provider_name: claim.provider_name,
            identifiers: claim.identifiers,
            issuer: claim.issuer,
            subject: claim.subject,
            in_sync: claim.in_sync,
        }
    }
}

/// Lists the identity providers that Causeway made in a user pool, those of the newest connections first
#[utoipa::path(
    get, path = "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}/providers", operation_id = "list_providers",
    tag = "user pools", params(PoolPath, PageRequest),
    responses((status = 200, description = "A page.", body = List<ProviderAnswer>))
)]
pub async fn providers(
    State(service): State<Arc<Service>>,
    Path(path): Path<PoolPath>,
    request: PageRequest,
) -> Result<Response, Problem> {
    let pool = service.pool(&path).await?;
    let mut claims = service.store().claims(&pool.user_pool_id).await?;
    // Claims belong to the pool: what another tenant made in it is not this one's to see.
    claims.items.retain(|claim| claim.tenant_id == pool.tenant_id);
    let page = page::of_all(claims, &request, |claim| claim.connection_id.to_string());
    let domain = pool.domain_url(service.local_callback.as_deref());
    Ok(page::answer(&request, page, |claim| ProviderAnswer::of(claim, &pool, domain, service.now())))
}

/// Lists the reports of a user pool's runs, the newest first
///
/// Scheduled runs that changed nothing leave none.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}/runs", operation_id = "list_runs",
    tag = "user pools", params(PoolPath, PageRequest),
    responses((status = 200, description = "A page.", body = List<RunReport>))
)]
pub async fn runs(
    State(service): State<Arc<Service>>,
    Path(path): Path<PoolPath>,
    request: PageRequest,
) -> Result<Response, Problem> {
    let pool = service.pool(&path).await?;
    // Reports belong to the pool: they are its owner's to see.
    if service.store().owner(&pool.user_pool_id).await?.as_ref() != Some(&pool.tenant_id) {
        return Ok(page::answer(
            &request,
            Page::<RunReport> { items: Vec::new(), unreadable: Vec::new(), next: None },
            |run| run,
        ));
    }
    let page =
        service.store().runs(&pool.tenant_id, &pool.user_pool_id, request.limit, request.after.as_deref()).await?;
    Ok(page::answer(&request, page, |run| run))
}
