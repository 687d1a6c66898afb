//! The bucket that the role's template stands in, under the one key that can be read without a signature.
//!
//! CloudFormation reads a template from S3 only, and a presigned address dies with the session that signed it.
//! So the template stands where anybody can read it, and holds nothing of any tenant.
//!
//! One `PUT` is all that is done to the bucket, which is why it is signed here: S3's SDK would be the largest
//! part of the function.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError};
use aws_sigv4::{
    http_request::{PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use aws_types::SdkConfig;
use bytes::Bytes;
use causeway_core::role::{TEMPLATE_KEY, template_url};
use causeway_http::{Client, HttpError};
use http::StatusCode;
use tokio::sync::OnceCell;
use url::Url;

/// How long the `PUT` may take until it is answered, and how long a connection for it may.
const TIMEOUT: Duration = Duration::from_secs(5);
const CONNECTING: Duration = Duration::from_secs(2);

/// Why the template could not be put in its place.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// The settings lead to no address of a bucket.
    #[error("there is no address of the bucket")]
    Address,
    /// S3 could not be reached, or did not answer.
    #[error("S3 could not be reached")]
    Unreachable(#[source] HttpError),
    /// S3 took too long.
    #[error("S3 did not answer in time")]
    TimedOut,
    /// The request could not be signed.
    #[error("the request could not be signed")]
    Unsigned(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// S3 refused.
    #[error("S3 answered {0}")]
    Refused(StatusCode),
}

impl From<CredentialsError> for BucketError {
    fn from(error: CredentialsError) -> Self {
        Self::Unsigned(Box::new(error))
    }
}

/// The bucket, and whether this instance of the function has put its template there.
#[derive(Debug, Clone)]
pub struct TemplateBucket {
    http: Client,
    credentials: SharedCredentialsProvider,
    region: String,
    /// Where the template is written to.
    address: Url,
    /// Where anybody reads it.
    public_url: String,
    put: Arc<OnceCell<()>>,
}

impl TemplateBucket {
    /// The bucket `name`, whose own host is `domain` (CloudFormation: `RegionalDomainName`).
    pub fn new(configuration: &SdkConfig, name: &str, domain: &str) -> Result<Self, BucketError> {
        let public_url = template_url(domain);
        // Whatever stands for AWS has one host for all buckets.
        let address = match configuration.endpoint_url() {
            Some(endpoint) => format!("{}/{name}/{TEMPLATE_KEY}", endpoint.trim_end_matches('/')),
            None => public_url.clone(),
        };
        Ok(Self {
            // For one request, now and then.
            http: Client::new(CONNECTING, TIMEOUT),
            credentials: configuration.credentials_provider().ok_or(BucketError::Address)?,
            region: configuration.region().ok_or(BucketError::Address)?.to_string(),
            address: Url::parse(&address).map_err(|_| BucketError::Address)?,
            public_url,
            put: Arc::default(),
        })
    }

    /// The address of the template, which is this one: what stands there is replaced the first time that an
    /// instance of the function is asked. So an update of Causeway needs no step of its own, and a template
    /// that somebody changed or deleted comes back.
    pub async fn url_of(&self, template: &'static str) -> Result<&str, BucketError> {
        self.put.get_or_try_init(|| self.put(template)).await?;
        Ok(&self.public_url)
    }

    async fn put(&self, template: &'static str) -> Result<(), BucketError> {
        let put = self.http.send(self.signed(template).await?);
        let answer = tokio::time::timeout(TIMEOUT, put).await;
        // S3 asks to slow down with 503 (S3: "Best practices design patterns: optimizing Amazon S3 performance").
        let slowed_down = matches!(&answer, Ok(Ok(answer)) if answer.status() == StatusCode::SERVICE_UNAVAILABLE);
        causeway_telemetry::call(causeway_telemetry::Service::S3, slowed_down);
        match answer.map_err(|_| BucketError::TimedOut)?.map_err(BucketError::Unreachable)?.status() {
            status if status.is_success() => Ok(()),
            status => Err(BucketError::Refused(status)),
        }
    }

    async fn signed(&self, template: &'static str) -> Result<http::Request<Bytes>, BucketError> {
        let identity = self.credentials.provide_credentials().await?.into();
        let mut settings = SigningSettings::default();
        // S3 wants the hash of the body as a header (S3: "Authenticating Requests").
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("s3")
            .time(SystemTime::now())
            .settings(settings)
            .build()
            .map_err(unsigned)?
            .into();
        let content_type = ("content-type", "application/yaml");
        let body = SignableBody::Bytes(template.as_bytes());
        let signable = SignableRequest::new("PUT", self.address.as_str(), std::iter::once(content_type), body);
        let (instructions, _) = sign(signable.map_err(unsigned)?, &parameters).map_err(unsigned)?.into_parts();
        let mut signed = http::Request::builder()
            .method("PUT")
            .uri(self.address.as_str())
            .header(content_type.0, content_type.1)
            .body(Bytes::from_static(template.as_bytes()))
            .map_err(unsigned)?;
        instructions.apply_to_request_http1x(&mut signed);
        Ok(signed)
    }
}

fn unsigned(error: impl std::error::Error + Send + Sync + 'static) -> BucketError {
    BucketError::Unsigned(Box::new(error))
}

#[cfg(test)]
mod tests {
    use aws_credential_types::Credentials;
    use aws_types::region::Region;
    use causeway_telemetry::measured;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    fn bucket(endpoint: Option<&str>) -> TemplateBucket {
        let credentials = Credentials::new("key", "secret", Some("session".to_owned()), None, "test");
        let mut configuration = SdkConfig::builder()
            .region(Region::new("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials));
        configuration.set_endpoint_url(endpoint.map(str::to_owned));
        TemplateBucket::new(&configuration.build(), "bucket", "bucket.s3.eu-west-1.amazonaws.com").unwrap()
    }

    #[tokio::test]
    async fn what_is_sent_is_signed_with_the_session_and_the_hash_of_the_template() {
        let request = bucket(None).signed("template").await.unwrap();
        assert_eq!(request.uri().to_string(), "https://bucket.s3.eu-west-1.amazonaws.com/role.yaml");
        let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
        // SHA-256 of `template`.
        assert_eq!(header("x-amz-content-sha256"), "5cde0f1298f41f7d1c8b907a36992a7a513225a2615bd6e307bf1a9149b06b40");
        assert_eq!(header("x-amz-security-token"), "session");
        assert!(header("authorization").contains("/eu-west-1/s3/aws4_request"), "{}", header("authorization"));
    }

    #[tokio::test]
    async fn the_template_is_put_once_and_again_after_a_refusal_and_each_request_is_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            for status in ["403 Forbidden", "503 Slow Down", "200 OK"] {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut read = vec![0; 4096];
                let length = stream.read(&mut read).await.unwrap();
                assert!(String::from_utf8_lossy(&read[..length]).starts_with("PUT /bucket/role.yaml HTTP/1.1"));
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        let bucket = bucket(Some(&endpoint));
        let ((), metrics) = measured(async {
            for status in [StatusCode::FORBIDDEN, StatusCode::SERVICE_UNAVAILABLE] {
                let refused = bucket.url_of("template").await.unwrap_err();
                assert!(matches!(refused, BucketError::Refused(found) if found == status), "{refused}");
            }
            for _ in 0..2 {
                let url = bucket.url_of("template").await.unwrap();
                assert_eq!(url, "https://bucket.s3.eu-west-1.amazonaws.com/role.yaml");
            }
        })
        .await;
        assert_eq!(metrics.to_string(), r#"{"CallsToS3":3,"ThrottlesByS3":1}"#);
        server.await.unwrap();
    }
}
