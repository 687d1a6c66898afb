//! `/token`: which requests are let through (RFC 6749, 4.1.3), and what a code stands for.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    id::{ConnectionId, TenantId, UserPoolId},
    oidc::{
        authorize::{Refused, parameters},
        bearer::ShownBearer,
        sign_in_log::SignInEntry,
    },
    secret::SecretHash,
    timestamp::Timestamp,
};

/// Whether a `Content-Type` says that the body is a form, the only one that a token request may be.
pub fn is_form(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// The access token of an `Authorization` header (RFC 6750, 2.1); `None` where it can't be one of ours.
pub fn access_token_of(authorization: &str) -> Option<ShownBearer> {
    let (scheme, token) = authorization.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") { ShownBearer::parse(token.trim_start()) } else { None }
}

/// An error that a token endpoint answers (RFC 6749, 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenError {
    /// A parameter is missing, doubled, or too long.
    InvalidRequest,
    /// The client or its secret is not known.
    InvalidClient,
    /// The code is not good: unknown, used, expired, or of another connection, pool or redirect URI.
    InvalidGrant,
    /// Another grant than a code.
    UnsupportedGrantType,
    /// Something of ours failed; the code may still be good.
    TemporarilyUnavailable,
}

impl TokenError {
    /// The HTTP status and the JSON body.
    pub fn answer(self) -> (u16, Value) {
        let (status, error) = match self {
            Self::InvalidRequest => (400, "invalid_request"),
            Self::InvalidClient => (401, "invalid_client"),
            Self::InvalidGrant => (400, "invalid_grant"),
            Self::UnsupportedGrantType => (400, "unsupported_grant_type"),
            Self::TemporarilyUnavailable => (503, "temporarily_unavailable"),
        };
        (status, json!({ "error": error }))
    }
}

/// A request of Cognito at `/token` whose form is right.
#[derive(Debug)]
pub struct TokenRequest {
    /// The client ID, which is the pool.
    pub user_pool_id: UserPoolId,
    /// The hash of the secret that was shown.
    pub secret: SecretHash,
    /// The code, of which nothing is known yet but its form.
    pub code: ShownBearer,
    /// Must be the one that the code was given out for.
    pub redirect_uri: String,
}

impl TokenRequest {
    /// Reads a form. The client secret is taken from the form only (`client_secret_post`).
    pub fn parse(form: &str) -> Result<Self, TokenError> {
        let mut parameters = parameters(form).map_err(|_: Refused| TokenError::InvalidRequest)?;
        let mut take = |name: &str| parameters.remove(name).ok_or(TokenError::InvalidRequest);
        if take("grant_type")? != "authorization_code" {
            return Err(TokenError::UnsupportedGrantType);
        }
        let client_id = take("client_id")?;
        let secret = take("client_secret").map_err(|_| TokenError::InvalidClient)?;
        let (code, redirect_uri) = (take("code")?, take("redirect_uri")?);
        Ok(Self {
            user_pool_id: client_id.parse().map_err(|_| TokenError::InvalidClient)?,
            secret: SecretHash::of(&SecretString::from(secret)),
            code: ShownBearer::parse(&code).ok_or(TokenError::InvalidGrant)?,
            redirect_uri,
        })
    }
}

/// What a code stands for: encrypted for who holds the code.
#[derive(Clone, Serialize, Deserialize)]
pub struct SignedIn {
    /// The claims of the ID token.
    pub claims: Map<String, Value>,
    /// The access token that `/token` will answer with. Only here: who holds the code alone can't know it.
    pub access_token: String,
    /// When that token ends.
    pub access_good_until: Timestamp,
    /// What the log has of the sign-in; none only in a code of a version that had no log.
    #[serde(default)]
    pub entry: Option<SignInEntry>,
}

impl SignedIn {
    /// The answer to a token request (RFC 6749, 5.1; OpenID Connect Core, 3.1.3.3).
    pub fn answer(&self, id_token: &str, now: Timestamp) -> Value {
        json!({
            "access_token": self.access_token,
            "token_type": "Bearer",
            "expires_in": self.access_good_until.since(now).as_secs(),
            "id_token": id_token,
        })
    }
}

