//! The HTTP client of all AWS clients, which counts what each service is sent and how often it asks to slow down.

use aws_smithy_runtime_api::{
    client::{
        connector_metadata::ConnectorMetadata,
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::HttpRequest,
        runtime_components::RuntimeComponents,
    },
    http::Response,
};
use aws_smithy_types::body::SdkBody;
use causeway_telemetry::Service;

/// How services call a throttle, in the texts of their errors (botocore, `retryhandler`).
const THROTTLES: [&str; 6] = [
    "Throttling",
    "TooManyRequestsException",
    "ProvisionedThroughputExceeded",
    "RequestLimitExceeded",
    "RequestThrottled",
    "SlowDown",
];

/// A client that counts each request of the one within, repeated ones too.
#[derive(Debug)]
pub(crate) struct Counted<T>(pub T);

impl HttpClient for Counted<SharedHttpClient> {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Counted(self.0.http_connector(settings, components)))
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.0.connector_metadata()
    }
}

impl HttpConnector for Counted<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let service = service_of(request.headers().get("authorization").unwrap_or_default());
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let mut answer = answer.await;
            let Some(service) = service else { return answer };
            let throttled = match &mut answer {
                Ok(answer) => is_throttle(answer).await,
                Err(_) => false,
            };
            causeway_telemetry::call(service, throttled);
            answer
        })
    }
}

/// The service that a request was signed for. Its host can be that of a proxy or an emulator.
fn service_of(authorization: &str) -> Option<Service> {
    let scope = authorization.split("Credential=").nth(1)?.split(',').next()?;
    Service::signed_as(scope.split('/').nth(3)?)
}

/// Whether the answer asks to slow down. Most services say so in the body of a 400, which is read for it and put
/// back; other answers are left as they are.
async fn is_throttle(answer: &mut Response) -> bool {
    match answer.status().as_u16() {
        429 => true,
        400 | 503 => {
            let body = std::mem::replace(answer.body_mut(), SdkBody::taken());
            let Ok(bytes) = aws_smithy_types::byte_stream::ByteStream::new(body).collect().await else { return false };
            let bytes = bytes.into_bytes();
            let text = String::from_utf8_lossy(&bytes);
            let throttled = THROTTLES.iter().any(|name| text.contains(name));
            *answer.body_mut() = SdkBody::from(bytes);
            throttled
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use causeway_telemetry::measured;

    use super::*;

    fn header(service: &str) -> String {
        format!("AWS4-HMAC-SHA256 Credential=AKID/20261126/eu-west-1/{service}/aws4_request, SignedHeaders=host")
    }

    #[test]
    fn a_request_is_counted_for_the_service_that_it_was_signed_for() {
        assert_eq!(service_of(&header("cognito-idp")), Some(Service::Cognito));
        assert_eq!(service_of(&header("sts")), Some(Service::Sts));
        assert_eq!((service_of(&header("ec2")), service_of("")), (None, None));
    }

    /// Answers each request with a throttle in the words of the services.
    #[derive(Debug)]
    struct Throttled(&'static str);

    impl HttpConnector for Throttled {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            let body = format!(r#"{{"__type":"{}"}}"#, self.0);
            HttpConnectorFuture::ready(Ok(Response::new(400_u16.try_into().unwrap(), SdkBody::from(body))))
        }
    }

    #[tokio::test]
    async fn a_request_that_is_throttled_is_counted_for_its_service_as_both() {
        // DynamoDB, SQS, KMS, STS, Cognito and S3: "Common errors" of each API.
        let services = [
            ("dynamodb", "ProvisionedThroughputExceededException", "DynamoDb"),
            ("sqs", "RequestThrottled", "Sqs"),
            ("kms", "ThrottlingException", "Kms"),
            ("sts", "Throttling", "Sts"),
            ("cognito-idp", "TooManyRequestsException", "Cognito"),
            ("s3", "SlowDown", "S3"),
        ];
        for (signed_for, error, name) in services {
            let connector = Counted(SharedHttpConnector::new(Throttled(error)));
            let mut request = HttpRequest::empty();
            request.headers_mut().insert("authorization", header(signed_for));
            let (_, metrics) = measured(connector.call(request)).await;
            assert_eq!(metrics.to_string(), format!(r#"{{"CallsTo{name}":1,"ThrottlesBy{name}":1}}"#));
        }
    }

    #[tokio::test]
    async fn a_throttle_is_told_by_its_text_which_stays_readable() {
        let answer = |status: u16, text: &'static str| Response::new(status.try_into().unwrap(), SdkBody::from(text));
        let text = r#"{"__type":"TooManyRequestsException","message":"Rate exceeded"}"#;
        let mut throttled = answer(400, text);
        assert!(is_throttle(&mut throttled).await);
        assert_eq!(throttled.body().bytes(), Some(text.as_bytes()));
        assert!(!is_throttle(&mut answer(400, r#"{"__type":"ResourceNotFoundException"}"#)).await);
        assert!(is_throttle(&mut answer(429, "")).await);
        assert!(!is_throttle(&mut answer(200, "TooManyRequestsException")).await);
    }
}
