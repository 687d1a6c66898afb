//! `DELETE .../user-pools/{pool}` and `DELETE /v1/tenants/{id}`.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Json,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use causeway_core::{
    removal::{Providers, Removal},
    tenant::{Purpose, Tenant},
    user_pool::{PoolStatus, UserPool},
};
use causeway_store::StoreError;
use causeway_telemetry::chain;
use causeway_workos::WorkosError;
use secrecy::SecretString;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    problem::{PROBLEM, Problem, ProblemAnswer},
    service::Service,
    tenants::TenantPath,
    user_pools::{PoolPath, UserPoolAnswer},
    version::{Precondition, Versioned},
};

/// Removes a user pool
///
/// A pending one goes at once. Of an active one nobody can sign in any more, and runs take it down; sent again, it
/// tries at once. Neither the pool's mode nor the guard holds anything back.
#[utoipa::path(
    delete, path = "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}", operation_id = "delete_user_pool",
    tag = "user pools",
    params(
        PoolPath,
        ("providers" = Option<Providers>, Query,
            description = "What becomes of its identity providers: `keep` at first, and later what was asked for before."),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of what is to be removed."),
    ),
    responses(
        (status = 202, description = "It is being removed.", body = UserPoolAnswer,
            headers(("ETag", description = "Its version; runs don't change it."))),
        (status = 204, description = "It was pending, and is gone."),
        (status = 409, description = "It was changed at the same time.", body = ProblemAnswer, content_type = PROBLEM),
        (status = 412, description = "It is not the version of `If-Match`.",
            body = ProblemAnswer, content_type = PROBLEM),
    )
)]
pub async fn remove_user_pool(
    State(service): State<Arc<Service>>,
    Path(path): Path<PoolPath>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let pool = service.pool(&path).await?;
    let wanted = wanted_providers(query.as_deref())?;
    let precondition = Precondition::of(&headers);
    precondition.check(pool.version)?;
    let refused = |error: StoreError| if error.is_conflict() { precondition.lost() } else { error.into() };
    if pool.status == PoolStatus::Pending {
        service.store().delete_pending_pool(&pool).await.map_err(refused)?;
        tracing::info!(tenant_id = %pool.tenant_id, user_pool_id = %pool.user_pool_id, "user pool removed");
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let now = service.now();
    let removal = Removal::asked_for(pool.removal.as_ref(), wanted, now);
    service.store().begin_removal(&pool, &removal, now).await.map_err(refused)?;
    let removing = UserPool {
        status: PoolStatus::Removing,
        removal: Some(removal),
        approval: None,
        updated_at: now,
        due_at: Some(now),
        version: pool.version + 1,
        ..pool
    };
    tracing::info!(
        tenant_id = %removing.tenant_id,
        user_pool_id = %removing.user_pool_id,
        providers = ?removing.removal.as_ref().map(|removal| removal.providers),
        "user pool is being removed"
    );
    service.try_to_wake_up(&removing).await;
    let answer =
        Versioned { status: StatusCode::ACCEPTED, version: removing.version, shown: UserPoolAnswer::from(removing) };
    Ok(answer.into_response())
}

/// Reads the query of a removal.
fn wanted_providers(query: Option<&str>) -> Result<Option<Providers>, Problem> {
    let mut wanted = None;
    for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match (name.as_ref(), value.as_ref()) {
            ("providers", "keep") => wanted = Some(Providers::Keep),
            ("providers", "delete") => wanted = Some(Providers::Delete),
            ("providers", _) => return Err(Problem::invalid("providers", "`providers` is `keep` or `delete`")),
            (other, _) => {
                return Err(Problem::invalid(other, "unknown parameter: a removal takes `providers`"));
            }
        }
    }
    Ok(wanted)
}

/// A tenant was removed.
#[derive(Debug, Serialize, ToSchema)]
pub struct TenantRemoved {
    /// Always true.
    removed: bool,
    /// What is left of it in WorkOS, to be removed by hand in WorkOS's dashboard.
    left_in_workos: LeftInWorkos,
}

/// What WorkOS has no call to remove, or did not let Causeway remove.
#[derive(Debug, Serialize, ToSchema)]
pub struct LeftInWorkos {
    /// The redirect URI of its sign-ins: WorkOS has no call that removes one.
    redirect_uri: String,
    /// The webhook endpoints, where WorkOS no longer takes the API key.
    webhook_urls: Vec<String>,
}

