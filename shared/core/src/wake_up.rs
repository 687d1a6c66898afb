//! The queue's message: which user pool to look at, and nothing about what changed.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{TenantId, UserPoolId};

/// Why somebody looks at a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The pool was due.
    Schedule,
    /// An operator or the tenant asked.
    Api,
    /// WorkOS reported an event.
    Webhook,
}

/// A wake-up for one user pool. Late, doubled, reordered or lost ones are harmless, since a run looks at
/// both sides itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WakeUp {
    /// The tenant that the pool belongs to.
    pub tenant_id: TenantId,
    /// The pool; also the queue's message group.
    pub user_pool_id: UserPoolId,
    /// Why.
    pub cause: Cause,
}
