//! Requests that came with an `Idempotency-Key`.

use causeway_core::{idempotency::StoredRequest, timestamp::Timestamp};

use crate::{Store, StoreError, key::Key, number, text, write};

impl Store {
    /// Takes the key for a request; a conflict if it is in use at `now`.
    pub async fn begin_request(&self, lookup: &str, request: &StoredRequest, now: Timestamp) -> Result<(), StoreError> {
        let key = Key::request(lookup);
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(write(request, &key)?))
            .condition_expression("attribute_not_exists(pk) OR expires_at <= :now")
            .expression_attribute_values(":now", number(now.seconds()))
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("PutItem", error))?;
        Ok(())
    }

    /// The request that has the key at `now`.
    pub async fn request(&self, lookup: &str, now: Timestamp) -> Result<Option<StoredRequest>, StoreError> {
        let request: Option<StoredRequest> = self.get(&Key::request(lookup), true).await?;
        Ok(request.filter(|request| request.expires_at > now.seconds()))
    }

    /// Writes the answer of a request; a conflict if another attempt took its place.
    pub async fn finish_request(&self, lookup: &str, request: &StoredRequest) -> Result<(), StoreError> {
        let key = Key::request(lookup);
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(write(request, &key)?))
            .condition_expression("attempt = :attempt")
            .expression_attribute_values(":attempt", text(&request.attempt))
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("PutItem", error))?;
        Ok(())
    }

    /// Gives the key back at `now`, so that the request can be sent again; a conflict if another attempt took its
    /// place.
    pub async fn forget_request(&self, lookup: &str, attempt: &str, now: Timestamp) -> Result<(), StoreError> {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::request(lookup).attributes()))
            .update_expression("SET expires_at = :now")
            .condition_expression("attempt = :attempt")
            .expression_attribute_values(":now", number(now.seconds()))
            .expression_attribute_values(":attempt", text(attempt))
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("UpdateItem", error))?;
        Ok(())
    }
}
