//! From WorkOS's profile to the claims of the ID token.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    connection::OrganizationDomain,
    id::{ConnectionId, OrganizationId},
};

/// A profile as `POST /sso/token` of WorkOS answers it.
#[derive(Debug, Clone, Deserialize)]
pub struct Profile {
    /// WorkOS's ID of the profile: the same user of the same connection has the same.
    pub id: String,
    /// The connection that the user signed in with.
    pub connection_id: ConnectionId,
    /// The organization of that connection.
    pub organization_id: Option<OrganizationId>,
    /// The identity provider's own ID of the user.
    pub idp_id: Option<String>,
    /// The address.
    pub email: Option<String>,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// The groups that the identity provider named.
    #[serde(default)]
    pub groups: Option<Vec<String>>,
    /// The attributes that the environment's owner mapped.
    #[serde(default)]
    pub custom_attributes: Option<Map<String, Value>>,
    /// All that the identity provider said.
    #[serde(default)]
    pub raw_attributes: Option<Map<String, Value>>,
}

/// Names that no custom attribute may take: the registered claims of RFC 7519 and OpenID Connect Core,
/// and Causeway's own.
const RESERVED: [&str; 38] = [
    "acr",
    "address",
    "amr",
    "at_hash",
    "aud",
    "auth_time",
    "azp",
    "birthdate",
    "c_hash",
    "cnf",
    "connection_id",
    "email",
    "email_verified",
    "exp",
    "family_name",
    "gender",
    "given_name",
    "groups",
    "iat",
    "idp_id",
    "iss",
    "jti",
    "locale",
    "middle_name",
    "name",
    "nbf",
    "nickname",
    "nonce",
    "organization_id",
    "phone_number",
    "phone_number_verified",
    "picture",
    "preferred_username",
    "profile",
    "sub",
    "updated_at",
    "website",
    "zoneinfo",
];

/// Whether the profile is one of the connection that was asked for. A code of another organization's
/// connection would else be taken for this one's.
pub fn belongs_to(profile: &Profile, connection: &ConnectionId, organization: Option<&OrganizationId>) -> bool {
    profile.connection_id == *connection && profile.organization_id.as_ref() == organization
}

/// Whether the part after the last `@` of `email` is, letter case aside, a domain that WorkOS vouches for.
pub fn email_is_verified(email: &str, domains: &[OrganizationDomain]) -> bool {
    email.rsplit_once('@').is_some_and(|(user, domain)| {
        !user.is_empty()
            && domains.iter().any(|known| known.is_verified() && known.domain.to_lowercase() == domain.to_lowercase())
    })
}

