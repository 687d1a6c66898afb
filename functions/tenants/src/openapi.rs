//! The API's OpenAPI document: `docs/openapi.json`, which is what the code generates from its routes and types, and
//! is served as it is at `GET /v1/openapi.json`.

use axum::{
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use utoipa::{
    Modify, OpenApi as _,
    openapi::{
        OpenApi,
        security::{ApiKey, ApiKeyValue, SecurityScheme},
    },
};

use crate::problem::ProblemAnswer;

#[cfg(test)]
pub mod completed;

const SIGNATURE: &str = "aws_signature";
/// A test sees to it that it is the generated one, which takes a new instance some milliseconds to generate.
const DOCUMENT: &str = include_str!("../../../docs/openapi.json");

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Causeway",
        description = "Makes WorkOS SSO connections available as identity providers of Amazon Cognito user pools."
    ),
    components(schemas(ProblemAnswer)),
    modifiers(&Signed),
    security(("aws_signature" = []))
)]
struct Base;

/// Every call carries AWS's signature.
struct Signed;

impl Modify for Signed {
    fn modify(&self, document: &mut OpenApi) {
        let about = "AWS Signature Version 4, service `execute-api`: IAM decides by route";
        let header = ApiKeyValue::with_description("Authorization", about);
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(SIGNATURE, SecurityScheme::ApiKey(ApiKey::Header(header)));
    }
}

/// What the document has besides the routes.
pub fn base() -> OpenApi {
    Base::openapi()
}

/// Shows this document
#[utoipa::path(
    get, path = "/v1/openapi.json", operation_id = "get_openapi_document", tag = "this document",
    responses((status = 200, description = "The document.", body = Object))
)]
pub async fn document() -> Response {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}
