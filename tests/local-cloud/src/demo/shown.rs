//! How the demo tells what happens: names first, one line for each thing.

use crate::cloud::Cloud;
use causeway_machine::progress::say;
use causeway_machine::terminal::{Look, look};
use serde_json::Value;

/// As much of an answer as fits a line.
const LONGEST: usize = 100;

/// Begins a step.
pub fn heading(number: u32, what: &str) {
    say(&format!("\n{}", look(Look::Heading, &format!("{number:>2}  {what}"))));
}

/// A thing and its name.
pub fn fact(what: &str, value: &str) {
    say(&format!("    {what:<16} {value}"));
}

/// Something that held.
pub fn held(what: &str) {
    say(&format!("  {} {what}", look(Look::Good, "✓")));
}

/// Something that was refused, as it must be.
pub fn refused(what: &str, why: &str) {
    let why: String = why.chars().take(LONGEST).collect();
    say(&format!("  {} {what}\n      {}", look(Look::Good, "✓"), look(Look::Aside, &why)));
}

/// Why an answer refuses, in its own words.
pub fn reason(answer: &str) -> String {
    let Ok(parsed) = serde_json::from_str::<Value>(answer) else { return answer.to_owned() };
    let named = ["detail", "error_description", "message", "error", "title"];
    let said = named.into_iter().find_map(|name| parsed[name].as_str());
    said.map_or_else(|| answer.to_owned(), str::to_owned)
}

/// Where a request of the browser goes: who answers, and the path, without a query.
pub fn hop(cloud: &Cloud, application: &str, url: &str) -> String {
    let url = url.split('?').next().unwrap_or_default();
    let known = [
        (cloud.api_url.as_str(), "Causeway"),
        (cloud.workos_url.as_str(), "WorkOS"),
        (application, "application"),
        (cloud.strict_endpoint.as_str(), "Cognito"),
        (cloud.aws_endpoint.as_str(), "Cognito"),
    ];
    // Cognito sends the browser back by this name of the same machine.
    let named = url.replacen("//localhost:", "//127.0.0.1:", 1);
    let found = known.into_iter().find_map(|(base, who)| {
        let path = url.strip_prefix(base).or_else(|| named.strip_prefix(base))?;
        Some((who, path.to_owned()))
    });
    let (who, path) = found.unwrap_or(("", url.to_owned()));
    format!("    {who:<16} {path}")
}

#[cfg(test)]
mod tests {
    use super::reason;

    #[test]
    fn a_refusal_is_told_in_its_own_words() {
        assert_eq!(reason(r#"{"title": "Unauthorized", "detail": "no signature"}"#), "no signature");
        assert_eq!(reason(r#"{"error": "invalid_grant"}"#), "invalid_grant");
        assert_eq!(reason("plain"), "plain");
    }
}
