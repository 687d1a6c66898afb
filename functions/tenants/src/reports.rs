//! `GET .../providers` and `GET .../runs`.

use std::sync::Arc;

use axum::{
    extract::{Path, RawQuery, State},
    response::Response,
};
use causeway_core::claim::Claim;
use causeway_store::Page;
use serde_json::{Value, json};

use crate::{page, page::PageRequest, problem::Problem, service::Service};

/// The providers that Causeway made in a pool, those of the newest connections first.
pub async fn providers(
    State(service): State<Arc<Service>>,
    Path((tenant, pool)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let request = PageRequest::parse(query.as_deref())?;
    let pool = service.pool(&tenant, &pool).await?;
    let mut claims = service.store().claims(&pool.user_pool_id).await?;
    // Claims belong to the pool: what another tenant made in it is not this one's to see.
    claims.retain(|claim| claim.tenant_id == pool.tenant_id);
    let page = page::of_all(claims, &request, |claim| claim.connection_id.to_string());
    Ok(page::answer(page, |claim| view(&claim)))
}

fn view(claim: &Claim) -> Value {
    json!({
        "connection_id": claim.connection_id,
        "organization_id": claim.organization_id,
        "connection_state": claim.connection_state,
        "provider_name": claim.provider_name,
        "identifiers": claim.identifiers,
        "issuer": claim.issuer,
        "in_sync": claim.in_sync,
    })
}

/// The reports of a pool's runs, the newest first. Scheduled runs that changed nothing leave none.
pub async fn runs(
    State(service): State<Arc<Service>>,
    Path((tenant, pool)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let request = PageRequest::parse(query.as_deref())?;
    let pool = service.pool(&tenant, &pool).await?;
    // Reports belong to the pool: they are its owner's to see.
    if service.store().owner(&pool.user_pool_id).await?.as_ref() != Some(&pool.tenant_id) {
        return Ok(page::answer(Page::<Value> { items: Vec::new(), next: None }, |run| run));
    }
    let page = service.store().runs(&pool.user_pool_id, request.limit, request.after.as_deref()).await?;
    Ok(page::answer(page, |run| run))
}
