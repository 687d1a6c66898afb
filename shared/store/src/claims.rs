//! Claims.

use causeway_core::{
    claim::Claim,
    id::{ConnectionId, UserPoolId},
    serving::ServingClaim,
};

use crate::{Found, Store, StoreError, key::Key, number, write};

impl Store {
    /// Every claim of a pool. Who leaves out one that can't be read takes its provider for one that somebody else made.
    pub async fn claims(&self, pool: &UserPoolId) -> Result<Found<Claim>, StoreError> {
        self.query_all(&format!("POOL#{pool}"), "CLAIM#").await
    }

    /// One claim, for its sign-ins, as it was written this moment: Cognito may ask as soon as it is.
    pub async fn serving_claim(
        &self,
        pool: &UserPoolId,
        connection: &ConnectionId,
    ) -> Result<Option<ServingClaim>, StoreError> {
        self.get(&Key::claim(pool, connection), true).await
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
