//! The deployment's key of the MACs of codes and access tokens.

use causeway_core::tenant::Sealed;
use serde::{Deserialize, Serialize};

use crate::{Store, StoreError, key::Key};

#[derive(Serialize, Deserialize)]
pub(crate) struct StoredKey {
    sealed: Sealed,
}

impl Store {
    /// The key, sealed, once there is one.
    pub async fn bearer_key(&self) -> Result<Option<Sealed>, StoreError> {
        let stored: Option<StoredKey> = self.get(&Key::bearer_key(), true).await?;
        Ok(stored.map(|stored| stored.sealed))
    }

    /// Stores the first key. Where there is one already it is a conflict: that one is the deployment's.
    pub async fn put_bearer_key(&self, sealed: &Sealed) -> Result<(), StoreError> {
        self.put_once(&Key::bearer_key(), &StoredKey { sealed: sealed.clone() }).await
    }
}
