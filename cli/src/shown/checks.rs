//! What `verify` found.

use std::fmt::Write;

use serde::Deserialize;
use serde_json::Value;

use crate::{
    failure::Failure,
    shown::{
        self,
        style::{CHANGED, REMOVED, STRONG},
        table,
    },
};

/// The checks that end with the others of their row not run, where they fail, in their order. Each row ends with one that
/// always runs where none of them fails.
const ROWS: [&[&str]; 2] = [
    &["workos_api_key", "workos_callback", "workos_webhook"],
    &[
        "role_assumable",
        "role_requires_external_id",
        "user_pool",
        "user_pool_domain",
        "attribute_mapping",
        "app_clients",
        "role_permissions",
    ],
];

/// The checks of a user pool.
#[derive(Debug, Deserialize)]
pub struct Verified {
    status: String,
    checks: Vec<Check>,
}

#[derive(Debug, Deserialize)]
struct Check {
    name: String,
    outcome: String,
    message: String,
    remedy: String,
}

impl Verified {
    /// Whether a check fails.
    pub fn fails(&self) -> bool {
        self.checks.iter().any(|check| check.outcome == "fail")
    }

    /// The checks as a table, and under it what to do: whole, so that a policy or a command can be copied.
    pub fn text(&self, width: u16) -> String {
        let rows = self.checks.iter().map(|check| {
            let outcome = if check.outcome == "pass" { "ok".to_owned() } else { check.outcome.to_uppercase() };
            vec![outcome, check.name.clone(), check.message.clone()]
        });
        let mut text = table::wrapped_table(&["OUTCOME", "CHECK", "MESSAGE"], rows, width);
        for check in self.checks.iter().filter(|check| !check.remedy.is_empty()) {
            let style = if check.outcome == "fail" { REMOVED } else { CHANGED };
            let _ = writeln!(text, "\n{style}To do for {}:{style:#}\n{}", check.name, check.remedy);
        }
        for (failed, others) in self.not_run() {
            let checks = shown::count(others.len(), "check", "checks");
            let told = format!("{checks} did not run, since {failed} fails: {}", others.join(", "));
            let _ = write!(text, "\n{}", shown::wrapped(&told, usize::from(width), ""));
        }
        let _ = writeln!(text, "\n{STRONG}{}{STRONG:#}", self.verdict());
        text
    }

    /// The checks that did not run, by the one that ended their row.
    fn not_run(&self) -> Vec<(&'static str, Vec<&'static str>)> {
        let outcome = |name: &str| self.checks.iter().find(|check| check.name == name).map(|check| &check.outcome);
        let ended = |row: &&'static [&'static str]| {
            let last = row.iter().rposition(|name| outcome(name).is_some_and(|outcome| outcome == "fail"))?;
            let others: Vec<&str> = row[last + 1..].iter().copied().filter(|name| outcome(name).is_none()).collect();
            let is_ended = row.last().is_some_and(|name| others.contains(name));
            is_ended.then_some((row[last], others))
        };
        ROWS.iter().filter_map(ended).collect()
    }

    fn verdict(&self) -> String {
        let failing = self.checks.iter().filter(|check| check.outcome == "fail").count();
        let checks = shown::count(self.checks.len(), "check", "checks");
        match failing {
            0 => format!("The user pool is {}: none of {checks} fails.", self.status),
            _ => format!("The user pool is {}: {failing} of {checks} fail.", self.status),
        }
    }
}

/// What `verify` says of app clients that the pool does not name and that offer its providers.
pub fn unnamed(answer: &Value) -> Vec<Value> {
    let checks = answer["checks"].as_array().into_iter().flatten();
    let unnamed = checks.filter(|check| check["name"] == "app_clients_unnamed");
    unnamed.map(|check| check["message"].clone()).collect()
}

/// The same for people; nothing where there is none.
pub fn left(messages: &[Value]) -> String {
    let lines = messages.iter().filter_map(Value::as_str).map(|message| format!("  {message}\n"));
    let lines: String = lines.collect();
    if lines.is_empty() {
        return lines;
    }
    let what = "Cognito keeps the names of deleted providers in these, and refuses to change them then:";
    format!("{what}\n{lines}  Take them out with `operate/clear-app-client`.\n")
}

/// Reads what `verify` answered.
pub fn read(answer: &Value) -> Result<Verified, Failure> {
    shown::read(answer, "the checks")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(checks: &[(&str, &str)]) -> String {
        let checks: Vec<Value> = checks
            .iter()
            .map(|(name, outcome)| json!({ "name": name, "outcome": outcome, "message": "m", "remedy": "" }))
            .collect();
        let verified: Verified = shown::read(&json!({ "status": "pending", "checks": checks }), "the checks").unwrap();
        verified.text(200)
    }

    #[test]
    fn it_is_said_how_many_checks_did_not_run_and_why() {
        let all: Vec<(&str, &str)> = ROWS.iter().flat_map(|row| row.iter().map(|name| (*name, "pass"))).collect();
        assert!(!text(&all).contains("did not run"));
        let denied = text(&[
            ("workos_api_key", "pass"),
            ("workos_callback", "pass"),
            ("workos_webhook", "pass"),
            ("role_assumable", "fail"),
        ]);
        assert!(
            denied.contains("6 checks did not run, since role_assumable fails: role_requires_external_id, "),
            "{denied}"
        );
        let open =
            text(&[("workos_api_key", "fail"), ("role_assumable", "pass"), ("role_requires_external_id", "fail")]);
        assert!(
            open.contains("2 checks did not run, since workos_api_key fails: workos_callback, workos_webhook"),
            "{open}"
        );
        assert!(open.contains("5 checks did not run, since role_requires_external_id fails: user_pool, "), "{open}");
        // One that ends nothing.
        let mut failing = all;
        failing.retain(|(name, _)| *name != "app_clients");
        failing.iter_mut().filter(|(name, _)| *name == "user_pool_domain").for_each(|check| check.1 = "fail");
        assert!(!text(&failing).contains("did not run"), "{}", text(&failing));
    }

    #[test]
    fn the_checks_that_end_others_are_those_of_the_api() {
        const SOURCES: [&str; 4] = [
            include_str!("../../../shared/tenancy/src/verify_workos.rs"),
            include_str!("../../../shared/tenancy/src/verify_pool.rs"),
            include_str!("../../../shared/core/src/check/mapping.rs"),
            include_str!("../../../shared/core/src/check/clients.rs"),
        ];
        for name in ROWS.iter().flat_map(|row| row.iter()) {
            assert!(SOURCES.iter().any(|source| source.contains(&format!("&str = \"{name}\""))), "{name}");
        }
    }
}
