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
        let _ = writeln!(text, "\n{STRONG}{}{STRONG:#}", self.verdict());
        text
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
