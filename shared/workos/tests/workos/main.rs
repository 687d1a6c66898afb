//! The adapter against a server that says what a test has written down.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

mod failures;
mod lists;
mod registration;
mod scripted_server;
mod sign_in;
mod specification;

use std::error::Error;

use causeway_workos::{Workos, WorkosError};
use secrecy::SecretString;
use serde_json::{Value, json};

/// The API key of all tests; no error may show it.
const KEY: &str = "sk_test_canary_of_the_key";

fn key() -> SecretString {
    SecretString::from(KEY.to_owned())
}

fn client(server: &scripted_server::Server) -> Workos {
    Workos::new(server.base.clone()).unwrap()
}

/// A connection's ID that ends in `number`.
fn connection_id(number: usize) -> String {
    format!("conn_{number:026}")
}

fn connection(number: usize) -> Value {
    json!({
        "object": "connection", "id": connection_id(number), "organization_id": "org_1",
        "connection_type": "OktaSAML", "state": "active", "created_at": "2026-01-02T03:04:05.678Z",
    })
}

fn page(records: &[Value], after: Option<&str>) -> Value {
    json!({ "object": "list", "data": records, "list_metadata": { "before": null, "after": after } })
}

/// All that can be seen of an error: its words, those of its causes, and its debug output.
fn everything_of(error: &WorkosError) -> String {
    let mut text = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text} {error} {error:?}");
        cause = error.source();
    }
    text
}
