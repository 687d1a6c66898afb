//! `/start`: from the customer's identity provider to the application, which begins a sign-in of its own.
//!
//! Nothing that comes here signs anybody in. A code of WorkOS's that nobody asked for is not even read: it may be
//! that of whoever made the link, who would so have somebody else work in their account.

use std::sync::Arc;

use axum::{
    extract::{Extension, Path, RawQuery, State},
    http::{HeaderName, header},
    response::{Html, IntoResponse, Response},
};
use causeway_core::{
    id::{TenantId, UserPoolId},
    start::{Start, StartRequest},
};
use causeway_edge::Source;
use maud::{DOCTYPE, Markup, html};
use tracing::{Span, field::display};
use url::Url;

use crate::{
    answer::{NoSuchPlace, Outcome, Refusal, came_to, redirect},
    bridge::Bridge,
    directory::Asker,
    endpoint::Endpoint,
};

/// What keeps the page from being framed, where a click could be had by a trick, and from loading anything.
const PAGE_HEADERS: [(HeaderName, &str); 2] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_FRAME_OPTIONS, "DENY"),
];

/// Sends the browser to the application, or asks whether it may.
pub async fn start(
    State(bridge): State<Arc<Bridge>>,
    Path((tenant, pool)): Path<(String, String)>,
    Extension(source): Extension<Source>,
    RawQuery(query): RawQuery,
) -> Response {
    let (Ok(tenant), Ok(pool)) = (tenant.parse(), pool.parse()) else {
        return NoSuchPlace.into_response();
    };
    Span::current().record("tenant_id", display(&tenant)).record("user_pool_id", display(&pool));
    let asker = Asker::Browser(source);
    match way_to_the_application(&bridge, tenant, &pool, asker, query.as_deref().unwrap_or_default()).await {
        Ok(Way { to, asks: None }) => {
            came_to(Outcome::Answered("sent to the application"));
            redirect(&to)
        }
        Ok(Way { to, asks: Some(host) }) => {
            came_to(Outcome::Answered("asked whether to go to the application"));
            (PAGE_HEADERS, Html(question(&to, &host).into_string())).into_response()
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// Where a browser goes.
struct Way {
    to: Url,
    /// The host that the person is asked about, where somebody must be asked first.
    asks: Option<String>,
}

async fn way_to_the_application(
    bridge: &Bridge,
    tenant: TenantId,
    pool: &UserPoolId,
    asker: Asker,
    query: &str,
) -> Result<Way, Refusal> {
    let request = StartRequest::parse(query)?;
    let (pool, claim) = match request.connection_id {
        Some(connection) => {
            Span::current().record("connection_id", display(&connection));
            let endpoint = Endpoint::new(&bridge.base, tenant, connection);
            let served = bridge.directory.served(&endpoint, pool, asker).await?.ok_or(Refusal::NotServed)?;
            (served.pool, Some(served.claim))
        }
        None => (bridge.directory.pool(&tenant, pool, asker).await?.ok_or(Refusal::NotServed)?, None),
    };
    let start = pool.options.start.as_ref().ok_or(Refusal::NotServed)?;
    let cognito = pool.domain_url(bridge.local_callback.as_deref()).ok_or(Refusal::NotServed)?;
    let provider = claim.as_ref().map(|claim| (&claim.connection_id, &claim.provider_name));
    let to = start.destination(provider, cognito).ok_or(Refusal::NotServed)?;
    // An application that begins by itself has a state to check. Where Cognito is asked in its name it has none, so
    // that a link could have somebody signed in with another organization's connection without a word.
    let asks = request.is_unsolicited || matches!(start, Start::Cognito { .. });
    Ok(Way { to, asks: asks.then(|| start.host().to_owned()) })
}

fn question(to: &Url, host: &str) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { "Sign in to " (host) }
            }
            body {
                h1 { "Sign in to " (host) "?" }
                p { "You came here from a page of your identity provider, or by a link. You are not signed in yet." }
                p { a href=(to) { "Continue to " (host) } }
            }
        }
    }
}
