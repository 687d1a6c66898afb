//! What an identity provider is made of, and how two of them are compared.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::{
    id::{ConnectionId, Identifier, InvalidValue, ProviderName, TenantId, UserPoolId},
    secret::SecretHash,
    timestamp::Timestamp,
};

/// The public base URL that every issuer, link and redirect is built from; without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BaseUrl(String);

impl BaseUrl {
    /// Reads a base URL: http or https, a host, no query and no fragment.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let invalid = InvalidValue { rule: "a base URL is http or https with a host, without query and fragment" };
        let url = url::Url::parse(text).map_err(|_| invalid.clone())?;
        let plain = url.query().is_none() && url.fragment().is_none() && url.has_host();
        if plain && matches!(url.scheme(), "http" | "https") {
            Ok(Self(text.trim_end_matches('/').to_owned()))
        } else {
            Err(invalid)
        }
    }

    /// As text, without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Scheme, host and port, as a browser names them in `Origin`.
    pub fn origin(&self) -> String {
        url::Url::parse(&self.0).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
    }

    /// What every path begins with; empty where the API is at its host's root.
    pub fn path(&self) -> String {
        let path = url::Url::parse(&self.0).map(|url| url.path().to_owned()).unwrap_or_default();
        path.trim_end_matches('/').to_owned()
    }

    /// Whether it is reached over HTTPS; only the local cloud is not.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https:")
    }

    /// The one redirect URI that is registered with WorkOS for a tenant.
    pub fn callback(&self, tenant: &TenantId) -> String {
        format!("{}/oidc/{tenant}/callback", self.0)
    }

    /// Where WorkOS delivers a tenant's events, by the number of the endpoint.
    pub fn webhook(&self, tenant: &TenantId, number: u32) -> String {
        let number = if number == 0 { String::new() } else { format!("/{number}") };
        format!("{}/webhooks/{tenant}{number}", self.0)
    }
}

/// The issuer of one connection's OpenID provider (OpenID Connect Discovery: no trailing slash).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Issuer(String);

impl Issuer {
    /// The issuer for a connection of a tenant.
    pub fn new(base: &BaseUrl, tenant: &TenantId, connection: &ConnectionId) -> Self {
        Self(format!("{}/oidc/{tenant}/{connection}", base.0))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is one of this tenant and connection, of whatever deployment.
    pub fn is_of(&self, tenant: &TenantId, connection: &ConnectionId) -> bool {
        self.0.ends_with(&format!("/oidc/{tenant}/{connection}"))
    }

    /// One of the provider's endpoints, such as `token`.
    pub fn endpoint(&self, name: &str) -> String {
        format!("{}/{name}", self.0)
    }
}

/// The key of the client secret in Cognito's `ProviderDetails`.
pub const CLIENT_SECRET: &str = "client_secret";

/// The key of the issuer in Cognito's `ProviderDetails`.
pub const OIDC_ISSUER: &str = "oidc_issuer";

/// The keys of Cognito's OIDC `ProviderDetails` that Causeway sets, besides the client secret. `Describe`
/// shows more, which are Cognito's own and not compared.
pub const DETAIL_KEYS: [&str; 8] = [
    "attributes_request_method",
    "attributes_url",
    "authorize_scopes",
    "authorize_url",
    "client_id",
    "jwks_uri",
    OIDC_ISSUER,
    "token_url",
];

/// Everything of a provider but its name and its secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ProviderSpec {
    /// `ProviderDetails` under [`DETAIL_KEYS`].
    pub details: BTreeMap<String, String>,
    /// `AttributeMapping`: Cognito's attribute to the claim it is taken from.
    pub attribute_mapping: BTreeMap<String, String>,
    /// `IdpIdentifiers`, a set.
    pub identifiers: BTreeSet<Identifier>,
}

