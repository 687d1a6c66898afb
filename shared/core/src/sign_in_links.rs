//! How an application begins a sign-in with one identity provider.

use serde::Serialize;
use url::form_urlencoded::Serializer;
use utoipa::ToSchema;

use crate::{claim::Claim, id::Identifier};

/// Addresses of the user pool's `/oauth2/authorize`, to which an application adds its own parameters; only the query
/// strings where the pool has no domain (Cognito: "The authorize endpoint").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SignInLinks {
    /// By the connection's ID, as `idp_identifier`; by the provider's name where the ID is too long for that.
    pub by_connection: String,
    /// By the organization's ID, as `idp_identifier`; null where another provider has it, or none.
    #[schema(required = true)]
    pub by_organization: Option<String>,
    /// By the provider's name, as `identity_provider`, for libraries that can't send `idp_identifier`.
    pub by_provider_name: String,
}

impl SignInLinks {
    /// The links of a claimed provider in a pool whose domain is `https://<domain>`.
    pub fn of(claim: &Claim, domain: Option<&str>) -> Self {
        let link = |name: &str, value: &str| {
            let query = Serializer::new(String::new()).append_pair(name, value).finish();
            domain.map_or_else(|| query.clone(), |domain| format!("{domain}/oauth2/authorize?{query}"))
        };
        let organization = claim.organization_id.as_ref().map(ToString::to_string);
        let held = organization.filter(|id| claim.identifiers.iter().any(|identifier| identifier.as_str() == id));
        let by_provider_name = link("identity_provider", claim.provider_name.as_str());
        let identifier = Identifier::of_id(&claim.connection_id);
        Self {
            by_connection: identifier
                .map_or_else(|| by_provider_name.clone(), |identifier| link("idp_identifier", identifier.as_str())),
            by_organization: held.map(|id| link("idp_identifier", &id)),
            by_provider_name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::{BaseUrl, Issuer};

    fn claim() -> Claim {
        let tenant: crate::id::TenantId = "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N".parse().unwrap();
        let connection: crate::id::ConnectionId = "conn_01E4ZCR3C56J083X43JQXF3JK5".parse().unwrap();
        let issuer = Issuer::new(&BaseUrl::parse("https://login.example").unwrap(), &tenant, &connection);
        Claim::intended(tenant, connection, Some("org_01".parse().unwrap()), issuer)
    }

    #[test]
    fn a_sign_in_begins_at_the_pools_domain_by_connection_organization_or_provider() {
        let mut claim = claim();
        claim.identifiers.insert("org_01".parse().unwrap());
        let links = SignInLinks::of(&claim, Some("https://login.acme.example"));
        assert_eq!(
            links,
            SignInLinks {
                by_connection:
                    "https://login.acme.example/oauth2/authorize?idp_identifier=conn_01E4ZCR3C56J083X43JQXF3JK5"
                        .to_owned(),
                by_organization: Some("https://login.acme.example/oauth2/authorize?idp_identifier=org_01".to_owned()),
                by_provider_name:
                    "https://login.acme.example/oauth2/authorize?identity_provider=conn-01E4ZCR3C56J083X43JQXF3JK5"
                        .to_owned(),
            }
        );
    }

    #[test]
    fn an_organization_that_another_provider_holds_and_a_domain_that_is_not_there_are_left_out() {
        let links = SignInLinks::of(&claim(), None);
        assert_eq!(links.by_connection, "idp_identifier=conn_01E4ZCR3C56J083X43JQXF3JK5");
        assert_eq!(links.by_organization, None);
    }
}
