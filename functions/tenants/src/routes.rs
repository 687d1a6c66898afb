//! The routes of the API, as the template declares them one by one so that IAM can grant each apart.

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};

use crate::{problem::Problem, reconcile, reports, service::Service, tenants, user_pools, verify};

/// The API.
pub fn router(service: Arc<Service>) -> Router {
    const POOL: &str = "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}";
    let of_pool = |name: &str| format!("{POOL}/{name}");
    Router::new()
        .route("/v1/tenants", post(tenants::create).get(tenants::list))
        .route("/v1/tenants/{tenant_id}", get(tenants::read))
        .route("/v1/tenants/{tenant_id}/user-pools", post(user_pools::create).get(user_pools::list))
        .route(POOL, get(user_pools::read))
        .route(&of_pool("role"), get(user_pools::role))
        .route(&of_pool("verify"), post(verify::verify))
        .route(&of_pool("reconcile"), post(reconcile::reconcile))
        .route(&of_pool("approvals"), post(reconcile::approve))
        .route(&of_pool("providers"), get(reports::providers))
        .route(&of_pool("runs"), get(reports::runs))
        .fallback(|| async { Problem::not_found() })
        .with_state(service)
}
