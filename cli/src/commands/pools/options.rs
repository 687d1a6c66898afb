//! What an operator chooses for a user pool.

use clap::ValueEnum;
use serde_json::{Value, json};

/// What runs may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Plan only
    Observe,
    /// Everything but deletes
    Upsert,
    /// Everything
    Sync,
    /// No runs
    Paused,
}

impl Mode {
    /// As the API calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Upsert => "upsert",
            Self::Sync => "sync",
            Self::Paused => "paused",
        }
    }
}

/// Where sign-ins lead that begin at the customer's identity provider, as the API takes it; `None` where nothing was chosen.
pub fn start(login_url: Option<&str>, app_client: Option<&str>, redirect_uri: Option<&str>) -> Option<Value> {
    match (login_url, app_client, redirect_uri) {
        (Some(url), ..) => Some(json!({ "login_url": url })),
        (None, Some(client), Some(callback)) => Some(json!({ "app_client": client, "redirect_uri": callback })),
        _ => None,
    }
}

/// Reads `ATTRIBUTE=CLAIM`.
pub fn mapped_attribute(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((attribute, claim)) if !attribute.is_empty() && !claim.is_empty() => {
            Ok((attribute.to_owned(), claim.to_owned()))
        }
        _ => Err("an attribute is mapped as ATTRIBUTE=CLAIM, such as custom:team=raw.team".to_owned()),
    }
}
