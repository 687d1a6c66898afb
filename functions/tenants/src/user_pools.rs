//! `POST` and `GET .../user-pools`, `GET .../user-pools/{pool}` and its role.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    response::Response,
};
use causeway_core::{
    app_clients::AppClients,
    health::Health,
    id::{AccountId, OrganizationId, RoleName, TenantId, UserPoolId},
    lookup::{DomainLookup, DomainLookupFields},
    removal::Removal,
    start::{Start, StartFields},
    timestamp::Timestamp,
    user_pool::{Counts, LastRun, Mode, PoolOptions, PoolStatus, SignIn, UserPool},
};
use causeway_tenancy::{NewPool, register};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::{
    input, page,
    page::{List, PageRequest},
    problem::{PROBLEM, Problem, ProblemAnswer},
    service::Service,
    tenants::TenantPath,
    version::Versioned,
};

/// The user pool that a path names.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct PoolPath {
    /// The tenant.
    #[param(value_type = TenantId)]
    pub tenant_id: String,
    /// The user pool.
    #[param(value_type = UserPoolId)]
    pub user_pool_id: String,
}

/// A user pool to be registered.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUserPool {
    /// The account that the pool and the role are in; not the integration account.
    account_id: AccountId,
    /// The role that lets Causeway in, without a path; begins with the parameter `TenantRoleNamePrefix`.
    role_name: RoleName,
    /// The pool; tells its Region, which must be in Causeway's own partition.
    user_pool_id: UserPoolId,
    /// What runs may do.
    #[serde(default)]
    mode: Mode,
    /// The app clients that are given the providers.
    #[serde(default)]
    app_clients: AppClients,
    /// Only the connections of these organizations; all without it.
    #[schema(max_items = 1000)]
    organizations: Option<Vec<OrganizationId>>,
    /// Whether verified domains become identifiers.
    #[serde(default)]
    domain_identifiers: bool,
    /// Cognito's attribute to the claim that it is taken from; the standard claims without it.
    attribute_mapping: Option<BTreeMap<String, String>>,
    /// Whether an attribute that the identity provider no longer sends is emptied, where the pool's schema allows it.
    #[serde(default)]
    clear_missing_attributes: bool,
    /// Where sign-ins lead that begin at the customer's identity provider; without it they are refused.
    #[schema(value_type = Option<StartFields>)]
    start: Option<Start>,
    /// Whether the lookup by domain is answered, and to which pages; without it it is not.
    #[schema(value_type = Option<DomainLookupFields>)]
    domain_lookup: Option<DomainLookup>,
}

impl From<NewUserPool> for NewPool {
    fn from(new: NewUserPool) -> Self {
        Self {
            account_id: new.account_id,
            role_name: new.role_name,
            user_pool_id: new.user_pool_id,
            options: PoolOptions {
                mode: new.mode,
                sign_in: SignIn::Enabled,
                app_clients: new.app_clients,
                organizations: new.organizations,
                domain_identifiers: new.domain_identifiers,
                attribute_mapping: new.attribute_mapping,
                clear_missing_attributes: new.clear_missing_attributes,
                start: new.start,
                domain_lookup: new.domain_lookup,
            },
            awaits_admission: false,
            registered_by: None,
            turn: None,
        }
    }
}

/// A user pool as the API shows it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UserPool)]
pub struct UserPoolAnswer {
    /// The tenant.
    tenant_id: TenantId,
    /// The pool.
    user_pool_id: UserPoolId,
    /// Cognito's name of the pool, as a run or `verify` last read it; null before that. The tenant chooses it.
    #[schema(required = true)]
    name: Option<String>,
    /// The account that the pool and the role are in.
    account_id: AccountId,
    /// The pool's Region.
    region: String,
    /// The role that lets Causeway in.
    role_name: RoleName,
    /// Its ARN.
    role_arn: String,
    /// Where the pool is in its life.
    status: PoolStatus,
    /// Whether an onboarding link registered it in an account that waits for the operator's `admission`.
    awaits_admission: bool,
    /// The removal that is on its way; null where none is.
    #[schema(required = true)]
    removal: Option<Removal>,
    /// What runs may do.
    mode: Mode,
    /// Whether users may sign in.
    sign_in: SignIn,
    /// The app clients that are given the providers.
    app_clients: AppClients,
    /// Only the connections of these organizations; null means all.
    #[schema(required = true)]
    organizations: Option<Vec<OrganizationId>>,
    /// Whether verified domains become identifiers.
    domain_identifiers: bool,
    /// Cognito's attribute to the claim that it is taken from.
    attribute_mapping: BTreeMap<String, String>,
    /// Whether an attribute that the identity provider no longer sends is emptied, where the pool's schema allows it.
    clear_missing_attributes: bool,
    /// Where sign-ins lead that begin at the customer's identity provider; null where they are refused.
    #[schema(required = true, value_type = Option<StartFields>)]
    start: Option<Start>,
    /// Whether the lookup by domain is answered, and to which pages; null where it is not.
    #[schema(required = true, value_type = Option<DomainLookupFields>)]
    domain_lookup: Option<DomainLookup>,
    /// How the pool is.
    health: Health,
    /// What the last complete look counted.
    counts: Counts,
    /// The last run; null before the first.
    #[schema(required = true)]
    last_run: Option<LastRun>,
    /// When it is looked at next; null while it is never due.
    #[schema(required = true)]
    next_due_at: Option<Timestamp>,
    /// When it was registered.
    created_at: Timestamp,
    /// When an operator last changed it.
    updated_at: Timestamp,
}

