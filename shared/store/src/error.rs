//! What can go wrong with the table.

use std::{error::Error, fmt};

use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    operation::transact_write_items::TransactWriteItemsError,
};
use causeway_core::{
    health::ErrorClass,
    id::{TenantId, UserPoolId},
};

use crate::key::Key;

/// An operation on the table that did not happen.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else changed the item first, or it exists already.
    #[error("{operation}: the item was changed by somebody else")]
    Conflict {
        /// DynamoDB's operation.
        operation: &'static str,
    },
    /// DynamoDB could not be asked, or refused.
    #[error("{operation} on the table failed")]
    Failed {
        /// DynamoDB's operation.
        operation: &'static str,
        /// What the failure is.
        class: ErrorClass,
        /// The SDK's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An item is not of the form that this version reads.
    #[error("the item {key} of the table can't be read, and has to be restored")]
    Unreadable {
        /// Its key.
        key: String,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// An item that can't be read, where others can.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct Unreadable {
    /// Its partition key and sort key, as `pk/sk`.
    pub item: String,
    /// What is wrong with it, without any value of it.
    pub error: String,
}

impl Unreadable {
    /// The ID that its key ends with: that of the user pool, of a claim's connection, of a run.
    pub fn id(&self) -> &str {
        self.item.rsplit('#').next().unwrap_or_default()
    }

    /// Whether it is the item of this pool.
    pub fn is_of_pool(&self, tenant: &TenantId, pool: &UserPoolId) -> bool {
        self.item == Key::pool(tenant, pool).to_string()
    }

    pub(crate) fn of(key: &impl fmt::Display, error: &StoreError) -> Self {
        Self { item: key.to_string(), error: error.source().map_or_else(|| error.to_string(), ToString::to_string) }
    }
}

impl From<Unreadable> for StoreError {
    fn from(unreadable: Unreadable) -> Self {
        Self::Unreadable { key: unreadable.item.clone(), source: Box::new(unreadable) }
    }
}

impl StoreError {
    pub(crate) fn unreadable(
        key: &impl fmt::Display,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Unreadable { key: key.to_string(), source: source.into() }
    }

    pub(crate) fn from_sdk<E>(operation: &'static str, error: SdkError<E>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let class = match error.code() {
            Some("ConditionalCheckFailedException") => return Self::Conflict { operation },
            Some("AccessDeniedException" | "ResourceNotFoundException") => ErrorClass::Denied,
            Some("ProvisionedThroughputExceededException" | "ThrottlingException" | "RequestLimitExceeded") => {
                ErrorClass::Throttled
            }
            Some("TransactionConflictException") => ErrorClass::Conflict,
            Some("ValidationException" | "ItemCollectionSizeLimitExceededException") => ErrorClass::Bug,
            _ => ErrorClass::Transient,
        };
        Self::Failed { operation, class, source: Box::new(error) }
    }

    /// A transaction that did not happen. It is a conflict where a condition did not hold; a transaction can also be
    /// cancelled because another one has the item, or by a throttle (DynamoDB API: `TransactionCanceledException`).
    pub(crate) fn from_transaction(error: SdkError<TransactWriteItemsError>) -> Self {
        const OPERATION: &str = "TransactWriteItems";
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
            return Self::from_sdk(OPERATION, error);
        };
        let was = |code: &str| cancelled.cancellation_reasons().iter().any(|reason| reason.code() == Some(code));
        if was("ConditionalCheckFailed") {
            return Self::Conflict { operation: OPERATION };
        }
        let class = if was("TransactionConflict") {
            ErrorClass::Conflict
        } else if was("ValidationError") || was("ItemCollectionSizeLimitExceeded") {
            ErrorClass::Bug
        } else if was("ThrottlingError") || was("ProvisionedThroughputExceeded") {
            ErrorClass::Throttled
        } else {
            ErrorClass::Transient
        };
        Self::Failed { operation: OPERATION, class, source: Box::new(error) }
    }

    /// The class of the failure.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Conflict { .. } => ErrorClass::Conflict,
            Self::Failed { class, .. } => *class,
            Self::Unreadable { .. } => ErrorClass::Bug,
        }
    }

    /// Whether an item is not of the form that this version reads.
    pub fn is_unreadable(&self) -> bool {
        matches!(self, Self::Unreadable { .. })
    }

    /// Whether the condition of the write did not hold.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict { .. })
    }
}
