//! The lookup of an identity provider by the domain of an address: what a pool offers, and what is answered.
//!
//! It is answered to anybody, so that whoever asks learns which domains a pool knows. CORS says only which pages of other
//! origins a browser lets read the answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Deserializer, Serialize};
use url::Url;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, SchemaFormat,
        schema::{ObjectBuilder, Schema, Type},
    },
};

use crate::{
    claim::Claim,
    connection::ConnectionState,
    domain::{self, VerifiedDomains},
    id::{Identifier, OrganizationId, ProviderName, TenantId},
    keeps_unknown,
    lenient::known_members,
    object::Object,
    oidc::authorize::parameters,
    start::is_safe,
    unknown::Unknown,
};

/// The most origins that a pool may name.
const MOST_ORIGINS: usize = 20;
/// The most domains that are kept of a pool: each is an item of the table, which every run reads.
pub const MOST_DOMAINS: usize = 5000;

/// What an origin is, for people.
const RULE: &str = "an origin as a browser sends it, such as https://app.example.com: https (http on localhost only), in \
                    lower case, with nothing behind the host but a port that is not the usual one";

/// The origin of a page (RFC 6454), as a browser sends it: `https`, or `http` on the developer's own machine.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WebOrigin(String);

impl WebOrigin {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for WebOrigin {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let url = Url::parse(&text).map_err(|_| RULE)?;
        if is_safe(&url) && url.origin().ascii_serialization() == text { Ok(Self(text)) } else { Err(RULE) }
    }
}

impl PartialSchema for WebOrigin {
    fn schema() -> RefOr<Schema> {
        let uri = SchemaFormat::Custom("uri".to_owned());
        ObjectBuilder::new().schema_type(Type::String).format(Some(uri)).description(Some(RULE)).into()
    }
}

impl ToSchema for WebOrigin {}

impl From<WebOrigin> for String {
    fn from(origin: WebOrigin) -> Self {
        origin.0
    }
}

impl fmt::Debug for WebOrigin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// That a pool answers the lookup, and to which pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Object<DomainLookupFields>", into = "DomainLookupFields")]
pub struct DomainLookup {
    origins: Vec<WebOrigin>,
}

/// [`DomainLookup`] as it is written.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = DomainLookup)]
#[serde(deny_unknown_fields)]
pub struct DomainLookupFields {
    /// The origins of the pages that browsers let read the answer. It restrains nobody else: whoever asks without a
    /// browser gets it.
    #[schema(inline, max_items = 20)]
    origins: Vec<WebOrigin>,
}

/// Reads what stands in the table: a later version may have given it more members.
pub fn stored<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DomainLookup>, D::Error> {
    known_members(deserializer, &["origins"])
}

/// The same, for who needs none: one that can't be read is none.
#[expect(clippy::unnecessary_wraps, reason = "serde calls it, and takes this form")]
pub(crate) fn stored_if_readable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DomainLookup>, D::Error> {
    Ok(stored(deserializer).unwrap_or_default())
}

impl TryFrom<Object<DomainLookupFields>> for DomainLookup {
    type Error = String;

    fn try_from(Object(fields): Object<DomainLookupFields>) -> Result<Self, Self::Error> {
        if fields.origins.len() > MOST_ORIGINS {
            return Err(format!("at most {MOST_ORIGINS} origins"));
        }
        Ok(Self { origins: fields.origins })
    }
}

impl From<DomainLookup> for DomainLookupFields {
    fn from(lookup: DomainLookup) -> Self {
        Self { origins: lookup.origins }
    }
}

impl DomainLookup {
    /// Whether a page of this origin may read the answer.
    pub fn allows(&self, origin: &str) -> bool {
        self.origins.iter().any(|allowed| allowed.0 == origin)
    }
}

/// The domain that is asked for, in its ASCII form; `None` where the query has none, or what it has is no domain.
pub fn domain_asked_for(query: &str) -> Option<String> {
    let mut parameters = parameters(query).ok()?;
    domain::ascii(&parameters.remove("domain")?)
}

/// What is answered for a domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct KnownDomain {
    /// The tenant whose pool it is.
    pub tenant_id: TenantId,
    /// The domain, in its ASCII form.
    pub domain: String,
    /// The provider's name, as `identity_provider` of `/oauth2/authorize` takes it.
    pub identity_provider: ProviderName,
    /// The provider's identifier, as `idp_identifier` takes it: the connection's ID, or the organization's where it has
    /// several. None where the provider was adopted and has neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idp_identifier: Option<Identifier>,
    /// What a later version wrote into it.
    #[serde(skip)]
    pub unknown: Unknown,
}

keeps_unknown!(KnownDomain);

