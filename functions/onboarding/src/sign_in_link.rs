//! A link that signs somebody in, as the tenant's application would ask for it.

use causeway_core::id::{AppClientId, ProviderName};
use url::Url;

/// Where a sign-in begins, below a pool's domain.
const AUTHORIZE: &str = "/oauth2/authorize";

/// The link that begins a sign-in with one provider in one app client (Cognito: "The authorize endpoint").
/// `domain` is the pool's as an `https` address; `redirect_uri` and `scopes` are the app client's. `None` if the
/// domain is no address.
pub fn sign_in_link(
    domain: &str,
    client: &AppClientId,
    redirect_uri: &str,
    scopes: &[String],
    provider: &ProviderName,
) -> Option<String> {
    let mut url = Url::parse(&format!("{domain}{AUTHORIZE}")).ok()?;
    url.query_pairs_mut()
        .append_pair("client_id", client.as_str())
        .append_pair("response_type", "code")
        .append_pair("scope", &scopes.join(" "))
        .append_pair("redirect_uri", redirect_uri)
        .append_pair("identity_provider", provider.as_str());
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_asks_the_pools_domain_for_the_provider_as_the_application_would() {
        let link = sign_in_link(
            "https://acme.auth.eu-west-1.amazoncognito.com",
            &"1example".parse().unwrap(),
            "https://app.example/callback",
            &["openid".to_owned(), "email".to_owned()],
            &"conn-01E4ZCR3C56J083X43JQXF3JK5".parse().unwrap(),
        );
        assert_eq!(
            link.unwrap(),
            "https://acme.auth.eu-west-1.amazoncognito.com/oauth2/authorize?client_id=1example&response_type=code\
             &scope=openid+email&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback\
             &identity_provider=conn-01E4ZCR3C56J083X43JQXF3JK5"
        );
    }
}
