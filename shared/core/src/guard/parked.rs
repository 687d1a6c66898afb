//! Connections of which somebody refused to have anything taken.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    decisions::Decisions,
    id::ConnectionId,
    plan::{Action, Note, Plan, Situation, Step, plan},
    timestamp::Timestamp,
};

/// The connections that are left as they are, each with what would be taken from it.
pub type Parked = BTreeMap<ConnectionId, Vec<Step>>;

/// Plans, and leaves the connections as they are from which a plan would take what somebody refused to have taken: a way
/// to sign in, or an identifier that another connection is to get. Nothing is given to these either, as long as they are
/// parked; the other refused ones are like any other.
pub(super) fn plan_around(situation: Situation<'_>, decisions: &Decisions, now: Timestamp) -> (Plan, Parked) {
    let refused = decisions.refused(now);
    let mut desired = situation.desired.clone();
    let mut parked = Parked::new();
    loop {
        let mut planned = plan(Situation { desired: &desired, ..situation });
        let mut taken = Parked::new();
        for step in planned.steps.iter().filter(|step| refused.contains(&step.connection_id) && takes(step)) {
            taken.entry(step.connection_id.clone()).or_default().push(step.clone());
        }
        // Whoever is parked has no steps any more, so each turn parks one more at least.
        if taken.is_empty() {
            planned.notes.extend(parked.iter().map(|(id, steps)| note(id, steps, decisions, now)));
            return (planned, parked);
        }
        desired.parked.extend(taken.keys().cloned());
        parked.extend(taken);
    }
}

fn takes(step: &Step) -> bool {
    let gives = match &step.action {
        Action::Update { before, after, .. } => !before.identifiers.is_subset(&after.identifiers),
        _ => false,
    };
    step.takes_away || gives
}

fn note(id: &ConnectionId, steps: &[Step], decisions: &Decisions, now: Timestamp) -> Note {
    let reasons: BTreeSet<&str> = steps.iter().map(|step| step.reason.as_str()).collect();
    let reasons: Vec<&str> = reasons.into_iter().collect();
    let refused = decisions.refusal(id, now).map(|refusal| format!(": {}", refusal.reason)).unwrap_or_default();
    Note::on_connection(
        id.clone(),
        format!(
            "the connection is parked, and nothing is taken from it ({}), as was refused{refused}",
            reasons.join("; ")
        ),
    )
}