/// The claims of a sign-in: all of the ID token but `iss`, `aud`, `iat` and `exp`.
///
/// `mapping` is the pool's: raw attributes are taken only where it asks for `raw.<name>`.
pub fn claims(
    profile: &Profile,
    domains: &[OrganizationDomain],
    mapping: &BTreeMap<String, String>,
) -> Map<String, Value> {
    let mut claims = Map::new();
    for (name, value) in profile.custom_attributes.iter().flatten() {
        if !RESERVED.contains(&name.as_str()) && !name.starts_with("raw.") && !value.is_null() {
            claims.insert(name.clone(), value.clone());
        }
    }
    for claim in mapping.values() {
        let raw = claim.strip_prefix("raw.").and_then(|name| profile.raw_attributes.as_ref()?.get(name));
        if let Some(value) = raw.filter(|value| !value.is_null()) {
            claims.insert(claim.clone(), value.clone());
        }
    }
    claims.insert("sub".into(), json!(profile.id));
    claims.insert("connection_id".into(), json!(profile.connection_id));
    if let Some(email) = &profile.email {
        claims.insert("email".into(), json!(email));
        claims.insert("email_verified".into(), json!(email_is_verified(email, domains)));
    }
    let names: Vec<&str> =
        [&profile.first_name, &profile.last_name].into_iter().flatten().map(String::as_str).collect();
    let name = (!names.is_empty()).then(|| names.join(" "));
    let optional = [
        ("given_name", profile.first_name.as_ref().map(|text| json!(text))),
        ("family_name", profile.last_name.as_ref().map(|text| json!(text))),
        ("name", name.map(|text| json!(text))),
        ("groups", profile.groups.as_ref().map(|groups| json!(groups))),
        ("organization_id", profile.organization_id.as_ref().map(|id| json!(id))),
        ("idp_id", profile.idp_id.as_ref().map(|id| json!(id))),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            claims.insert(name.into(), value);
        }
    }
    claims
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::DomainState;

    fn profile(extra: &Value) -> Profile {
        let mut profile = json!({
            "id": "prof_1", "connection_id": "conn_01E4ZCR3C56J083X43JQXF3JK5", "organization_id": "org_1",
            "idp_id": "idp_1", "email": "ann@Example.com", "first_name": "Ann", "last_name": null,
        });
        profile.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        serde_json::from_value(profile).unwrap()
    }

    fn domain(domain: &str, state: DomainState) -> OrganizationDomain {
        OrganizationDomain { domain: domain.into(), state }
    }

    #[test]
    fn an_address_is_verified_only_by_a_domain_that_workos_vouches_for() {
        let cases = [
            ("ann@example.com", "example.com", DomainState::Verified, true),
            ("ann@EXAMPLE.com", "Example.COM", DomainState::LegacyVerified, true),
            ("ann@example.com", "example.com", DomainState::Other, false),
            ("ann@sub.example.com", "example.com", DomainState::Verified, false),
            ("ann@example.com@evil.com", "example.com", DomainState::Verified, false),
            ("\"ann@evil.com\"@example.com", "example.com", DomainState::Verified, true),
            ("@example.com", "example.com", DomainState::Verified, false),
            ("example.com", "example.com", DomainState::Verified, false),
        ];
        for (email, name, state, verified) in cases {
            assert_eq!(email_is_verified(email, &[domain(name, state)]), verified, "{email} {state:?}");
        }
        assert!(!email_is_verified("ann@example.com", &[]));
    }

    #[test]
    fn a_custom_attribute_never_overwrites_a_claim() {
        let names: Map<String, Value> = RESERVED
            .iter()
            .map(|name| ((*name).to_owned(), json!("evil")))
            .chain([("team".to_owned(), json!("a"))])
            .collect();
        let claims = claims(&profile(&json!({ "custom_attributes": names })), &[], &BTreeMap::new());
        assert!(!claims.values().any(|value| value == "evil"), "{claims:?}");
        assert_eq!(claims["team"], "a");
        assert_eq!(claims["sub"], "prof_1");
    }

    #[test]
    fn raw_attributes_are_taken_only_where_the_mapping_asks() {
        let profile = profile(&json!({ "raw_attributes": { "team": "a", "secret": "canary" } }));
        let mapping = [("custom:team".to_owned(), "raw.team".to_owned())].into();
        let claims = claims(&profile, &[], &mapping);
        assert_eq!(claims["raw.team"], "a");
        assert!(!claims.values().any(|value| value == "canary"));
    }

    #[test]
    fn a_profile_of_another_connection_or_organization_does_not_belong() {
        let profile = profile(&json!({}));
        let (own, other): (ConnectionId, ConnectionId) =
            (profile.connection_id.clone(), "conn_01E4ZCR3C56J083X43JQXF3JK6".parse().unwrap());
        let organization: OrganizationId = "org_1".parse().unwrap();
        assert!(belongs_to(&profile, &own, Some(&organization)));
        assert!(!belongs_to(&profile, &other, Some(&organization)));
        assert!(!belongs_to(&profile, &own, Some(&"org_2".parse().unwrap())));
        assert!(!belongs_to(&profile, &own, None));
    }
}
