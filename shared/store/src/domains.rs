//! What the lookup answers: an item for each domain that a pool knows.

use std::collections::BTreeMap;

use causeway_core::{id::UserPoolId, lookup::KnownDomain};

use crate::{Store, StoreError, Unreadable, key::Key};

const PREFIX: &str = "DOMAIN#";

impl Store {
    /// What a pool answers for a domain in its ASCII form, as it was a moment ago.
    pub async fn known_domain(&self, pool: &UserPoolId, domain: &str) -> Result<Option<KnownDomain>, StoreError> {
        self.get(&Key::domain(pool, domain), false).await
    }

    /// All domains that are kept of a pool, whoever's it was, with what is answered for each; none where that can't be
    /// read.
    pub async fn known_domains(&self, pool: &UserPoolId) -> Result<BTreeMap<String, Option<KnownDomain>>, StoreError> {
        let found = self.query_all::<KnownDomain>(&Key::domain(pool, "").partition, PREFIX).await?;
        let readable = found.items.into_iter().map(|known| (known.domain.clone(), Some(known)));
        // The key tells the domain even where nothing else does.
        let domain = |unreadable: &Unreadable| Some(unreadable.item.split_once(&format!("/{PREFIX}"))?.1.to_owned());
        Ok(readable.chain(found.unreadable.iter().filter_map(domain).map(|domain| (domain, None))).collect())
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
