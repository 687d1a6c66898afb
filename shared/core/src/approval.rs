//! An operator's word on the steps that the guard holds back.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    id::ConnectionId,
    plan::{Note, Step},
    run::RunReport,
    timestamp::Timestamp,
};

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

/// A plan as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedSteps {
    /// The hash of the held steps, for an approval.
    pub hash: String,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// What is left out, and why.
    pub notes: Vec<Note>,
}

impl PlannedSteps {
    /// A plan of these steps.
    pub fn new(steps: Vec<Step>, notes: Vec<Note>) -> Self {
        Self { hash: hash_of_held(&steps), steps, notes }
    }

    /// What a run held back, by its report: for a pool that takes longer to look at than there is time for a plan. None
    /// where it tells of nothing that was held back, which does not say that there is nothing to do.
    pub fn held_back_by(report: RunReport) -> Option<Self> {
        let RunReport { id, steps, omitted, .. } = report;
        let held: Vec<Step> = steps.into_iter().filter(|step| step.held).collect();
        let mut notes = vec![Note::general(format!(
            "the time was too short to describe every provider that a plan needs: these are the steps that the last \
             run, {id}, held back, and no others. What is approved is done as far as the next run still plans it"
        ))];
        if omitted > 0 {
            notes.push(Note::general(format!(
                "the report of the run {id} leaves {omitted} entries out, since it would be too large to store, and \
                 steps that are held back may be among them: approve these, wait for the next run, and look again"
            )));
        }
        (!held.is_empty()).then(|| Self::new(held, notes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        plan::{Action, DeleteReason},
        provider::Change,
        run::Outcome,
        wake_up::Cause,
    };

    fn step(held: bool) -> Step {
        Step {
            action: Action::Delete(DeleteReason::Excluded),
            connection_id: format!("conn_{}", "A".repeat(26)).parse().unwrap(),
            provider_name: "a-provider".parse().unwrap(),
            app_client_id: None,
            reason: "the connection is no longer chosen".to_owned(),
            changes: vec![Change { field: "identifiers".to_owned(), before: Some("org_1".to_owned()), after: None }],
            held,
            takes_away: true,
        }
    }

    /// A report of a run as it comes back from where it is stored.
    fn stored(steps: Vec<Step>, omitted: usize) -> RunReport {
        let at = Timestamp::from_seconds(1_800_000_000);
        let report = RunReport {
            id: "01KAPJ7M7VYGJ5GM8WXT1C4D2N".to_owned(),
            started_at: at,
            finished_at: at,
            cause: Cause::Schedule,
            outcome: Outcome::Partial,
            steps,
            failures: Vec::new(),
            notes: vec![Note::general("of another day".to_owned())],
            omitted,
        };
        serde_json::from_str(&serde_json::to_string(&report).unwrap()).unwrap()
    }

    #[test]
    fn what_a_run_held_back_is_approved_by_its_report_as_by_its_plan() {
        let planned = PlannedSteps::held_back_by(stored(vec![step(false), step(true)], 0)).unwrap();
        assert_eq!(planned.hash, hash_of_held(&[step(true)]));
        let [held] = &planned.steps[..] else { panic!("{planned:?}") };
        let approval = Approval {
            hash: planned.hash.clone(),
            steps: vec![ApprovedStep::of(held)],
            approved_by: String::new(),
            expires_at: Timestamp::from_seconds(2),
        };
        assert!(approval.covers(&step(true), Timestamp::from_seconds(1)), "the plan of a run is what was approved");
        let [note] = &planned.notes[..] else { panic!("{planned:?}") };
        assert!(note.message.contains("01KAPJ7M7VYGJ5GM8WXT1C4D2N") && note.message.contains("too short"), "{note:?}");
    }

    #[test]
    fn a_report_that_is_cut_says_how_to_come_to_the_rest() {
        let planned = PlannedSteps::held_back_by(stored(vec![step(true)], 7)).unwrap();
        let told: Vec<&str> = planned.notes.iter().map(|note| note.message.as_str()).collect();
        assert!(told.len() == 2 && told[1].contains("7 entries") && told[1].contains("approve these"), "{told:?}");
    }

    #[test]
    fn a_report_without_held_steps_is_no_plan() {
        assert_eq!(PlannedSteps::held_back_by(stored(vec![step(false)], 0)), None);
        assert_eq!(PlannedSteps::held_back_by(stored(Vec::new(), 3)), None);
    }
}
