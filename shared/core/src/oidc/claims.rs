//! From WorkOS's profile to the claims of the ID token.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    adoption::Subject,
    connection::OrganizationDomain,
    id::{ConnectionId, OrganizationId},
    oidc::attributes::{Claims, LONGEST_VALUE, attribute},
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
    /// The groups that the identity provider named. This and what follows is whatever came: nothing that an
    /// identity provider says of a user may make the profile unreadable.
    #[serde(default)]
    pub groups: Value,
    /// The role that WorkOS gave the user.
    #[serde(default)]
    pub role: Value,
    /// All of the user's roles.
    #[serde(default)]
    pub roles: Value,
    /// The attributes that the environment's owner mapped.
    #[serde(default)]
    pub custom_attributes: Value,
    /// All that the identity provider said.
    #[serde(default)]
    pub raw_attributes: Value,
}

/// Names that no custom attribute may take: the registered claims of RFC 7519 and OpenID Connect Core,
/// and Causeway's own.
const RESERVED: [&str; 40] = [
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
    "role",
    "roles",
    "sub",
    "updated_at",
    "website",
    "zoneinfo",
];

/// The claims that every sign-in has where the profile has them, asked for by the mapping or not.
const ALWAYS: [&str; 9] = [
    "sub",
    "connection_id",
    "organization_id",
    "idp_id",
    "email",
    "email_verified",
    "given_name",
    "family_name",
    "name",
];

/// The longest `sub` that Cognito can make a username of (Cognito API: a username has at most 128 characters, and a
/// federated one begins with the provider's name, of at most 32, and `_`).
const LONGEST_SUBJECT: usize = 95;

/// Whether a claim of this name is never a custom attribute.
pub(crate) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

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

/// What `sub` is for a profile; `None` where the identity provider did not send it, or it is too long to be whole.
/// Nothing stands in for it: another `sub` would be another user.
pub fn subject(profile: &Profile, subject: Subject) -> Option<&str> {
    match subject {
        Subject::ProfileId => Some(&profile.id),
        Subject::IdpId => {
            profile.idp_id.as_deref().filter(|id| !id.is_empty() && id.chars().count() <= LONGEST_SUBJECT)
        }
    }
}

/// The claims of a sign-in: all of the ID token but `iss`, `aud`, `iat` and `exp`.
///
/// `subject` is what [`subject`] found, `mapping` is the pool's. Groups, roles, custom and raw attributes are taken only where it asks for them: an
/// identity provider may say much of a user that is none of the application's business.
pub fn claims(
    profile: &Profile,
    subject: &str,
    domains: &[OrganizationDomain],
    mapping: &BTreeMap<String, String>,
) -> Claims {
    let mut claims = Claims::default();
    claims.keep("sub", json!(subject));
    claims.keep("connection_id", json!(profile.connection_id));
    if let Some(id) = &profile.organization_id {
        claims.keep("organization_id", json!(id));
    }
    // Part of an ID or of an address would be another one.
    for (name, value) in [("idp_id", &profile.idp_id), ("email", &profile.email)] {
        match value {
            Some(value) if value.chars().count() > LONGEST_VALUE => {
                claims.cut.insert(name.to_owned());
            }
            Some(value) => claims.keep(name, json!(value)),
            None => {}
        }
    }
    if let Some(Value::String(email)) = claims.claims.get("email") {
        let is_verified = email_is_verified(email, domains);
        claims.keep("email_verified", json!(is_verified));
    }
    let names: Vec<&str> =
        [&profile.first_name, &profile.last_name].into_iter().flatten().map(String::as_str).collect();
    let name = (!names.is_empty()).then(|| names.join(" "));
    for (claim, value) in [("given_name", &profile.first_name), ("family_name", &profile.last_name), ("name", &name)] {
        if let Some(value) = value {
            claims.add(claim, json!(value));
        }
    }
    let asked_for: BTreeSet<&str> = mapping.values().map(String::as_str).collect();
    for claim in asked_for.into_iter().filter(|claim| !ALWAYS.contains(claim)) {
        if let Some(value) = attribute(profile, claim) {
            claims.add(claim, value);
        }
    }
    claims
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::DomainState;
    use serde_json::Map;

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
    fn a_subject_is_the_one_that_was_chosen_or_there_is_none() {
        let whole = profile(&json!({}));
        assert_eq!(subject(&whole, Subject::ProfileId), Some("prof_1"));
        assert_eq!(subject(&whole, Subject::IdpId), Some("idp_1"));
        for faulty in [json!(null), json!(""), json!("x".repeat(LONGEST_SUBJECT + 1))] {
            let without = profile(&json!({ "idp_id": faulty }));
            assert_eq!(subject(&without, Subject::IdpId), None, "{faulty}");
            assert_eq!(subject(&without, Subject::ProfileId), Some("prof_1"));
        }
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

    fn mapping<'a>(claims: impl IntoIterator<Item = &'a str>) -> BTreeMap<String, String> {
        claims.into_iter().map(|claim| (format!("custom:{claim}"), claim.to_owned())).collect()
    }

    #[test]
    fn a_custom_attribute_never_overwrites_a_claim() {
        let names: Map<String, Value> = RESERVED
            .iter()
            .map(|name| ((*name).to_owned(), json!("evil")))
            .chain([("team".to_owned(), json!("a"))])
            .collect();
        let everything = mapping(RESERVED.into_iter().chain(["team"]));
        let claims = claims(&profile(&json!({ "custom_attributes": names })), "prof_1", &[], &everything).claims;
        assert!(!claims.values().any(|value| value == "evil"), "{claims:?}");
        assert_eq!(claims["team"], "a");
        assert_eq!(claims["sub"], "prof_1");
    }

    #[test]
    fn what_the_pool_does_not_map_is_not_sent() {
        let profile = profile(&json!({
            "groups": ["canary"], "role": { "slug": "canary" }, "roles": [{ "slug": "canary" }],
            "custom_attributes": { "team": "a", "secret": "canary" },
            "raw_attributes": { "team": "b", "secret": "canary" },
        }));
        let claims = claims(&profile, "prof_1", &[], &mapping(["raw.team", "team"])).claims;
        assert_eq!((&claims["raw.team"], &claims["team"]), (&json!("b"), &json!("a")));
        assert!(!json!(claims).to_string().contains("canary"), "{claims:?}");
    }

    #[test]
    fn an_address_that_is_too_long_is_left_out_and_reported_and_the_user_gets_in() {
        let email = format!("{}@example.com", "a".repeat(2048));
        let profile = profile(&json!({ "email": email, "first_name": "b".repeat(3000) }));
        let claims = claims(&profile, "prof_1", &[domain("example.com", DomainState::Verified)], &BTreeMap::new());
        assert!(!claims.claims.contains_key("email") && !claims.claims.contains_key("email_verified"));
        assert_eq!(claims.claims["given_name"].as_str().unwrap().len(), 2048);
        assert_eq!(claims.cut.iter().collect::<Vec<_>>(), ["email", "given_name", "name"]);
    }

    #[test]
    fn an_address_of_just_the_longest_that_cognito_takes_is_sent_whole() {
        let email = format!("{}@example.com", "a".repeat(2048 - "@example.com".len()));
        let sent = claims(&profile(&json!({ "email": email })), "prof_1", &[], &BTreeMap::new());
        assert_eq!((&sent.claims["email"], sent.cut.len()), (&json!(email), 0));
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
