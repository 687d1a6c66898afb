//! An account of the emulated AWS, as its root or as somebody in it.

use anyhow::Result;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_types::SdkConfig;
use aws_types::region::Region;

use crate::query_api::{QueryApi, element};

const SOURCE: &str = "causeway-tests";

/// Somebody in one account of the emulated AWS.
#[derive(Clone, Debug)]
pub struct Account {
    /// The account's ID.
    pub id: String,
    /// Where the emulated AWS is.
    pub endpoint: String,
    credentials: Credentials,
}

impl Account {
    /// The root of an account. It may do everything, and its signatures are not checked: what must be
    /// refused has to be tried as a [user](Account::create_user) or in a [role](Account::assume_role).
    #[must_use]
    pub fn root(endpoint: &str, id: &str) -> Self {
        Self::with(endpoint, id, Credentials::new(id, "any", None, None, SOURCE))
    }

    fn with(endpoint: &str, id: &str, credentials: Credentials) -> Self {
        Self { id: id.to_owned(), endpoint: endpoint.to_owned(), credentials }
    }

    /// The credentials that this signs with.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        self.credentials.clone()
    }

    /// A configuration for SDK clients in `region`.
    #[must_use]
    pub fn sdk(&self, region: &str) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&self.endpoint)
            .region(Region::new(region.to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(self.credentials()))
            .build()
    }

    /// `CloudFormation` in `region`.
    pub fn cloudformation(&self, region: &str) -> Result<QueryApi> {
        QueryApi::cloudformation(&self.endpoint, self.credentials(), region)
    }

    /// IAM.
    pub fn iam(&self) -> Result<QueryApi> {
        QueryApi::iam(&self.endpoint, self.credentials())
    }

    /// STS in `region`.
    pub fn sts(&self, region: &str) -> Result<QueryApi> {
        QueryApi::sts(&self.endpoint, self.credentials(), region)
    }

    /// Makes an IAM user with an access key and, where one is given, an inline policy.
    pub async fn create_user(&self, name: &str, policy: Option<&serde_json::Value>) -> Result<Self> {
        let iam = self.iam()?;
        iam.call("CreateUser", &[("UserName", name)]).await?;
        if let Some(policy) = policy {
            let document = policy.to_string();
            let parameters = [("UserName", name), ("PolicyName", "inline"), ("PolicyDocument", &document)];
            iam.call("PutUserPolicy", &parameters).await?;
        }
        let key = iam.call("CreateAccessKey", &[("UserName", name)]).await?;
        let (id, secret) = (element(&key, "AccessKeyId")?, element(&key, "SecretAccessKey")?);
        let credentials = Credentials::new(id, secret, None, None, SOURCE);
        Ok(Self::with(&self.endpoint, &self.id, credentials))
    }

    /// Enters a role, whose account becomes this one's. A refusal is an error with STS's answer.
    pub async fn assume_role(&self, role_arn: &str, external_id: Option<&str>) -> Result<Self> {
        let mut parameters = vec![("RoleArn", role_arn), ("RoleSessionName", SOURCE)];
        parameters.extend(external_id.map(|id| ("ExternalId", id)));
        let answer = self.sts("us-east-1")?.call("AssumeRole", &parameters).await?;
        let credentials = Credentials::new(
            element(&answer, "AccessKeyId")?,
            element(&answer, "SecretAccessKey")?,
            Some(element(&answer, "SessionToken")?),
            None,
            SOURCE,
        );
        let account = role_arn.split(':').nth(4).unwrap_or_default();
        Ok(Self::with(&self.endpoint, account, credentials))
    }
}
