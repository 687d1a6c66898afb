//! Claims.

use causeway_core::{
    claim::Claim,
    id::{ConnectionId, UserPoolId},
};

use crate::{Store, StoreError, key::Key, number, write};

impl Store {
    /// Every claim of a pool. One that can't be read is an error, and not left out: without it its provider would be
    /// taken for one that somebody else made, which the connection then has to do without.
    pub async fn claims(&self, pool: &UserPoolId) -> Result<Vec<Claim>, StoreError> {
        self.query_all(&format!("POOL#{pool}"), "CLAIM#").await
    }

    /// One claim; `consistent` sees what was written this moment.
    pub async fn claim(
        &self,
        pool: &UserPoolId,
        connection: &ConnectionId,
        consistent: bool,
    ) -> Result<Option<Claim>, StoreError> {
        self.get(&Key::claim(pool, connection), consistent).await
    }

    /// Writes a claim that was read as `claim.version`, 0 for a new one, and returns it as it stands then.
    pub async fn put_claim(&self, pool: &UserPoolId, claim: &Claim) -> Result<Claim, StoreError> {
        let key = Key::claim(pool, &claim.connection_id);
        let changed = Claim { version: claim.version + 1, ..claim.clone() };
        let request = self.client.put_item().table_name(&self.table).set_item(Some(write(&changed, &key)?));
        let request = if claim.version == 0 {
            request.condition_expression("attribute_not_exists(pk)")
        } else {
            request.condition_expression("version = :read").expression_attribute_values(":read", number(claim.version))
        };
        request.send().await.map_err(|error| StoreError::from_sdk("PutItem", error))?;
        Ok(changed)
    }

    /// Drops a claim that was read as `claim.version`.
    pub async fn delete_claim(&self, pool: &UserPoolId, claim: &Claim) -> Result<(), StoreError> {
        self.client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(Key::claim(pool, &claim.connection_id).attributes()))
            .condition_expression("version = :read")
            .expression_attribute_values(":read", number(claim.version))
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("DeleteItem", error))?;
        Ok(())
    }
}
