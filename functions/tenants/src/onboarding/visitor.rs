//! Who looks at the page: whoever holds a link's session. A link that has ended, was revoked, is another
//! tenant's or was guessed leads to the same dead end.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use causeway_core::{
    audit::{AuditRecord, Change},
    id::{TenantId, UserPoolId},
    onboarding::{OnboardingLink, Token},
    provider::BaseUrl,
    tenant::Tenant,
    timestamp::Timestamp,
    user_pool::UserPool,
};
use causeway_telemetry::chain;

use super::{Failure, layout::Message, see_other};
use crate::{problem::Problem, service::Service};

/// The holder of a good session, on a page of the session's tenant.
pub struct Visitor {
    /// What everything needs.
    pub service: Arc<Service>,
    /// The link that the session was traded for.
    pub link: OnboardingLink,
    /// The link's tenant.
    pub tenant: Tenant,
    /// The user pool that the path names, if it names one of this tenant.
    pub pool: Option<UserPool>,
}

impl FromRequestParts<Arc<Service>> for Visitor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, service: &Arc<Service>) -> Result<Self, Failure> {
        let path = RawPathParams::from_request_parts(parts, service).await.map_err(|_| Failure::DeadEnd)?;
        let named = |name: &str| path.iter().find(|(key, _)| *key == name).map(|(_, value)| value);
        let tenant_id: TenantId = named("tenant_id").and_then(|id| id.parse().ok()).ok_or(Failure::DeadEnd)?;
        let link = session(service, &parts.headers).await?.filter(|link| link.tenant_id == tenant_id);
        let link = link.ok_or(Failure::DeadEnd)?;
        let tenant = service.store().tenant(&tenant_id).await?.ok_or(Failure::DeadEnd)?;
        let pool = match named("user_pool_id") {
            None => None,
            Some(id) => {
                let id: UserPoolId = id.parse().map_err(|_| Failure::DeadEnd)?;
                Some(service.store().pool(&tenant_id, &id).await?.ok_or(Failure::DeadEnd)?)
            }
        };
        Ok(Self { service: Arc::clone(service), link, tenant, pool })
    }
}

impl Visitor {
    /// The path of one of this tenant's pages, as the browser knows it.
    pub fn path(&self, page: &str) -> String {
        format!("{}/{page}", cookie_path(&self.service.reconciler.settings.base, &self.tenant.id))
    }

    /// Sends the browser to one of this tenant's pages.
    pub fn redirect(&self, page: &str) -> Response {
        see_other(&self.path(page))
    }

    /// The tenant's pools, the last registered first.
    pub async fn pools(&self) -> Result<Vec<UserPool>, Failure> {
        let mut pools = self.service.store().pools(&self.tenant.id).await?;
        pools.sort_by(|one, other| (other.created_at, &other.user_pool_id).cmp(&(one.created_at, &one.user_pool_id)));
        Ok(pools)
    }

    /// Whom a change by this visitor is put down to.
    pub fn caller(&self) -> String {
        format!("onboarding-link:{}", self.link.id)
    }

    /// Makes a change, and records it: before it is made, which it is not if that fails, and with what came of it.
    /// Each change by a link passes here. `fields` are the names of what is changed.
    pub async fn recorded<T>(
        &self,
        pool: Option<&UserPoolId>,
        page: &str,
        fields: &[&str],
        change: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        let begun = Change {
            caller: &self.caller(),
            method: "POST",
            path: &format!("/onboarding/{}/{page}", self.tenant.id),
            tenant_id: &self.tenant.id,
            user_pool_id: pool,
        };
        let begun = AuditRecord::begun(begun, self.service.now(), self.service.reconciler.sources.number());
        self.service.store().put_audit(&begun).await?;
        let outcome = change.await;
        let record = match &outcome {
            Ok(_) => AuditRecord {
                status: Some(StatusCode::SEE_OTHER.as_u16()),
                changed: fields.iter().map(|field| (*field).to_owned()).collect(),
                ..begun
            },
            Err(problem) => AuditRecord { status: Some(problem.status().as_u16()), ..begun },
        };
        // The change is made, or is not, whatever comes of this: the record that is there says that it may have been.
        if let Err(error) = self.service.store().put_audit(&record).await {
            tracing::error!(audit_id = record.id, error = chain(&error), "the outcome of a change was not recorded");
        }
        outcome
    }

