//! From WorkOS's profile to the claims of the ID token.

use serde_json::{Value, json};

use crate::{
    domain::VerifiedDomains,
    id::{ConnectionId, OrganizationId},
    lenient::Said,
    oidc::{
        asked::AskedFor,
        attributes::{Claims, attribute},
        profile::Profile,
    },
    subject::Subject,
};

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

/// Whether a claim of this name is ever in a token: a registered claim that WorkOS has nothing for never is.
pub(crate) fn is_ever_sent(name: &str) -> bool {
    !is_reserved(name) || ALWAYS.contains(&name) || matches!(name, "groups" | "role" | "roles")
}

/// Whether the profile is one of the connection that was asked for. A code of another organization's
/// connection would else be taken for this one's.
pub fn belongs_to(profile: &Profile, connection: &ConnectionId, organization: Option<&OrganizationId>) -> bool {
    profile.connection_id == *connection && profile.organization_id.as_ref() == organization
}

/// What `sub` is for a profile; `None` where the identity provider did not send it, or it is too long to be whole.
/// Nothing stands in for it: another `sub` would be another user.
pub fn subject(profile: &Profile, subject: Subject) -> Option<&str> {
    match subject {
        Subject::ProfileId => Some(&profile.id),
        Subject::IdpId => profile.idp_id.value().map(String::as_str).filter(|id| id.chars().count() <= LONGEST_SUBJECT),
    }
}

/// The claims of a sign-in: all of the ID token but `iss`, `aud`, `iat` and `exp`, and what is of the token alone.
///
/// `subject` is what [`subject`] found. Groups, roles, custom and raw attributes are taken only where the pool asks
/// for them: an identity provider may say much of a user that is none of the application's business. What the pool
/// asks for and the profile lacks is empty where it may be, so that the pool does not keep what is gone.
pub fn claims(profile: &Profile, subject: &str, domains: &VerifiedDomains, asked: &AskedFor) -> Claims {
    let mut claims = Claims::of(asked);
    claims.keep("sub", json!(subject));
    claims.keep("connection_id", json!(profile.connection_id));
    let organization = profile.organization_id.as_ref();
    claims.add_whole("organization_id", &organization.map_or(Said::Nothing, |id| Said::Value(id.to_string())), asked);
    claims.add_whole("idp_id", &profile.idp_id, asked);
    claims.add_whole("email", &profile.email, asked);
    let sent = claims.claims.get("email").and_then(Value::as_str);
    let is_verified = !profile.is_of_test_provider() && sent.is_some_and(|email| domains.vouch_for(email));
    claims.keep("email_verified", json!(is_verified));
    let text = |said: &Said<String>| said.clone().read(|text| Some(json!(text)));
    claims.add("given_name", text(&profile.first_name), asked);
    claims.add("family_name", text(&profile.last_name), asked);
    claims.add("name", text(&name(profile)), asked);
    for claim in asked.claims().filter(|claim| !ALWAYS.contains(claim)) {
        claims.add(claim, attribute(profile, claim), asked);
    }
    claims
}

