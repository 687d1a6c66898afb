//! What the console shows: a page for each place. Each reads first what it shows, and is then made of that alone.

mod changes;
mod fleet;
mod frame;
mod plan;
mod plot;
mod pool;
mod providers;
mod runs;
mod sign_ins;
mod tenants;
#[cfg(test)]
mod tests;

use causeway_core::timestamp::Timestamp;
use causeway_page::document;
use http::StatusCode;
use maud::{Markup, html};

use self::frame::Frame;
use super::{
    door::Refusal,
    place::{List, Place},
    policy::own,
    reads::Read,
};
use crate::{api::Api, failure::Failure};

/// A page's title and what is on it.
type Content = Result<(String, Markup), Failure>;

/// The page of a place, whose links begin with `root`, with its status.
pub async fn place(api: &Api, root: &str, place: &Place, now: Timestamp) -> (StatusCode, Markup) {
    let frame = Frame { root, deployment: api.base(), now };
    match content(api, &frame, place).await {
        Ok((title, content)) => (StatusCode::OK, frame.page(place, &title, &content)),
        Err(failure) => {
            let status = if failure.is_not_found() { StatusCode::NOT_FOUND } else { StatusCode::BAD_GATEWAY };
            (status, frame.page(place, "This could not be read", &frame::unread(&failure)))
        }
    }
}

async fn content(api: &Api, frame: &Frame<'_>, place: &Place) -> Content {
    let (list, after) = match place {
        Place::Tenant(tenant) => return tenants::tenant(frame, tenant, &tenants::Seen::read(api, tenant).await?),
        Place::Pool(pool) => return pool::page(frame, pool, &pool::Seen::read(api, pool).await?),
        Place::Plan(pool) => {
            let plan = plan::section(pool, Read::Plan(pool).made(api).await);
            return Ok((format!("What a run would do in {}", pool.user_pool), plan));
        }
        Place::List(list, after) => (list, after),
    };
    let page = Read::page(list, after.as_ref()).made(api).await?;
    let content = match list {
        List::Fleet => fleet::fleet(frame, &page)?,
        List::Tenants => tenants::list(frame, &page)?,
        List::Pools(tenant) => tenants::pools(frame, tenant, &page)?,
        List::Changes(_) => changes::all(&page)?,
        List::Providers(_) => providers::list(&page)?,
        List::Runs(_) => runs::list(&page, frame.now, usize::MAX)?,
        List::SignIns(_) => sign_ins::list(&page)?,
    };
    let content = html! { (content) (frame::unreadable(&page)) (frame.older(list, &page)) };
    Ok((frame::title_of(list), content))
}

/// What is shown to who is not let in.
pub fn refused(refusal: Refusal) -> Markup {
    let body = html! { main { h1 { "Not here" } p { (refusal.told()) } } };
    document("Not here", &own(), &body)
}

/// What is shown to who was let in, until the browser goes on to where the console begins.
pub fn entered(begins: &str) -> Markup {
    let own = html! { meta http-equiv="refresh" content={ "0; url=" (begins) }; (own()) };
    let body = html! { main { h1 { "Causeway console" } p { a href=(begins) { "Open the console" } } } };
    document("Console", &own, &body)
}