    /// The pool of the path.
    pub fn pool(&self) -> Result<&UserPool, Failure> {
        self.pool.as_ref().ok_or(Failure::DeadEnd)
    }
}

/// The link of the session that a browser shows, if it is good.
pub async fn session(service: &Service, headers: &HeaderMap) -> Result<Option<OnboardingLink>, Failure> {
    let name = cookie_name(&service.reconciler.settings.base);
    let now = service.now();
    for cookie in cookies(headers).filter(|(key, _)| *key == name).filter_map(|(_, value)| Token::parse(value)) {
        if let Some(link) = service.store().link_of_session(&cookie).await?.filter(|link| link.is_good(now)) {
            return Ok(Some(link));
        }
    }
    Ok(None)
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .get_all(header::COOKIE)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        // Each costs a read.
        .take(20)
}

/// The cookie of a session: for this tenant's pages only, for no script, and sent along from no other site.
/// Only the local cloud, which has no HTTPS, gets it without `Secure`.
pub fn cookie(base: &BaseUrl, link: &OnboardingLink, token: &Token, now: Timestamp) -> String {
    let secure = if base.is_https() { "; Secure" } else { "" };
    format!(
        "{}={}; Path={}; Max-Age={}; HttpOnly; SameSite=Strict{secure}",
        cookie_name(base),
        token.expose(),
        cookie_path(base, &link.tenant_id),
        link.ends_at.since(now).as_secs(),
    )
}

fn cookie_name(base: &BaseUrl) -> &'static str {
    if base.is_https() { "__Secure-onboarding" } else { "onboarding" }
}

fn cookie_path(base: &BaseUrl, tenant: &TenantId) -> String {
    format!("{}/onboarding/{tenant}", base.path())
}

/// Whether a form was sent by a page of `origin`. With `Referrer-Policy: no-referrer` a browser says `null` for
/// the origin even to the same site (Fetch: "append a request `Origin` header"), and then only
/// `Sec-Fetch-Site`, which no page can set, tells where the form stood.
pub fn is_from(origin: &str, headers: &HeaderMap) -> bool {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match header("origin") {
        Some("null") => header("sec-fetch-site") == Some("same-origin"),
        Some(from) => from == origin,
        None => false,
    }
}

/// What is shown to everybody who has no business here, or has none any more: one answer for all.
#[derive(Debug, Clone, Copy)]
pub struct DeadEnd;

impl IntoResponse for DeadEnd {
    fn into_response(self) -> Response {
        Message::dead_end().into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn only_a_page_of_our_own_sends_a_form() {
        const OURS: &str = "https://login.example.com";
        assert!(is_from(OURS, &headers(&[("origin", OURS)])));
        assert!(is_from(OURS, &headers(&[("origin", "null"), ("sec-fetch-site", "same-origin")])));
        for refused in [
            &[][..],
            &[("origin", "null")],
            &[("origin", "https://login.example.com.evil.example")],
            &[("origin", "http://login.example.com")],
            &[("origin", "null"), ("sec-fetch-site", "cross-site")],
            &[("origin", "null"), ("sec-fetch-site", "same-site")],
            &[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "same-origin")],
        ] {
            assert!(!is_from(OURS, &headers(refused)), "{refused:?}");
        }
    }

    #[test]
    fn the_cookie_is_bound_to_the_tenants_pages_and_shown_to_no_script_and_no_other_site() {
        let link = OnboardingLink {
            id: "onb_01KAPJ7M7VYGJ5GM8WXT1C4D2N".parse().unwrap(),
            tenant_id: "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N".parse().unwrap(),
            account_ids: std::collections::BTreeSet::new(),
            created_by: String::new(),
            created_at: Timestamp::from_seconds(0),
            ends_at: Timestamp::from_seconds(160),
            opened_at: None,
            revoked_at: None,
        };
        let token = Token::new([1; 32]);
        let cookie = |base: &str| cookie(&BaseUrl::parse(base).unwrap(), &link, &token, Timestamp::from_seconds(100));
        assert_eq!(
            cookie("https://login.example.com/base"),
            format!(
                "__Secure-onboarding={}; Path=/base/onboarding/tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N; Max-Age=60; HttpOnly; \
                 SameSite=Strict; Secure",
                token.expose()
            )
        );
        assert!(!cookie("http://127.0.0.1:1").contains("Secure"));
    }
}
