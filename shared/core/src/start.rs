//! Sign-ins that begin at the customer's identity provider, at its tile: where they lead. Cognito takes no sign-in
//! from an OIDC provider that it did not ask for, so such a sign-in begins anew, at the application.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use url::{Host, Url};
use utoipa::ToSchema;

use crate::{
    id::{AppClientId, ConnectionId, ProviderName},
    lenient::known_members,
    object::Object,
    oidc::authorize::{Refused, parameters},
};

/// The longest address that is taken, in bytes.
const LONGEST_URL: usize = 2048;

/// An address of the tenant's application: `https`, or `http` on the developer's own machine, as Cognito takes them
/// for callbacks.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AppUrl(Url);

impl AppUrl {
    /// The host, for the person who is asked whether to go there.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

impl TryFrom<String> for AppUrl {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const RULE: &str =
            "an https URL (http on localhost only) of at most 2048 characters, without user and fragment";
        let url = Url::parse(&text).map_err(|_| RULE)?;
        if text.len() > LONGEST_URL || !is_safe(&url) { Err(RULE) } else { Ok(Self(url)) }
    }
}

/// Whether a page is reached safely: by `https`, or by `http` on the developer's own machine; without a user and without
/// a fragment.
pub(crate) fn is_safe(url: &Url) -> bool {
    let is_local = matches!(url.host(), Some(Host::Domain("localhost")))
        || matches!(url.host(), Some(Host::Ipv4(address)) if address.is_loopback());
    let scheme_is_right = url.scheme() == "https" || (url.scheme() == "http" && is_local);
    scheme_is_right && url.username().is_empty() && url.password().is_none() && url.fragment().is_none()
}

impl From<AppUrl> for String {
    fn from(url: AppUrl) -> Self {
        url.0.into()
    }
}

impl fmt::Debug for AppUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.as_str())
    }
}

/// Where a sign-in leads that began at the identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Object<StartFields>", into = "StartFields")]
pub enum Start {
    /// To the application's own login, which begins a sign-in with a state of its own.
    Login {
        /// Its address.
        login_url: AppUrl,
    },
    /// To Cognito, for an application that takes a sign-in that it did not begin.
    Cognito {
        /// The app client.
        app_client: AppClientId,
        /// One of its callbacks.
        redirect_uri: AppUrl,
    },
}

/// [`Start`] as it is written: either `login_url`, or `app_client` and `redirect_uri`.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[schema(as = Start)]
#[serde(deny_unknown_fields)]
pub struct StartFields {
    /// The application's own login, which gets `idp_identifier` and `identity_provider` added.
    #[schema(value_type = Option<String>, format = "uri")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    login_url: Option<AppUrl>,
    /// The app client in whose name Cognito is asked, after a page that asks the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    app_client: Option<AppClientId>,
    /// The callback of that app client.
    #[schema(value_type = Option<String>, format = "uri")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    redirect_uri: Option<AppUrl>,
}

/// The members of [`StartFields`].
const MEMBERS: [&str; 3] = ["login_url", "app_client", "redirect_uri"];

/// Reads a start where it stands in the table: a later version may have given it more members.
pub fn stored<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Start>, D::Error> {
    known_members(deserializer, &MEMBERS)
}

/// The same, for who needs none: one that can't be read is none.
#[expect(clippy::unnecessary_wraps, reason = "serde calls it, and takes this form")]
pub(crate) fn stored_if_readable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Start>, D::Error> {
    Ok(stored(deserializer).unwrap_or_default())
}

impl TryFrom<Object<StartFields>> for Start {
    type Error = &'static str;

    fn try_from(Object(fields): Object<StartFields>) -> Result<Self, Self::Error> {
        match (fields.login_url, fields.app_client, fields.redirect_uri) {
            (Some(login_url), None, None) => Ok(Self::Login { login_url }),
            (None, Some(app_client), Some(redirect_uri)) => Ok(Self::Cognito { app_client, redirect_uri }),
            _ => Err("either `login_url`, or `app_client` and `redirect_uri`"),
        }
    }
}

impl From<Start> for StartFields {
    fn from(start: Start) -> Self {
        match start {
            Start::Login { login_url } => Self { login_url: Some(login_url), ..Self::default() },
            Start::Cognito { app_client, redirect_uri } => {
                Self { app_client: Some(app_client), redirect_uri: Some(redirect_uri), ..Self::default() }
            }
        }
    }
}

impl Start {
    /// Where the browser goes, to sign in with `provider` where it is known; `cognito` is a domain of the pool as
    /// `https://<domain>`. Nothing of the request but the connection is in it.
    pub fn destination(&self, provider: Option<(&ConnectionId, &ProviderName)>, cognito: &str) -> Option<Url> {
        let mut url = match self {
            Self::Login { login_url } => login_url.0.clone(),
            Self::Cognito { app_client, redirect_uri } => {
                let mut url = Url::parse(&format!("{cognito}/oauth2/authorize")).ok()?;
                url.query_pairs_mut()
                    .append_pair("client_id", app_client.as_str())
                    .append_pair("response_type", "code")
                    .append_pair("redirect_uri", redirect_uri.0.as_str());
                url
            }
        };
        if let Some((connection, name)) = provider {
            if matches!(self, Self::Login { .. }) {
                url.query_pairs_mut().append_pair("idp_identifier", connection.as_str());
            }
            url.query_pairs_mut().append_pair("identity_provider", name.as_str());
        }
        Some(url)
    }

