//! The link itself: one button, and what it does.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use causeway_core::onboarding::{OnboardingLink, Token};
use causeway_edge::Source;
use causeway_page::moment;
use maud::html;

use crate::{
    failure::Failure,
    layout,
    page::see_other,
    service::Service,
    visitor::{cookie, session},
};

/// Shows the button. Changes nothing, whoever asks. Of a link that was opened it is shown as well: the cookie is
/// not sent along from the mail that the link stands in, so that only the button can tell whose browser it is.
pub async fn show(
    State(service): State<Arc<Service>>,
    Path((tenant, secret)): Path<(String, String)>,
    Extension(source): Extension<Source>,
) -> Result<Response, Failure> {
    let link = good_link(&service, source, &tenant, &secret).await?;
    let tenant = service.store.tenant(&link.tenant_id).await?.ok_or(Failure::DeadEnd)?;
    let body = html! {
        h1 { "Connect your user pool to single sign-on" }
        p {
            "This link lets you connect an Amazon Cognito user pool of " strong { (tenant.name) } " to your WorkOS "
            "connections. It takes about ten minutes, in four steps, and you can come back to it until "
            (moment(link.ends_at)) "."
        }
        p { "You need to be able to create an IAM role in the AWS account of the user pool." }
        // Without an address: it goes to the one that this page has, which stays out of the page.
        form method="post" { button type="submit" { "Begin" } }
        p.hint { "The link opens once, in this browser. Whoever opens it first has it." }
    };
    Ok(layout::plain(&service.base.path(), "Connect your user pool", &body).into_response())
}

/// Trades the link for a session; in the browser that has the session already, goes on with that.
pub async fn open(
    State(service): State<Arc<Service>>,
    Path((tenant, secret)): Path<(String, String)>,
    Extension(source): Extension<Source>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let link = good_link(&service, source, &tenant, &secret).await?;
    let base = &service.base;
    let start = format!("{}/onboarding/{}/start", base.path(), link.tenant_id);
    let opened_here = session(&service, source, &link.tenant_id, &headers).await?;
    if opened_here.is_some_and(|(_, opened)| opened.id == link.id) {
        return Ok(see_other(&start));
    }
    if link.opened_at.is_some() {
        return Err(Failure::Spent);
    }
    let token = Token::new((service.random)());
    let now = service.now();
    match service.store.open_onboarding_link(&link, &token, now).await {
        Ok(()) => {}
        // It was opened or revoked in this moment.
        Err(error) if error.is_conflict() => return Err(Failure::Spent),
        Err(error) => return Err(error.into()),
    }
    tracing::info!(tenant_id = %link.tenant_id, link_id = %link.id, "onboarding link opened");
    let mut response = see_other(&start);
    let mut value = HeaderValue::from_str(&cookie(base, &link, &token, now)).map_err(|_| Failure::DeadEnd)?;
    value.set_sensitive(true);
    response.headers_mut().insert(header::SET_COOKIE, value);
    Ok(response)
}

/// The link of this secret, if it is good and of the tenant that the path names.
async fn good_link(service: &Service, source: Source, tenant: &str, secret: &str) -> Result<OnboardingLink, Failure> {
    let secret = Token::parse(secret).ok_or(Failure::DeadEnd)?;
    let now = service.now();
    if !service.misses.take(&source, now) {
        return Err(Failure::TooManyMisses);
    }
    let link = service.store.link_of_secret(&secret).await?;
    let link = link.filter(|link| link.tenant_id.as_str() == tenant && link.is_good(now)).ok_or(Failure::DeadEnd)?;
    service.misses.give_back(&source);
    Ok(link)
}
