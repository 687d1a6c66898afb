//! What is remembered of the providers of a pool that Causeway did not make.

use causeway_core::{foreign::ForeignProviders, id::UserPoolId};

use crate::{Store, StoreError, key::Key, write};

impl Store {
    /// What is remembered of a pool's foreign providers.
    pub async fn foreign_providers(&self, pool: &UserPoolId) -> Result<ForeignProviders, StoreError> {
        Ok(self.get(&Key::foreign(pool), true).await?.unwrap_or_default())
    }

    /// Remembers them. Unconditional: the lease keeps two runs apart, and what is lost is described again.
    pub async fn put_foreign_providers(&self, pool: &UserPoolId, foreign: &ForeignProviders) -> Result<(), StoreError> {
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(write(foreign, &Key::foreign(pool))?))
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("PutItem", error))?;
        Ok(())
    }
}
