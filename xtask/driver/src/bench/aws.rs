//! Calls to the emulated AWS that set a measurement up. They go past the strict front, so that it neither counts nor
//! throttles them.

use anyhow::{Result, ensure};
use causeway_local_cloud::account::Account;
use causeway_local_cloud::signed_http::SignedClient;
use serde_json::Value;

/// A service whose calls are JSON.
#[derive(Clone, Copy, Debug)]
pub enum Service {
    /// `DynamoDB`.
    Table,
    /// KMS.
    Keys,
    /// SQS.
    Queue,
    /// Cognito user pools.
    Pools,
}

impl Service {
    /// The name in signatures, the prefix of operations, and the version of the protocol.
    fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Table => ("dynamodb", "DynamoDB_20120810", "1.0"),
            Self::Keys => ("kms", "TrentService", "1.1"),
            Self::Queue => ("sqs", "AmazonSQS", "1.0"),
            Self::Pools => ("cognito-idp", "AWSCognitoIdentityProviderService", "1.1"),
        }
    }
}

/// Calls one service as somebody in a Region.
#[derive(Clone, Debug)]
pub struct Caller {
    client: SignedClient,
    endpoint: String,
    service: Service,
}

impl Caller {
    /// Calls `service` as `account` in `region`.
    pub fn new(account: &Account, region: &str, service: Service) -> Result<Self> {
        let client = SignedClient::new(account.credentials(), region, service.names().0)?;
        Ok(Self { client, endpoint: format!("{}/", account.endpoint), service })
    }

    /// Calls an operation.
    pub async fn call(&self, operation: &str, request: &Value) -> Result<Value> {
        let (_, prefix, version) = self.service.names();
        let (target, form) = (format!("{prefix}.{operation}"), format!("application/x-amz-json-{version}"));
        let headers = [("content-type", form.as_str()), ("x-amz-target", target.as_str())];
        let body = request.to_string();
        let answer = self.client.send("POST", &self.endpoint, &headers, body.as_bytes()).await?;
        ensure!(answer.status == 200, "{operation}: {} {}", answer.status, answer.text());
        if answer.body.is_empty() { Ok(Value::Null) } else { answer.json() }
    }
}
