//! Who looks at the page: whoever holds a link's session. A link that has ended, was revoked, is another
//! tenant's or was guessed leads to the same dead end.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::{HeaderMap, header, request::Parts},
    response::Response,
};
use causeway_core::{
    audit::Change,
    errand::{Errand, ErrandCall, Task, one_more},
    id::{TenantId, UserPoolId, ulid_text},
    onboarding::{OnboardingLink, Token},
    provider::BaseUrl,
    tenant::Tenant,
    timestamp::Timestamp,
    user_pool::UserPool,
};
use causeway_edge::Source;
use causeway_store::{Found, Session};
use causeway_tenancy::{TenancyError, recorded};
use futures::future::try_join_all;

use crate::{failure::Failure, page::see_other, service::Service};

/// How often an errand is asked for where others are asked for in the same moment.
const TRIES: usize = 3;
/// How many cookies of one name are looked up: as many as there is room for in a request's headers (API Gateway: 10,240
/// bytes). A browser sends several where they were set for several paths, and another host of the same domain can set any.
const MOST_COOKIES: usize = 120;
/// How many of them are looked up at once.
const AT_ONCE: usize = 20;

/// The holder of a good session, on a page of the session's tenant.
pub struct Visitor {
    /// What everything needs.
    pub service: Arc<Service>,
    /// Under what the session stands.
    session: String,
    /// The link that the session was traded for.
    pub link: OnboardingLink,
    /// The link's tenant.
    pub tenant: Tenant,
    /// The user pool that the path names, if it names one that the link governs.
    pub pool: Option<UserPool>,
}

impl FromRequestParts<Arc<Service>> for Visitor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, service: &Arc<Service>) -> Result<Self, Failure> {
        let path = RawPathParams::from_request_parts(parts, service).await.map_err(|_| Failure::DeadEnd)?;
        let named = |name: &str| path.iter().find(|(key, _)| *key == name).map(|(_, value)| value);
        let tenant_id: TenantId = named("tenant_id").and_then(|id| id.parse().ok()).ok_or(Failure::DeadEnd)?;
        let source = *parts.extensions.get::<Source>().ok_or(Failure::DeadEnd)?;
        let (session, link) = session(service, source, &tenant_id, &parts.headers).await?.ok_or(Failure::DeadEnd)?;
        let tenant = service.store.tenant(&tenant_id).await?.ok_or(Failure::DeadEnd)?;
        let pool = match named("user_pool_id") {
            None => None,
            Some(id) => {
                let id: UserPoolId = id.parse().map_err(|_| Failure::DeadEnd)?;
                let pool = service.store.pool(&tenant_id, &id).await?;
                Some(pool.filter(|pool| link.governs(pool)).ok_or(Failure::DeadEnd)?)
            }
        };
        Ok(Self { service: Arc::clone(service), session, link, tenant, pool })
    }
}

impl Visitor {
    /// The path of one of this tenant's pages, as the browser knows it.
    pub fn path(&self, page: &str) -> String {
        format!("{}/{page}", cookie_path(&self.service.base, &self.tenant.id))
    }

    /// Sends the browser to one of this tenant's pages.
    pub fn redirect(&self, page: &str) -> Response {
        see_other(&self.path(page))
    }

    /// All pools of the tenant, for what depends on those that this visitor may not see.
    pub async fn all_pools(&self) -> Result<Found<UserPool>, Failure> {
        Ok(self.service.store.pools(&self.tenant.id).await?)
    }

    /// The pools that the link governs, the last registered first.
    pub async fn pools(&self) -> Result<Vec<UserPool>, Failure> {
        let mut pools = self.all_pools().await?.told();
        pools.retain(|pool| self.link.governs(pool));
        pools.sort_by(|one, other| (other.created_at, &other.user_pool_id).cmp(&(one.created_at, &one.user_pool_id)));
        Ok(pools)
    }

