//! AWS's services as their wire protocols have them: no SDK retries here, fills a member in or hides an answer, so what
//! is seen is what the service said.

use anyhow::{Context, Result};
use aws_credential_types::Credentials;
use causeway_local_cloud::query_api::{element, elements};
use causeway_local_cloud::signed_http::{Answer, SignedClient};
use serde_json::{Value, json};
use url::form_urlencoded;

/// Where the services are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Where AWS has them.
    Aws,
    /// All at one address, which is the local cloud's.
    At(String),
}

/// A service that takes and gives JSON: where it is, and what its operations' names begin with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Json(&'static str, &'static str, &'static str);

pub(crate) const COGNITO: Json = Json("cognito-idp", "AWSCognitoIdentityProviderService", "1.1");
pub(crate) const LOGS: Json = Json("logs", "Logs_20140328", "1.1");
pub(crate) const SQS: Json = Json("sqs", "AmazonSQS", "1.0");
pub(crate) const CLOUDTRAIL: Json = Json("cloudtrail", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101", "1.1");
pub(crate) const TAGGING: Json = Json("tagging", "ResourceGroupsTaggingAPI_20170126", "1.1");
pub(crate) const KMS: Json = Json("kms", "TrentService", "1.1");
pub(crate) const DYNAMODB: Json = Json("dynamodb", "DynamoDB_20120810", "1.0");
pub(crate) const CODEDEPLOY: Json = Json("codedeploy", "CodeDeploy_20141006", "1.1");

/// A service that takes a form and gives XML: where it is, and the version of its API.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query(&'static str, &'static str);

pub(crate) const STS: Query = Query("sts", "2011-06-15");
pub(crate) const IAM: Query = Query("iam", "2010-05-08");
pub(crate) const CLOUDFORMATION: Query = Query("cloudformation", "2010-05-15");
pub(crate) const CLOUDWATCH: Query = Query("monitoring", "2010-08-01");

/// A service's refusal.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{call}: {status} {code}: {message}")]
pub(crate) struct Refused {
    /// The operation.
    pub(crate) call: String,
    /// The HTTP status.
    pub(crate) status: u16,
    /// The error's name.
    pub(crate) code: String,
    /// What it says to people.
    pub(crate) message: String,
}

impl Refused {
    fn of(call: &str, answer: &Answer) -> Self {
        let text = answer.text();
        let parsed: Value = serde_json::from_str(&text).unwrap_or_default();
        let code = answer.header("x-amzn-errortype").map(str::to_owned);
        let code = code.or_else(|| parsed["__type"].as_str().or(parsed["code"].as_str()).map(str::to_owned));
        let code = code.or_else(|| element(&text, "Code").ok()).unwrap_or_default();
        // `com.amazonaws.service#Name` in some protocols, `Name:http://...` in others.
        let code = code.rsplit('#').next().unwrap_or_default().split(':').next().unwrap_or_default().to_owned();
        let message = parsed["message"].as_str().or(parsed["Message"].as_str()).map(str::to_owned);
        let message = message.or_else(|| element(&text, "Message").ok()).unwrap_or(text);
        Self { call: call.to_owned(), status: answer.status, code, message: message.chars().take(300).collect() }
    }
}

/// Somebody in one account and Region.
#[derive(Clone, Debug)]
pub(crate) struct Aws {
    /// Where the services are.
    pub(crate) place: Place,
    /// The Region.
    pub(crate) region: String,
    /// The account's number.
    pub(crate) account: String,
    /// Of a role session, or whatever the profile gives.
    pub(crate) credentials: Credentials,
}

impl Aws {
    /// Calls an operation of a service that takes JSON, and gives a refusal as a value.
    pub(crate) async fn asks(&self, service: Json, operation: &str, body: &Value) -> Result<Result<Value, Refused>> {
        let Json(host, target, version) = service;
        let headers = [
            ("content-type", format!("application/x-amz-json-{version}")),
            ("x-amz-target", format!("{target}.{operation}")),
        ];
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let url = format!("{}/", self.endpoint(host));
        let answer = self.client(host)?.send("POST", &url, &headers, body.to_string().as_bytes()).await?;
        if answer.status != 200 {
            return Ok(Err(Refused::of(operation, &answer)));
        }
        Ok(Ok(if answer.body.is_empty() { json!({}) } else { answer.json()? }))
    }

    /// The same where a refusal is a failure.
    pub(crate) async fn json(&self, service: Json, operation: &str, body: &Value) -> Result<Value> {
        Ok(self.asks(service, operation, body).await??)
    }

    /// Calls an operation of a service that takes a form, and gives a refusal as a value.
    pub(crate) async fn asks_form(
        &self,
        service: Query,
        operation: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Result<String, Refused>> {
        let Query(host, version) = service;
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("Action", operation)
            .append_pair("Version", version)
            .extend_pairs(parameters)
            .finish();
        let headers = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
        let url = format!("{}/", self.endpoint(host));
        let answer = self.client(host)?.send("POST", &url, &headers, body.as_bytes()).await?;
        Ok(if answer.status == 200 { Ok(answer.text()) } else { Err(Refused::of(operation, &answer)) })
    }

    /// The same where a refusal is a failure.
    pub(crate) async fn form(&self, service: Query, operation: &str, parameters: &[(&str, &str)]) -> Result<String> {
        Ok(self.asks_form(service, operation, parameters).await??)
    }

    /// Calls a service that has paths. `host` is what its address begins with, `service` what it is signed for.
    pub(crate) async fn path(
        &self,
        host: &str,
        service: &str,
        method: &str,
        path: &str,
    ) -> Result<Result<Answer, Refused>> {
        let url = format!("{}{path}", self.endpoint(host));
        // S3 wants the hash of the body, here of none; the others let it pass.
        let hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let headers = [("x-amz-content-sha256", hash), ("x-amz-account-id", self.account.as_str())];
        let answer = self.client(service)?.send(method, &url, &headers, b"").await?;
        Ok(if answer.status < 300 { Ok(answer) } else { Err(Refused::of(path, &answer)) })
    }

    /// Enters a role. A refusal is a value.
    pub(crate) async fn enters(&self, role_arn: &str, external_id: Option<&str>) -> Result<Result<Self, Refused>> {
        let mut parameters = vec![("RoleArn", role_arn), ("RoleSessionName", "causeway-accept")];
        parameters.extend(external_id.map(|id| ("ExternalId", id)));
        let answer = match self.asks_form(STS, "AssumeRole", &parameters).await? {
            Ok(answer) => answer,
            Err(refused) => return Ok(Err(refused)),
        };
        let (id, secret) = (element(&answer, "AccessKeyId")?, element(&answer, "SecretAccessKey")?);
        let token = element(&answer, "SessionToken")?;
        let account = role_arn.split(':').nth(4).context("no ARN of a role")?.to_owned();
        Ok(Ok(Self { account, credentials: Credentials::new(id, secret, Some(token), None, "accept"), ..self.clone() }))
    }

    /// Who this is: the account's number, and the ARN.
    pub(crate) async fn identity(&self) -> Result<(String, String)> {
        let answer = self.form(STS, "GetCallerIdentity", &[]).await?;
        Ok((element(&answer, "Account")?, element(&answer, "Arn")?))
    }

    /// The outputs of a stack.
    pub(crate) async fn outputs(&self, stack: &str) -> Result<Vec<(String, String)>> {
        let described = self.form(CLOUDFORMATION, "DescribeStacks", &[("StackName", stack)]).await?;
        Ok(elements(&described, "OutputKey").into_iter().zip(elements(&described, "OutputValue")).collect())
    }

    fn client(&self, service: &str) -> Result<SignedClient> {
        // IAM is one service for all Regions, and signed for the first of them.
        let region = if service == "iam" { "us-east-1" } else { &self.region };
        SignedClient::new(self.credentials.clone(), region, service)
    }

    fn endpoint(&self, host: &str) -> String {
        match &self.place {
            Place::At(url) => url.clone(),
            Place::Aws if host == "iam" => "https://iam.amazonaws.com".to_owned(),
            Place::Aws => format!("https://{host}.{}.amazonaws.com", self.region),
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;

    use super::*;

    fn refused(headers: &[(&'static str, &str)], body: &str) -> Refused {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let headers: HeaderMap = headers.collect();
        Refused::of("Call", &Answer { status: 400, headers, body: body.as_bytes().to_vec() })
    }

    #[test]
    fn a_refusal_is_named_in_whichever_protocol_it_comes() {
        let json = refused(&[], r#"{"__type": "com.amazonaws.x#TooManyRequestsException", "message": "Rate"}"#);
        assert_eq!((json.code.as_str(), json.message.as_str()), ("TooManyRequestsException", "Rate"));
        let form = refused(&[], "<E><Code>AccessDenied</Code><Message>no</Message></E>");
        assert_eq!((form.code.as_str(), form.message.as_str()), ("AccessDenied", "no"));
        let path = refused(&[("x-amzn-errortype", "NotFoundException:http://x/")], r#"{"Message": "gone"}"#);
        assert_eq!((path.code.as_str(), path.message.as_str()), ("NotFoundException", "gone"));
        assert_eq!(refused(&[], "what").message, "what");
    }
}
