//! Losses: what the guard counts, as it stands on a pool.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{id::ConnectionId, lenient::if_readable, standing::Standing, timestamp::Timestamp};

/// How far back losses count.
pub const WINDOW: Duration = Duration::from_hours(24);
/// How long after a loss what a look sees may be from before it (Amazon Cognito: changes can take a minute to show).
pub(crate) const SETTLES: Duration = Duration::from_mins(2);

/// A connection that lost a way to sign in, and that no person approved of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// The connection.
    pub connection_id: ConnectionId,
    /// When.
    pub at: Timestamp,
    /// What it had before; none where that was not kept, or can't be read, so that nothing makes it good.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "if_readable")]
    pub had: Option<Standing>,
}

/// The connections whose losses wait for a person, and since when.
pub type Held = BTreeMap<ConnectionId, Timestamp>;

/// The losses that can still count at `now`.
pub fn recent(losses: &[Loss], now: Timestamp) -> Vec<Loss> {
    losses.iter().filter(|loss| now.since(loss.at) < WINDOW).cloned().collect()
}