impl ProviderSpec {
    /// What the provider of a connection should be.
    pub fn new(
        issuer: &Issuer,
        pool: &UserPoolId,
        attribute_mapping: BTreeMap<String, String>,
        identifiers: BTreeSet<Identifier>,
    ) -> Self {
        let details = [
            ("attributes_request_method", "GET".to_owned()),
            ("attributes_url", issuer.endpoint("userinfo")),
            ("authorize_scopes", "openid email profile".to_owned()),
            ("authorize_url", issuer.endpoint("authorize")),
            ("client_id", pool.to_string()),
            ("jwks_uri", issuer.endpoint("jwks")),
            (OIDC_ISSUER, issuer.as_str().to_owned()),
            ("token_url", issuer.endpoint("token")),
        ];
        Self {
            details: details.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            attribute_mapping,
            identifiers,
        }
    }

    /// A short text that is equal for equal specs.
    pub fn fingerprint(&self) -> Fingerprint {
        let canonical = serde_json::to_vec(self).unwrap_or_default();
        Fingerprint(hex::encode(Sha256::digest(canonical)))
    }

    /// The issuer in the details.
    pub fn issuer(&self) -> Option<&str> {
        self.details.get(OIDC_ISSUER).map(String::as_str)
    }

    /// The fields in which `self` and `after` differ, in a fixed order.
    pub fn changes_to(&self, after: &Self) -> Vec<Change> {
        let mut changes = map_changes("", &self.details, &after.details);
        changes.extend(map_changes("attribute_mapping.", &self.attribute_mapping, &after.attribute_mapping));
        if self.identifiers != after.identifiers {
            changes.push(Change {
                field: "identifiers".to_owned(),
                before: joined(&self.identifiers),
                after: joined(&after.identifiers),
            });
        }
        changes
    }
}

fn joined(identifiers: &BTreeSet<Identifier>) -> Option<String> {
    let texts: Vec<&str> = identifiers.iter().map(Identifier::as_str).collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}

fn map_changes(prefix: &str, before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<Change> {
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    keys.into_iter()
        .filter(|key| before.get(*key) != after.get(*key))
        .map(|key| Change {
            field: format!("{prefix}{key}"),
            before: before.get(key).cloned(),
            after: after.get(key).cloned(),
        })
        .collect()
}

/// One field's value before and after a step. Never a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Change {
    /// The field, such as `token_url` or `attribute_mapping.email`.
    pub field: String,
    /// Its value now; absent where it has none.
    pub before: Option<String>,
    /// Its value after the step; absent where it has none.
    pub after: Option<String>,
}

/// SHA-256 over a [`ProviderSpec`] in canonical form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

/// A provider as `ListIdentityProviders` and, where it was asked, `DescribeIdentityProvider` show it.
#[derive(Debug, Clone)]
pub struct ObservedProvider {
    /// `ProviderType`, such as `OIDC`.
    pub provider_type: String,
    /// `LastModifiedDate`.
    pub last_modified: Timestamp,
    /// What `Describe` showed, if it was asked.
    pub description: Option<ProviderDescription>,
}

/// What `DescribeIdentityProvider` shows of a provider.
#[derive(Debug, Clone)]
pub struct ProviderDescription {
    /// The provider, less what Causeway does not set.
    pub spec: ProviderSpec,
    /// The client secret that Cognito holds; `SecretString` keeps it out of any output.
    pub client_secret: Option<SecretString>,
}

/// The longest value of a provider that is kept whole, in characters.
const LONGEST_VALUE: usize = 2048;

impl ProviderDescription {
    /// Takes a description apart into what is compared and the secret.
    pub fn new(
        mut details: BTreeMap<String, String>,
        attribute_mapping: BTreeMap<String, String>,
        identifiers: impl IntoIterator<Item = String>,
    ) -> Self {
        let client_secret = details.remove(CLIENT_SECRET).map(SecretString::from);
        details.retain(|key, _| DETAIL_KEYS.contains(&key.as_str()));
        let details = details.into_iter().map(|(key, value)| (key, bounded(value))).collect();
        let attribute_mapping =
            attribute_mapping.into_iter().map(|(attribute, claim)| (attribute, bounded(claim))).collect();
        // An identifier that is no valid one of ours can't be one that we want either.
        let identifiers = identifiers.into_iter().filter_map(|text| text.parse().ok()).collect();
        Self { spec: ProviderSpec { details, attribute_mapping, identifiers }, client_secret }
    }

