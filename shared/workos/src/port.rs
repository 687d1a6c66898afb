//! WorkOS behind the reconciler's port.

use causeway_core::{
    connection::WorkosSnapshot,
    id::ConnectionId,
    port::{Directory, DirectoryError},
};
use secrecy::SecretString;

use crate::{Workos, WorkosError};

impl From<WorkosError> for DirectoryError {
    fn from(error: WorkosError) -> Self {
        Self::new(error.class(), error)
    }
}

impl Directory for Workos {
    async fn snapshot(&self, key: &SecretString, with_organizations: bool) -> Result<WorkosSnapshot, DirectoryError> {
        Ok(Self::snapshot(self, key, with_organizations).await?)
    }

    async fn connection_is_gone(&self, key: &SecretString, id: &ConnectionId) -> Result<bool, DirectoryError> {
        Ok(Self::connection_is_gone(self, key, id).await?)
    }

    async fn delete_webhook_endpoint(&self, key: &SecretString, id: &str) -> Result<(), DirectoryError> {
        Ok(Self::delete_webhook_endpoint(self, key, id).await?)
    }
}
