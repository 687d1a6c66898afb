//! The onboarding page, by the requests that a browser without scripts sends.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use regex::{Captures, Regex};
use url::Url;

use crate::browser::form;
use crate::eventually::eventually;
use crate::signed_http::{Answer, plain_client};

/// Longer than an errand is waited for, with the emulator's one queue before it.
const SETTLED_WITHIN: Duration = Duration::from_mins(5);
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// The page of one tenant, in one browser.
#[derive(Clone, Debug)]
pub struct OnboardingPage {
    /// The address of the tenant's pages, without a trailing slash.
    pub address: String,
    /// The cookie, as it is sent.
    pub cookie: String,
    /// What was said of the cookie when it was set.
    pub set_cookie: String,
    /// Where the browser was sent after the link.
    pub start: String,
}

impl OnboardingPage {
    /// Looks at a link and presses its button.
    pub async fn open(link: &str) -> Result<Self> {
        let seen = get(link, "").await?.expect(200)?;
        ensure!(seen.text().contains("<button"), "the link shows no button: {}", seen.text());
        let opened = press(link).await?.expect(303)?;
        let set_cookie = opened.header("set-cookie").context("no cookie was set")?.to_owned();
        let start = opened.header("location").context("the browser was sent nowhere")?.to_owned();
        let (address, _) = link.split_once("/link/").context("no link")?;
        let cookie = set_cookie.split(';').next().unwrap_or_default().to_owned();
        Ok(Self { address: address.to_owned(), cookie, set_cookie, start })
    }

    /// Looks at a page of the tenant's; `path` begins with a slash.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        get(&format!("{}{path}", self.address), &self.cookie).await
    }

    /// Looks at a page until nothing that it tells of is under way any more.
    pub async fn settled(&self, path: &str) -> Result<Answer> {
        eventually(SETTLED_WITHIN, "an errand of the page ends", async || {
            let page = self.get(path).await?.expect(200)?;
            Ok((!page.text().contains("data-runs")).then_some(page))
        })
        .await
    }

    /// Sends a form of the page.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Result<Answer> {
        let origin = origin(&self.address)?;
        self.post_from(path, fields, &[("origin", &origin), ("sec-fetch-site", "same-origin")]).await
    }

    /// Sends a form with these headers for where it stood.
    pub async fn post_from(&self, path: &str, fields: &[(&str, &str)], from: &[(&str, &str)]) -> Result<Answer> {
        let headers = [from, &[FORM, ("cookie", self.cookie.as_str())]].concat();
        post(&format!("{}{path}", self.address), &headers, &form(fields)).await
    }
}

/// Presses the button of a link, in a browser that has no cookie.
pub async fn press(link: &str) -> Result<Answer> {
    post(link, &[FORM, ("origin", &origin(link)?)], "").await
}

/// Looks at an address.
pub async fn get(address: &str, cookie: &str) -> Result<Answer> {
    let mut request = plain_client()?.get(address);
    if !cookie.is_empty() {
        request = request.header("cookie", cookie);
    }
    Answer::read(request.send().await?).await
}

async fn post(address: &str, headers: &[(&str, &str)], body: &str) -> Result<Answer> {
    let mut request = plain_client()?.post(address).body(body.to_owned());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Answer::read(request.send().await?).await
}

fn origin(address: &str) -> Result<String> {
    Ok(Url::parse(address)?.origin().ascii_serialization())
}

/// An element's text, by its ID, with what HTML escapes as it was.
pub fn text_of(page: &Answer, id: &str) -> Result<String> {
    let page = page.text();
    let at = page.find(&format!("id=\"{id}\"")).with_context(|| format!("no {id} in {page}"))?;
    let inner = &page[at..];
    let inner = inner.find("<code>").map_or(inner, |at| &inner[at + "<code>".len()..]);
    let inner = inner.split("</code>").next().unwrap_or_default();
    // The ampersand last: what was one escapes nothing.
    Ok(inner.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&"))
}

/// A check as the page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownCheck {
    /// `Passed`, `Note`, `Failed`, `Waiting`, `Later` or `Not run`.
    pub outcome: String,
    /// What is checked.
    pub title: String,
    /// What was found, where that is not that it passed.
    pub message: String,
}

/// The checks that a page shows, in order.
pub fn checks_of(page: &Answer) -> Result<Vec<ShownCheck>> {
    let page = page.text();
    let entry =
        Regex::new(r#"<span class="outcome">([^<]*)</span> <span class="title">([^<]*)</span>(?:<p>((?s:.*?))</p>)?"#)?;
    let part = |found: &Captures<'_>, number| found.get(number).map_or("", |part| part.as_str()).to_owned();
    let checks = entry.captures_iter(&page);
    Ok(checks
        .map(|found| ShownCheck { outcome: part(&found, 1), title: part(&found, 2), message: part(&found, 3) })
        .collect())
}
