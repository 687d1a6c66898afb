//! An AWS in which nothing is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;

/// Finds nothing, takes everything, and counts what it is asked.
#[derive(Clone, Debug, Default)]
pub struct EmptyAws(Arc<AtomicUsize>);

impl EmptyAws {
    /// The configuration of clients of this AWS.
    #[must_use]
    pub fn configuration(&self) -> SdkConfig {
        let credentials = Credentials::new("test", "test", None, None, "test");
        let aws = self.clone();
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(RetryConfig::disabled())
            .http_client(http_client_fn(move |_, _| SharedHttpConnector::new(aws.clone())))
            .build()
    }

    /// How much it was asked.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl HttpConnector for EmptyAws {
    fn call(&self, _request: HttpRequest) -> HttpConnectorFuture {
        self.0.fetch_add(1, Ordering::Relaxed);
        let nothing = StatusCode::try_from(200).map(|status| HttpResponse::new(status, SdkBody::from("{}")));
        HttpConnectorFuture::ready(
            nothing.map_err(|error| aws_smithy_runtime_api::client::result::ConnectorError::other(error.into(), None)),
        )
    }
}
