//! What the lookup answers: an item for each domain that a pool knows.

use std::collections::BTreeMap;

use causeway_core::{id::UserPoolId, lookup::KnownDomain};
use serde::{Deserialize, Deserializer};

use crate::{Store, StoreError, key::Key};

const PREFIX: &str = "DOMAIN#";

/// An item with its sort key, which tells the domain even where nothing else does.
struct Item {
    key: String,
    known: Option<KnownDomain>,
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let item = serde_json::Map::deserialize(deserializer)?;
        let key = item.get("sk").and_then(|key| key.as_str()).unwrap_or_default().to_owned();
        Ok(Self { key, known: serde_json::from_value(item.into()).ok() })
    }
}

impl Store {
    /// What a pool answers for a domain in its ASCII form, as it was a moment ago.
    pub async fn known_domain(&self, pool: &UserPoolId, domain: &str) -> Result<Option<KnownDomain>, StoreError> {
        self.get(&Key::domain(pool, domain), false).await
    }

    /// All domains that are kept of a pool, whoever's it was, with what is answered for each; none where that can't be
    /// read.
    pub async fn known_domains(&self, pool: &UserPoolId) -> Result<BTreeMap<String, Option<KnownDomain>>, StoreError> {
        let items: Vec<Item> = self.query_all(&Key::domain(pool, "").partition, PREFIX).await?;
        let items = items.into_iter();
        Ok(items.map(|Item { key, known }| (key.trim_start_matches(PREFIX).to_owned(), known)).collect())
    }

    /// Keeps a domain of a pool, in place of what was kept of it.
    pub async fn put_known_domain(&self, pool: &UserPoolId, known: &KnownDomain) -> Result<(), StoreError> {
        self.put(&Key::domain(pool, &known.domain), known).await
    }

    /// Forgets a domain of a pool.
    pub async fn delete_known_domain(&self, pool: &UserPoolId, domain: &str) -> Result<(), StoreError> {
        let request = self.client.delete_item().table_name(&self.table);
        let request = request.set_key(Some(Key::domain(pool, domain).attributes()));
        request.send().await.map_err(|error| StoreError::from_sdk("DeleteItem", error))?;
        Ok(())
    }
}
