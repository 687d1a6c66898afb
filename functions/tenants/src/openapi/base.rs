//! What the document has besides the routes.

use utoipa::{
    Modify, OpenApi as _,
    openapi::{
        OpenApi,
        security::{ApiKey, ApiKeyValue, SecurityScheme},
    },
};

use crate::problem::ProblemAnswer;

const SIGNATURE: &str = "aws_signature";

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