impl From<UserPool> for UserPoolAnswer {
    fn from(pool: UserPool) -> Self {
        Self {
            name: pool.run.name.clone(),
            region: pool.user_pool_id.region().to_owned(),
            role_arn: pool.role_arn(),
            attribute_mapping: pool.options.mapping(),
            tenant_id: pool.tenant_id,
            user_pool_id: pool.user_pool_id,
            account_id: pool.account_id,
            role_name: pool.role_name,
            status: pool.status,
            awaits_admission: pool.awaits_admission,
            removal: pool.removal,
            mode: pool.options.mode,
            sign_in: pool.options.sign_in,
            app_clients: pool.options.app_clients,
            organizations: pool.options.organizations,
            domain_identifiers: pool.options.domain_identifiers,
            clear_missing_attributes: pool.options.clear_missing_attributes,
            start: pool.options.start,
            domain_lookup: pool.options.domain_lookup,
            health: pool.run.health,
            counts: pool.run.counts,
            last_run: pool.run.last_run,
            next_due_at: pool.due_at,
            created_at: pool.created_at,
            updated_at: pool.updated_at,
        }
    }
}

/// Registers a user pool of a tenant
///
/// It claims nothing: the pool is owned by the first tenant whose `verify` passes.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant_id}/user-pools", operation_id = "create_user_pool", tag = "user pools",
    params(TenantPath), request_body = NewUserPool,
    responses(
        (status = 201, description = "It is registered, and pending.", body = UserPoolAnswer,
            headers(("ETag", description = "Its version."))),
        (status = 409, description = "The tenant has it already, or a tenant has verified it.",
            body = ProblemAnswer, content_type = PROBLEM),
    )
)]
pub async fn create(
    State(service): State<Arc<Service>>,
    Path(path): Path<TenantPath>,
    body: Bytes,
) -> Result<Versioned<UserPoolAnswer>, Problem> {
    let tenant = service.tenant(&path.tenant_id).await?;
    let new: NewUserPool = input::read(&body)?;
    let pool = register(service.store(), &service.rules, &tenant, new.into(), service.now()).await?;
    Ok(Versioned::created(pool.version, pool.into()))
}

/// Lists the user pools of a tenant, the last registered first
#[utoipa::path(
    get, path = "/v1/tenants/{tenant_id}/user-pools", operation_id = "list_user_pools", tag = "user pools",
    params(TenantPath, PageRequest),
    responses((status = 200, description = "A page.", body = List<UserPoolAnswer>))
)]
pub async fn list(
    State(service): State<Arc<Service>>,
    Path(path): Path<TenantPath>,
    request: PageRequest,
) -> Result<Response, Problem> {
    let tenant = service.tenant(&path.tenant_id).await?;
    let pools = service.store().pools(&tenant.id).await?;
    let page = page::of_all(pools, &request, |pool| format!("{}/{}", pool.created_at, pool.user_pool_id));
    Ok(page::answer(&request, page, UserPoolAnswer::from))
}

/// Shows a user pool
#[utoipa::path(
    get, path = "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}", operation_id = "get_user_pool",
    tag = "user pools", params(PoolPath),
    responses((status = 200, description = "The user pool.", body = UserPoolAnswer,
        headers(("ETag", description = "Its version; runs don't change it."))))
)]
pub async fn read(
    State(service): State<Arc<Service>>,
    Path(path): Path<PoolPath>,
) -> Result<Versioned<UserPoolAnswer>, Problem> {
    let pool = service.pool(&path).await?;
    Ok(Versioned::ok(pool.version, pool.into()))
}

/// The role that lets Causeway into the tenant's account, in every form.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Role)]
pub struct RoleAnswer {
    /// The CloudFormation template, as YAML, with this tenant's values as its parameters' defaults.
    cloudformation: String,
    /// The command of the AWS CLI that makes the stack from the template, or updates it. It passes every parameter,
    /// since a stack keeps the previous value of one that is left out.
    deploy_command: String,
    /// Who may assume the role.
    #[schema(value_type = Object)]
    trust_policy: Value,
    /// What the role may do.
    #[schema(value_type = Object)]
    permissions_policy: Value,
    /// The role for Terraform.
    terraform: String,
    /// The role as commands of the AWS CLI.
    aws_cli: String,
    /// The page of the AWS console that makes the role, with everything filled in. Null where the template
    /// can't be read without a signature: the stack has no bucket for it, or it could not be put there now.
    #[schema(required = true)]
    launch_url: Option<String>,
}

/// Shows the role that lets Causeway into the tenant's account, in every form
#[utoipa::path(
    get, path = "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}/role", operation_id = "get_role",
    tag = "user pools", params(PoolPath),
    responses((status = 200, description = "The role.", body = RoleAnswer))
)]
pub async fn role(
    State(service): State<Arc<Service>>,
    Path(path): Path<PoolPath>,
) -> Result<Json<RoleAnswer>, Problem> {
    let pool = service.pool(&path).await?;
    let tenant = service.tenant(&path.tenant_id).await?;
    let role = service.role_of(&tenant, &pool);
    Ok(Json(RoleAnswer {
        launch_url: service.launch_url(&role).await,
        cloudformation: role.cloudformation(),
        deploy_command: role.deploy_command(),
        trust_policy: role.trust_policy(),
        permissions_policy: role.permissions_policy(),
        terraform: role.terraform(),
        aws_cli: role.aws_cli(),
    }))
}
