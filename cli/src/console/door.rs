//! Who is let in. Pure: what is asked, when, and what was asked before come in through arguments.
//!
//! Every program of this machine, of every user of it, can reach the port, and so can every page that the operator's browser
//! shows. What is asked is therefore nobody's until it has shown, beside the cookie, that it was asked of this address, by
//! this name, from no other page.

use std::time::{Duration, Instant};

use causeway_core::onboarding::Token;
use http::{HeaderMap, HeaderName, Method, StatusCode, header, request::Parts};

use super::place::Place;

/// How long the token of the file is good.
pub const GOOD_FOR: Duration = Duration::from_mins(1);
/// Where the file posts its token to.
pub const ENTRANCE: &str = "/enter";
/// The cookie's name.
const COOKIE: &str = "causeway-console";
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What is asked for by who may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// To be let in, by the token that the body has.
    Entrance,
    /// A place of the console.
    Place(Place),
}

/// Why nobody is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is asked by another name than the address, or in a form that no browser asks in.
    AnotherName,
    /// It is asked from another page.
    AnotherSite,
    /// Nothing is there for this method.
    Method,
    /// There is no such page, or the cookie is missing: who has none is not told which.
    NotFound,
    /// The token is not the file's.
    WrongToken,
    /// The token was used.
    UsedToken,
    /// The token is older than a minute.
    OldToken,
}

impl Refusal {
    /// The status of the answer.
    pub fn status(self) -> StatusCode {
        match self {
            Self::AnotherName => StatusCode::MISDIRECTED_REQUEST,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::AnotherSite | Self::WrongToken | Self::UsedToken | Self::OldToken => StatusCode::FORBIDDEN,
        }
    }

    /// What is said of it.
    pub fn told(self) -> &'static str {
        match self {
            Self::AnotherName => "The console is asked for by its address only.",
            Self::AnotherSite => "The console is not opened from another page.",
            Self::Method => "The console only shows.",
            Self::NotFound => {
                "There is no such page, or this browser was not let in. Run `causeway console` again, and open what it \
                 opens."
            }
            Self::WrongToken => "This is not the file that the console was begun with.",
            Self::UsedToken => "This file was opened before. Run `causeway console` again.",
            Self::OldToken => "This file was good for a minute. Run `causeway console` again.",
        }
    }
}

/// What the browser is given that is let in.
#[derive(Debug)]
pub struct LetIn {
    /// The cookie, as it is set.
    pub cookie: String,
    /// Where the console begins.
    pub begins: String,
}

/// The door of one console. Of the secrets that let in it has the digests only.
#[derive(Debug)]
pub struct Door {
    /// `127.0.0.1` and the port.
    authority: String,
    /// The digest of the file's token.
    token: String,
    opened_at: Instant,
    /// The first segment of every page's path, and its digest.
    root: Token,
    root_digest: String,
    /// The digest of the cookie, once it was given.
    session: Option<String>,
}

impl Door {
    /// One that is opened by `token`, whose pages are below `root`.
    pub fn new(port: u16, token: &Token, root: Token, opened_at: Instant) -> Self {
        let (token, root_digest) = (token.lookup(), root.lookup());
        Self { authority: format!("127.0.0.1:{port}"), token, opened_at, root_digest, root, session: None }
    }

    /// The origin of the console's pages.
    pub fn origin(&self) -> String {
        format!("http://{}", self.authority)
    }

    /// What every page's path begins with, without a slash at its end.
    pub fn root(&self) -> String {
        format!("/{}", self.root.expose())
    }

    /// What is asked for, if it may be.
    pub fn asked(&self, head: &Parts) -> Result<Asked, Refusal> {
        // Asked of a proxy, a URI has a host of its own, beside that of the header.
        let is_plain = head.uri.scheme().is_none() && head.uri.authority().is_none();
        if !is_plain || only(&head.headers, &header::HOST) != Some(self.authority.as_str()) {
            return Err(Refusal::AnotherName);
        }
        match head.method {
            Method::POST => asked_to_enter(head),
            Method::GET => self.asked_for_place(head),
            _ => Err(Refusal::Method),
        }
    }

    fn asked_for_place(&self, head: &Parts) -> Result<Asked, Refusal> {
        let origin = only(&head.headers, &header::ORIGIN);
        let site = only(&head.headers, &SEC_FETCH_SITE);
        let is_ours = origin.is_none_or(|origin| origin == self.origin());
        // `none`: by the operator, who typed the address or reads again.
        if !is_ours || !site.is_none_or(|site| ["same-origin", "none"].contains(&site)) {
            return Err(Refusal::AnotherSite);
        }
        let path = head.uri.path().strip_prefix('/').and_then(|path| path.split_once('/'));
        let (root, place) = path.ok_or(Refusal::NotFound)?;
        let is_root = Token::parse(root).is_some_and(|root| root.lookup() == self.root_digest);
        if !is_root || !self.has_session(&head.headers) {
            return Err(Refusal::NotFound);
        }
        Place::parse(place, head.uri.query()).map(Asked::Place).ok_or(Refusal::NotFound)
    }

    /// Whether a cookie is the session's. Another server of this machine can have set others of the same name.
    fn has_session(&self, headers: &HeaderMap) -> bool {
        let Some(session) = &self.session else { return false };
        let shown = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        let mut shown = shown.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        shown.any(|(name, value)| {
            name == COOKIE && Token::parse(value).is_some_and(|cookie| cookie.lookup() == *session)
        })
    }

    /// Lets in who brings the file's token in a form, once, with `cookie` as the secret of the session.
    pub fn enter(&mut self, body: &[u8], now: Instant, cookie: &Token) -> Result<LetIn, Refusal> {
        let token = std::str::from_utf8(body).ok().and_then(|body| body.strip_prefix("token=")).and_then(Token::parse);
        if token.is_none_or(|token| token.lookup() != self.token) {
            return Err(Refusal::WrongToken);
        }
        if self.session.is_some() {
            return Err(Refusal::UsedToken);
        }
        if now.saturating_duration_since(self.opened_at) > GOOD_FOR {
            return Err(Refusal::OldToken);
        }
        self.session = Some(cookie.lookup());
        // A browser sends cookies to every port of a host: by the path, which nobody else knows, to no other server's.
        let cookie = format!("{COOKIE}={}; Path={}; HttpOnly; SameSite=Strict", cookie.expose(), self.root());
        Ok(LetIn { cookie, begins: format!("{}/", self.root()) })
    }
}

fn asked_to_enter(head: &Parts) -> Result<Asked, Refusal> {
    if head.uri.path() != ENTRANCE || head.uri.query().is_some() {
        return Err(Refusal::Method);
    }
    // A file has no origin that could be named (HTML: "opaque origin").
    if only(&head.headers, &header::ORIGIN) != Some("null") {
        return Err(Refusal::AnotherSite);
    }
    Ok(Asked::Entrance)
}

/// The value of a header. Several of one name are an empty one, as is what is no text: it is good for nothing.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).into_iter();
    match (values.next()?, values.next()) {
        (value, None) => Some(value.to_str().unwrap_or_default()),
        (_, Some(_)) => Some(""),
    }
}

#[cfg(test)]
mod tests;
