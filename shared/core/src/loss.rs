//! Losses: what the guard counts, as it stands on a pool.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{id::ConnectionId, lenient::if_readable, standing::Standing, step::RecordedStep, timestamp::Timestamp};

/// How far back losses count.
pub const WINDOW: Duration = Duration::from_hours(24);

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

/// The connections from which steps take a way to sign in: the guard's losses. What is held takes one, also as a report of
/// an earlier version has it, which did not keep [`RecordedStep::takes_away`].
pub fn losing<'a>(steps: impl IntoIterator<Item = &'a RecordedStep>) -> BTreeSet<&'a ConnectionId> {
    steps.into_iter().filter(|step| step.takes_away || step.held).map(|step| &step.connection_id).collect()
}
