//! The table and the keys that seal what is secret in it. One DynamoDB table for everything; every change
//! is conditional, so that a stale copy never overwrites a newer one.

mod audit;
mod bearer_key;
mod claims;
mod domains;
mod due;
mod errands;
mod error;
mod foreign;
mod key;
mod kinds;
mod lease;
mod onboarding;
mod pools;
mod port;
mod registration;
mod removals;
mod requests;
mod runs;
mod seal;
mod sign_in_log;
mod sign_ins;
mod tenants;
mod unwell;
mod waiting;

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, KeysAndAttributes},
};
use aws_types::SdkConfig;
use causeway_core::timestamp::Timestamp;
use causeway_telemetry::{Metric, count};
use serde::{Serialize, de::DeserializeOwned};

pub use due::{DUE_SHARDS, DueCursor, DuePage, DuePool};
pub use errands::Errands;
pub use error::{StoreError, Unreadable};
pub use onboarding::{RecordedChecks, Session};
pub use port::StoredTable;
pub use registration::RegistrationTurn;
pub use seal::{SealError, Sealer};
pub use sign_in_log::SignInQuery;
pub use sign_ins::{StoredAccess, StoredCode, StoredState};
pub use unwell::{Unwell, UnwellPage, UnwellPool, UnwellQuery};
pub use waiting::StoredMark;

use key::Key;
use kinds::Stored;

type Item = HashMap<String, AttributeValue>;

/// A page of a list, and where the next one begins.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// What the page holds.
    pub items: Vec<T>,
    /// The items of the page that can't be read.
    pub unreadable: Vec<Unreadable>,
    /// The sort key after which the next page begins; none at the end.
    pub next: Option<String>,
}

/// All items of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<T> {
    /// Those that can be read.
    pub items: Vec<T>,
    /// Those that can't.
    pub unreadable: Vec<Unreadable>,
}

impl<T> Found<T> {
    /// None at all.
    pub const NOTHING: Self = Self { items: Vec::new(), unreadable: Vec::new() };

    /// Those that can be read. The others are told in the log, and keep nobody from going on with these.
    pub fn told(self) -> Vec<T> {
        tell(&self.unreadable);
        self.items
    }

    /// All of them: an error where one can't be read, since without it they are not all.
    pub fn all(self) -> Result<Vec<T>, StoreError> {
        match self.unreadable.into_iter().next() {
            Some(unreadable) => Err(unreadable.into()),
            None => Ok(self.items),
        }
    }
}

/// Tells in the log which items can't be read.
pub fn tell(unreadable: &[Unreadable]) {
    for Unreadable { item, error } in unreadable {
        tracing::error!(item, error, "an item of the table can't be read, and the others are still used");
    }
}

/// The table.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    table: String,
}

impl Store {
    /// A store over `table`.
    pub fn new(configuration: &SdkConfig, table: String) -> Self {
        Self { client: Client::new(configuration), table }
    }

    async fn get<T: Stored + DeserializeOwned>(&self, key: &Key, consistent: bool) -> Result<Option<T>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .consistent_read(consistent)
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("GetItem", error))?;
        answer.item.map(read).transpose()
    }

    /// The items that these keys have, in no order; without those of which there is none.
    async fn batch_get(&self, keys: Vec<Item>) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        // BatchGetItem takes at most 100 keys (DynamoDB API).
        for some in keys.chunks(100) {
            let mut wanted = Some(some.to_vec());
            while let Some(keys) = wanted.take().filter(|keys| !keys.is_empty()) {
                let request = KeysAndAttributes::builder()
                    .set_keys(Some(keys))
                    .build()
                    .map_err(|source| StoreError::unreadable(&Key::DIRECTORY, source))?;
                let answer = self
                    .client
                    .batch_get_item()
                    .request_items(&self.table, request)
                    .send()
                    .await
                    .map_err(|error| StoreError::from_sdk("BatchGetItem", error))?;
                items.extend(answer.responses.unwrap_or_default().into_values().flatten());
                wanted = answer
                    .unprocessed_keys
                    .and_then(|mut unprocessed| unprocessed.remove(&self.table))
                    .map(|keys| keys.keys);
            }
        }
        Ok(items)
    }

    /// Writes an item where none is.
    async fn put_once<T: Stored + Serialize>(&self, key: &Key, value: &T) -> Result<(), StoreError> {
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(write(value, key)?))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("PutItem", error))?;
        Ok(())
    }

    /// Writes an item, in place of an earlier one.
    async fn put<T: Stored + Serialize>(&self, key: &Key, value: &T) -> Result<(), StoreError> {
        self.put_item(write(value, key)?).await
    }

    /// Writes an item, in place of an earlier one, that DynamoDB deletes some time after `end`.
    async fn put_until<T: Stored + Serialize>(&self, key: &Key, value: &T, end: Timestamp) -> Result<(), StoreError> {
        let mut item = write(value, key)?;
        item.insert("expires_at".to_owned(), number(end.seconds()));
        self.put_item(item).await
    }

    async fn put_item(&self, item: Item) -> Result<(), StoreError> {
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("PutItem", error))?;
        Ok(())
    }
}

/// An item as the value that it holds; one that can't be read is named by its key.
fn read<T: Stored + DeserializeOwned>(item: Item) -> Result<T, StoreError> {
    let key = Key::of(&item);
    serde_dynamo::from_item(item).map_err(|source| {
        count(Metric::ItemsUnreadable);
        StoreError::unreadable(&key, source)
    })
}

/// Items as the values that they hold, and those that can't be read.
fn read_all<T: Stored + DeserializeOwned>(items: impl IntoIterator<Item = Item>) -> Found<T> {
    let mut found = Found::NOTHING;
    for item in items {
        let key = Key::of(&item);
        match read(item) {
            Ok(item) => found.items.push(item),
            Err(error) => found.unreadable.push(Unreadable::of(&key, &error)),
        }
    }
    found
}

fn write<T: Stored + Serialize>(value: &T, key: &Key) -> Result<Item, StoreError> {
    let mut item: Item = serde_dynamo::to_item(value).map_err(|source| StoreError::unreadable(key, source))?;
    item.extend(key.attributes());
    Ok(item)
}

fn attribute<T: Serialize>(value: &T, key: &Key) -> Result<AttributeValue, StoreError> {
    serde_dynamo::to_attribute_value(value).map_err(|source| StoreError::unreadable(key, source))
}

#[expect(clippy::needless_pass_by_value, reason = "called with texts, references and numbers alike")]
fn text(value: impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

#[expect(clippy::needless_pass_by_value, reason = "called with texts, references and numbers alike")]
fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

#[cfg(test)]
mod tests;
