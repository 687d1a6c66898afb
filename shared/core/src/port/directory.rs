//! WorkOS, as a run sees it.

use std::{error::Error, fmt};

use secrecy::SecretString;

use crate::{connection::WorkosSnapshot, health::ErrorClass, id::ConnectionId};

/// WorkOS could not be asked, or refused.
#[derive(Debug)]
pub struct DirectoryError {
    class: ErrorClass,
    cause: Box<dyn Error + Send + Sync>,
}

impl DirectoryError {
    /// A failure of this class, and what it came from.
    pub fn new(class: ErrorClass, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { class, cause: cause.into() }
    }

    /// The class of the failure.
    pub fn class(&self) -> ErrorClass {
        self.class
    }
}

impl fmt::Display for DirectoryError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(formatter)
    }
}

impl Error for DirectoryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}

/// The connections and organizations of WorkOS environments, each reached with its API key.
pub trait Directory: fmt::Debug + Clone + Send + Sync + 'static {
    /// All connections, and all organizations where they are asked for; complete or an error.
    fn snapshot(
        &self,
        key: &SecretString,
        with_organizations: bool,
    ) -> impl Future<Output = Result<WorkosSnapshot, DirectoryError>> + Send;

    /// Whether WorkOS says of a connection that it is asked for alone that there is none.
    fn connection_is_gone(
        &self,
        key: &SecretString,
        id: &ConnectionId,
    ) -> impl Future<Output = Result<bool, DirectoryError>> + Send;

    /// Deletes a webhook endpoint; one that is not there is deleted already.
    fn delete_webhook_endpoint(
        &self,
        key: &SecretString,
        id: &str,
    ) -> impl Future<Output = Result<(), DirectoryError>> + Send;
}
