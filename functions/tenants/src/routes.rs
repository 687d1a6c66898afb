//! The routes of the API, as the template declares them one by one so that IAM can grant each apart.

use std::sync::Arc;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    middleware::{Next, from_fn, from_fn_with_state},
    routing::{delete, get, patch, post},
};
use causeway_edge::logged;
#[cfg(test)]
use utoipa::openapi::OpenApi;
#[cfg(test)]
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    adoption, approvals, audit, dead_letters, external_id_rotation, health, idempotency, moving, onboarding_links,
    openapi, pool_changes, problem::Problem, reconcile, refusals, removal, reports, service::Service, sign_ins, status,
    tenant_changes, tenants, user_pools, verify, webhook_rotation,
};

/// The API.
pub fn router(service: Arc<Service>) -> Router {
    api()
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

/// The description of the API: docs/openapi.json.
#[cfg(test)]
pub fn described() -> OpenApi {
    openapi::completed::completed(api_described().into_openapi())
}

/// Makes of the list of calls the routes, and for the tests what describes them. Both name method and path, here and at
/// the handler, and a test holds them together: what describes a call is a third of the function, so that it is left
/// out where nobody asks for it.
macro_rules! calls {
    ($($method:ident $path:literal $($handler:ident)::+;)+) => {
        /// The calls.
        fn api() -> Router<Arc<Service>> {
            Router::new()$(.route($path, $method($($handler)::+)))+
        }

        /// The same, each described by its handler's types.
        #[cfg(test)]
        fn api_described() -> OpenApiRouter<Arc<Service>> {
            OpenApiRouter::with_openapi(openapi::base())$(.routes(routes!($($handler)::+)))+
        }

        /// The method and path of each.
        #[cfg(test)]
        const CALLS: &[(&str, &str)] = &[$((stringify!($method), $path)),+];
    };
}

calls! {
    get "/v1/openapi.json" openapi::document;
    get "/v1/health" health::health;
    get "/v1/status" status::status;
    get "/v1/dead-letters" dead_letters::list;
    post "/v1/dead-letters/redrive" dead_letters::redrive;
    post "/v1/tenants" tenants::create;
    get "/v1/tenants" tenants::list;
    get "/v1/tenants/{tenant_id}" tenants::read;
    patch "/v1/tenants/{tenant_id}" tenant_changes::update;
    delete "/v1/tenants/{tenant_id}" removal::remove_tenant;
    post "/v1/tenants/{tenant_id}/external-id-rotation" external_id_rotation::rotate_external_id;
    post "/v1/tenants/{tenant_id}/webhook-rotation" webhook_rotation::rotate_webhook;
    get "/v1/tenants/{tenant_id}/audit" audit::list;
    post "/v1/tenants/{tenant_id}/user-pools" user_pools::create;
    get "/v1/tenants/{tenant_id}/user-pools" user_pools::list;
    get "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}" user_pools::read;
    patch "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}" pool_changes::update;
    delete "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}" removal::remove_user_pool;
    get "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}/role" user_pools::role;
    post "/v1/tenants/{tenant_id}/onboarding-links" onboarding_links::create;
    get "/v1/tenants/{tenant_id}/onboarding-links" onboarding_links::list;
    delete "/v1/tenants/{tenant_id}/onboarding-links/{link_id}" onboarding_links::revoke;
    post "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}/admission" onboarding_links::admit;
    post "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}/verify" verify::verify;
    post "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}/reconcile" reconcile::reconcile;
    post "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}/approvals" approvals::approve;
    post "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}/refusals" refusals::refuse;
    get "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}/refusals" refusals::list;
    delete "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}/refusals/{connection_id}" refusals::let_go;
    post "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}/adopt" adoption::adopt;
    post "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}/adoptions" moving::adopt_export;
    get "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}/providers" reports::providers;
    get "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}/runs" reports::runs;
    get "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}/sign-ins" sign_ins::sign_ins;
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;
    use causeway_edge::measured_as_request;

    use super::*;

    #[test]
    fn each_call_is_routed_by_the_method_and_path_that_it_is_described_with() {
        let described = serde_json::to_value(described()).unwrap();
        let mut found = Vec::new();
        for (path, item) in described["paths"].as_object().unwrap() {
            for method in ["get", "post", "patch", "delete"].into_iter().filter(|method| item.get(method).is_some()) {
                found.push((method, path.as_str()));
            }
        }
        let mut routed = CALLS.to_vec();
        found.sort_unstable();
        routed.sort_unstable();
        assert_eq!(found, routed);
    }

    #[tokio::test]
    async fn each_request_is_counted_once_and_as_a_failure_beside_that() {
        let found = async |answer: Problem| measured_as_request(async { answer.into_response() }).await.1.to_string();
        assert_eq!(found(Problem::not_found()).await, r#"{"ApiRequests":1}"#);
        let bug = Problem::bug(&std::io::Error::other("a mistake"));
        assert_eq!(found(bug).await, r#"{"ApiFailures":1,"ApiRequests":1}"#);
    }
}