    /// Makes a change, and records it as one of this visitor's. `fields` are the names of what is changed.
    pub async fn recorded<T>(
        &self,
        pool: Option<&UserPoolId>,
        page: &str,
        fields: &[&str],
        work: impl Future<Output = Result<T, TenancyError>>,
    ) -> Result<T, TenancyError> {
        let change = Change {
            caller: &self.link.caller(),
            method: "POST",
            path: &format!("/onboarding/{}/{page}", self.tenant.id),
            tenant_id: &self.tenant.id,
            user_pool_id: pool,
        };
        recorded(&self.service.store, (change, self.service.now(), self.service.number()), fields, work).await
    }

    /// Has `reconcile` do something for a pool, unless that is under way already, which the page then shows.
    pub async fn ask(&self, pool: &UserPool, task: Task) -> Result<(), Failure> {
        for _ in 0..TRIES {
            if self.asked(pool, &task).await? {
                return Ok(());
            }
        }
        Err(Failure::Busy)
    }

    /// Counts something that WorkOS is asked for this visitor, as an errand is counted: WorkOS counts the requests of all
    /// tenants together, so that no session may make many of them.
    pub async fn count_ask(&self) -> Result<(), Failure> {
        let (store, now) = (&self.service.store, self.service.now());
        let session: Session = store.session(&self.session).await?.ok_or(Failure::DeadEnd)?;
        let asked_at = one_more(&session.asked_at, now).ok_or(Failure::TooOften)?;
        match store.count_ask(&self.session, &session, &asked_at).await {
            Err(error) if error.is_conflict() => Err(Failure::Busy),
            counted => Ok(counted?),
        }
    }

