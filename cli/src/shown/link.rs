//! Onboarding links.

use serde::Deserialize;
use serde_json::Value;

use crate::{
    failure::Failure,
    shown::{self, style::STRONG, table},
};

#[derive(Deserialize)]
struct Link {
    id: String,
    #[serde(default)]
    account_ids: Vec<String>,
    created_at: String,
    expires_at: String,
    opened_at: Option<String>,
    revoked_at: Option<String>,
    url: Option<String>,
}

impl Link {
    /// What became of it.
    fn standing(&self) -> String {
        match (&self.revoked_at, &self.opened_at) {
            (Some(revoked), _) => format!("revoked {}", shown::day(revoked)),
            (None, Some(opened)) => format!("opened {}", shown::day(opened)),
            (None, None) => "not opened".to_owned(),
        }
    }

    fn accounts(&self) -> String {
        if self.account_ids.is_empty() { "any".to_owned() } else { self.account_ids.join(", ") }
    }
}

/// A link that was made: its address is shown this once.
pub fn made(answer: &Value) -> Result<String, Failure> {
    let link: Link = shown::read(answer, "an onboarding link")?;
    let accounts = link.accounts();
    let details = table::details(&[
        ("onboarding link", link.id),
        ("for the accounts", accounts),
        ("ends", shown::time(&link.expires_at)),
    ]);
    let url = link.url.unwrap_or_default();
    Ok(format!("{details}\n{STRONG}{url}{STRONG:#}\n\nIt is not shown again. Whoever has it can use it, once.\n"))
}

/// A list of links.
pub fn list(items: &[Value]) -> Result<String, Failure> {
    let mut rows = Vec::new();
    for item in items {
        let link: Link = shown::read(item, "an onboarding link")?;
        let (accounts, standing) = (link.accounts(), link.standing());
        rows.push(vec![accounts, standing, shown::day(&link.created_at), shown::minute(&link.expires_at), link.id]);
    }
    let header = ["ACCOUNTS", "STATE", "MADE", "ENDS", "LINK"];
    Ok(table::fitting(&header, rows, &header[1..]))
}
