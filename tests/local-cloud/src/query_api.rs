//! AWS's query APIs (`CloudFormation`, IAM, STS): a form goes in, XML comes out.
//!
//! Only tests need these three, and their SDK crates would double what has to be compiled.

use anyhow::{Context, Result, bail};
use aws_credential_types::Credentials;
use url::form_urlencoded;

use crate::signed_http::SignedClient;

/// Calls one query API with one set of credentials.
#[derive(Clone, Debug)]
pub struct QueryApi {
    client: SignedClient,
    endpoint: String,
    version: &'static str,
}

impl QueryApi {
    /// `CloudFormation` in `region`.
    pub fn cloudformation(endpoint: &str, credentials: Credentials, region: &str) -> Result<Self> {
        Self::new(endpoint, credentials, region, "cloudformation", "2010-05-15")
    }

    /// IAM, which is the same in every region.
    pub fn iam(endpoint: &str, credentials: Credentials) -> Result<Self> {
        Self::new(endpoint, credentials, "us-east-1", "iam", "2010-05-08")
    }

    /// STS in `region`.
    pub fn sts(endpoint: &str, credentials: Credentials, region: &str) -> Result<Self> {
        Self::new(endpoint, credentials, region, "sts", "2011-06-15")
    }

    fn new(
        endpoint: &str,
        credentials: Credentials,
        region: &str,
        service: &str,
        version: &'static str,
    ) -> Result<Self> {
        Ok(Self { client: SignedClient::new(credentials, region, service)?, endpoint: format!("{endpoint}/"), version })
    }

    /// Calls `action`; an answer other than 200 is an error that shows it.
    pub async fn call(&self, action: &str, parameters: &[(&str, &str)]) -> Result<String> {
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("Action", action)
            .append_pair("Version", self.version)
            .extend_pairs(parameters)
            .finish();
        let headers = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
        let answer = self.client.send("POST", &self.endpoint, &headers, body.as_bytes()).await?;
        if answer.status != 200 {
            bail!("{action}: {} {}", answer.status, answer.text());
        }
        Ok(answer.text())
    }
}

/// The text of the first `name` element.
pub fn element(xml: &str, name: &str) -> Result<String> {
    elements(xml, name).into_iter().next().with_context(|| format!("no <{name}> in {xml}"))
}

/// The text of every `name` element that has no elements of the same name inside.
#[must_use]
pub fn elements(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    xml.split(&open).skip(1).filter_map(|rest| rest.split_once(&close)).map(|(text, _)| unescaped(text)).collect()
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::elements;

    #[test]
    fn elements_are_found_in_order() {
        let xml = "<a><k>x</k><v>1 &amp; 2</v></a><a><k>y</k><v></v></a>";
        assert_eq!(elements(xml, "k"), ["x", "y"]);
        assert_eq!(elements(xml, "v"), ["1 & 2", ""]);
        assert!(elements(xml, "z").is_empty());
    }
}
