//! A sign-in as a browser goes through it, one redirect after the other.

use anyhow::{Context, Result, bail};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use url::Url;

use crate::signed_http::{Answer, plain_client};

/// More redirects than any sign-in takes.
const MOST_REDIRECTS: usize = 20;

/// What an application asks of Cognito.
#[derive(Clone, Debug)]
pub struct SignIn<'a> {
    /// Where Cognito's endpoints are, without a trailing slash.
    pub cognito: &'a str,
    /// The app client.
    pub client_id: &'a str,
    /// The application's callback.
    pub redirect_uri: &'a str,
    /// The identity provider's name.
    pub identity_provider: &'a str,
}

impl SignIn<'_> {
    /// Where the application sends the browser.
    pub fn start(&self) -> Result<Url> {
        let mut url = Url::parse(&format!("{}/oauth2/authorize", self.cognito))?;
        url.query_pairs_mut()
            .append_pair("client_id", self.client_id)
            .append_pair("redirect_uri", self.redirect_uri)
            .append_pair("response_type", "code")
            .append_pair("scope", "openid email profile")
            .append_pair("state", "the-application's-state")
            .append_pair("identity_provider", self.identity_provider);
        Ok(url)
    }

    /// Redeems the code that the application's callback got, and gives Cognito's answer.
    pub async fn tokens(&self, callback: &Url) -> Result<Value> {
        let code = parameter(callback, "code").with_context(|| format!("no code came back: {callback}"))?;
        let form = form(&[
            ("grant_type", "authorization_code"),
            ("client_id", self.client_id),
            ("redirect_uri", self.redirect_uri),
            ("code", &code),
        ]);
        post_form(&format!("{}/oauth2/token", self.cognito), &form).await?.expect(200)?.json()
    }
}

/// Follows redirects from `start` until the next one begins with `until`, and gives every address on the
/// way, the last one not visited.
pub async fn follow(start: Url, until: &str) -> Result<Vec<Url>> {
    let http = plain_client()?;
    let mut visited = vec![start];
    for _ in 0..MOST_REDIRECTS {
        let here = visited.last().context("there is always one")?.clone();
        if visited.len() > 1 && here.as_str().starts_with(until) {
            return Ok(visited);
        }
        let answer = http.get(here.clone()).send().await?;
        let status = answer.status();
        let location = answer.headers().get("location").and_then(|location| location.to_str().ok()).map(str::to_owned);
        match location {
            Some(location) if status.is_redirection() => visited.push(here.join(&location)?),
            _ => bail!("{here} answered {status}, and no redirect: {}", answer.text().await?),
        }
    }
    bail!("the redirects do not end: {visited:?}")
}

/// A parameter of an address.
#[must_use]
pub fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// A form as it is posted.
#[must_use]
pub fn form(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// Posts a form, as Cognito does to a token endpoint.
pub async fn post_form(url: &str, form: &str) -> Result<Answer> {
    let request =
        plain_client()?.post(url).header("content-type", "application/x-www-form-urlencoded").body(form.to_owned());
    Answer::read(request.send().await?).await
}

/// The claims of a JWT, unchecked.
pub fn claims(token: &str) -> Result<Value> {
    let payload = token.split('.').nth(1).context("not a JWT")?;
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload)?)?)
}