/// What a pool answers for each domain, in order: the provider of the one organization that has it verified, and has an
/// active connection whose provider is among the `offered`.
pub fn known_domains<'a>(claims: impl IntoIterator<Item = &'a Claim>, offered: &BTreeSet<String>) -> Vec<KnownDomain> {
    let is_usable = |claim: &&Claim| {
        claim.is_held()
            && claim.connection_state == Some(ConnectionState::Active)
            && offered.contains(claim.provider_name.as_str())
            && !claim.lacks_organization()
    };
    let mut of_organization: BTreeMap<&OrganizationId, Vec<&Claim>> = BTreeMap::new();
    for claim in claims.into_iter().filter(is_usable) {
        if let Some(id) = &claim.organization_id {
            of_organization.entry(id).or_default().push(claim);
        }
    }
    let mut with_domain: BTreeMap<&str, BTreeSet<&OrganizationId>> = BTreeMap::new();
    for (id, claims) in &of_organization {
        let known = claims.iter().filter_map(|claim| claim.organization.as_ref()?.domains.as_ref());
        for domain in known.flat_map(VerifiedDomains::iter) {
            with_domain.entry(domain).or_default().insert(id);
        }
    }
    let only = with_domain.into_iter().filter(|(_, organizations)| organizations.len() == 1);
    let answered = only.filter_map(|(domain, organizations)| {
        let id = organizations.first()?;
        let (claim, idp_identifier) = provider_of(id, of_organization.get(id)?)?;
        let (tenant_id, identity_provider) = (claim.tenant_id.clone(), claim.provider_name.clone());
        let (domain, unknown) = (domain.to_owned(), Unknown::default());
        Some(KnownDomain { tenant_id, domain, identity_provider, idp_identifier, unknown })
    });
    answered.take(MOST_DOMAINS).collect()
}

