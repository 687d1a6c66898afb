//! What the AWS clients send, by the functions' own HTTP client. The SDK's own brings HTTP/2 along, which no service that
//! is called here is asked in.

use std::error::Error;

use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::{body::SdkBody, retry::ErrorKind};
use bytes::Bytes;
use causeway_http::{Client, HttpError};

/// The functions' own client as one of the SDK. How long an attempt may take is the SDK's own limit.
#[derive(Debug, Clone)]
pub(crate) struct Sent(pub Client);

impl HttpClient for Sent {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Sent {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let (parts, body) = request.into_parts();
            // Nothing here sends a stream.
            let body = body.bytes().ok_or_else(|| ConnectorError::user("the body is no text".into()))?;
            let request = http::Request::from_parts(parts, Bytes::copy_from_slice(body));
            let answer = client.send(request).await.map_err(failed)?;
            HttpResponse::try_from(answer.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// What kind of failure the SDK takes it for. Each may be tried again: by a service's rules a call that was not answered
/// can be repeated, or names what makes it so.
fn failed(error: HttpError) -> ConnectorError {
    match error {
        HttpError::Unreachable(_) => ConnectorError::io(error.into()),
        _ if is_io(&error) => ConnectorError::io(error.into()),
        _ => ConnectorError::other(error.into(), Some(ErrorKind::TransientError)),
    }
}

/// Whether the system ended it.
fn is_io(error: &HttpError) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<std::io::Error>() {
            return true;
        }
        cause = error.source();
    }
    false
}
