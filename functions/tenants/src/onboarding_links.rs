//! `POST` and `GET .../onboarding-links`, `DELETE .../onboarding-links/{id}`, and `POST .../admission`: the
//! operator's side of the onboarding page.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use causeway_aws::clock;
use causeway_core::{
    id::{AccountId, OnboardingLinkId, TenantId},
    onboarding::{LONGEST_LIFE, OnboardingLink, Token, USUAL_LIFE},
    timestamp::Timestamp,
};
use causeway_edge::Caller;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    input, page,
    page::{List, PageRequest},
    problem::{PROBLEM, Problem, ProblemAnswer},
    service::Service,
    tenants::TenantPath,
    user_pools::{PoolPath, UserPoolAnswer},
    version::Versioned,
};

/// How many accounts a link may name.
const MOST_ACCOUNTS: usize = 100;
/// How many links of a tenant may be good at once.
const MOST_LINKS: usize = 100;

/// The onboarding link that a path names.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct LinkPath {
    /// The tenant.
    #[param(value_type = TenantId)]
    pub tenant_id: String,
    /// The link's ID.
    #[param(value_type = OnboardingLinkId)]
    pub link_id: String,
}

/// An onboarding link to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewOnboardingLink {
    /// The AWS accounts that it is for. Without it any, but then the first user pool of an account waits for
    /// the operator's `admission`.
    #[serde(default)]
    #[schema(value_type = Vec<AccountId>, max_items = 100)]
    account_ids: BTreeSet<AccountId>,
    /// After how many hours it ends, and the session with it.
    #[schema(minimum = 1, maximum = 720, default = 168)]
    expires_in_hours: Option<u64>,
}

/// An onboarding link as it is listed: its secret is not kept.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OnboardingLink)]
pub struct LinkAnswer {
    /// Its ID.
    id: OnboardingLinkId,
    /// The accounts that it is for; none means any.
    account_ids: BTreeSet<AccountId>,
    /// Who made it.
    created_by: String,
    /// When it was made.
    created_at: Timestamp,
    /// When it ends.
    expires_at: Timestamp,
    /// When its button was pressed; null before. It opens once.
    #[schema(required = true)]
    opened_at: Option<Timestamp>,
    /// When it was revoked; null if it was not.
    #[schema(required = true)]
    revoked_at: Option<Timestamp>,
}

impl From<OnboardingLink> for LinkAnswer {
    fn from(link: OnboardingLink) -> Self {
        Self {
            id: link.id,
            account_ids: link.account_ids,
            created_by: link.created_by,
            created_at: link.created_at,
            expires_at: link.ends_at,
            opened_at: link.opened_at,
            revoked_at: link.revoked_at,
        }
    }
}

/// An onboarding link as it is answered once, when it is made.
#[derive(Debug, Serialize, ToSchema)]
pub struct MadeOnboardingLink {
    /// The link to hand to the tenant. Whoever has it can use it; it is not shown again.
    url: String,
    /// What is listed of it.
    #[serde(flatten)]
    link: LinkAnswer,
}

/// Makes a link to the onboarding page of a tenant
///
/// Whoever holds it may register user pools, verify them, choose their app clients and read; never change
/// modes, approve or adopt.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant_id}/onboarding-links", operation_id = "create_onboarding_link",
    tag = "onboarding", params(TenantPath), request_body = Option<NewOnboardingLink>,
    responses(
        (status = 201, description = "The link, with its address.", body = MadeOnboardingLink),
        (status = 409, description = "Too many links of the tenant are good.",
            body = ProblemAnswer, content_type = PROBLEM),
    )
)]
pub async fn create(
    State(service): State<Arc<Service>>,
    Path(path): Path<TenantPath>,
    axum::Extension(Caller(caller)): axum::Extension<Caller>,
    body: Bytes,
) -> Result<(StatusCode, Json<MadeOnboardingLink>), Problem> {
    let tenant = service.tenant(&path.tenant_id).await?;
    let new: NewOnboardingLink = input::read(&body)?;
    let life = life(&new)?;
    let now = service.now();
    // One that can't be read opens nothing.
    let good = service.store().onboarding_links(&tenant.id).await?.told();
    if good.iter().filter(|link| link.is_good(now)).count() >= MOST_LINKS {
        return Err(Problem::conflict(format!("{MOST_LINKS} links of this tenant are good: revoke some first")));
    }
    let secret = Token::new(clock::random());
    let link = OnboardingLink {
        id: OnboardingLinkId::generate(now, service.reconciler.sources.number()),
        tenant_id: tenant.id,
        account_ids: new.account_ids,
        created_by: caller,
        created_at: now,
        ends_at: now.plus(life),
        opened_at: None,
        revoked_at: None,
        // The page can't put it there: it writes nothing but what its visitors do.
        offers_launch: service.template_url().await.is_some(),
    };
    service.store().create_onboarding_link(&link, &secret).await?;
    tracing::info!(tenant_id = %link.tenant_id, link_id = %link.id, "onboarding link made");
    let url = service.reconciler.settings.base.onboarding_link(&link.tenant_id, &secret);
    Ok((StatusCode::CREATED, Json(MadeOnboardingLink { url, link: link.into() })))
}

