//! Why something could not be done.

use std::borrow::Cow;

use causeway_queue::QueueError;
use causeway_store::{SealError, StoreError};
use causeway_workos::WorkosError;

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
pub enum TenancyError {
    /// A value breaks a rule.
    #[error("{rule}")]
    Invalid {
        /// The field that has the value, as the API names it.
        field: Cow<'static, str>,
        /// The rule.
        rule: String,
    },
    /// What it is about does not exist, or is another tenant's.
    #[error("there is nothing here: check the tenant ID and the user pool ID")]
    NotFound,
    /// It does not fit the present state; the text says what to do.
    #[error("{0}")]
    Conflict(String),
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key of KMS.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// WorkOS.
    #[error(transparent)]
    Workos(#[from] WorkosError),
    /// The queue.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl TenancyError {
    /// A value that breaks a rule.
    pub fn invalid(field: impl Into<Cow<'static, str>>, rule: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), rule: rule.into() }
    }

    /// Something that does not fit the present state.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::Conflict(detail.into())
    }
}
