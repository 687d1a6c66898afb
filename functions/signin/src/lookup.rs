//! `/discover`: the identity provider of whoever has an address in a domain, for applications that ask for the address
//! first. Only the domain is sent, and nothing of a request is logged but how it was answered.
//!
//! A pool that does not offer it, a pool that is not there and a domain that is not known get one answer.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Extension, Path, RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use causeway_core::{
    lookup::{DomainLookup, KnownDomain, domain_asked_for},
    serving::ServingPool,
};
use causeway_edge::Source;
use serde_json::{Value, json};

use crate::{bridge::Bridge, directory::Asker, failure::Failure};

/// How long a browser may remember that a page may ask, in seconds.
const REMEMBERED: &str = "600";

/// Where a request goes, as far as its path says so.
type Place = Path<(String, String)>;

/// Answers with the provider of a domain.
pub async fn look_up(
    State(bridge): State<Arc<Bridge>>,
    Path((tenant, pool)): Place,
    Extension(source): Extension<Source>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let asker = Asker::Browser(source);
    let pool = match offering(&bridge, &tenant, &pool, asker).await {
        Ok(pool) => pool,
        Err(failure) => return failed_for_all(&failure),
    };
    let answer = answer(&bridge, pool.as_deref(), query.as_deref().unwrap_or_default(), asker).await;
    let lookup = pool.as_ref().and_then(|pool| pool.options.domain_lookup.as_ref());
    readable(answer.unwrap_or_else(|failure| failed(&failure)), lookup, &headers)
}

/// Answers a browser that asks whether a page may ask (Fetch standard, "CORS-preflight request").
pub async fn preflight(
    State(bridge): State<Arc<Bridge>>,
    Path((tenant, pool)): Place,
    Extension(source): Extension<Source>,
    headers: HeaderMap,
) -> Response {
    let pool = match offering(&bridge, &tenant, &pool, Asker::Browser(source)).await {
        Ok(pool) => pool,
        Err(failure) => return failed_for_all(&failure),
    };
    let lookup = pool.as_ref().and_then(|pool| pool.options.domain_lookup.as_ref());
    let mut response = readable(StatusCode::NO_CONTENT.into_response(), lookup, &headers);
    if !response.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        return not_known();
    }
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET"));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(REMEMBERED));
    response
}

/// The pool, if it is there, lets users in and offers the lookup.
async fn offering(
    bridge: &Bridge,
    tenant: &str,
    pool: &str,
    asker: Asker,
) -> Result<Option<Arc<ServingPool>>, Failure> {
    let (Ok(tenant), Ok(pool)) = (tenant.parse(), pool.parse()) else { return Ok(None) };
    let pool = bridge.directory.pool_alone(&tenant, &pool, asker).await?;
    Ok(pool.filter(|pool| pool.options.domain_lookup.is_some()))
}

async fn answer(bridge: &Bridge, pool: Option<&ServingPool>, query: &str, asker: Asker) -> Result<Response, Failure> {
    let Some(domain) = domain_asked_for(query) else {
        return Ok(told(StatusCode::BAD_REQUEST, &json!({ "error": "not_a_domain" })));
    };
    let known = match pool {
        Some(pool) => bridge.directory.known_domain(pool, domain, asker).await?,
        None => None,
    };
    let Some(known) = known else { return Ok(not_known()) };
    let KnownDomain { identity_provider, idp_identifier, .. } = &*known;
    let found = json!({ "identity_provider": identity_provider, "idp_identifier": idp_identifier });
    Ok(told(StatusCode::OK, &found))
}

fn not_known() -> Response {
    told(StatusCode::NOT_FOUND, &json!({ "error": "not_known" }))
}

fn told(status: StatusCode, body: &Value) -> Response {
    (status, Json(body)).into_response()
}

/// What failed, as far as it may be told and logged: an error of the table can name the domain.
fn failed(failure: &Failure) -> Response {
    if matches!(failure, Failure::TooManyStrangers) {
        let again = [(header::RETRY_AFTER, "1")];
        return (again, told(StatusCode::TOO_MANY_REQUESTS, &json!({ "error": "too_many_requests" }))).into_response();
    }
    tracing::warn!(class = ?failure.class(), "a lookup failed");
    let again = [(header::RETRY_AFTER, "1")];
    (again, told(StatusCode::SERVICE_UNAVAILABLE, &json!({ "error": "temporarily_unavailable" }))).into_response()
}

/// What failed before the pool was known, and so which origins it names: any page may read that, since it is the same
/// for every pool, and for none.
fn failed_for_all(failure: &Failure) -> Response {
    let mut response = failed(failure);
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    tells_when(response)
}

/// The response, of which a page that may read it learns when to ask again (Fetch standard: "CORS-safelisted
/// response-header name").
fn tells_when(mut response: Response) -> Response {
    response.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Retry-After"));
    response
}

/// The response, which a page of an origin that the pool names may read.
fn readable(mut response: Response, lookup: Option<&DomainLookup>, headers: &HeaderMap) -> Response {
    let own = response.headers_mut();
    own.insert(header::VARY, HeaderValue::from_static("Origin"));
    let origin = headers.get(header::ORIGIN);
    let is_allowed =
        |origin: &&HeaderValue| origin.to_str().is_ok_and(|origin| lookup.is_some_and(|lookup| lookup.allows(origin)));
    if let Some(origin) = origin.filter(is_allowed) {
        own.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        return tells_when(response);
    }
    response
}