fn life(new: &NewOnboardingLink) -> Result<Duration, Problem> {
    if new.account_ids.len() > MOST_ACCOUNTS {
        return Err(Problem::invalid("account_ids", format!("at most {MOST_ACCOUNTS} accounts")));
    }
    let Some(hours) = new.expires_in_hours else { return Ok(USUAL_LIFE) };
    let most = LONGEST_LIFE.as_secs() / 3600;
    if (1..=most).contains(&hours) {
        Ok(Duration::from_secs(hours * 3600))
    } else {
        Err(Problem::invalid("expires_in_hours", format!("a number of hours from 1 to {most}")))
    }
}

/// Lists the onboarding links of a tenant, the newest first
#[utoipa::path(
    get, path = "/v1/tenants/{tenant_id}/onboarding-links", operation_id = "list_onboarding_links",
    tag = "onboarding", params(TenantPath, PageRequest),
    responses((status = 200, description = "A page.", body = List<LinkAnswer>))
)]
pub async fn list(
    State(service): State<Arc<Service>>,
    Path(path): Path<TenantPath>,
    request: PageRequest,
) -> Result<Response, Problem> {
    let tenant = service.tenant(&path.tenant_id).await?;
    let links = service.store().onboarding_links(&tenant.id).await?;
    let page = page::of_all(links, &request, |link| link.id.to_string());
    Ok(page::answer(&request, page, LinkAnswer::from))
}

/// Revokes an onboarding link, and the session that it was traded for, at once
#[utoipa::path(
    delete, path = "/v1/tenants/{tenant_id}/onboarding-links/{link_id}", operation_id = "revoke_onboarding_link",
    tag = "onboarding", params(LinkPath),
    responses((status = 204, description = "It is revoked, now or before."))
)]
pub async fn revoke(State(service): State<Arc<Service>>, Path(path): Path<LinkPath>) -> Result<StatusCode, Problem> {
    let tenant: TenantId = path.tenant_id.parse().map_err(|_| Problem::not_found())?;
    let link: OnboardingLinkId = path.link_id.parse().map_err(|_| Problem::not_found())?;
    match service.store().revoke_onboarding_link(&tenant, &link, service.now()).await {
        Ok(()) => {}
        Err(error) if error.is_conflict() => return Err(Problem::not_found()),
        Err(error) => return Err(error.into()),
    }
    tracing::info!(tenant_id = %tenant, link_id = %link, "onboarding link revoked");
    Ok(StatusCode::NO_CONTENT)
}

/// Admits a user pool that an onboarding link registered in an account of which the operator knew nothing
///
/// Until then nothing in that account is looked at. A pool that does not wait is answered as it is.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}/admission", operation_id = "admit_user_pool",
    tag = "onboarding", params(PoolPath),
    responses(
        (status = 200, description = "The user pool, which can be verified now.", body = UserPoolAnswer,
            headers(("ETag", description = "Its version."))),
        (status = 409, description = "It was changed at the same time.", body = ProblemAnswer, content_type = PROBLEM),
    )
)]
pub async fn admit(
    State(service): State<Arc<Service>>,
    Path(path): Path<PoolPath>,
) -> Result<Versioned<UserPoolAnswer>, Problem> {
    let mut pool = service.pool(&path).await?;
    if pool.awaits_admission {
        let now = service.now();
        service.store().admit_pool(&pool, now).await?;
        tracing::info!(tenant_id = %pool.tenant_id, user_pool_id = %pool.user_pool_id, "user pool admitted");
        pool.awaits_admission = false;
        pool.version += 1;
        pool.updated_at = now;
    }
    Ok(Versioned::ok(pool.version, pool.into()))
}
