//! One registration by an onboarding link after the other: what a tenant's links may register is counted, and the count
//! must still be right when the user pool is written.

use std::time::Duration;

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use causeway_core::{id::TenantId, timestamp::Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Store, StoreError, key::Key, number, text, write};

/// How long it is kept which registration was the last: longer than any request lasts.
const KEPT: Duration = Duration::from_hours(1);

/// A registration by a link, as the table has the last one of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Registration {
    /// A random number that tells it from all others.
    number: String,
}

/// The turn of one registration: it holds until another one was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationTurn {
    last: Option<Registration>,
    own: Registration,
}

impl Store {
    /// A turn to register one more user pool of a tenant, to be asked for before its pools are counted. `number` is random.
    pub async fn registration_turn(&self, tenant: &TenantId, number: u128) -> Result<RegistrationTurn, StoreError> {
        let last = self.get(&Key::registration(tenant), true).await?;
        Ok(RegistrationTurn { last, own: Registration { number: format!("{number:032x}") } })
    }

    /// Takes the turn, as a part of a transaction: its condition is that nobody took one since it was given.
    pub(crate) fn take_turn(
        &self,
        tenant: &TenantId,
        turn: &RegistrationTurn,
        now: Timestamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let key = Key::registration(tenant);
        let mut item = write(&turn.own, &key)?;
        item.insert("expires_at".to_owned(), number(now.plus(KEPT).seconds()));
        let put = Put::builder().table_name(&self.table).set_item(Some(item));
        let put = match &turn.last {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(last) => put
                .condition_expression("#number = :last")
                .expression_attribute_names("#number", "number")
                .expression_attribute_values(":last", text(&last.number)),
        };
        let put = put.build().map_err(|source| StoreError::unreadable(&key, source))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}
