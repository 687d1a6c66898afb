//! Who calls: the credentials that the AWS CLI would use.

use aws_config::BehaviorVersion;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::{
    Credentials,
    provider::{SharedCredentialsProvider, error::CredentialsError, future},
};

use crate::api::kept::Kept;

/// Who calls.
#[derive(Debug)]
pub struct Caller {
    /// Gives the credentials, when the first call needs them.
    pub credentials: SharedCredentialsProvider,
    /// The Region that the environment or the profile names.
    pub region: Option<String>,
}

/// Whoever the environment and the AWS configuration name.
pub async fn of_environment(profile: Option<&str>) -> Caller {
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    let configuration = loader.load().await;
    let given = configuration.credentials_provider().unwrap_or_else(|| SharedCredentialsProvider::new(Nobody));
    Caller {
        credentials: SharedCredentialsProvider::new(Kept::new(given)),
        region: configuration.region().map(ToString::to_string),
    }
}

/// Stands where nothing gives credentials.
#[derive(Debug)]
struct Nobody;

impl ProvideCredentials for Nobody {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let nothing: Result<Credentials, _> = Err(CredentialsError::not_loaded("nothing gives any"));
        future::ProvideCredentials::ready(nothing)
    }
}
