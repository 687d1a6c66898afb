//! The frame of every page, and the pieces that several pages have.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use causeway_core::user_pool::UserPool;
use causeway_page::{document, moment, sentence};
use maud::{Markup, html};

use crate::{form::Form, visitor::Visitor};

/// The four steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The WorkOS API key.
    Workos,
    /// The role.
    Role,
    /// The checks.
    Checks,
    /// App clients, providers and a sign-in.
    AppClients,
}

impl Step {
    const ALL: [(Self, &'static str); 4] =
        [(Self::Workos, "WorkOS"), (Self::Role, "Role"), (Self::Checks, "Checks"), (Self::AppClients, "Sign-in")];
}

/// An answer in HTML.
pub struct Page(Markup);

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], self.0.into_string()).into_response()
    }
}

/// A page of one of the steps.
pub fn step(visitor: &Visitor, step: Step, title: &str, body: &Markup) -> Page {
    let assets = format!("{}/onboarding/assets", visitor.service.base.path());
    framed(
        title,
        &assets,
        &html! {
            header {
                p.brand { "Causeway" }
                p.tenant { "Single sign-on for " strong { (visitor.tenant.name) } }
                (steps(visitor, step))
            }
            main id="content" tabindex="-1" {
                h1 { (title) }
                (body)
            }
            footer { p { "You can come back to this page until " (moment(visitor.link.ends_at)) "." } }
        },
    )
}

fn steps(visitor: &Visitor, current: Step) -> Markup {
    html! {
        nav aria-label="Steps" {
            ol.steps {
                @for (step, name) in Step::ALL {
                    @let done = step < current;
                    li.done[done] {
                        a href=(path_of(visitor, step)) aria-current=[(step == current).then_some("step")] {
                            span.name { (name) }
                            @if done { span.visually-hidden { " (done)" } }
                        }
                    }
                }
            }
        }
    }
}

fn path_of(visitor: &Visitor, step: Step) -> String {
    let of_pool = |page: &str| match &visitor.pool {
        Some(pool) => visitor.path(&format!("pools/{}/{page}", pool.user_pool_id)),
        None => visitor.path("check"),
    };
    match step {
        Step::Workos => visitor.path("workos"),
        Step::Role => match &visitor.pool {
            Some(pool) => format!("{}?{}", visitor.path("role"), query_of(pool)),
            None => visitor.path("role"),
        },
        Step::Checks => of_pool("check"),
        Step::AppClients => of_pool("app-clients"),
    }
}

/// What the form of the role is filled in with for a pool.
pub fn query_of(pool: &UserPool) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .append_pair("account_id", pool.account_id.as_str())
        .append_pair("user_pool_id", pool.user_pool_id.as_str())
        .append_pair("role_name", pool.role_name.as_str())
        .finish()
}

/// A page without steps, for who is not in yet. `base` is what every path begins with.
pub fn plain(base: &str, title: &str, body: &Markup) -> Page {
    let body = html! { header { p.brand { "Causeway" } } main id="content" { (body) } };
    framed(title, &format!("{base}/onboarding/assets"), &body)
}

/// A page that says one thing, with no step and no visitor. It becomes a page on its way out, where the address
/// of the style is known.
#[derive(Debug, Clone)]
pub struct Message {
    status: StatusCode,
    title: &'static str,
    text: String,
}

impl Message {
    /// One page for every link that leads nowhere: it tells none apart from another.
    pub fn dead_end() -> Self {
        let text = "It may have ended, or been opened in another browser. Ask whoever sent it to you for a new one.";
        Self { status: StatusCode::NOT_FOUND, title: "This link does not work", text: text.to_owned() }
    }

    /// The answer to who holds a link that was opened before.
    pub fn spent() -> Self {
        let text = "A link opens once. If it was you, go on in the browser that you opened it in. If not, tell whoever \
                    sent it to you, and ask for a new one: somebody else has used it.";
        Self { status: StatusCode::NOT_FOUND, title: "This link was opened before", text: text.to_owned() }
    }

    /// The answer to a form that another site sent.
    pub fn cross_site() -> Self {
        let text = "This form was not sent by a page of Causeway. Open the page itself and try again.";
        Self { status: StatusCode::FORBIDDEN, title: "Nothing was changed", text: text.to_owned() }
    }

    /// A problem that no field of a form has.
    pub fn of(status: StatusCode, detail: &str) -> Self {
        let text = format!("{} Go back and try again.", sentence(detail));
        Self { status, title: "That did not work", text }
    }

    /// The page.
    pub fn page(self, base: &str) -> Response {
        let body = html! { h1 { (self.title) } p { (self.text) } };
        (self.status, plain(base, self.title, &body)).into_response()
    }
}

impl IntoResponse for Message {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

fn framed(title: &str, assets: &str, body: &Markup) -> Page {
    let own = html! {
        link rel="stylesheet" href={ (assets) "/page.css" };
        script src={ (assets) "/page.js" } defer {}
    };
    Page(document(title, &own, body))
}

/// What is wrong with a form as a whole, with a way to each field.
pub fn error_summary(form: &Form) -> Markup {
    html! {
        @if !form.errors().is_empty() {
            div.notice.bad role="alert" {
                p { strong { "Please mend this first" } }
                ul {
                    @for (field, rule) in form.errors() { li { a href={ "#" (field) } { (sentence(rule)) } } }
                }
            }
        }
    }
}

/// One field of a form.
pub struct Field<'a> {
    /// Its name, and its element's ID.
    pub name: &'a str,
    /// What it is called.
    pub label: &'a str,
    /// What belongs into it.
    pub hint: &'a str,
    /// Which keyboard a phone shows: `text`, `numeric`.
    pub keyboard: &'a str,
    /// Whether what is typed is hidden and never shown again.
    pub is_secret: bool,
}

impl Field<'_> {
    /// The field with what was filled in and, next to it, what is wrong with that.
    pub fn render(&self, form: &Form) -> Markup {
        let error = form.error(self.name);
        let (hint_id, error_id) = (format!("{}-hint", self.name), format!("{}-error", self.name));
        let described = if error.is_some() { format!("{error_id} {hint_id}") } else { hint_id.clone() };
        html! {
            div.field.bad[error.is_some()] {
                label for=(self.name) { (self.label) }
                p.hint id=(hint_id) { (self.hint) }
                @if let Some(error) = error { p.error id=(error_id) { (sentence(error)) } }
                input id=(self.name) name=(self.name) type=(if self.is_secret { "password" } else { "text" })
                    value=[(!self.is_secret).then(|| form.text(self.name))] inputmode=(self.keyboard)
                    aria-describedby=(described) aria-invalid=[error.map(|_| "true")]
                    autocomplete="off" autocapitalize="off" spellcheck="false" required;
            }
        }
    }
}

/// What is shown while something is under way: a page with a script shows by itself what comes of it.
pub fn under_way(what: &str) -> Markup {
    html! {
        div.notice { p { strong { (what) } " It takes some seconds. " a href="" { "Look again" } } }
    }
}
