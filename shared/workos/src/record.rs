//! From WorkOS's records to Causeway's types. A record that can't be read is reported and never left out:
//! what is left out would be taken for gone.

use causeway_core::{
    connection::{Connection, ConnectionState, DomainState, Organization, OrganizationDomain, UnreadableRecord},
    id::OrganizationId,
    timestamp::Timestamp,
};
use serde_json::Value;

/// The most characters of an ID that are reported.
const LONGEST_ID: usize = 64;

/// Reads a connection (WorkOS API: `Connection`).
pub(crate) fn connection(record: &Value) -> Result<Connection, UnreadableRecord> {
    let read = || -> Result<Connection, String> {
        Ok(Connection {
            id: text(record, "id")?.parse().map_err(|error| format!("id: {error}"))?,
            organization_id: organization_id(record)?,
            state: ConnectionState::from(text(record, "state")?.to_owned()),
            created_at: Timestamp::parse(text(record, "created_at")?).ok_or("created_at: not a date of RFC 3339")?,
        })
    };
    read().map_err(|problem| unreadable(record, format!("connection: {problem}")))
}

/// Reads an organization (WorkOS API: `Organization`).
pub(crate) fn organization(record: &Value) -> Result<Organization, UnreadableRecord> {
    let read = || -> Result<Organization, String> {
        let id = text(record, "id")?.parse().map_err(|error| format!("id: {error}"))?;
        let domains = match record.get("domains") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(domains)) => domains.iter().map(domain).collect::<Result<_, _>>()?,
            Some(_) => return Err("domains: not a list".to_owned()),
        };
        Ok(Organization { id, domains })
    };
    read().map_err(|problem| unreadable(record, format!("organization: {problem}")))
}

fn organization_id(record: &Value) -> Result<Option<OrganizationId>, String> {
    match record.get("organization_id") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(id)) => id.parse().map(Some).map_err(|error| format!("organization_id: {error}")),
        Some(_) => Err("organization_id: not text".to_owned()),
    }
}

fn domain(record: &Value) -> Result<OrganizationDomain, String> {
    let state = match text(record, "state").map_err(|problem| format!("domains: {problem}"))? {
        "verified" => DomainState::Verified,
        "legacy_verified" => DomainState::LegacyVerified,
        _ => DomainState::Other,
    };
    let domain = text(record, "domain").map_err(|problem| format!("domains: {problem}"))?;
    Ok(OrganizationDomain { domain: domain.to_owned(), state })
}

fn text<'a>(record: &'a Value, name: &str) -> Result<&'a str, String> {
    match record.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        None | Some(Value::Null) => Err(format!("{name}: missing")),
        Some(Value::String(_)) => Err(format!("{name}: empty")),
        Some(_) => Err(format!("{name}: not text")),
    }
}

fn unreadable(record: &Value, problem: String) -> UnreadableRecord {
    let id = record.get("id").and_then(Value::as_str).unwrap_or_default();
    let printable = |c: &char| c.is_ascii_graphic() || *c == ' ';
    UnreadableRecord { id: id.chars().filter(printable).take(LONGEST_ID).collect(), problem }
}
