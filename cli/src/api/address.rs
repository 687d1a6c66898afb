//! Where the API is, and which Region its signature names.

use url::{Host, Url};

use crate::failure::Failure;

/// Where the API is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Without a trailing slash.
    base: String,
    /// The Region that the signature names: the one that the API is in.
    pub region: String,
}

impl Address {
    /// The API at `url`. The signature's Region is the one that was asked for; else the one that the URL
    /// shows, as it is always right; else the one that the AWS configuration has.
    pub fn new(url: Option<&str>, asked: Option<&str>, configured: Option<&str>) -> Result<Self, Failure> {
        let Some(url) = url.filter(|url| !url.is_empty()) else {
            return Err(usage(
                "which deployment? Give --api-url or set CAUSEWAY_API_URL: it is the stack's output ApiUrl",
            ));
        };
        let parsed = Url::parse(url).map_err(|error| usage(format!("--api-url is no URL: {error}")))?;
        if parsed.query().is_some() || parsed.fragment().is_some() || !parsed.username().is_empty() {
            return Err(usage("--api-url has no query, no fragment and no user"));
        }
        match parsed.scheme() {
            "https" => {}
            "http" if is_this_machine(&parsed) => {}
            _ => return Err(usage("--api-url begins with https://; http:// is for this machine only")),
        }
        let shown = parsed.domain().and_then(region_of_host);
        let Some(region) = asked.or(shown).or(configured) else {
            return Err(usage("which Region is the API in? Give --region, set AWS_REGION, or put it into the profile"));
        };
        Ok(Self { base: parsed.as_str().trim_end_matches('/').to_owned(), region: region.to_owned() })
    }

    /// Where it is, without a trailing slash.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// A path below it, which begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

fn usage(text: impl Into<String>) -> Failure {
    Failure::Usage(text.into())
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The Region in the host name that API Gateway gives: `<api>.execute-api.<region>.amazonaws.com`, in China
/// `.amazonaws.com.cn`.
fn region_of_host(host: &str) -> Option<&str> {
    let (_, rest) = host.split_once(".execute-api.")?;
    let (region, suffix) = rest.split_once('.')?;
    ["amazonaws.com", "amazonaws.com.cn", "api.aws"].contains(&suffix).then_some(region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_is_what_was_asked_for_then_what_the_host_shows_then_what_is_configured() {
        let gateway = "https://abc.execute-api.eu-west-1.amazonaws.com";
        let own = "https://login.example.com/";
        for (url, asked, configured, region) in [
            (gateway, Some("eu-north-1"), Some("us-east-1"), Some("eu-north-1")),
            (gateway, None, Some("us-east-1"), Some("eu-west-1")),
            (own, None, Some("us-east-1"), Some("us-east-1")),
            (own, Some("eu-north-1"), None, Some("eu-north-1")),
            (own, None, None, None),
            ("https://abc.execute-api.cn-north-1.amazonaws.com.cn", None, None, Some("cn-north-1")),
            ("https://abc.execute-api.eu-west-1.example.com", None, None, None),
        ] {
            let address = Address::new(Some(url), asked, configured);
            assert_eq!(address.ok().map(|address| address.region).as_deref(), region, "{url} {asked:?} {configured:?}");
        }
    }

    #[test]
    fn a_path_is_put_behind_the_base_with_its_own_path() {
        let url = "http://127.0.0.1:4566/_aws/execute-api/abc/";
        let address = Address::new(Some(url), Some("us-east-1"), None).unwrap();
        assert_eq!(address.url("/v1/tenants"), "http://127.0.0.1:4566/_aws/execute-api/abc/v1/tenants");
    }

    #[test]
    fn an_address_that_would_show_secrets_on_the_network_or_is_none_is_refused() {
        for url in [
            "http://login.example.com",
            "ftp://login.example.com",
            "login.example.com",
            "",
            "https://a.example/?x=1",
            "https://user@a.example",
        ] {
            let failure = Address::new(Some(url), Some("us-east-1"), None).unwrap_err();
            assert_eq!(failure.code(), 2, "{url}");
        }
        for url in ["http://localhost:1", "http://a.localhost", "http://[::1]:1"] {
            assert!(Address::new(Some(url), Some("us-east-1"), None).is_ok(), "{url}");
        }
    }
}
