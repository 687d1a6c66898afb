//! An operator's word on the steps that the guard holds back.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{id::ConnectionId, plan::Step, timestamp::Timestamp};

/// How long an approval is good.
pub const APPROVED_FOR: Duration = Duration::from_hours(1);

/// How many steps one approval takes. Each needs 33 bytes, so these need less than half of what an item of the table
/// may have (DynamoDB: 400 KB), and leave the rest to all else that stands on the pool's item.
pub const MOST_STEPS: usize = 5000;

/// What is approved of a step, as a digest: what it does to which provider, and not why. Short, since an
/// approval of thousands of steps stands on one item of the table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApprovedStep(String);

impl ApprovedStep {
    /// What is approved of `step`: its action, its connection, provider and app client, and its changes, so
    /// that another change under the same name is another step.
    pub fn of(step: &Step) -> Self {
        let what = (step.action.name(), &step.connection_id, &step.provider_name, &step.app_client_id, &step.changes);
        let digest = Sha256::digest(serde_json::to_vec(&what).unwrap_or_default());
        Self(hex::encode(&digest[..16]))
    }
}

/// An approval as it stands on the pool: one use, one hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The hash that was approved.
    pub hash: String,
    /// The steps under it.
    pub steps: Vec<ApprovedStep>,
    /// Who approved: the caller's ARN.
    pub approved_by: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Approval {
    /// Whether the approval lets `step` through at `now`.
    pub fn covers(&self, step: &Step, now: Timestamp) -> bool {
        now < self.expires_at && self.steps.contains(&ApprovedStep::of(step))
    }
}

/// Those of the `held` steps that one approval takes, in their order: all, or as many connections' as
/// [`MOST_STEPS`] allows. A connection's steps stay together, since none of them is let through without the others.
pub fn at_once(held: Vec<Step>) -> Vec<Step> {
    let mut steps_of: BTreeMap<&ConnectionId, usize> = BTreeMap::new();
    for step in &held {
        *steps_of.entry(&step.connection_id).or_default() += 1;
    }
    let mut room = MOST_STEPS;
    let mut taken: BTreeSet<ConnectionId> = BTreeSet::new();
    for (id, steps) in steps_of {
        if steps <= room || taken.is_empty() {
            taken.insert(id.clone());
            room = room.saturating_sub(steps);
        }
    }
    held.into_iter().filter(|step| taken.contains(&step.connection_id)).collect()
}

/// The hash of the held steps among `steps`: what an operator approves. The order does not matter.
pub fn hash_of_held<'a>(steps: impl IntoIterator<Item = &'a Step>) -> String {
    let mut held: Vec<ApprovedStep> = steps.into_iter().filter(|step| step.held).map(ApprovedStep::of).collect();
    held.sort();
    hex::encode(Sha256::digest(serde_json::to_vec(&held).unwrap_or_default()))
}
