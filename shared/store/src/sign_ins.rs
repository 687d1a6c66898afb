//! Sign-ins on their way: long states, the claims that a code stands for, and those that an access token shows.

use aws_sdk_dynamodb::types::ReturnValue;
use causeway_core::{
    id::{ConnectionId, TenantId, UserPoolId},
    timestamp::Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::{Store, StoreError, key::Key, number, read, text};

/// A code's item. `sealed` opens with the code alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoredCode {
    /// The tenant that it was given out for.
    pub tenant_id: TenantId,
    /// The pool.
    pub user_pool_id: UserPoolId,
    /// The connection.
    pub connection_id: ConnectionId,
    /// The redirect URI.
    pub redirect_uri: String,
    /// The encrypted claims.
    pub sealed: String,
    /// When it ends, in seconds since 1970; also DynamoDB's TTL.
    pub expires_at: i64,
}

/// An access token's item. `sealed` opens with the token alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoredAccess {
    /// The tenant that it was given out for.
    pub tenant_id: TenantId,
    /// The pool.
    pub user_pool_id: UserPoolId,
    /// The connection.
    pub connection_id: ConnectionId,
    /// The encrypted claims.
    pub sealed: String,
    /// When it ends, in seconds since 1970; also DynamoDB's TTL.
    pub expires_at: i64,
}

/// The item of a state that is too long to go through the browser. `sealed` opens with its key alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoredState {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The encrypted state.
    pub sealed: String,
    /// When it ends, in seconds since 1970; also DynamoDB's TTL.
    pub expires_at: i64,
}

impl Store {
    /// Stores a state under the hash of its key.
    pub async fn put_state(&self, lookup: &str, state: &StoredState) -> Result<(), StoreError> {
        self.put_once(&Key::state(lookup), state).await
    }

    /// Takes a state's item away and returns it, only if it is of this tenant and has not ended at `now`; of two that
    /// try, one gets it.
    pub async fn take_state(
        &self,
        lookup: &str,
        tenant: &TenantId,
        now: Timestamp,
    ) -> Result<Option<StoredState>, StoreError> {
        let answer = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(Key::state(lookup).attributes()))
            .condition_expression("tenant_id = :tenant AND expires_at > :now")
            .expression_attribute_values(":tenant", text(tenant))
            .expression_attribute_values(":now", number(now.seconds()))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("DeleteItem", error));
        match answer {
            Ok(answer) => answer.attributes.map(read).transpose(),
            Err(error) if error.is_conflict() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Stores what a code stands for, under the code's hash.
    pub async fn put_code(&self, lookup: &str, code: &StoredCode) -> Result<(), StoreError> {
        self.put_once(&Key::code(lookup), code).await
    }

    /// Stores what an access token shows, under the token's hash.
    pub async fn put_access(&self, lookup: &str, access: &StoredAccess) -> Result<(), StoreError> {
        self.put_once(&Key::access(lookup), access).await
    }

    /// Takes a code's item away and returns it, only if it is for exactly this tenant, pool, connection
    /// and redirect URI and has not ended at `now`; of two that try, one gets it.
    pub async fn take_code(
        &self,
        lookup: &str,
        tenant: &TenantId,
        pool: &UserPoolId,
        connection: &ConnectionId,
        redirect_uri: &str,
        now: Timestamp,
    ) -> Result<Option<StoredCode>, StoreError> {
        let key = Key::code(lookup);
        let answer = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .condition_expression(
                "tenant_id = :tenant AND user_pool_id = :pool AND connection_id = :connection \
                 AND redirect_uri = :redirect_uri AND expires_at > :now",
            )
            .expression_attribute_values(":tenant", text(tenant))
            .expression_attribute_values(":pool", text(pool))
            .expression_attribute_values(":connection", text(connection))
            .expression_attribute_values(":redirect_uri", text(redirect_uri))
            .expression_attribute_values(":now", number(now.seconds()))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("DeleteItem", error));
        match answer {
            Ok(answer) => answer.attributes.map(read).transpose(),
            Err(error) if error.is_conflict() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// An access token's item, if it has not ended at `now`.
    pub async fn access(&self, lookup: &str, now: Timestamp) -> Result<Option<StoredAccess>, StoreError> {
        let access: Option<StoredAccess> = self.get(&Key::access(lookup), true).await?;
        Ok(access.filter(|access| access.expires_at > now.seconds()))
    }
}