/// The provider that stands for an organization with these, and the identifier that it has: of several it is the one
/// with the organization's ID.
fn provider_of<'a>(id: &OrganizationId, claims: &[&'a Claim]) -> Option<(&'a Claim, Option<Identifier>)> {
    let has = |claim: &Claim, id: &str| claim.identifiers.iter().find(|own| own.as_str() == id).cloned();
    match claims {
        [only] => Some((only, has(only, only.connection_id.as_str()).or_else(|| has(only, id.as_str())))),
        several => several.iter().find_map(|claim| Some((*claim, Some(has(claim, id.as_str())?)))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{
        claim::ClaimState,
        connection::{DomainState, Organization, OrganizationDomain},
        organization::KnownOrganization,
        provider::{BaseUrl, Issuer},
    };

    /// A held claim of an active connection, whose provider has the connection's ID.
    fn claim(connection: &str, organization: &str, domains: &[&str]) -> Claim {
        let (tenant, connection) = ("tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N".parse().unwrap(), connection.parse().unwrap());
        let issuer = Issuer::new(&BaseUrl::parse("https://login.example.com").unwrap(), &tenant, &connection);
        let verified =
            |domain: &&str| OrganizationDomain { domain: (*domain).to_owned(), state: DomainState::Verified };
        let domains = domains.iter().map(verified).collect();
        let organization = Organization { id: organization.parse().unwrap(), name: None, domains };
        let mut claim = Claim::intended(tenant, connection, Some(organization.id.clone()), issuer);
        claim.organization = Some(KnownOrganization::of(&organization.id, std::slice::from_ref(&organization)));
        claim.state = ClaimState::Held;
        claim.connection_state = Some(ConnectionState::Active);
        claim.identifiers = [claim.connection_id.as_str().parse().unwrap()].into();
        claim
    }

    /// What is answered where the providers of all claims are offered: domain, provider and identifier.
    fn answered(claims: &[Claim]) -> Vec<(String, String, Option<String>)> {
        let offered = claims.iter().map(|claim| claim.provider_name.to_string()).collect();
        let answered = known_domains(claims, &offered).into_iter();
        let text = |identifier: Identifier| identifier.as_str().to_owned();
        answered
            .map(|known| (known.domain, known.identity_provider.to_string(), known.idp_identifier.map(text)))
            .collect()
    }

    #[test]
    fn a_domain_of_one_organization_leads_to_its_connection() {
        let claims = [claim("conn_a", "org_1", &["acme.test", "Müller.test"]), claim("conn_b", "org_2", &["b.test"])];
        let [a, b] = [&claims[0], &claims[1]].map(|claim| claim.provider_name.to_string());
        let expected = [("acme.test", &a, "conn_a"), ("b.test", &b, "conn_b"), ("xn--mller-kva.test", &a, "conn_a")];
        let expected = expected.map(|(domain, name, id)| (domain.to_owned(), name.clone(), Some(id.to_owned())));
        assert_eq!(answered(&claims), expected);
    }

    #[test]
    fn of_several_connections_the_one_stands_for_the_organization_that_has_its_id() {
        let mut claims = [claim("conn_a", "org_1", &["acme.test"]), claim("conn_b", "org_1", &["acme.test"])];
        assert_eq!(answered(&claims), [], "neither has it");
        claims[1].identifiers.insert("org_1".parse().unwrap());
        let name = claims[1].provider_name.to_string();
        assert_eq!(answered(&claims), [("acme.test".to_owned(), name, Some("org_1".to_owned()))]);
    }

    #[test]
    fn a_domain_that_two_organizations_have_leads_nowhere_unless_one_of_them_can_not_sign_in() {
        let mut claims = [claim("conn_a", "org_1", &["acme.test"]), claim("conn_b", "org_2", &["acme.test"])];
        assert_eq!(answered(&claims), []);
        claims[1].connection_state = Some(ConnectionState::Inactive);
        assert_eq!(answered(&claims).len(), 1);
    }

    #[test]
    fn only_an_active_connection_with_a_held_provider_that_is_offered_is_answered() {
        let whole = claim("conn_a", "org_1", &["acme.test"]);
        assert_eq!(answered(std::slice::from_ref(&whole)).len(), 1);
        let [mut intended, mut validating, mut unknown, mut moved, mut alone] = [(); 5].map(|()| whole.clone());
        intended.state = ClaimState::Intended;
        validating.connection_state = Some(ConnectionState::Validating);
        unknown.connection_state = None;
        moved.organization_id = Some("org_2".parse().unwrap());
        alone.organization_id = None;
        for other in [intended, validating, unknown, moved, alone] {
            assert_eq!(answered(std::slice::from_ref(&other)), [], "{other:?}");
        }
        assert_eq!(known_domains([&whole], &BTreeSet::new()), [], "no app client offers it");
    }

    #[test]
    fn an_adopted_provider_is_answered_by_the_identifiers_that_it_has() {
        let mut adopted = claim("conn_a", "org_1", &["acme.test"]);
        for (identifiers, expected) in [(vec!["theirs"], None), (vec!["org_1", "theirs"], Some("org_1".to_owned()))] {
            adopted.identifiers = identifiers.into_iter().map(|id| id.parse().unwrap()).collect();
            assert_eq!(answered(std::slice::from_ref(&adopted))[0].2, expected);
        }
    }

    fn lookup(origins: &[&str]) -> Result<DomainLookup, serde_json::Error> {
        serde_json::from_value(json!({ "origins": origins }))
    }

    #[test]
    fn an_origin_is_one_as_a_browser_sends_it() {
        let taken =
            ["https://app.example.com", "https://app.example.com:8443", "http://localhost:3000", "http://127.0.0.1"];
        let lookup_of_all = lookup(&taken).unwrap();
        assert!(taken.iter().all(|origin| lookup_of_all.allows(origin)));
        assert_eq!(json!(lookup_of_all), json!({ "origins": taken }));
        for other in [
            "",
            "*",
            "null",
            "app.example.com",
            "http://app.example.com",
            "https://app.example.com/",
            "https://APP.example.com",
            "https://app.example.com:443",
            "https://app.example.com/a",
            "https://a@b.test",
            "https://müller.test",
            "file:///a",
            "https://app.example.com#a",
            "https://*.example.com",
        ] {
            assert!(other.starts_with("https://*") || lookup(&[other]).is_err(), "{other}");
            assert!(!lookup_of_all.allows(other), "{other}");
        }
        assert!(lookup(&["https://a.test"; 20]).is_ok() && lookup(&["https://a.test"; 21]).is_err());
        for faulty in [json!([]), json!({}), json!({ "origins": [], "enabled": true }), json!([["https://a.test"]])] {
            assert!(serde_json::from_value::<DomainLookup>(faulty.clone()).is_err(), "{faulty}");
        }
    }

    #[test]
    fn a_domain_is_asked_for_once_and_as_a_domain() {
        assert_eq!(domain_asked_for("domain=ACME.test&x=y").as_deref(), Some("acme.test"));
        assert_eq!(domain_asked_for("domain=m%C3%BCller.test").as_deref(), Some("xn--mller-kva.test"));
        for query in ["", "domain=", "domain=a%20b", "domain=ann@acme.test", "domain=a.test&domain=b.test", "Domain=a"]
        {
            assert_eq!(domain_asked_for(query), None, "{query}");
        }
    }

    proptest! {
        #[test]
        fn what_is_asked_for_is_a_key_of_at_most_253_plain_characters(query in ".*", domain in ".*") {
            let encoded = url::form_urlencoded::Serializer::new(String::new()).append_pair("domain", &domain).finish();
            for domain in [query, encoded].iter().filter_map(|query| domain_asked_for(query)) {
                let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
                prop_assert!((1..=253).contains(&domain.len()) && domain.chars().all(is_plain), "{}", domain);
            }
        }
    }
}
