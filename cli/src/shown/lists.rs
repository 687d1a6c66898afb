//! Lists that are only a table.

use std::{collections::BTreeMap, fmt::Write};

use causeway_core::naming::Naming;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    failure::Failure,
    shown::{self, table},
};

/// An identity provider that Causeway made.
#[derive(Deserialize)]
#[allow(clippy::struct_field_names, reason = "the API's names")]
pub(crate) struct Provider {
    pub(crate) connection_id: String,
    pub(crate) organization_id: Option<String>,
    #[serde(flatten)]
    pub(crate) naming: Naming,
    pub(crate) connection_state: Option<String>,
    pub(crate) provider_name: String,
    #[serde(default)]
    pub(crate) identifiers: Vec<String>,
    pub(crate) in_sync: bool,
    #[serde(default)]
    pub(crate) app_clients: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) held_since: Option<String>,
    #[serde(default)]
    pub(crate) refused: Option<Refusal>,
}

impl Provider {
    /// How it stands: whether something is to be done about it, and by whom.
    pub(crate) fn standing(&self) -> String {
        if let Some(refusal) = &self.refused {
            return format!("refused: {}", refusal.reason);
        }
        match &self.held_since {
            Some(since) => format!("held since {}", shown::time(since)),
            None if self.in_sync => "yes".to_owned(),
            None => "NO".to_owned(),
        }
    }
}

/// The refusal to have anything taken from a connection.
#[derive(Deserialize)]
pub(crate) struct Refusal {
    #[serde(default)]
    pub(crate) connection_id: String,
    #[serde(flatten)]
    pub(crate) naming: Naming,
    pub(crate) reason: String,
    #[serde(default)]
    pub(crate) refused_by: String,
    #[serde(default)]
    pub(crate) refused_at: String,
    #[serde(default)]
    pub(crate) until: Option<String>,
}

/// What stands for a connection in a table, beside its ID: a dash where it has no name.
fn name(naming: &Naming, id: &str) -> String {
    if naming.is_named() { naming.called(id).to_string() } else { "-".to_owned() }
}

/// The connections of which nothing is to be taken.
pub fn refusals(items: &[Value]) -> Result<String, Failure> {
    let mut rows = Vec::new();
    for item in items {
        let refusal: Refusal = shown::read(item, "a refusal")?;
        let until = refusal.until.as_deref().map_or_else(|| "let go".to_owned(), shown::time);
        let at = shown::time(&refusal.refused_at);
        let name = name(&refusal.naming, &refusal.connection_id);
        rows.push(vec![name, refusal.connection_id, until, at, refusal.refused_by, refusal.reason]);
    }
    Ok(table::table(&["NAME", "CONNECTION", "UNTIL", "REFUSED", "BY", "REASON"], rows))
}

/// The providers of a user pool.
pub fn providers(items: &[Value]) -> Result<String, Failure> {
    let mut rows = Vec::new();
    for item in items {
        let provider: Provider = shown::read(item, "a provider")?;
        let standing = provider.standing();
        let offered_by = match &provider.app_clients {
            Some(clients) if clients.is_empty() => "none".to_owned(),
            Some(clients) => clients.join(", "),
            None => "?".to_owned(),
        };
        // The connection's own ID is on every provider.
        let identifiers: Vec<String> =
            provider.identifiers.into_iter().filter(|identifier| *identifier != provider.connection_id).collect();
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        rows.push(vec![
            name(&provider.naming, &provider.connection_id),
            provider.connection_id,
            or_dash(provider.organization_id),
            or_dash(provider.connection_state),
            provider.provider_name,
            standing,
            offered_by,
            identifiers.join(", "),
        ]);
    }
    let ids = ["NAME", "CONNECTION", "ORGANIZATION", "STATE", "PROVIDER"];
    Ok(table::table(&[&ids[..], &["IN SYNC", "OFFERED BY", "FURTHER IDENTIFIERS"]].concat(), rows))
}

/// What was changed over the API, and by whom.
#[derive(Deserialize)]
pub(crate) struct Record {
    pub(crate) at: String,
    pub(crate) caller: String,
    pub(crate) method: String,
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) user_pool_id: Option<String>,
    pub(crate) status: Option<u16>,
    #[serde(default)]
    pub(crate) changed: Vec<String>,
}

/// Who changed what over the API.
pub fn audit(items: &[Value]) -> Result<String, Failure> {
    let mut rows = Vec::new();
    for item in items {
        let record: Record = shown::read(item, "an audit record")?;
        rows.push(vec![
            shown::time(&record.at),
            record.status.map_or_else(|| "?".to_owned(), |status| status.to_string()),
            format!("{} {}", record.method, record.path),
            record.changed.join(", "),
            record.caller,
        ]);
    }
    Ok(table::table(&["AT", "STATUS", "CALL", "CHANGED", "CALLER"], rows))
}

/// What a sign-in came to.
#[derive(Deserialize)]
pub(crate) struct SignIn {
    pub(crate) at: String,
    pub(crate) connection_id: String,
    #[serde(flatten)]
    pub(crate) naming: Naming,
    pub(crate) outcome: String,
    pub(crate) error: Option<SignInError>,
}

/// Why a sign-in is over.
#[derive(Deserialize)]
pub(crate) struct SignInError {
    pub(crate) code: String,
    pub(crate) message: String,
}

/// What sign-ins came to. What to do about an error stands below the table, once.
pub fn sign_ins(items: &[Value]) -> Result<String, Failure> {
    let (mut rows, mut errors) = (Vec::new(), BTreeMap::new());
    for item in items {
        let sign_in: SignIn = shown::read(item, "a sign-in")?;
        let code = sign_in.error.as_ref().map_or_else(|| "-".to_owned(), |error| error.code.clone());
        errors.extend(sign_in.error.map(|error| (error.code, error.message)));
        let name = name(&sign_in.naming, &sign_in.connection_id);
        rows.push(vec![shown::time(&sign_in.at), name, sign_in.connection_id, sign_in.outcome, code]);
    }
    let mut text = table::table(&["AT", "NAME", "CONNECTION", "OUTCOME", "ERROR"], rows);
    for (code, message) in errors {
        let _ = write!(text, "\n{code}\n  {message}\n");
    }
    Ok(text)
}
