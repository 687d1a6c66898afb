//! What is known of the providers of a pool that Causeway did not make: described once, and again when
//! their date moves, so that an identifier they hold is known without asking each time.

use std::collections::{BTreeMap, BTreeSet};

use causeway_core::{
    id::{Identifier, ProviderName, UserPoolId},
    timestamp::Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::{Store, StoreError, key::Key, write};

/// A provider that Causeway did not make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignProvider {
    /// Its date when it was described.
    pub last_modified: Timestamp,
    /// Its identifiers then.
    pub identifiers: BTreeSet<Identifier>,
}

/// All of them, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignProviders {
    /// By name.
    pub providers: BTreeMap<ProviderName, ForeignProvider>,
}

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
