//! The onboarding page: what a tenant's platform engineer sees who opens an onboarding link. Rendered here, in
//! HTML that works without JavaScript; a script of our own lets the checks be watched.
//!
//! The link's secret stands in its path. Opening it shows one button, so that a scanner of mail does not use it
//! up. The button trades it, once, for a cookie that is good for this tenant's pages until the link ends.

use std::sync::Arc;

use axum::{
    Router,
    extract::Request,
    http::{HeaderName, HeaderValue, Method, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use causeway_core::{
    provider::BaseUrl,
    user_pool::{PoolStatus, UserPool},
};

use crate::{
    app_clients, assets, checks,
    failure::Failure,
    layout::Message,
    link, role,
    service::Service,
    visitor::{Visitor, is_from},
    workos,
};

/// What every answer carries unless it says otherwise itself. `form-action` and `connect-src` keep what is
/// typed here with Causeway even if something got into a page.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::CACHE_CONTROL, "no-store"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'",
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
];

/// The pages, below `/onboarding`. A form that another site sends is refused before anything is looked up.
pub fn router(base: &BaseUrl) -> Router<Arc<Service>> {
    const POOL: &str = "/{tenant_id}/pools/{user_pool_id}";
    let (origin, base) = (base.origin(), base.path());
    let pages = Router::new()
        .route("/assets/page.css", get(assets::style))
        .route("/assets/page.js", get(assets::script))
        .route("/{tenant_id}/link/{secret}", get(link::show).post(link::open))
        .route("/{tenant_id}/start", get(start))
        .route("/{tenant_id}/workos", get(workos::show).post(workos::give))
        .route("/{tenant_id}/role", get(role::show))
        .route("/{tenant_id}/check", get(checks::ask).post(checks::register))
        .route(&format!("{POOL}/check"), get(checks::show).post(checks::run))
        .route(&format!("{POOL}/app-clients"), get(app_clients::show).post(app_clients::choose));
    Router::new()
        .nest("/onboarding", pages)
        .fallback(async || Failure::DeadEnd)
        .method_not_allowed_fallback(async || Failure::DeadEnd)
        .layer(from_fn(move |request: Request, next: Next| {
            let refused = request.method() == Method::POST && !is_from(&origin, request.headers());
            let base = base.clone();
            async move {
                let response = if refused { Message::cross_site().into_response() } else { next.run(request).await };
                finished(response, &base)
            }
        }))
}

fn finished(mut response: Response, base: &str) -> Response {
    if let Some(message) = response.extensions_mut().remove::<Message>() {
        response = message.page(base);
    }
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// The longest segment of a path that is logged. A link's secret is longer, and every ID that occurs shorter.
const LONGEST_SEGMENT: usize = 40;

/// A path as it may be logged: without what can be a link's secret, however the link was mangled.
pub fn loggable(path: &str) -> String {
    let shown = |segment: &str| {
        let is_short = segment.len() <= LONGEST_SEGMENT;
        if is_short { segment.to_owned() } else { "...".to_owned() }
    };
    path.split('/').map(shown).collect::<Vec<_>>().join("/")
}

/// Leads to the first step that is not done.
async fn start(visitor: Visitor) -> Result<Response, Failure> {
    if visitor.tenant.workos_api_key.is_none() {
        return Ok(visitor.redirect("workos"));
    }
    let pools = visitor.pools().await?;
    Ok(match pools.first() {
        None => visitor.redirect("role"),
        Some(pool) => visitor.redirect(&next_step_of(pool)),
    })
}

/// The page of the first step that a pool has not done.
pub fn next_step_of(pool: &UserPool) -> String {
    let step = if pool.status == PoolStatus::Pending { "check" } else { "app-clients" };
    format!("pools/{}/{step}", pool.user_pool_id)
}

/// Sends a browser on after a form was taken, or to a step.
pub fn see_other(path: &str) -> Response {
    Redirect::to(path).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_page_stands_in_the_way_of_another() {
        // A route that two pages claim is a panic when the function starts.
        drop(router(&BaseUrl::parse("https://login.example.com").unwrap()));
    }

    #[test]
    fn no_links_secret_is_logged_however_the_link_was_mangled() {
        let (tenant, secret) = ("tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N", "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I");
        for way in ["link/", "Link/", "links/", ""] {
            for tail in ["", "/x"] {
                let logged = loggable(&format!("/onboarding/{tenant}/{way}{secret}{tail}"));
                assert_eq!(logged, format!("/onboarding/{tenant}/{way}...{tail}"));
            }
        }
        let page = format!("/onboarding/{tenant}/pools/eu-central-1_AbCdEf123/app-clients");
        assert_eq!(loggable(&page), page);
    }
}
