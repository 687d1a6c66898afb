//! Optimistic concurrency: the version of what operators set is its `ETag` (RFC 9110, 8.8.3). What runs
//! record has no part in it.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// An answer that carries the version of what it shows.
#[derive(Debug)]
pub struct Versioned<T> {
    /// The status.
    pub status: StatusCode,
    /// The version of the item.
    pub version: u64,
    /// What is shown of it.
    pub shown: T,
}

impl<T> Versioned<T> {
    /// What was there already, or was changed.
    pub fn ok(version: u64, shown: T) -> Self {
        Self { status: StatusCode::OK, version, shown }
    }

    /// What was made.
    pub fn created(version: u64, shown: T) -> Self {
        Self { status: StatusCode::CREATED, version, shown }
    }
}

impl<T: Serialize> IntoResponse for Versioned<T> {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.shown)).into_response();
        if let Ok(tag) = HeaderValue::from_str(&entity_tag(self.version)) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

fn entity_tag(version: u64) -> String {
    format!("\"{version}\"")
}
