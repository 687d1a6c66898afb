//! The API's OpenAPI document: `docs/openapi.json`, which is what the code generates from its routes and types, and
//! is served as it is at `GET /v1/openapi.json`.

use axum::{
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};

#[cfg(test)]
mod base;
#[cfg(test)]
pub mod completed;
#[cfg(test)]
pub use base::base;

/// A test sees to it that it is the generated one, which takes a new instance some milliseconds to generate.
const DOCUMENT: &str = include_str!("../../../docs/openapi.json");

/// Shows this document
#[utoipa::path(
    get, path = "/v1/openapi.json", operation_id = "get_openapi_document", tag = "this document",
    responses((status = 200, description = "The document.", body = Object))
)]
pub async fn document() -> Response {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}
