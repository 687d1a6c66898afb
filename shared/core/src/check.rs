//! The checks that `verify` runs before a pool becomes active, and what they find in a pool's settings.

mod claim;
mod clients;
mod mapping;
mod settings;
mod test_organization;
mod unnamed;

pub use claim::never_sent;
pub use clients::{MOST_CHECKED, check_all, check_named, not_there};
pub use mapping::check_mapping;
pub use settings::AppClientSettings;
pub use test_organization::check_test_organization;
pub use unnamed::check_unnamed;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcome {
    /// As it should be.
    Pass,
    /// Works, with a reservation.
    Warn,
    /// Must be mended first.
    Fail,
    /// In a way that a later version knows, in what it recorded. It holds for nothing.
    #[serde(other)]
    Unknown,
}

/// One check with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// A stable name, such as `role_external_id`.
    pub name: String,
    /// How it came out.
    pub outcome: CheckOutcome,
    /// What was found.
    pub message: String,
    /// What to do about it; empty where nothing is.
    pub remedy: String,
}

impl Check {
    /// A check that passed.
    pub fn pass(name: &str, message: impl Into<String>) -> Self {
        Self::new(name, CheckOutcome::Pass, message, "")
    }

    /// A check that passed with a reservation.
    pub fn warn(name: &str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(name, CheckOutcome::Warn, message, remedy)
    }

    /// A check that failed.
    pub fn fail(name: &str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(name, CheckOutcome::Fail, message, remedy)
    }

    fn new(name: &str, outcome: CheckOutcome, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name: name.to_owned(), outcome, message: message.into(), remedy: remedy.into() }
    }
}

/// Whether a pool with these checks may become active: each of them passed, be it with a reservation.
pub fn all_hold(checks: &[Check]) -> bool {
    let holds = |check: &Check| matches!(check.outcome, CheckOutcome::Pass | CheckOutcome::Warn);
    !checks.is_empty() && checks.iter().all(holds)
}
