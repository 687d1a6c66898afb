//! `POST` and `GET .../user-pools`, `GET .../user-pools/{pool}` and its role.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    body::Bytes,
    extract::{Path, RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use causeway_core::{
    id::{AccountId, AppClientId, OrganizationId, RoleName, UserPoolId},
    role::RoleRequest,
    tenant::Tenant,
    timestamp::Timestamp,
    user_pool::{Mode, PoolOptions, PoolStatus, RunState, SignIn, UserPool},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{input, page, page::PageRequest, problem::Problem, service::Service};

/// The most organizations that a pool may choose.
const MOST: usize = 1000;
/// The most app clients that a pool may name: each is read in every look, at under five a second, and a plan
/// over the API has 25 s.
const MOST_APP_CLIENTS: usize = 50;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPool {
    account_id: AccountId,
    role_name: RoleName,
    user_pool_id: UserPoolId,
    #[serde(default)]
    mode: Mode,
    #[serde(default)]
    app_clients: Vec<AppClientId>,
    organizations: Option<Vec<OrganizationId>>,
    #[serde(default)]
    domain_identifiers: bool,
    attribute_mapping: Option<BTreeMap<String, String>>,
}

/// Registers a user pool of a tenant.
pub async fn create(
    State(service): State<Arc<Service>>,
    Path(tenant): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let tenant = service.tenant(&tenant).await?;
    let new: NewPool = input::read(&body)?;
    check(&new, &service)?;
    if let Some(owner) = service.store().owner(&new.user_pool_id).await? {
        let whose = if owner == tenant.id { "this tenant" } else { "another tenant" };
        return Err(Problem::conflict(format!("the user pool is verified by {whose} already")));
    }
    let pool = registered(&tenant, new, service.now());
    match service.store().create_pool(&pool).await {
        Ok(()) => {}
        Err(error) if error.is_conflict() => {
            return Err(Problem::conflict("the tenant has registered this user pool already"));
        }
        Err(error) => return Err(error.into()),
    }
    tracing::info!(tenant_id = %tenant.id, user_pool_id = %pool.user_pool_id, "user pool registered");
    Ok((StatusCode::CREATED, Json(view(&pool))).into_response())
}

fn registered(tenant: &Tenant, new: NewPool, now: Timestamp) -> UserPool {
    UserPool {
        tenant_id: tenant.id.clone(),
        user_pool_id: new.user_pool_id,
        account_id: new.account_id,
        role_name: new.role_name,
        status: PoolStatus::Pending,
        options: PoolOptions {
            mode: new.mode,
            sign_in: SignIn::Enabled,
            app_clients: new.app_clients,
            organizations: new.organizations,
            domain_identifiers: new.domain_identifiers,
            attribute_mapping: new.attribute_mapping,
        },
        created_at: now,
        updated_at: now,
        version: 1,
        run: RunState::new(now),
        approval: None,
        due_at: None,
    }
}

fn check(new: &NewPool, service: &Service) -> Result<(), Problem> {
    if new.account_id == service.integration_account_id {
        let rule = "the integration account itself can't be a tenant's account";
        return Err(Problem::invalid("account_id", rule));
    }
    if new.user_pool_id.partition() != service.partition {
        let rule = format!("the user pool is not in the partition {}, where Causeway runs", service.partition);
        return Err(Problem::invalid("user_pool_id", rule));
    }
    if !new.role_name.as_str().starts_with(&service.role_name_prefix) {
        let rule = format!("the role's name must begin with {}", service.role_name_prefix);
        return Err(Problem::invalid("role_name", rule));
    }
    if new.app_clients.len() > MOST_APP_CLIENTS {
        return Err(Problem::invalid("app_clients", format!("at most {MOST_APP_CLIENTS} app clients")));
    }
    if new.organizations.as_ref().is_some_and(|chosen| chosen.len() > MOST) {
        return Err(Problem::invalid("organizations", format!("at most {MOST} organizations")));
    }
    check_mapping(new.attribute_mapping.as_ref())
}

/// Cognito's own rules for `AttributeMapping` (Cognito API: `AttributeMappingKeyType`), and room for claims.
fn check_mapping(mapping: Option<&BTreeMap<String, String>>) -> Result<(), Problem> {
    for (attribute, claim) in mapping.into_iter().flatten() {
        let field = format!("attribute_mapping.{attribute}");
        if !(1..=32).contains(&attribute.chars().count()) || attribute.chars().any(char::is_whitespace) {
            return Err(Problem::invalid(field, "an attribute's name is 1 to 32 characters without spaces"));
        }
        if attribute == "username" {
            return Err(Problem::invalid(field, "the username is always made from the claim `sub`"));
        }
        if !(1..=128).contains(&claim.chars().count()) {
            return Err(Problem::invalid(field, "a claim's name is 1 to 128 characters"));
        }
    }
    Ok(())
}

/// Lists the pools of a tenant, the last registered first.
pub async fn list(
    State(service): State<Arc<Service>>,
    Path(tenant): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let request = PageRequest::parse(query.as_deref())?;
    let tenant = service.tenant(&tenant).await?;
    let pools = service.store().pools(&tenant.id).await?;
    let page = page::of_all(pools, &request, |pool| format!("{}/{}", pool.created_at, pool.user_pool_id));
    Ok(page::answer(page, |pool| view(&pool)))
}

/// One pool.
pub async fn read(
    State(service): State<Arc<Service>>,
    Path((tenant, pool)): Path<(String, String)>,
) -> Result<Response, Problem> {
    Ok(Json(view(&service.pool(&tenant, &pool).await?)).into_response())
}

/// The role that lets Causeway into the tenant's account, in every form.
pub async fn role(
    State(service): State<Arc<Service>>,
    Path((tenant, pool)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let pool = service.pool(&tenant, &pool).await?;
    let tenant = service.tenant(&tenant).await?;
    let role = role_request(&service, &tenant, &pool);
    let body = json!({
        "cloudformation": role.cloudformation(),
        "trust_policy": role.trust_policy(),
        "permissions_policy": role.permissions_policy(),
        "terraform": role.terraform(),
        "aws_cli": role.aws_cli(),
    });
    Ok(Json(body).into_response())
}

/// What the role of a pool depends on.
pub fn role_request(service: &Service, tenant: &Tenant, pool: &UserPool) -> RoleRequest {
    RoleRequest {
        external_id: tenant.external_id.clone(),
        user_pool_id: pool.user_pool_id.clone(),
        account_id: pool.account_id.clone(),
        role_name: pool.role_name.clone(),
        integration_account_id: service.integration_account_id.clone(),
    }
}

/// A pool as the API shows it.
pub fn view(pool: &UserPool) -> Value {
    json!({
        "tenant_id": pool.tenant_id,
        "user_pool_id": pool.user_pool_id,
        "account_id": pool.account_id,
        "region": pool.user_pool_id.region(),
        "role_name": pool.role_name,
        "role_arn": pool.role_arn(),
        "status": pool.status,
        "mode": pool.options.mode,
        "sign_in": pool.options.sign_in,
        "app_clients": pool.options.app_clients,
        "organizations": pool.options.organizations,
        "domain_identifiers": pool.options.domain_identifiers,
        "attribute_mapping": pool.options.mapping(),
        "health": pool.run.health,
        "counts": pool.run.counts,
        "last_run": pool.run.last_run,
        "next_due_at": pool.due_at,
        "created_at": pool.created_at,
        "updated_at": pool.updated_at,
    })
}
