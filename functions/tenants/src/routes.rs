//! The routes of the API, as the template declares them one by one so that IAM can grant each apart.

use std::sync::Arc;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    middleware::{Next, from_fn, from_fn_with_state},
};
use causeway_edge::logged;
#[cfg(test)]
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    adoption, approvals, audit, dead_letters, external_id_rotation, idempotency, onboarding_links, openapi,
    pool_changes, problem::Problem, reconcile, refusals, removal, reports, service::Service, sign_ins, tenant_changes,
    tenants, user_pools, verify, webhook_rotation,
};

/// The API.
pub fn router(service: Arc<Service>) -> Router {
    let (router, _) = api().split_for_parts();
    router
        // The last is the first to see a request.
        .layer(from_fn_with_state(service.clone(), audit::recorded))
        .layer(from_fn_with_state(service.clone(), idempotency::once))
        .fallback(|| async { Problem::not_found() })
        // A body is refused by its size where the field can be named; Lambda takes none over 6 MB.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(async |request: Request, next: Next| {
            let path = request.uri().path().to_owned();
            logged(request, next, &path).await
        }))
        .with_state(service)
}

/// The description of the API.
#[cfg(test)]
pub fn described() -> OpenApi {
    openapi::completed::completed(api().into_openapi())
}

/// The calls. Each handler names its own path and is described by its types: docs/openapi.json.
fn api() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(openapi::document))
        .routes(routes!(dead_letters::health))
        .routes(routes!(dead_letters::list))
        .routes(routes!(dead_letters::redrive))
        .routes(routes!(tenants::create, tenants::list))
        .routes(routes!(tenants::read, tenant_changes::update, removal::remove_tenant))
        .routes(routes!(external_id_rotation::rotate_external_id))
        .routes(routes!(webhook_rotation::rotate_webhook))
        .routes(routes!(audit::list))
        .routes(routes!(user_pools::create, user_pools::list))
        .routes(routes!(user_pools::read, pool_changes::update, removal::remove_user_pool))
        .routes(routes!(user_pools::role))
        .routes(routes!(onboarding_links::create, onboarding_links::list))
        .routes(routes!(onboarding_links::revoke))
        .routes(routes!(onboarding_links::admit))
        .routes(routes!(verify::verify))
        .routes(routes!(reconcile::reconcile))
        .routes(routes!(approvals::approve))
        .routes(routes!(refusals::refuse, refusals::list))
        .routes(routes!(refusals::let_go))
        .routes(routes!(adoption::adopt))
        .routes(routes!(reports::providers))
        .routes(routes!(reports::runs))
        .routes(routes!(sign_ins::sign_ins))
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;
    use causeway_edge::measured_as_request;

    use super::*;

    #[tokio::test]
    async fn each_request_is_counted_once_and_as_a_failure_beside_that() {
        let found = async |answer: Problem| measured_as_request(async { answer.into_response() }).await.1.to_string();
        assert_eq!(found(Problem::not_found()).await, r#"{"ApiRequests":1}"#);
        let bug = Problem::bug(&std::io::Error::other("a mistake"));
        assert_eq!(found(bug).await, r#"{"ApiFailures":1,"ApiRequests":1}"#);
    }
}
