//! What an issuer says of itself: its discovery document and its keys.
//!
//! Both are served for every tenant ID and connection ID that has the form of one, and nothing of a tenant is read for
//! them: issuers differ in nothing but their name, so that neither tells which tenants or connections there are, and
//! whoever makes IDs up causes no read.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use causeway_core::oidc::discovery::{document, key_set};
use serde_json::Value;

use crate::{
    answer::{Outcome, came_to, page, public_document},
    bridge::Bridge,
    endpoint::Endpoint,
    failure::Failure,
};

/// `/.well-known/openid-configuration`.
pub async fn configuration(endpoint: Endpoint) -> Response {
    published(&document(&endpoint.issuer))
}

/// `/jwks`.
pub async fn keys(State(bridge): State<Arc<Bridge>>, _: Endpoint) -> Response {
    match bridge.signer.keys().await {
        Ok(keys) => published(&key_set(keys.iter().map(|key| &key.public))),
        Err(error) => {
            let failure = Failure::from(error);
            failure.log();
            came_to(failure.outcome());
            page(StatusCode::SERVICE_UNAVAILABLE, "Please try again.")
        }
    }
}

fn published(document: &Value) -> Response {
    came_to(Outcome::Answered("published"));
    public_document(document)
}