    /// The hash of the client secret.
    pub fn secret_hash(&self) -> Option<SecretHash> {
        self.client_secret.as_ref().map(SecretHash::of)
    }
}

/// A value of a provider as it is kept. Who rules the pool can have Cognito hold 131,072 characters in each (Cognito API:
/// `ProviderDetails`), and 300 such providers would fill a function's memory, and a plan more than can be answered. None
/// of ours is that long, so that what is left of it differs all the same.
fn bounded(value: String) -> String {
    let length = value.chars().count();
    if length <= LONGEST_VALUE {
        return value;
    }
    let begin: String = value.chars().take(LONGEST_VALUE / 16).collect();
    format!("{begin}... ({length} characters)")
}

/// Every provider of a pool, and of the named app clients the providers that each supports. Exists only
/// for a look that reached the last page. A list can be behind, so what it lacks is not gone for that.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// All providers of the pool by name.
    pub providers: BTreeMap<ProviderName, ObservedProvider>,
    /// `SupportedIdentityProviders` of each app client that the pool names and that exists.
    pub app_clients: BTreeMap<crate::id::AppClientId, BTreeSet<String>>,
    /// The providers that are not there, by the answer to a question for each alone.
    pub gone: BTreeSet<ProviderName>,
    /// The providers that there was no time to describe, though a plan would need it: nothing is concluded from them.
    pub undescribed: BTreeSet<ProviderName>,
    /// Those for which a write whose answer was lost may still be carried out, whatever stands there now.
    pub unsettled: BTreeSet<ProviderName>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn keys_that_cognito_adds_are_not_compared_and_the_secret_is_kept_apart() {
        let details = [("client_id", "p"), ("client_secret", "canary"), ("attributes_url_add_attributes", "false")];
        let description = ProviderDescription::new(
            details.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            BTreeMap::new(),
            ["ok".to_owned(), "not/ours".to_owned()],
        );
        assert_eq!(description.spec.details.keys().collect::<Vec<_>>(), ["client_id"]);
        assert_eq!(description.spec.identifiers.len(), 1);
        assert_eq!(description.client_secret.as_ref().unwrap().expose_secret(), "canary");
        assert!(!format!("{description:?}").contains("canary"));
    }

    #[test]
    fn values_that_a_tenant_made_huge_are_kept_short_and_still_differ() {
        let huge = |end: &str| format!("{}{end}", "a".repeat(131_000));
        let of = |url: String, claim: String| {
            let details = BTreeMap::from([("token_url".to_owned(), url)]);
            ProviderDescription::new(details, BTreeMap::from([("email".to_owned(), claim)]), []).spec
        };
        let kept = of(huge("b"), huge("c"));
        assert!(kept.details["token_url"].len() + kept.attribute_mapping["email"].len() < 1000);
        assert_ne!(kept, of("a".repeat(2048), "a".repeat(2048)));
        assert_eq!(of("a".repeat(2048), String::new()).details["token_url"].len(), 2048);
    }

    #[test]
    fn a_base_url_is_taken_with_its_path_and_without_its_last_slash() {
        let base = BaseUrl::parse("http://127.0.0.1:4566/_aws/execute-api/abc/").unwrap();
        assert_eq!(base.as_str(), "http://127.0.0.1:4566/_aws/execute-api/abc");
        for text in ["", "ftp://a", "https://a?b", "https://a#b", "a.example.com"] {
            assert!(BaseUrl::parse(text).is_err(), "{text}");
        }
    }
}
