//! The frame of every page, and the pieces that several pages have.

use causeway_core::{id::TenantId, naming::quoted, shown::shown, timestamp::Timestamp};
use causeway_page::{document, sentence};
use maud::{Markup, html};
use serde_json::Value;

use crate::{
    console::{
        place::{Cursor, List, Place, PoolId},
        policy::own,
    },
    failure::Failure,
    shown as told,
};

/// The most characters of a text that others wrote.
const LONGEST: usize = 1_000;

/// What every page is framed by.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// What every path begins with.
    pub root: &'a str,
    /// The address of the deployment.
    pub deployment: &'a str,
    /// When the page was read.
    pub now: Timestamp,
}

impl Frame<'_> {
    /// The address of a place.
    pub fn address(&self, place: &Place) -> String {
        format!("{}/{}", self.root, place.path())
    }

    /// A link to a place.
    pub fn link(&self, place: &Place, text: &str) -> Markup {
        html! { a href=(self.address(place)) { bdi { (text) } } }
    }

    /// The page of a place.
    pub fn page(&self, place: &Place, title: &str, content: &Markup) -> Markup {
        let body = html! {
            a.skip href="#content" { "Skip to the content" }
            header {
                p.brand { "Causeway" }
                p.tenant { (self.deployment) }
                (self.ways(place))
            }
            main id="content" tabindex="-1" {
                h1 { bdi { (title) } }
                (content)
            }
            footer {
                p { "Read at " time datetime=(self.now) { (told::time(&self.now.to_string())) } ". "
                    a href=(self.address(place)) { "Read again" } }
            }
        };
        document(title, &own(), &body)
    }

    /// The way to a place, from the fleet on.
    fn ways(&self, place: &Place) -> Markup {
        let mut ways = vec![(Place::List(List::Fleet, None), "Fleet".to_owned())];
        ways.push((Place::List(List::Tenants, None), "Tenants".to_owned()));
        let (tenant, pool) = subject(place);
        ways.extend(tenant.map(|tenant| (Place::Tenant(tenant.clone()), tenant.to_string())));
        ways.extend(pool.map(|pool| (Place::Pool(pool.clone()), pool.user_pool.to_string())));
        html! {
            nav aria-label="Places" {
                ul.ways {
                    @for (way, name) in ways {
                        li { a href=(self.address(&way)) aria-current=[(way == *place).then_some("page")] { (name) } }
                    }
                }
            }
        }
    }

    /// The way to the next page of a list, where there is one.
    pub fn older(&self, list: &List, page: &Value) -> Markup {
        let next = page["next_cursor"].as_str().and_then(Cursor::parse);
        html! {
            @if let Some(next) = next {
                p { a.button.quiet href=(self.address(&Place::List(list.clone(), Some(next)))) { "Show more" } }
            }
        }
    }

    /// The way to the whole of a list of which a page has the beginning.
    pub fn whole(&self, list: List, text: &str) -> Markup {
        html! { p { a href=(self.address(&Place::List(list, None))) { (text) } } }
    }
}

/// The tenant and the user pool that a place is about.
fn subject(place: &Place) -> (Option<&TenantId>, Option<&PoolId>) {
    match place {
        Place::List(List::Fleet | List::Tenants, _) => (None, None),
        Place::Tenant(tenant) | Place::List(List::Pools(tenant) | List::Changes(tenant), _) => (Some(tenant), None),
        Place::Pool(pool)
        | Place::Plan(pool)
        | Place::List(List::Providers(pool) | List::Runs(pool) | List::SignIns(pool), _) => {
            (Some(&pool.tenant), Some(pool))
        }
    }
}

/// The title of a list's page.
pub fn title_of(list: &List) -> String {
    match list {
        List::Fleet => "Fleet".to_owned(),
        List::Tenants => "Tenants".to_owned(),
        List::Pools(tenant) => format!("User pools of {tenant}"),
        List::Changes(tenant) => format!("Changes of {tenant}"),
        List::Providers(pool) => format!("Providers of {}", pool.user_pool),
        List::Runs(pool) => format!("Runs of {}", pool.user_pool),
        List::SignIns(pool) => format!("Sign-ins of {}", pool.user_pool),
    }
}

/// By what people know a tenant or a user pool: its name, which others chose, else its ID.
pub fn name(name: Option<&str>, id: &str) -> String {
    name.map_or_else(|| id.to_owned(), quoted)
}

/// A text that others wrote, or a part of it, as it may be shown.
pub fn text(text: &str) -> String {
    let mut characters = shown(text, Some(' '));
    let cut: String = characters.by_ref().take(LONGEST).collect();
    if characters.next().is_some() { format!("{cut}…") } else { cut }
}

/// The same in its line, where it turns nothing that stands beside it.
pub fn said(others: &str) -> Markup {
    html! { bdi dir="ltr" { (text(others)) } }
}

/// A part of a page under its heading, or why it is not there.
pub fn section(id: &str, title: &str, content: Result<Markup, Failure>) -> Markup {
    html! {
        section {
            h2 id=(id) { (title) }
            @match content {
                Ok(content) => (content),
                Err(failure) => (unread(&failure)),
            }
        }
    }
}

/// Why something is not there.
pub fn unread(failure: &Failure) -> Markup {
    html! { div.notice.bad { p { strong { "This could not be read. " } (text(&sentence(&failure.text()))) } } }
}

/// What of a list stands in the table and can't be read.
pub fn unreadable(list: &Value) -> Markup {
    let text = told::unreadable(list);
    html! { @if !text.is_empty() { div.notice.bad { pre tabindex="0" role="region" aria-label="What can't be read" { (text) } } } }
}

/// What is known of something, each under what it is.
pub fn facts(facts: &[(&'static str, String)]) -> Markup {
    html! {
        dl.facts {
            @for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
                dt { (name) } dd { (said(value)) }
            }
        }
    }
}

/// A table that scrolls by itself where it is too wide. `rows` are `tr` elements.
pub fn table(what: &str, columns: &[&str], rows: &[Markup]) -> Markup {
    html! {
        @if rows.is_empty() {
            p { "There are none." }
        } @else {
            div.scrolls tabindex="0" role="region" aria-label=(what) {
                table {
                    thead { tr { @for column in columns { th scope="col" { (column) } } } }
                    tbody { @for row in rows { (row) } }
                }
            }
        }
    }
}

/// A moment of the API's, to the second.
pub fn moment(at: &str) -> Markup {
    html! { time datetime=(at) { (told::time(at)) } }
}

/// The items of a list, each read as a `T`.
pub fn items<T: serde::de::DeserializeOwned>(list: &Value, what: &str) -> Result<Vec<T>, Failure> {
    crate::api::items(list).iter().map(|item| told::read(item, what)).collect()
}
