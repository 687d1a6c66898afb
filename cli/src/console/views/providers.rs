//! The identity providers that Causeway made in a user pool, by the names of their connections.

use causeway_page::called;
use maud::{Markup, html};
use serde_json::Value;

use super::frame::{items, said, table, text};
use crate::{failure::Failure, shown::lists::Provider};

/// A list of providers.
pub fn list(answer: &Value) -> Result<Markup, Failure> {
    let rows: Vec<Markup> = items(answer, "a provider")?.iter().map(row).collect();
    Ok(table("Providers", &["Connection", "How it stands", "In WorkOS", "Provider", "Offered by"], &rows))
}

fn row(provider: &Provider) -> Markup {
    let offered_by = match provider.app_clients.as_deref() {
        None => "?".to_owned(),
        Some([]) => "none".to_owned(),
        Some(clients) => clients.join(", "),
    };
    let standing = match provider.standing() {
        standing if standing == "yes" => "in line".to_owned(),
        standing if standing == "NO" => "not in line".to_owned(),
        standing => standing,
    };
    let needs_somebody = !provider.in_sync || provider.held_since.is_some();
    html! {
        tr {
            th scope="row" {
                (called(&provider.naming, &provider.connection_id))
                @if provider.naming.is_named() { br; code { (text(&provider.connection_id)) } }
            }
            td { span.held[needs_somebody] { (said(&standing)) } }
            td { (text(provider.connection_state.as_deref().unwrap_or("–"))) }
            td { code { (text(&provider.provider_name)) } }
            td { (text(&offered_by)) }
        }
    }
}
