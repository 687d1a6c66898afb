//! `/authorize` and `/callback`: which requests are let through, and where the browser goes.

use std::collections::BTreeMap;

use url::Url;

use crate::id::UserPoolId;

/// The longest `state` that is taken, in bytes.
const LONGEST_STATE: usize = 4096;
/// The longest `state` that comes back from WorkOS: sealed, it holds Cognito's and a redirect URI.
pub(crate) const LONGEST_SEALED_STATE: usize = 4 * LONGEST_STATE;
/// The longest of any other parameter, in bytes.
const LONGEST: usize = 2048;
/// What OpenID Connect has for a user who would have to be asked who they are (Core, 3.1.2.6).
pub const LOGIN_REQUIRED: &str = "login_required";

/// Why a request is refused. Shown to the one who sent it; names nothing that exists.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A parameter is not there.
    #[error("the parameter {0} is missing")]
    Missing(&'static str),
    /// A parameter is there twice.
    #[error("the parameter {0} is given more than once")]
    Doubled(String),
    /// A parameter is too long.
    #[error("the parameter {0} is too long")]
    TooLong(String),
    /// A parameter has a value that is not served.
    #[error("the parameter {0} has a value that is not allowed here")]
    NotAllowed(&'static str),
}

/// Reads the parameters of a query or a form: each once, none too long. One without a value counts as one
/// that is not there (RFC 6749, 3.1 and 3.2), but not for being given once.
pub fn parameters(encoded: &str) -> Result<BTreeMap<String, String>, Refused> {
    let mut parameters = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(encoded.as_bytes()) {
        let longest = if name == "state" { LONGEST_SEALED_STATE } else { LONGEST };
        if name.len() > 64 || value.len() > longest {
            return Err(Refused::TooLong(name.chars().take(64).collect()));
        }
        if parameters.insert(name.to_string(), value.into_owned()).is_some() {
            return Err(Refused::Doubled(name.into_owned()));
        }
    }
    parameters.retain(|_, value| !value.is_empty());
    Ok(parameters)
}

/// A request of Cognito at `/authorize` whose form is right; whether its `redirect_uri` is a callback of
/// the pool is [`AuthorizeRequest::returns_to`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizeRequest {
    /// The client ID, which is the pool.
    pub user_pool_id: UserPoolId,
    /// Where the answer goes.
    pub redirect_uri: String,
    /// Cognito's state.
    pub state: Option<String>,
    /// Passed on to WorkOS.
    pub login_hint: Option<String>,
    /// Passed on to WorkOS.
    pub domain_hint: Option<String>,
    /// Comes back in the ID token.
    pub nonce: Option<String>,
    /// Whether the user is to be asked who they are.
    pub prompt: Prompt,
    /// How many seconds ago the user may have shown who they are.
    pub max_age: Option<u32>,
}

/// Whether the user is to be asked who they are (OpenID Connect Core, 3.1.2.1: `prompt`). Other values than these
/// ask for what WorkOS does not have, and count for nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Prompt {
    /// As the identity provider sees fit.
    #[default]
    Usual,
    /// In any case.
    Login,
    /// In no case, which nobody but the identity provider can see to.
    Never,
}

impl Prompt {
    fn parse(values: &str) -> Self {
        let has = |value: &str| values.split(' ').any(|found| found == value);
        match (has("none"), has("login")) {
            (true, _) => Self::Never,
            (false, true) => Self::Login,
            (false, false) => Self::Usual,
        }
    }
}

impl AuthorizeRequest {
    /// Checks the form of a request (RFC 6749, 4.1.1; OpenID Connect Core, 3.1.2.1).
    pub fn parse(query: &str) -> Result<Self, Refused> {
        let mut parameters = parameters(query)?;
        if parameters.get("state").is_some_and(|state| state.len() > LONGEST_STATE) {
            return Err(Refused::TooLong("state".to_owned()));
        }
        // A state has none (RFC 6749, appendix A.5), and sealed as JSON each would take six times its length.
        if parameters.get("state").is_some_and(|state| state.chars().any(char::is_control)) {
            return Err(Refused::NotAllowed("state"));
        }
        let mut take = |name: &'static str| parameters.remove(name).ok_or(Refused::Missing(name));
        let client_id = take("client_id")?;
        let redirect_uri = take("redirect_uri")?;
        if take("response_type")? != "code" {
            return Err(Refused::NotAllowed("response_type"));
        }
        if !take("scope")?.split(' ').any(|scope| scope == "openid") {
            return Err(Refused::NotAllowed("scope"));
        }
        Ok(Self {
            user_pool_id: client_id.parse().map_err(|_| Refused::NotAllowed("client_id"))?,
            redirect_uri,
            state: parameters.remove("state"),
            login_hint: parameters.remove("login_hint"),
            domain_hint: parameters.remove("domain_hint"),
            nonce: parameters.remove("nonce"),
            prompt: parameters.remove("prompt").map_or(Prompt::Usual, |values| Prompt::parse(&values)),
            max_age: parameters.remove("max_age").map(|text| seconds(&text)).transpose()?,
        })
    }