    /// The application's host.
    pub fn host(&self) -> &str {
        match self {
            Self::Login { login_url } => login_url.host(),
            Self::Cognito { redirect_uri, .. } => redirect_uri.host(),
        }
    }
}

/// A request to begin a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartRequest {
    /// The connection to sign in with.
    pub connection_id: Option<ConnectionId>,
    /// Whether WorkOS sent the browser, with a code that nobody asked for. Whose user the code stands for is
    /// unknown: it may be that of who made the link.
    pub is_unsolicited: bool,
}

impl StartRequest {
    /// Reads a query. What identity providers add to it is left alone.
    pub fn parse(query: &str) -> Result<Self, Refused> {
        let mut parameters = parameters(query)?;
        let connection = parameters.remove("connection").map(|text| text.parse());
        let connection_id = connection.transpose().map_err(|_| Refused::NotAllowed("connection"))?;
        let is_unsolicited = ["code", "error", "state"].iter().any(|name| parameters.contains_key(*name));
        if connection_id.is_none() && !is_unsolicited {
            return Err(Refused::Missing("connection"));
        }
        Ok(Self { connection_id, is_unsolicited })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const CONNECTION: &str = "conn_01E4ZCR3C56J083X43JQXF3JK5";

    fn start(value: Value) -> Start {
        serde_json::from_value(value).unwrap()
    }

    fn destination(start: &Start) -> String {
        let connection: ConnectionId = CONNECTION.parse().unwrap();
        let name = ProviderName::for_connection(&connection);
        start.destination(Some((&connection, &name)), "https://a.auth.example").unwrap().into()
    }

    #[test]
    fn a_start_leads_to_the_login_that_was_set_with_the_connection_added() {
        let login = start(json!({ "login_url": "https://app.example/login?from=tile" }));
        let name = "conn-01E4ZCR3C56J083X43JQXF3JK5";
        assert_eq!(
            destination(&login),
            format!("https://app.example/login?from=tile&idp_identifier={CONNECTION}&identity_provider={name}")
        );
        assert_eq!(login.destination(None, "").unwrap().as_str(), "https://app.example/login?from=tile");
        assert_eq!(login.host(), "app.example");
    }

    #[test]
    fn a_start_leads_to_cognito_for_the_client_and_callback_that_were_set() {
        let cognito = start(json!({ "app_client": "client1234", "redirect_uri": "https://app.example/callback" }));
        assert_eq!(
            destination(&cognito),
            "https://a.auth.example/oauth2/authorize?client_id=client1234&response_type=code\
             &redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&identity_provider=conn-01E4ZCR3C56J083X43JQXF3JK5"
        );
    }

    #[test]
    fn only_an_https_address_or_one_of_this_machine_is_taken() {
        let taken = |url: &str| serde_json::from_value::<Start>(json!({ "login_url": url })).is_ok();
        for url in
            ["https://app.example", "https://app.example/a?b=c", "http://localhost:3000/login", "http://127.0.0.1/"]
        {
            assert!(taken(url), "{url}");
        }
        let long = format!("https://app.example/{}", "a".repeat(2048));
        for url in [
            "http://app.example/",
            "http://localhost.app.example/",
            "javascript:alert(1)",
            "data:text/html,a",
            "//app.example",
            "/login",
            "https://user@app.example/",
            "https://app.example/#a",
            "",
            &long,
        ] {
            assert!(!taken(url), "{url}");
        }
    }

    #[test]
    fn a_start_is_one_of_both_and_is_written_as_it_was_read() {
        for value in [
            json!({ "login_url": "https://app.example/login" }),
            json!({ "app_client": "client1234", "redirect_uri": "https://app.example/callback" }),
        ] {
            assert_eq!(serde_json::to_value(start(value.clone())).unwrap(), value);
        }
        for value in [
            json!({}),
            json!({ "login_url": "https://app.example/login", "app_client": "client1234" }),
            json!({ "redirect_uri": "https://app.example/callback" }),
            json!({ "login_url": "https://app.example/login", "colour": "red" }),
            json!(["https://app.example/login", null, null]),
        ] {
            assert!(serde_json::from_value::<Start>(value.clone()).is_err(), "{value}");
        }
    }

    #[test]
    fn a_request_names_a_connection_or_comes_from_workos() {
        let parse = |query: &str| StartRequest::parse(query).map(|request| request.is_unsolicited);
        assert_eq!(parse(&format!("connection={CONNECTION}&fromLoginToken=x")), Ok(false));
        assert_eq!(parse(&format!("connection={CONNECTION}&code=c")), Ok(true));
        assert_eq!(parse("code=c"), Ok(true));
        assert_eq!(parse(""), Err(Refused::Missing("connection")));
        assert_eq!(parse("connection=conn.1"), Err(Refused::NotAllowed("connection")));
        assert_eq!(
            parse(&format!("connection={CONNECTION}&connection={CONNECTION}")),
            Err(Refused::Doubled("connection".into()))
        );
    }
}
