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
        let accounts = link.accounts();
        rows.push(vec![
            link.id,
            accounts,
            shown::time(&link.created_at),
            shown::time(&link.expires_at),
            shown::optional_time(link.opened_at.as_deref()),
            shown::optional_time(link.revoked_at.as_deref()),
        ]);
    }
    Ok(table::table(&["LINK", "ACCOUNTS", "MADE", "ENDS", "OPENED", "REVOKED"], rows))
}
