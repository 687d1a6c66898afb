//! Optimistic concurrency: the version of what operators set is its `ETag` (RFC 9110, 8.8.3). What runs
//! record has no part in it.

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::problem::Problem;

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

/// What `If-Match` asks of a change (RFC 9110, 13.1.1): nothing, if it is not there.
#[derive(Debug)]
pub struct Precondition(Option<Vec<String>>);

impl Precondition {
    /// Reads the header.
    pub fn of(headers: &HeaderMap) -> Self {
        let tags = |value: &HeaderValue| -> Vec<String> {
            // A value that is no text is no tag of ours.
            let text = value.to_str().unwrap_or_default();
            text.split(',').map(|tag| tag.trim().to_owned()).collect()
        };
        let is_there = headers.contains_key(header::IF_MATCH);
        Self(is_there.then(|| headers.get_all(header::IF_MATCH).iter().flat_map(tags).collect()))
    }

    /// Refuses a change of a version that is not asked for.
    pub fn check(&self, version: u64) -> Result<(), Problem> {
        let Some(tags) = &self.0 else { return Ok(()) };
        if tags.iter().any(|tag| tag == "*" || *tag == entity_tag(version)) {
            return Ok(());
        }
        Err(Problem::precondition_failed())
    }

    /// The refusal of a change that somebody else came before, after it was checked.
    pub fn lost(&self) -> Problem {
        match self.0 {
            Some(_) => Problem::precondition_failed(),
            None => Problem::conflict("somebody else changed it at the same time: read it and try again"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(values: &[&'static str], version: u64) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::IF_MATCH, HeaderValue::from_static(value));
        }
        Precondition::of(&headers).check(version).is_ok()
    }

    #[test]
    fn a_change_is_made_only_to_a_version_that_if_match_names() {
        for (values, held) in [
            (&[][..], true),
            (&["\"3\""], true),
            (&["*"], true),
            (&["\"2\", \"3\""], true),
            (&["\"2\"", "\"3\""], true),
            (&["\"2\""], false),
            (&["3"], false),
            (&["W/\"3\""], false),
            (&[""], false),
        ] {
            assert_eq!(holds(values, 3), held, "{values:?}");
        }
    }
}
