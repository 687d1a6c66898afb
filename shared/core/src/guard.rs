//! The guard: what would take many ways to sign in away at once waits for an operator.

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{approval::Approval, id::ConnectionId, plan::Plan, timestamp::Timestamp};

/// How far back losses count.
pub const WINDOW: Duration = Duration::from_hours(24);
/// Up to this many losses are always let through, unless they are all.
const FEW: usize = 5;
/// Above this share of all, in percent, more than a few losses are held back.
const SHARE: usize = 30;

/// A connection that lost a way to sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// The connection.
    pub connection_id: ConnectionId,
    /// When.
    pub at: Timestamp,
}

/// The losses that still count at `now`.
pub fn recent(losses: &[Loss], now: Timestamp) -> Vec<Loss> {
    losses.iter().filter(|loss| now.since(loss.at) < WINDOW).cloned().collect()
}

/// Marks the steps of `plan` that are held back: all that take a way to sign in away, where in a day more
/// than five connections and more than 30 % of them would lose one, or all of two or more. What `approval`
/// covers is let through. `claimed` are the connections that have a provider now ([`crate::plan::ours`]).
///
/// `held_of` is the number of connections when the guard began to hold steps back, where it does: what comes to be since
/// then makes no room for what waits.
pub fn hold_back(
    plan: &mut Plan,
    claimed: &BTreeSet<ConnectionId>,
    losses: &[Loss],
    held_of: Option<usize>,
    approval: Option<&Approval>,
    now: Timestamp,
) {
    let lost_before: BTreeSet<&ConnectionId> =
        losses.iter().filter(|loss| now.since(loss.at) < WINDOW).map(|loss| &loss.connection_id).collect();
    let losing: BTreeSet<&ConnectionId> =
        plan.steps.iter().filter(|step| step.takes_away).map(|step| &step.connection_id).collect();
    if losing.is_empty() {
        return;
    }
    let lost: BTreeSet<&ConnectionId> = lost_before.union(&losing).copied().collect();
    let all: BTreeSet<&ConnectionId> = claimed.iter().chain(lost_before.iter().copied()).collect();
    let all = held_of.map_or(all.len(), |then| then.min(all.len()));
    let many = lost.len() > FEW && lost.len() * 100 > all * SHARE;
    let everything = all >= 2 && lost.len() >= all;
    if !(many || everything) {
        return;
    }
    for step in plan.steps.iter_mut().filter(|step| step.takes_away) {
        step.held = !approval.is_some_and(|approval| approval.covers(step, now));
    }
    // A connection's provider is unwired before it is deleted, so a held unwire holds the delete as well.
    let held: BTreeSet<ConnectionId> =
        plan.steps.iter().filter(|step| step.held).map(|step| step.connection_id.clone()).collect();
    for step in &mut plan.steps {
        if step.takes_away && held.contains(&step.connection_id) {
            step.held = true;
        }
    }
    plan.held_of = (!held.is_empty()).then_some(all);
}
