//! Signature Version 4 for API Gateway.

use std::{error::Error, time::SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign as signed},
    sign::v4,
};

/// The request with the headers of its signature.
pub fn sign(
    mut request: http::Request<String>,
    credentials: &Credentials,
    region: &str,
) -> Result<http::Request<String>, Box<dyn Error + Send + Sync>> {
    let identity = credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("execute-api")
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()?
        .into();
    let headers =
        request.headers().iter().filter_map(|(name, value)| value.to_str().ok().map(|value| (name.as_str(), value)));
    let body = SignableBody::Bytes(request.body().as_bytes());
    let uri = request.uri().to_string();
    let signable = SignableRequest::new(request.method().as_str(), uri, headers, body)?;
    let (instructions, _) = signed(signable, &parameters)?.into_parts();
    instructions.apply_to_request_http1x(&mut request);
    Ok(request)
}