    /// Whether WorkOS is to have the user show anew who they are: only one who does has a time of it that is recent
    /// enough for certain.
    pub fn prompts(&self) -> bool {
        self.prompt == Prompt::Login || self.max_age.is_some()
    }

    /// Whether the answer goes to one of `callbacks`, letter by letter.
    pub fn returns_to(&self, callbacks: &[&str]) -> bool {
        callbacks.contains(&self.redirect_uri.as_str())
    }
}

/// A number of seconds; one that is larger than any that matters is as good as the largest.
fn seconds(text: &str) -> Result<u32, Refused> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { Ok(text.parse().unwrap_or(u32::MAX)) } else { Err(Refused::NotAllowed("max_age")) }
}

/// Where the browser goes from `/callback`: to Cognito, with `answer` and Cognito's own state. `None` if
/// the redirect URI is no URL.
pub fn cognito_url(redirect_uri: &str, state: Option<&str>, answer: &[(&str, &str)]) -> Option<Url> {
    let mut url = Url::parse(redirect_uri).ok()?;
    for (name, value) in answer {
        url.query_pairs_mut().append_pair(name, value);
    }
    if let Some(state) = state {
        url.query_pairs_mut().append_pair("state", state);
    }
    Some(url)
}

/// WorkOS's error as one that OAuth knows (RFC 6749, 4.1.2.1), with a description of printable ASCII. `prompted` says
/// that WorkOS was asked to have the user show anew who they are: where it refuses to, that is `login_required`.
pub fn oauth_error(error: &str, description: Option<&str>, prompted: bool) -> (&'static str, String) {
    // OpenID Connect Core, 3.1.2.6.
    const INTERACTION: [&str; 4] =
        [LOGIN_REQUIRED, "interaction_required", "account_selection_required", "consent_required"];
    const KNOWN: [&str; 7] = [
        "access_denied",
        "invalid_request",
        "invalid_scope",
        "server_error",
        "temporarily_unavailable",
        "unauthorized_client",
        "unsupported_response_type",
    ];
    let known = KNOWN.into_iter().find(|known| *known == error);
    // Of an error that is about something else the description may name a prompt of any kind.
    let may_be_the_prompt = prompted && matches!(known, None | Some("invalid_request"));
    let is_about_the_prompt =
        may_be_the_prompt && [Some(error), description].into_iter().flatten().any(names_the_prompt);
    let known = match known {
        _ if is_about_the_prompt || INTERACTION.contains(&error) => LOGIN_REQUIRED,
        known => known.unwrap_or("access_denied"),
    };
    let text = match description {
        Some(description) if known == error => description.to_owned(),
        Some(description) => format!("{error}: {description}"),
        None => error.to_owned(),
    };
    let printable = text
        .chars()
        .map(|c| if (c.is_ascii_graphic() || c == ' ') && !"\"\\".contains(c) { c } else { ' ' })
        .take(200)
        .collect();
    (known, printable)
}