/// Removes a tenant that has no user pools, with its secrets and its webhook endpoint at WorkOS
///
/// The record of changes stays.
#[utoipa::path(
    delete, path = "/v1/tenants/{tenant_id}", operation_id = "delete_tenant", tag = "tenants",
    params(
        TenantPath,
        ("If-Match" = Option<String>, Header, description = "The `ETag` of what is to be removed."),
    ),
    responses(
        (status = 200, description = "It is removed.", body = TenantRemoved),
        (status = 409, description = "It has user pools, or was changed at the same time.",
            body = ProblemAnswer, content_type = PROBLEM),
        (status = 412, description = "It is not the version of `If-Match`.",
            body = ProblemAnswer, content_type = PROBLEM),
    )
)]
pub async fn remove_tenant(
    State(service): State<Arc<Service>>,
    Path(path): Path<TenantPath>,
    headers: HeaderMap,
) -> Result<Json<TenantRemoved>, Problem> {
    let tenant = service.tenant(&path.tenant_id).await?;
    let precondition = Precondition::of(&headers);
    precondition.check(tenant.version)?;
    let refused = |error: StoreError| if error.is_conflict() { precondition.lost() } else { error.into() };
    refuse_with_pools(&service, &tenant).await?;
    // From now on no pool can be registered. One that was meanwhile is seen by the second look.
    let mut removing = Tenant { removing_since: Some(service.now()), ..tenant };
    removing.version = service.store().update_tenant(&removing).await.map_err(refused)?;
    if let Err(problem) = refuse_with_pools(&service, &removing).await {
        service.store().update_tenant(&Tenant { removing_since: None, ..removing }).await?;
        return Err(problem);
    }
    let webhook_urls = match delete_webhook_endpoints(&service, &removing).await {
        Ok(left) => left,
        Err(problem) => {
            service.store().update_tenant(&Tenant { removing_since: None, ..removing }).await?;
            return Err(problem);
        }
    };
    service.store().delete_tenant(&removing).await.map_err(refused)?;
    tracing::info!(tenant_id = %removing.id, left = ?webhook_urls, "tenant removed");
    let redirect_uri = service.reconciler.settings.base.callback(&removing.id);
    Ok(Json(TenantRemoved { removed: true, left_in_workos: LeftInWorkos { redirect_uri, webhook_urls } }))
}

async fn refuse_with_pools(service: &Service, tenant: &Tenant) -> Result<(), Problem> {
    let count = service.store().pools(&tenant.id).await?.len();
    if count == 0 {
        return Ok(());
    }
    Err(Problem::conflict(format!(
        "the tenant has {count} user pools: remove them first, and wait until they are gone"
    )))
}

/// Deletes the webhook endpoints at WorkOS and gives back the URLs of those that are left. A key that WorkOS does not
/// take any more must not keep a tenant from being removed.
async fn delete_webhook_endpoints(service: &Service, tenant: &Tenant) -> Result<Vec<String>, Problem> {
    let url = |number| service.reconciler.settings.base.webhook(&tenant.id, number);
    let today = tenant.webhook_secret.as_ref().map(|_| tenant.webhook_number);
    let before = tenant.former_webhooks.iter().map(|former| former.number);
    let urls: BTreeSet<String> = today.into_iter().chain(before).map(url).collect();
    let Some(sealed) = &tenant.workos_api_key else { return Ok(urls.into_iter().collect()) };
    if urls.is_empty() {
        return Ok(Vec::new());
    }
    let key = service.reconciler.table.sealer.open(&tenant.id, Purpose::WorkosApiKey, sealed).await?;
    match delete_at_workos(service, tenant, &key, &urls).await {
        Ok(()) => Ok(Vec::new()),
        Err(error) if error.class().passes_by_itself() => Err(error.into()),
        Err(error) => {
            tracing::warn!(tenant_id = %tenant.id, error = chain(&error), "webhook endpoints are left in WorkOS");
            Ok(urls.into_iter().collect())
        }
    }
}

/// Deletes the endpoints that are known by their IDs, and those that WorkOS has under the tenant's URLs: of one that
/// somebody made by hand nothing but the URL is known.
async fn delete_at_workos(
    service: &Service,
    tenant: &Tenant,
    key: &SecretString,
    urls: &BTreeSet<String>,
) -> Result<(), WorkosError> {
    let workos = &service.reconciler.directory;
    let mut ids = workos.webhook_endpoints_of(key, urls).await?;
    ids.extend(tenant.webhook_endpoint_id.clone());
    ids.extend(tenant.former_webhooks.iter().filter_map(|former| former.endpoint_id.clone()));
    for id in ids {
        workos.delete_webhook_endpoint(key, &id).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removal_takes_keep_or_delete_and_nothing_else() {
        assert_eq!(wanted_providers(None).unwrap(), None);
        assert_eq!(wanted_providers(Some("providers=keep")).unwrap(), Some(Providers::Keep));
        assert_eq!(wanted_providers(Some("providers=delete")).unwrap(), Some(Providers::Delete));
        for faulty in ["providers=", "providers=all", "provider=delete", "force"] {
            assert!(wanted_providers(Some(faulty)).is_err(), "{faulty}");
        }
    }
}
