//! What an issuer says of itself: its discovery document and its keys.
//!
//! Both are served for every connection ID of a tenant that exists: the issuers of one tenant differ in
//! nothing but their name, so that neither tells which connections there are.

use std::sync::Arc;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use causeway_core::oidc::discovery::{document, key_set};
use serde_json::Value;

use crate::{
    answer::{NoSuchPlace, Outcome, came_to, page, public_document},
    bridge::Bridge,
    endpoint::Endpoint,
    failure::Failure,
};

/// `/.well-known/openid-configuration`.
pub async fn configuration(State(bridge): State<Arc<Bridge>>, endpoint: Endpoint) -> Response {
    answer(tenant_exists(&bridge, &endpoint).await.map(|exists| exists.then(|| document(&endpoint.issuer))))
}

/// `/jwks`.
pub async fn keys(State(bridge): State<Arc<Bridge>>, endpoint: Endpoint) -> Response {
    answer(published_keys(&bridge, &endpoint).await)
}

async fn tenant_exists(bridge: &Bridge, endpoint: &Endpoint) -> Result<bool, Failure> {
    Ok(bridge.directory.tenant(&endpoint.tenant_id).await?.is_some())
}

async fn published_keys(bridge: &Bridge, endpoint: &Endpoint) -> Result<Option<Value>, Failure> {
    if !tenant_exists(bridge, endpoint).await? {
        return Ok(None);
    }
    let keys = bridge.signer.keys().await?;
    Ok(Some(key_set(keys.iter().map(|key| &key.public))))
}

fn answer(document: Result<Option<Value>, Failure>) -> Response {
    match document {
        Ok(Some(document)) => {
            came_to(Outcome::Answered("published"));
            public_document(&document)
        }
        Ok(None) => NoSuchPlace.into_response(),
        Err(failure) => {
            failure.log();
            came_to(failure.outcome());
            page(StatusCode::SERVICE_UNAVAILABLE, "Please try again.")
        }
    }
}
