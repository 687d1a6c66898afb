//! What a check came to.

use serde::Serialize;

/// Whether what a check is about is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is as the documents say.
    Holds,
    /// It is otherwise.
    Differs,
    /// It could not be seen.
    CannotTell,
}

impl Outcome {
    /// For people.
    #[must_use]
    pub fn shown(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Differs => "differs",
            Self::CannotTell => "can't tell",
        }
    }
}

/// An outcome with what was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The outcome.
    pub outcome: Outcome,
    /// What was seen, or why nothing was.
    pub seen: Vec<String>,
}

impl Finding {
    /// It is so if `holds` is true.
    pub(crate) fn of(holds: bool, seen: impl Into<String>) -> Self {
        Self { outcome: if holds { Outcome::Holds } else { Outcome::Differs }, seen: vec![seen.into()] }
    }

    /// Nothing could be seen.
    pub(crate) fn cannot_tell(why: impl Into<String>) -> Self {
        Self { outcome: Outcome::CannotTell, seen: vec![why.into()] }
    }

    /// With something else that was seen.
    pub(crate) fn and(mut self, seen: impl Into<String>) -> Self {
        self.seen.push(seen.into());
        self
    }

    /// Both: the worse outcome, and what was seen of each.
    pub(crate) fn with(mut self, other: Self) -> Self {
        self.outcome = self.outcome.max(other.outcome);
        self.seen.extend(other.seen);
        self
    }
}
