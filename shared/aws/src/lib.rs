//! How a function reaches AWS: read once at cold start from what Lambda sets for it.
//!
//! Lambda gives a function its role's credentials, its Region and its settings as environment variables;
//! nothing else is looked at, so that a cold start waits for no provider chain.

pub mod clock;
mod counted;
mod sent;

use std::time::Duration;

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::{SdkConfig, region::Region, sdk_config::SharedHttpClient};
use causeway_http::Client;

/// How long making a connection may take.
const CONNECTING: Duration = Duration::from_secs(2);
/// How long a connection that nobody uses is kept.
const UNUSED: Duration = Duration::from_secs(90);

/// An environment variable that the template sets is not there, or is not what it should be.
#[derive(Debug, thiserror::Error)]
#[error("the environment variable {name} {problem}")]
pub struct BadSetting {
    /// The variable.
    pub name: String,
    /// What is wrong with it.
    pub problem: String,
}

/// A setting that must be there.
pub fn setting(name: &str) -> Result<String, BadSetting> {
    optional_setting(name).ok_or_else(|| BadSetting { name: name.to_owned(), problem: "is not set".to_owned() })
}

/// A setting that may be missing or empty.
pub fn optional_setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The parts of a setting that are separated by commas; none where it is missing or empty.
pub fn list_setting(name: &str) -> Vec<String> {
    let list = optional_setting(name).unwrap_or_default();
    list.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// A setting that must be there and read as a `T`.
pub fn parsed_setting<T>(name: &str) -> Result<T, BadSetting>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    setting(name)?
        .parse()
        .map_err(|error: T::Err| BadSetting { name: name.to_owned(), problem: format!("can't be read: {error}") })
}

/// The configuration of all AWS clients of a function; they share one HTTP client.
pub fn configuration() -> Result<SdkConfig, BadSetting> {
    let credentials = Credentials::new(
        setting("AWS_ACCESS_KEY_ID")?,
        setting("AWS_SECRET_ACCESS_KEY")?,
        optional_setting("AWS_SESSION_TOKEN"),
        None,
        "Lambda",
    );
    let region = setting("AWS_REGION")?;
    Ok(configuration_of(credentials, region, optional_setting("AWS_ENDPOINT_URL")))
}

/// The configuration with these credentials, for a Region, at an endpoint that stands for AWS if given.
pub fn configuration_of(credentials: Credentials, region: String, endpoint: Option<String>) -> SdkConfig {
    let mut builder = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client())
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(
            TimeoutConfig::builder()
                .operation_attempt_timeout(Duration::from_secs(4))
                // Shorter than the shortest function lives, so that a service that hangs is answered for.
                .operation_timeout(Duration::from_secs(10))
                .build(),
        );
    if let Some(endpoint) = endpoint {
        builder = builder.endpoint_url(endpoint);
    }
    builder.build()
}

fn http_client() -> SharedHttpClient {
    SharedHttpClient::new(counted::Counted(SharedHttpClient::new(sent::Sent(Client::new(CONNECTING, UNUSED)))))
}