/// To what a stored sign-in is bound, besides the one who holds its code or token.
pub fn bound_to(tenant: &TenantId, pool: &UserPoolId, connection: &ConnectionId) -> String {
    format!("{tenant} {pool} {connection}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text of the form of a code or a token.
    fn bearer() -> String {
        "AQEB".repeat(14) + "AQE"
    }

    fn form() -> String {
        format!(
            "grant_type=authorization_code&client_id=eu-west-1_Pool&client_secret=s&code={}&redirect_uri=https%3A%2F%2Fa",
            bearer()
        )
    }

    #[test]
    fn a_form_as_cognito_posts_it_is_read() {
        let request = TokenRequest::parse(&form()).unwrap();
        assert_eq!(request.user_pool_id.as_str(), "eu-west-1_Pool");
        assert_eq!(request.redirect_uri, "https://a");
    }

    #[test]
    fn only_a_form_is_a_form() {
        for content_type in ["application/x-www-form-urlencoded", "Application/X-WWW-Form-Urlencoded ; charset=utf-8"] {
            assert!(is_form(content_type), "{content_type}");
        }
        for content_type in ["", "application/json", "text/plain; application/x-www-form-urlencoded"] {
            assert!(!is_form(content_type), "{content_type}");
        }
    }

    #[test]
    fn an_access_token_is_read_from_a_bearer_header_only() {
        let token = bearer();
        for header in [format!("Bearer {token}"), format!("bearer {token}")] {
            assert!(access_token_of(&header).is_some(), "{header}");
        }
        for header in [format!("Basic {token}"), token, "Bearer short".to_owned()] {
            assert!(access_token_of(&header).is_none(), "{header}");
        }
    }

    #[test]
    fn an_answer_says_how_long_the_access_token_is_good_from_now_on() {
        let now = Timestamp::from_seconds(1000);
        let signed_in = SignedIn {
            claims: Map::new(),
            access_token: "a".into(),
            access_good_until: Timestamp::from_seconds(1270),
            entry: None,
        };
        let answer = signed_in.answer("header.payload.signature", now);
        assert_eq!(
            answer,
            json!({ "access_token": "a", "token_type": "Bearer", "expires_in": 270, "id_token": "header.payload.signature" })
        );
    }

    #[test]
    fn each_error_is_answered_with_the_status_and_the_name_that_oauth_gives_it() {
        for (error, status, name) in [
            (TokenError::InvalidRequest, 400, "invalid_request"),
            (TokenError::InvalidClient, 401, "invalid_client"),
            (TokenError::InvalidGrant, 400, "invalid_grant"),
            (TokenError::UnsupportedGrantType, 400, "unsupported_grant_type"),
            (TokenError::TemporarilyUnavailable, 503, "temporarily_unavailable"),
        ] {
            assert_eq!(error.answer(), (status, json!({ "error": name })));
        }
    }

    #[test]
    fn what_is_bound_to_one_sign_in_is_bound_to_no_other_tenant_pool_or_connection() {
        let bound = |tenant: &str, pool: &str, connection: &str| {
            bound_to(&tenant.parse().unwrap(), &pool.parse().unwrap(), &connection.parse().unwrap())
        };
        let tenants = ["tnt_01E4ZCR3C56J083X43JQXF3JK5", "tnt_01E4ZCR3C56J083X43JQXF3JK6"];
        let pools = ["eu-west-1_AbCdEf123", "eu-west-1_AbCdEf124"];
        let connections = ["conn_01E4ZCR3C56J083X43JQXF3JK5", "conn_01E4ZCR3C56J083X43JQXF3JK6"];
        let of_first = bound(tenants[0], pools[0], connections[0]);
        assert_eq!(of_first, bound(tenants[0], pools[0], connections[0]));
        assert_ne!(of_first, bound(tenants[1], pools[0], connections[0]));
        assert_ne!(of_first, bound(tenants[0], pools[1], connections[0]));
        assert_ne!(of_first, bound(tenants[0], pools[0], connections[1]));
    }

    #[test]
    fn each_wrong_form_gets_the_error_that_oauth_has_for_it() {
        let error = |from: &str, to: &str| TokenRequest::parse(&form().replace(from, to)).unwrap_err();
        assert_eq!(error("authorization_code", "refresh_token"), TokenError::UnsupportedGrantType);
        assert_eq!(error("client_secret=s&", ""), TokenError::InvalidClient);
        assert_eq!(error("eu-west-1_Pool", "pool"), TokenError::InvalidClient);
        assert_eq!(error("redirect_uri=https%3A%2F%2Fa", ""), TokenError::InvalidRequest);
        assert_eq!(error("client_secret=s", "client_secret=s&client_secret=s"), TokenError::InvalidRequest);
        assert_eq!(error(&format!("code={}", bearer()), "code=sso_code_1"), TokenError::InvalidGrant);
    }
}