/// The full name (WorkOS API: `Profile.name`). Where the profile has none, the first and the last name, as far as there
/// are any; unknown where what it would be made of is.
fn name(profile: &Profile) -> Said<String> {
    if !matches!(profile.name, Said::Nothing) {
        return profile.name.clone();
    }
    match (&profile.first_name, &profile.last_name) {
        (Said::Garbled, _) | (_, Said::Garbled) => Said::Garbled,
        (Said::Value(first), Said::Value(last)) => Said::Value(format!("{first} {last}")),
        (Said::Nothing, name) | (name, Said::Nothing) => name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::{
        connection::{DomainState, OrganizationDomain},
        oidc::profile::tests::profile,
    };

    fn verified(domain: &str) -> VerifiedDomains {
        VerifiedDomains::of(&[OrganizationDomain { domain: domain.to_owned(), state: DomainState::Verified }])
    }

    fn none() -> VerifiedDomains {
        VerifiedDomains::default()
    }

    /// What a pool asks for that maps these claims, and lets none be empty.
    fn asked<'a>(claims: impl IntoIterator<Item = &'a str>) -> AskedFor {
        claims.into_iter().map(|claim| (claim.to_owned(), false)).collect()
    }

    #[test]
    fn a_subject_is_the_one_that_was_chosen_or_there_is_none() {
        let whole = profile(&json!({}));
        assert_eq!(subject(&whole, Subject::ProfileId), Some("prof_1"));
        assert_eq!(subject(&whole, Subject::IdpId), Some("idp_1"));
        for faulty in [json!(null), json!(""), json!(7), json!("x".repeat(LONGEST_SUBJECT + 1))] {
            let without = profile(&json!({ "idp_id": faulty }));
            assert_eq!(subject(&without, Subject::IdpId), None, "{faulty}");
            assert_eq!(subject(&without, Subject::ProfileId), Some("prof_1"));
        }
    }

    #[test]
    fn a_custom_attribute_never_overwrites_a_claim() {
        let names: Map<String, Value> = RESERVED
            .iter()
            .map(|name| ((*name).to_owned(), json!("evil")))
            .chain([("team".to_owned(), json!("a"))])
            .collect();
        let everything = asked(RESERVED.into_iter().chain(["team"]));
        let claims = claims(&profile(&json!({ "custom_attributes": names })), "prof_1", &none(), &everything).claims;
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
        let claims = claims(&profile, "prof_1", &none(), &asked(["raw.team", "team"])).claims;
        assert_eq!((&claims["raw.team"], &claims["team"]), (&json!("b"), &json!("a")));
        assert!(!json!(claims).to_string().contains("canary"), "{claims:?}");
    }

    #[test]
    fn groups_and_roles_that_the_profile_lacks_are_an_empty_list_wherever_they_are_mapped() {
        for gone in [json!(null), json!(7), json!([])] {
            let profile = profile(&json!({ "groups": gone, "roles": gone }));
            let claims = claims(&profile, "prof_1", &none(), &asked(["groups", "roles"]));
            assert_eq!((&claims.claims["groups"], &claims.claims["roles"]), (&json!("[]"), &json!("[]")));
            assert!(claims.kept.is_empty());
        }
    }

    #[test]
    fn what_the_profile_lacks_is_empty_where_it_may_be_and_else_named_as_kept() {
        let gone = json!({
            "email": null, "idp_id": null, "organization_id": null, "first_name": null, "last_name": null, "name": null,
            "role": 7,
            "custom_attributes": null, "raw_attributes": { "bio": "" },
        });
        let names =
            ["email", "idp_id", "organization_id", "given_name", "family_name", "name", "role", "team", "raw.bio"];
        for may_be_empty in [true, false] {
            let asked = names.iter().map(|name| ((*name).to_owned(), may_be_empty)).collect();
            let claims = claims(&profile(&gone), "prof_1", &none(), &asked);
            for name in names {
                assert_eq!(claims.claims.get(name), may_be_empty.then_some(&json!("")), "{name}");
                assert_eq!(claims.kept.contains(name), !may_be_empty, "{name}");
            }
            assert_eq!(claims.claims["email_verified"], false);
        }
    }

    #[test]
    fn what_can_not_be_read_is_not_said_to_be_gone() {
        let garbled = json!({ "email": 7, "first_name": [], "name": null, "custom_attributes": "x" });
        let asked = ["email", "given_name", "name", "team"].map(|name| (name.to_owned(), true)).into_iter().collect();
        let claims = claims(&profile(&garbled), "prof_1", &verified("example.com"), &asked);
        assert_eq!(claims.kept.iter().collect::<Vec<_>>(), ["email", "given_name", "name", "team"]);
        assert_eq!((&claims.claims["email_verified"], &claims.claims["family_name"]), (&json!(false), &json!("Lee")));
    }

    #[test]
    fn a_name_is_the_one_that_workos_says_and_else_made_of_first_and_last() {
        let full = json!("Prof. Ann Lee");
        for (name, first, last, expected) in [
            (full.clone(), json!("Ann"), json!("Lee"), Some("Prof. Ann Lee")),
            (full, json!(null), json!([]), Some("Prof. Ann Lee")),
            (json!(null), json!("Ann"), json!("Lee"), Some("Ann Lee")),
            (json!(""), json!("Ann"), json!(null), Some("Ann")),
            (json!(null), json!("Ann"), json!([]), None),
            (json!(7), json!("Ann"), json!("Lee"), None),
            (json!(null), json!(null), json!(null), None),
        ] {
            let profile = profile(&json!({ "name": name, "first_name": first, "last_name": last }));
            let claims = claims(&profile, "prof_1", &none(), &asked(["name"])).claims;
            assert_eq!(claims.get("name"), expected.map(|name| json!(name)).as_ref(), "{name} {first} {last}");
        }
    }

    #[test]
    fn an_address_is_verified_only_in_a_token_that_has_it() {
        let of = |email: Value| {
            let profile = profile(&json!({ "email": email }));
            let claims = claims(&profile, "prof_1", &verified("example.com"), &asked(["email"])).claims;
            (claims.get("email").cloned(), claims["email_verified"].clone())
        };
        assert_eq!(of(json!("ann@example.com")), (Some(json!("ann@example.com")), json!(true)));
        for none in [json!(null), json!(""), json!(7), json!(format!("{}@example.com", "a".repeat(2048)))] {
            assert_eq!(of(none.clone()), (None, json!(false)), "{none}");
        }
        let twice = "ann@victim.test@example.com";
        assert_eq!(of(json!(twice)), (Some(json!(twice)), json!(false)));
    }

    #[test]
    fn nothing_that_the_test_provider_says_is_verified() {
        for test in [json!({ "connection_type": "TestIdp" }), json!({ "organization_id": "org_test_idp" })] {
            let mut said = test.clone();
            said["email"] = json!("ann@example.com");
            let claims = claims(&profile(&said), "prof_1", &verified("example.com"), &asked(["email"])).claims;
            assert_eq!(claims["email_verified"], false, "{test}");
        }
    }

    #[test]
    fn an_address_that_is_too_long_is_left_out_and_reported_and_the_user_gets_in() {
        let email = format!("{}@example.com", "a".repeat(2048));
        let profile = profile(&json!({ "email": email, "first_name": "b".repeat(3000), "name": null }));
        let claims = claims(&profile, "prof_1", &verified("example.com"), &AskedFor::default());
        assert!(!claims.claims.contains_key("email") && claims.claims["email_verified"] == false);
        assert_eq!(claims.claims["given_name"].as_str().unwrap().len(), 2048);
        assert_eq!(claims.cut.iter().collect::<Vec<_>>(), ["email", "given_name", "name"]);
    }

    #[test]
    fn an_address_of_just_the_longest_that_cognito_takes_is_sent_whole() {
        let email = format!("{}@example.com", "a".repeat(2048 - "@example.com".len()));
        let sent = claims(&profile(&json!({ "email": email })), "prof_1", &none(), &AskedFor::default());
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
