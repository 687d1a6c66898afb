//! Steps, as a plan has them and a run did them: a diff that reads from top to bottom.
//!
//! ```text
//! ~ update "Acme" (Okta …1A2B3C), conn-01E4... HELD BACK
//!     the identifiers differ
//!     ~ identifiers
//!         - conn_01E4..., org_01E4...
//!         + conn_01E4...
//! ```

use std::{collections::BTreeMap, fmt::Write};

use anstyle::Style;
use causeway_core::naming::Naming;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    failure::Failure,
    shown::{
        self,
        style::{ADDED, CHANGED, REMOVED, STRONG},
    },
};

/// One step.
#[derive(Debug, Clone, Deserialize)]
pub struct Step {
    pub(crate) action: String,
    #[serde(default)]
    pub(crate) connection_id: Option<String>,
    #[serde(flatten)]
    pub(crate) naming: Naming,
    pub(crate) provider_name: String,
    pub(crate) app_client_id: Option<String>,
    pub(crate) reason: String,
    #[serde(default)]
    pub(crate) changes: Vec<Change>,
    /// Whether the guard holds it back.
    #[serde(default)]
    pub held: bool,
}

/// What changes of one field.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Change {
    pub(crate) field: String,
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
}

/// Something that was left out.
#[derive(Debug, Clone, Deserialize)]
pub struct Note {
    pub(crate) connection_id: Option<String>,
    #[serde(flatten)]
    pub(crate) naming: Naming,
    pub(crate) provider_name: Option<String>,
    pub(crate) message: String,
}

/// A plan.
#[derive(Debug, Clone, Deserialize)]
pub struct Plan {
    /// What it means for those who sign in; empty where an older API does not say.
    #[serde(default)]
    pub(crate) summary: String,
    /// The hash of the held steps.
    pub hash: String,
    /// All steps, in order.
    pub steps: Vec<Step>,
    #[serde(default)]
    pub(crate) notes: Vec<Note>,
}

impl Plan {
    /// Reads a plan.
    pub fn read(answer: &Value) -> Result<Self, Failure> {
        shown::read(answer, "a plan")
    }

    /// How many steps are held back.
    pub fn held(&self) -> usize {
        self.steps.iter().filter(|step| step.held).count()
    }

    /// The plan of a user pool.
    pub fn text(&self, tenant: &str, user_pool: &str) -> String {
        let mut text = list(&self.steps);
        if !self.steps.is_empty() {
            text.push('\n');
            if !self.summary.is_empty() {
                text = format!("{STRONG}{}{STRONG:#}\n\n{text}", self.summary);
            }
        }
        text.push_str(&notes(&self.notes));
        let _ = writeln!(text, "{STRONG}{}{STRONG:#}", self.in_numbers());
        if self.held() > 0 {
            let _ = writeln!(text, "The steps that are held back wait for an approval, if they are meant:");
            let _ = writeln!(text, "  causeway approve {tenant} {user_pool} --hash {}", self.hash);
        }
        text
    }

    fn in_numbers(&self) -> String {
        if self.steps.is_empty() {
            return "Nothing to do: the user pool is in line.".to_owned();
        }
        format!("{}.", summary(&self.steps))
    }
}

/// What steps these are: `3 steps: 2 create, 1 wire; 1 is held back`.
pub fn summary(steps: &[Step]) -> String {
    let mut by_action = BTreeMap::<&str, usize>::new();
    for step in steps {
        *by_action.entry(&step.action).or_default() += 1;
    }
    let actions: Vec<String> = by_action.iter().map(|(action, number)| format!("{number} {action}")).collect();
    let held = match steps.iter().filter(|step| step.held).count() {
        0 => String::new(),
        1 => "; 1 is held back".to_owned(),
        held => format!("; {held} are held back"),
    };
    format!("{}: {}{held}", shown::count(steps.len(), "step", "steps"), actions.join(", "))
}

/// Steps in their order.
pub fn list(steps: &[Step]) -> String {
    steps.iter().map(Step::text).collect()
}

/// What was left out, with an empty line behind it.
pub fn notes(notes: &[Note]) -> String {
    let mut text = String::new();
    for note in notes {
        let subject = note.connection_id.as_ref().map(|id| note.naming.called(id).to_string());
        let subject = subject.or_else(|| note.provider_name.clone());
        let subject = subject.map(|subject| format!("{subject}: ")).unwrap_or_default();
        let _ = writeln!(text, "{CHANGED}note:{CHANGED:#} {subject}{}", note.message);
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

impl Step {
    /// Whether it is of one of these connections; of none in particular, it is.
    pub fn is_of(&self, connections: &[String]) -> bool {
        connections.is_empty() || self.connection_id.as_ref().is_some_and(|id| connections.contains(id))
    }

    fn text(&self) -> String {
        let (mark, style) = mark(&self.action);
        let held = if self.held { format!(" {CHANGED}HELD BACK{CHANGED:#}") } else { String::new() };
        let called = self.connection_id.as_deref().filter(|_| self.naming.is_named());
        let called = called.map(|id| format!("{}, ", self.naming.called(id))).unwrap_or_default();
        let (action, provider, place) = (&self.action, &self.provider_name, self.place());
        let mut text = format!("{style}{mark} {action}{style:#} {called}{provider}{place}{held}\n");
        let _ = writeln!(text, "    {}", self.reason);
        for change in &self.changes {
            text.push_str(&change.text());
        }
        text
    }

    fn place(&self) -> String {
        let client = self.app_client_id.as_deref();
        client.map(|client| format!(" in the app client {client}")).unwrap_or_default()
    }
}

/// The sign in front of a step, and its colour.
fn mark(action: &str) -> (char, Style) {
    match action {
        "create" | "wire" => ('+', ADDED),
        "unwire" | "delete" | "forget" => ('-', REMOVED),
        "update" => ('~', CHANGED),
        _ => ('*', STRONG),
    }
}

impl Change {
    fn text(&self) -> String {
        let line = |style: Style, text: &str| format!("{style}{text}{style:#}\n");
        let field = &self.field;
        match (&self.before, &self.after) {
            (None, Some(after)) => format!("    {}", line(ADDED, &format!("+ {field}: {after}"))),
            (Some(before), None) => format!("    {}", line(REMOVED, &format!("- {field}: {before}"))),
            (Some(before), Some(after)) => [
                format!("    {}", line(CHANGED, &format!("~ {field}"))),
                format!("        {}", line(REMOVED, &format!("- {before}"))),
                format!("        {}", line(ADDED, &format!("+ {after}"))),
            ]
            .concat(),
            (None, None) => format!("    {}", line(CHANGED, &format!("~ {field}"))),
        }
    }
}