fn names_the_prompt(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|word| word.eq_ignore_ascii_case("prompt"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "client_id=eu-west-1_Pool&redirect_uri=https%3A%2F%2Fa%2Foauth2%2Fidpresponse&response_type=code&scope=openid+email&state=s";

    #[test]
    fn a_request_as_cognito_sends_it_is_read() {
        let request = AuthorizeRequest::parse(GOOD).unwrap();
        assert_eq!(request.user_pool_id.as_str(), "eu-west-1_Pool");
        assert!(request.returns_to(&["https://a/oauth2/idpresponse"]));
        assert!(!request.returns_to(&["https://a/oauth2/idpresponse/", "https://a"]));
    }

    #[test]
    fn a_request_that_is_not_cognitos_is_refused_with_what_is_wrong() {
        let refused = |query: &str| AuthorizeRequest::parse(query).unwrap_err();
        assert_eq!(refused("client_id=eu-west-1_Pool"), Refused::Missing("redirect_uri"));
        assert_eq!(refused(&format!("{GOOD}&state=t")), Refused::Doubled("state".into()));
        assert_eq!(refused(&GOOD.replace("=code", "=token")), Refused::NotAllowed("response_type"));
        assert_eq!(refused(&GOOD.replace("openid", "profile")), Refused::NotAllowed("scope"));
        assert_eq!(refused(&GOOD.replace("eu-west-1_Pool", "pool")), Refused::NotAllowed("client_id"));
        assert_eq!(
            refused(&GOOD.replace("state=s", &format!("state={}", "s".repeat(4097)))),
            Refused::TooLong("state".into())
        );
        assert_eq!(refused(&format!("{GOOD}&login_hint={}", "a".repeat(2049))), Refused::TooLong("login_hint".into()));
        assert_eq!(refused(&GOOD.replace("state=s", "state=%00")), Refused::NotAllowed("state"));
    }

    #[test]
    fn a_parameter_is_taken_up_to_its_length_and_not_a_byte_beyond() {
        let taken = |name: &str, length: usize| parameters(&format!("{name}={}", "a".repeat(length))).is_ok();
        assert!(taken("state", 16 * 1024) && !taken("state", 16 * 1024 + 1), "sealed, as it comes back from WorkOS");
        assert!(taken("code", 2048) && !taken("code", 2049));
        assert!(taken(&"n".repeat(64), 1) && !taken(&"n".repeat(65), 1));
        let authorize =
            |state: usize| AuthorizeRequest::parse(&GOOD.replace("state=s", &format!("state={}", "s".repeat(state))));
        assert!(authorize(4096).is_ok() && authorize(4097).is_err(), "Cognito's");
    }

    #[test]
    fn a_parameter_without_a_value_counts_as_missing_and_is_still_given_only_once() {
        let request = AuthorizeRequest::parse(&format!("{GOOD}&login_hint=")).unwrap();
        assert_eq!(request.login_hint, None);
        assert_eq!(
            AuthorizeRequest::parse(&GOOD.replace("scope=openid+email", "scope=")).unwrap_err(),
            Refused::Missing("scope")
        );
        assert_eq!(
            AuthorizeRequest::parse(&format!("{GOOD}&login_hint=&login_hint=ann")).unwrap_err(),
            Refused::Doubled("login_hint".into())
        );
    }

    #[test]
    fn a_nonce_a_prompt_and_an_age_are_read_as_openid_connect_has_them() {
        let read = |parameters: &str| AuthorizeRequest::parse(&format!("{GOOD}{parameters}"));
        assert_eq!(read("&prompt=login+none").unwrap().prompt, Prompt::Never);
        assert_eq!(read("&max_age=60&nonce=n-0S6_WzA2Mj").unwrap().nonce.as_deref(), Some("n-0S6_WzA2Mj"));
        for odd in ["-1", "1.5", "a", "%201", "1e3"] {
            assert_eq!(read(&format!("&max_age={odd}")).unwrap_err(), Refused::NotAllowed("max_age"), "{odd}");
        }
    }

    #[test]
    fn an_error_of_workos_becomes_one_that_oauth_knows_in_plain_text() {
        assert_eq!(
            oauth_error("signin_consent_denied", Some("User \"said\" no\r\n"), true),
            ("access_denied", "signin_consent_denied: User  said  no  ".to_owned())
        );
        assert_eq!(oauth_error("server_error", None, true), ("server_error", "server_error".to_owned()));
        assert_eq!(oauth_error("access_denied", Some("not you"), true), ("access_denied", "not you".to_owned()));
        assert_eq!(oauth_error("", None, false), ("access_denied", String::new()));
        assert_eq!(oauth_error("a", Some(&"ü".repeat(3000)), false).1.len(), 200);
    }

    #[test]
    fn a_prompt_that_workos_refuses_is_a_login_that_is_required() {
        for (error, description) in
            [("invalid_request", Some("The prompt 'login' is not supported")), ("prompt_no", None)]
        {
            assert_eq!(oauth_error(error, description, true).0, LOGIN_REQUIRED);
            assert_ne!(oauth_error(error, description, false).0, LOGIN_REQUIRED, "nothing was asked for");
        }
        for (error, description, known) in [
            ("access_denied", "The user did not answer the MFA prompt", "access_denied"),
            ("server_error", "It did not answer promptly: no prompt", "server_error"),
            ("invalid_request", "It did not answer promptly", "invalid_request"),
        ] {
            assert_eq!(oauth_error(error, Some(description), true).0, known, "{description}");
        }
        for error in ["login_required", "interaction_required"] {
            assert_eq!(oauth_error(error, None, false).0, LOGIN_REQUIRED);
        }
    }

    #[test]
    fn the_browser_goes_back_to_cognito_with_the_answer_and_cognitos_own_state() {
        let back = |redirect_uri: &str| cognito_url(redirect_uri, Some("a b&c"), &[("code", "x/y")]);
        let url = back("https://a.auth.eu-west-1.amazoncognito.com/oauth2/idpresponse").unwrap();
        assert_eq!(
            url.as_str(),
            "https://a.auth.eu-west-1.amazoncognito.com/oauth2/idpresponse?code=x%2Fy&state=a+b%26c"
        );
        assert_eq!(back("no URL"), None);
    }
}