    /// Asks for an errand once. `false` where this session or another one asked for something in the same moment.
    async fn asked(&self, pool: &UserPool, task: &Task) -> Result<bool, Failure> {
        let (service, now) = (&self.service, self.service.now());
        let place = (&self.tenant.id, &pool.user_pool_id);
        let errands = service.store.errands(place.0, place.1).await?;
        let under_way = errands.asked.as_ref().filter(|errand| errand.is_under_way(errands.ended.as_deref(), now));
        if let Some(errand) = under_way {
            return if errand.task == *task { Ok(true) } else { Err(Failure::Busy) };
        }
        let session: Session = service.store.session(&self.session).await?.ok_or(Failure::DeadEnd)?;
        let asked_at = one_more(&session.asked_at, now).ok_or(Failure::TooOften)?;
        let (id, session_key) = (ulid_text(now, service.number()), self.session.clone());
        let errand = Errand { id, task: task.clone(), session: session_key, asked_at: now };
        match service.store.ask(place, &errand, errands.asked.as_ref(), (&session, &asked_at)).await {
            Ok(()) => {}
            Err(error) if error.is_conflict() => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        let (tenant_id, user_pool_id) = (place.0.clone(), place.1.clone());
        if let Err(error) =
            service.queue.call(&ErrandCall { tenant_id, user_pool_id, errand_id: errand.id.clone() }).await
        {
            // Else the page would wait for what nobody does.
            service.store.take_back(place, &errand).await?;
            return Err(error.into());
        }
        Ok(true)
    }

    /// The pool of the path.
    pub fn pool(&self) -> Result<&UserPool, Failure> {
        self.pool.as_ref().ok_or(Failure::DeadEnd)
    }
}

/// The session that a browser shows for a tenant's pages, and its link, if that is good. What is not good counts against
/// the source that shows it, unless it comes beside one that is: that may be somebody else's doing.
pub async fn session(
    service: &Service,
    source: Source,
    tenant: &TenantId,
    headers: &HeaderMap,
) -> Result<Option<(String, OnboardingLink)>, Failure> {
    let (lookups, now) = (shown_sessions(headers, &cookie_name(&service.base, tenant)), service.now());
    let turns = u32::try_from(lookups.len()).unwrap_or(u32::MAX);
    if turns == 0 {
        return Ok(None);
    }
    if !service.misses.take_many(&source, turns, now) {
        return Err(Failure::TooManyMisses);
    }
    for some in lookups.chunks(AT_ONCE) {
        let links = try_join_all(some.iter().map(|lookup| service.store.link_of_session(lookup))).await?;
        let mut links = some.iter().zip(links).filter_map(|(lookup, link)| Some((lookup, link?)));
        if let Some((lookup, link)) = links.find(|(_, link)| link.is_good(now) && link.tenant_id == *tenant) {
            service.misses.give_back_many(&source, turns);
            return Ok(Some((lookup.clone(), link)));
        }
    }
    Ok(None)
}

/// The sessions that cookies of this name may be of, each once, in their order.
fn shown_sessions(headers: &HeaderMap, name: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let shown = cookies(headers).filter(|(key, _)| *key == name).filter_map(|(_, value)| Token::parse(value));
    shown.map(|token| token.lookup()).filter(|lookup| seen.insert(lookup.clone())).take(MOST_COOKIES).collect()
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .get_all(header::COOKIE)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
}

/// The cookie of a session: for this tenant's pages only, for no script, and sent along from no other site.
/// Only the local cloud, which has no HTTPS, gets it without `Secure`.
pub fn cookie(base: &BaseUrl, link: &OnboardingLink, token: &Token, now: Timestamp) -> String {
    let secure = if base.is_https() { "; Secure" } else { "" };
    format!(
        "{}={}; Path={}; Max-Age={}; HttpOnly; SameSite=Strict{secure}",
        cookie_name(base, &link.tenant_id),
        token.expose(),
        cookie_path(base, &link.tenant_id),
        link.ends_at.since(now).as_secs(),
    )
}

/// A name of its own for each tenant, so that no other tenant's session stands in the way.
fn cookie_name(base: &BaseUrl, tenant: &TenantId) -> String {
    let prefix = if base.is_https() { "__Secure-" } else { "" };
    format!("{prefix}onboarding-{tenant}")
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
    fn every_session_that_a_browser_shows_is_looked_for_once_however_many_stand_before_it() {
        let token = |number: u8| Token::new([number; 32]);
        let pair = |number: u8| format!("name={}", token(number).expose());
        // As many as fit, in several headers and one that is doubled, between cookies that are none.
        let tossed: Vec<String> = (0..100).map(pair).collect();
        let first = format!("name=short; {}; other={}", tossed[..50].join("; "), token(200).expose());
        let second = format!("{}; {}; name=", tossed[50..].join(";"), tossed[..50].join("; "));
        let mut headers = HeaderMap::new();
        for value in [first, second, pair(201)] {
            headers.append(header::COOKIE, HeaderValue::from_str(&value).unwrap());
        }
        let expected: Vec<String> = (0..100).chain([201]).map(|number| token(number).lookup()).collect();
        assert_eq!(shown_sessions(&headers, "name"), expected);
        assert_eq!(shown_sessions(&headers, "nam"), Vec::<String>::new());
        let many: Vec<String> = (0..=u8::MAX).map(pair).collect();
        headers.insert(header::COOKIE, HeaderValue::from_str(&many.join("; ")).unwrap());
        assert_eq!(shown_sessions(&headers, "name").len(), MOST_COOKIES);
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
            offers_launch: false,
        };
        let token = Token::new([1; 32]);
        let cookie = |base: &str| cookie(&BaseUrl::parse(base).unwrap(), &link, &token, Timestamp::from_seconds(100));
        assert_eq!(
            cookie("https://login.example.com/base"),
            format!(
                "__Secure-onboarding-tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N={}; Path=/base/onboarding/tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N; Max-Age=60; HttpOnly; \
                 SameSite=Strict; Secure",
                token.expose()
            )
        );
        assert!(!cookie("http://127.0.0.1:1").contains("Secure"));
    }
}
