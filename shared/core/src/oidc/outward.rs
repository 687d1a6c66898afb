//! From `/authorize` to WorkOS, by a URL that no identity provider finds too long.

use url::Url;

use crate::{
    id::{ConnectionId, TenantId, WorkosClientId},
    oidc::{authorize::AuthorizeRequest, pkce::PkceVerifier},
    provider::BaseUrl,
};

/// The longest URL that a browser is sent to WorkOS with, in bytes: WorkOS hands the state on to identity providers,
/// some of which refuse one of 2,000.
const LONGEST_URL: usize = 1999;

/// A way from `/authorize` to WorkOS (WorkOS API: `GET /sso/authorize`), but for the state.
#[derive(Debug)]
pub struct WayToWorkos<'a> {
    /// WorkOS's API.
    pub workos: &'a Url,
    /// Our own base URL.
    pub base: &'a BaseUrl,
    /// The tenant, whose callback is registered at WorkOS.
    pub tenant: &'a TenantId,
    /// The tenant's client ID at WorkOS.
    pub client: &'a WorkosClientId,
    /// The connection.
    pub connection: &'a ConnectionId,
    /// What Cognito asked for.
    pub request: &'a AuthorizeRequest,
    /// What WorkOS compares the verifier with that comes with the code.
    pub verifier: &'a PkceVerifier,
}

impl WayToWorkos<'_> {
    /// The URL with all of the state in it; `None` where it would be too long.
    pub fn with_state(&self, sealed: &str) -> Option<Url> {
        Some(self.url(sealed, true)).filter(|url| url.as_str().len() <= LONGEST_URL)
    }

    /// The URL with the key of a state that lies in the table. Hints that are too long to go along are left out: they
    /// only save the user some typing, and part of one would be another one.
    pub fn with_key(&self, key: &str) -> Url {
        self.with_state(key).unwrap_or_else(|| self.url(key, false))
    }

    fn url(&self, state: &str, with_hints: bool) -> Url {
        let mut url = self.workos.clone();
        url.set_path(&format!("{}/sso/authorize", self.workos.path().trim_end_matches('/')));
        url.query_pairs_mut()
            .append_pair("client_id", self.client.as_str())
            .append_pair("connection", self.connection.as_str())
            .append_pair("redirect_uri", &self.base.callback(self.tenant))
            .append_pair("response_type", "code")
            .append_pair("state", state)
            .append_pair("code_challenge", &self.verifier.challenge())
            .append_pair("code_challenge_method", "S256");
        if self.request.prompts() {
            url.query_pairs_mut().append_pair("prompt", "login");
        }
        let hints = [("login_hint", &self.request.login_hint), ("domain_hint", &self.request.domain_hint)];
        for (name, value) in hints.into_iter().filter(|_| with_hints) {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const GOOD: &str = "client_id=eu-west-1_Pool&redirect_uri=https%3A%2F%2Fa%2Foauth2%2Fidpresponse&response_type=code&scope=openid+email&state=s";

    /// What `of` makes of the way to WorkOS of a request.
    fn way<T>(query: &str, of: impl FnOnce(WayToWorkos<'_>) -> T) -> T {
        of(WayToWorkos {
            workos: &"https://api.workos.com".parse().unwrap(),
            base: &BaseUrl::parse("https://login.example.com/x").unwrap(),
            tenant: &"tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N".parse().unwrap(),
            client: &"client_1".parse().unwrap(),
            connection: &"conn_01E4ZCR3C56J083X43JQXF3JK5".parse().unwrap(),
            request: &AuthorizeRequest::parse(query).unwrap(),
            verifier: &PkceVerifier::new([7; 32]),
        })
    }

    #[test]
    fn the_browser_goes_to_workos_with_the_connection_and_the_one_registered_callback() {
        let url = way(&format!("{GOOD}&login_hint=j%C3%BCrgen%40a.com"), |way| way.with_state("sealed")).unwrap();
        let pairs: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
        assert_eq!(url.path(), "/sso/authorize");
        assert_eq!(pairs["redirect_uri"], "https://login.example.com/x/oidc/tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N/callback");
        assert_eq!(pairs["login_hint"], "jürgen@a.com");
        assert_eq!((pairs["state"].as_str(), pairs["connection"].len()), ("sealed", 31));
        let verifier = PkceVerifier::new([7; 32]);
        assert_eq!(
            (&pairs["code_challenge"], pairs["code_challenge_method"].as_str()),
            (&verifier.challenge(), "S256")
        );
        assert_eq!(pairs.get("prompt"), None);
    }

    #[test]
    fn who_is_to_show_anew_who_they_are_is_asked_by_workos() {
        for (parameters, prompts) in [
            ("&prompt=login", true),
            ("&prompt=consent+login", true),
            ("&max_age=0", true),
            ("&max_age=99999999999999999999", true),
            ("&prompt=consent", false),
            ("&prompt=LOGIN", false),
            ("&prompt=", false),
            ("", false),
        ] {
            let url = way(&format!("{GOOD}{parameters}"), |way| way.with_key("key"));
            assert_eq!(url.query().unwrap().contains("&prompt=login"), prompts, "{parameters}");
        }
    }

    #[test]
    fn no_browser_is_sent_to_workos_with_a_url_of_2000_bytes() {
        let hint = "ü".repeat(1000);
        for (query, hints) in [(format!("{GOOD}&login_hint={hint}"), 0), (format!("{GOOD}&domain_hint=a.test"), 1)] {
            let longest =
                (0..3000).rev().find(|length| way(&query, |way| way.with_state(&"s".repeat(*length))).is_some());
            let longest = longest.unwrap_or(0);
            if let Some(url) = way(&query, |way| way.with_state(&"s".repeat(longest))) {
                assert_eq!(url.as_str().len(), 1999);
            }
            let url = way(&query, |way| way.with_key(&"k".repeat(59)));
            assert!(url.as_str().len() < 2000 && url.query().unwrap().matches("_hint").count() == hints, "{url}");
        }
    }
}
