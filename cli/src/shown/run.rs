//! Reports of runs.

use std::fmt::Write;

use causeway_core::naming::Naming;
use serde::Deserialize;
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    failure::Failure,
    shown::{
        self,
        steps::{self, Note, Step},
        style::{REMOVED, STRONG},
        table,
    },
};

/// The report of one run.
#[derive(Debug, Clone, Deserialize)]
pub struct Run {
    pub(crate) id: String,
    pub(crate) started_at: String,
    pub(crate) finished_at: String,
    pub(crate) cause: String,
    pub(crate) outcome: String,
    #[serde(default)]
    pub(crate) steps: Vec<Step>,
    #[serde(default)]
    pub(crate) failures: Vec<Failed>,
    #[serde(default)]
    pub(crate) notes: Vec<Note>,
    #[serde(default)]
    pub(crate) omitted: usize,
}

/// A step that failed, or the look that did.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Failed {
    pub(crate) connection_id: Option<String>,
    #[serde(flatten)]
    pub(crate) naming: Naming,
    pub(crate) attempted: String,
    pub(crate) class: String,
    pub(crate) message: String,
}

impl Run {
    /// Reads a report.
    pub fn read(answer: &Value) -> Result<Self, Failure> {
        shown::read(answer, "a run")
    }

    /// How it ended.
    pub fn outcome(&self) -> &str {
        &self.outcome
    }

    fn held(&self) -> usize {
        self.steps.iter().filter(|step| step.held).count()
    }

    /// The whole report.
    pub fn text(&self) -> String {
        let mut text = steps::list(&self.steps);
        for failed in &self.failures {
            let connection = failed.connection_id.as_ref().map(|id| format!(" for {}", failed.naming.called(id)));
            let connection = connection.unwrap_or_default();
            let _ = writeln!(text, "{REMOVED}! {}{connection} failed ({}){REMOVED:#}", failed.attempted, failed.class);
            let _ = writeln!(text, "    {}", failed.message);
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&steps::notes(&self.notes));
        if self.omitted > 0 {
            let _ = writeln!(text, "{} left out of the report, which would be too large.", self.omitted);
        }
        let _ = writeln!(text, "{STRONG}{}{STRONG:#}", self.summary());
        text
    }

    fn summary(&self) -> String {
        let mut parts = Vec::new();
        if !self.steps.is_empty() {
            parts.push(steps::summary(&self.steps));
        }
        if !self.failures.is_empty() {
            parts.push(shown::count(self.failures.len(), "failure", "failures"));
        }
        let what = if parts.is_empty() { String::new() } else { format!(" {}.", parts.join("; ")) };
        let (id, cause) = (&self.id, &self.cause);
        format!("Run {id} ({cause}), {}, {}: {}.{what}", shown::time(&self.started_at), self.took(), self.outcome)
    }

    /// How long it took.
    pub(crate) fn took(&self) -> String {
        let moment = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
        match (moment(&self.started_at), moment(&self.finished_at)) {
            (Some(start), Some(end)) => format!("{:.1} s", (end - start).as_seconds_f64()),
            _ => "-".to_owned(),
        }
    }
}

/// A list of reports.
pub fn list(items: &[Value]) -> Result<String, Failure> {
    let mut rows = Vec::new();
    for item in items {
        let run = Run::read(item)?;
        // What it left undone, for whatever reason.
        let (held, failed) = (run.held(), run.failures.len());
        rows.push(vec![
            shown::minute(&run.started_at),
            run.cause.clone(),
            run.outcome.clone(),
            (run.steps.len() - held).to_string(),
            (held + failed).to_string(),
            run.id.clone(),
        ]);
    }
    let header = ["STARTED", "CAUSE", "OUTCOME", "DONE", "LEFT", "RUN"];
    Ok(table::fitting(&header, rows, &header))
}
