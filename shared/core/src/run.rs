//! What a run did, for people.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    health::{ErrorClass, HealthState},
    id::ConnectionId,
    plan::Note,
    plan::Step,
    timestamp::Timestamp,
    wake_up::Cause,
};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing had to be done.
    NoChange,
    /// All that was planned was done.
    Changed,
    /// Some steps failed or were held back; the others were done.
    Partial,
    /// Time ran out; the next run goes on.
    OutOfTime,
    /// Both sides could not be seen completely; nothing was done.
    Failed,
}

/// A step that failed, or the look that did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Failure {
    /// The connection that it concerns; none where it concerns the whole run.
    pub connection_id: Option<ConnectionId>,
    /// What was tried.
    pub attempted: String,
    /// The class.
    pub class: ErrorClass,
    /// What went wrong, for people.
    pub message: String,
}

/// The report of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunReport {
    /// A ULID; later runs sort after earlier ones.
    pub id: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// Why it ran.
    pub cause: Cause,
    /// How it ended.
    pub outcome: Outcome,
    /// The steps that were done, and those that were held back.
    pub steps: Vec<Step>,
    /// What failed.
    pub failures: Vec<Failure>,
    /// What was left out, and why.
    #[serde(default)]
    pub notes: Vec<Note>,
    /// How many steps, failures and notes were left out to keep the report below its size.
    #[serde(default)]
    pub omitted: usize,
}

/// The most that a report may take, in bytes: DynamoDB refuses items over 400 KB.
const LARGEST: usize = 300_000;

impl RunReport {
    /// The health that the run left its pool in: its worst failure, else that steps are held back.
    pub fn health(&self) -> HealthState {
        match self.failures.iter().map(|failure| failure.class).max() {
            Some(class) => class.into(),
            None if self.steps.iter().any(|step| step.held) => HealthState::Held,
            None => HealthState::Ok,
        }
    }

    /// Leaves the end of the longest lists out until the report is small enough to store.
    #[must_use]
    pub fn within_size(mut self) -> Self {
        while serde_json::to_vec(&self).is_ok_and(|bytes| bytes.len() > LARGEST) {
            let (steps, failures, notes) = (self.steps.len(), self.failures.len(), self.notes.len());
            let before = steps + failures + notes;
            if steps >= failures && steps >= notes {
                self.steps.truncate(steps / 2);
            } else if failures >= notes {
                self.failures.truncate(failures / 2);
            } else {
                self.notes.truncate(notes / 2);
            }
            let after = self.steps.len() + self.failures.len() + self.notes.len();
            self.omitted += before - after;
            if before == after {
                break;
            }
        }
        self
    }
}
