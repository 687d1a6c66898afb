//! A provider that is taken over.

use serde::Deserialize;
use serde_json::Value;

use crate::{
    failure::Failure,
    shown::{self, table},
};

#[derive(Deserialize)]
struct Adoption {
    provider_name: String,
    connection_id: String,
    issuer: Issuers,
    subject: String,
    adopted: bool,
}

#[derive(Deserialize)]
struct Issuers {
    before: Option<String>,
    after: String,
}

/// What is taken over, and what that changes.
pub fn text(answer: &Value) -> Result<String, Failure> {
    let adoption: Adoption = shown::read(answer, "an adoption")?;
    Ok(table::details(&[
        ("provider", adoption.provider_name),
        ("connection", adoption.connection_id),
        ("issuer before", adoption.issuer.before.unwrap_or_else(|| "-".to_owned())),
        ("issuer after", adoption.issuer.after),
        ("subject", adoption.subject),
        ("adopted", if adoption.adopted { "yes" } else { "not yet" }.to_owned()),
    ]))
}
