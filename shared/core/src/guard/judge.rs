//! The judgement: which losses are let through, which wait for a person, and which count.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    claim::SETTLES_WITHIN,
    guard::{FEW, Held, Loss, MOST_NAMES, Parked, Record, SHARE, Unconfirmed, WINDOW, recent},
    id::ConnectionId,
    plan::{Action, Note, Plan, Step},
    standing::Standing,
    timestamp::Timestamp,
};

/// What a plan is judged by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grounds<'a> {
    /// What stands on the pool.
    pub record: Record<'a>,
    /// What each connection has now that has a provider of Causeway's ([`crate::plan::standing`]).
    pub standing: &'a BTreeMap<ConnectionId, Standing>,
    /// The connections that are left as they are, since somebody refused a loss that would be planned.
    pub parked: &'a Parked,
    /// The connections that were not confirmed to be gone.
    pub unconfirmed: &'a Unconfirmed,
    /// The connections of which the look shows nothing ([`super::Guarded::unclear`]).
    pub unclear: &'a BTreeSet<ConnectionId>,
    /// The connections whose providers the look could not tell of ([`crate::plan::unseen`]): they are among all.
    pub unseen: &'a BTreeSet<ConnectionId>,
    /// The time.
    pub now: Timestamp,
}

/// What becomes of a plan's losses, beside [`Step::held`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// The connections whose losses wait for a person, approved ones too, until they are done.
    pub held: Held,
    /// The losses that count once the plan's steps are done.
    pub losses: Vec<Loss>,
    /// How many connections lost a way to sign in within the last day without an approval.
    pub went: usize,
    /// Steps for a later run, which were taken off the plan: losses that are too many only as long as others are not
    /// made good, which this plan is about to do.
    pub put_off: Vec<Step>,
}

/// Marks the steps of `plan` that are held back, and takes those off it that are put off.
///
/// A connection's loss that is not approved waits for a person where it waited before, or where there is an approval that
/// leaves it out. The others are judged together, with those of the last 24 hours that nobody approved and that were not
/// made good, and with those that may come: where more than five connections and more than 30 % of all would lose a way
/// to sign in, or nobody of two or more would be left, they wait too. All are those that have a provider, but for those
/// that go by approval, and those that lost it.
pub(super) fn judge(plan: &mut Plan, grounds: &Grounds<'_>) -> Verdict {
    let now = grounds.now;
    let losing: BTreeSet<ConnectionId> =
        plan.steps.iter().filter(|step| step.takes_away).map(|step| step.connection_id.clone()).collect();
    let (mut waiting, mut new, mut approved) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for id in losing.iter().filter(|id| !grounds.unconfirmed.contains(id)) {
        let kind = if covered(plan, id, grounds) {
            &mut approved
        } else if waits_already(id, grounds) {
            &mut waiting
        } else {
            &mut new
        };
        kind.insert(id.clone());
    }
    let mut losses = counting(grounds);
    let went = losses.len();
    let mut put_off = Vec::new();
    if is_too_much(&new, losses.iter(), &approved, grounds) {
        let lasting = losses.iter().filter(|loss| !comes_back(loss, plan, grounds));
        if is_too_much(&new, lasting, &approved, grounds) {
            waiting.append(&mut new);
        } else {
            put_off = plan.steps.extract_if(.., |step| step.takes_away && new.contains(&step.connection_id)).collect();
            new.clear();
        }
    }
    hold(plan, &waiting, grounds);
    let since = |id: &ConnectionId| (id.clone(), grounds.record.held.get(id).copied().unwrap_or(now));
    let is_held = |id: &&ConnectionId| grounds.record.held.contains_key(*id);
    let still = losing.iter().chain(grounds.unclear).filter(is_held);
    let held = still.chain(&waiting).chain(&approved).chain(grounds.parked.keys()).map(since).collect();
    count(&mut losses, &new, grounds);
    Verdict { held, losses, went, put_off }
}

fn waits_already(id: &ConnectionId, grounds: &Grounds<'_>) -> bool {
    let Record { held, holds_unnamed, decisions, .. } = grounds.record;
    holds_unnamed || held.contains_key(id) || decisions.leaves(id, grounds.now)
}

/// Whether all that the plan takes from a connection was approved.
fn covered(plan: &Plan, id: &ConnectionId, grounds: &Grounds<'_>) -> bool {
    let mut taken = plan.steps.iter().filter(|step| step.takes_away && step.connection_id == *id);
    taken.all(|step| grounds.record.decisions.covers(&step.recorded(), grounds.now))
}

/// The losses on record that count: of the last day, and not made good. What is seen right after a loss can be from
/// before it.
fn counting(grounds: &Grounds<'_>) -> Vec<Loss> {
    let mut losses = recent(grounds.record.losses, grounds.now);
    losses.retain(|loss| {
        let has = grounds.standing.get(&loss.connection_id);
        !(grounds.now.since(loss.at) >= SETTLES_WITHIN && is_made_good(loss, has))
    });
    losses
}

fn is_made_good(loss: &Loss, has: Option<&Standing>) -> bool {
    loss.had.as_ref().zip(has).is_some_and(|(had, has)| has.makes_good(had))
}

/// Whether a loss is made good by this plan, or seems to be already.
fn comes_back(loss: &Loss, plan: &Plan, grounds: &Grounds<'_>) -> bool {
    let id = &loss.connection_id;
    let steps = plan.steps.iter().filter(|step| step.connection_id == *id);
    is_made_good(loss, Standing::after(grounds.standing.get(id), steps).as_ref())
}

fn is_too_much<'a>(
    new: &BTreeSet<ConnectionId>,
    counting: impl Iterator<Item = &'a Loss>,
    approved: &BTreeSet<ConnectionId>,
    grounds: &Grounds<'_>,
) -> bool {
    let may_come = &grounds.unconfirmed.unasked;
    let lost: BTreeSet<&ConnectionId> = counting.map(|loss| &loss.connection_id).chain(new).chain(may_come).collect();
    let there = grounds.standing.keys().chain(grounds.unseen).filter(|id| !approved.contains(*id));
    let all = there.chain(lost.iter().copied()).collect::<BTreeSet<_>>().len();
    let many = lost.len() > FEW && lost.len() * 100 > all * SHARE;
    // Nobody would be left, where there were two or more at the beginning of the run.
    let everything = all + approved.len() >= 2 && lost.len() >= all;
    !new.is_empty() && (many || everything)
}

/// Why steps are held back, for who has to decide: how many connections of how many, and what goes without an approval.
/// None where nothing is.
pub(super) fn why_held(plan: &Plan, went: usize, all: usize) -> Option<Note> {
    let held = plan.steps.iter().filter(|step| step.held).map(|step| &step.connection_id);
    let held = held.collect::<BTreeSet<_>>().len();
    let hours = WINDOW.as_secs() / 3600;
    let message = format!(
        "{held} of {all} connections would lose a way to sign in and wait for an approval or a refusal. Without one, at \
         most {FEW} connections, or {SHARE} % of all where that is more, lose it within {hours} hours, and never all of \
         them. {went} did in the last {hours} hours"
    );
    (held > 0).then(|| Note::general(message))
}

/// Marks what of the waiting connections was not approved. A provider is unwired before it is deleted, so what is held of
/// a connection holds its delete as well.
fn hold(plan: &mut Plan, waiting: &BTreeSet<ConnectionId>, grounds: &Grounds<'_>) {
    let taking = |step: &&mut Step| step.takes_away && waiting.contains(&step.connection_id);
    for step in plan.steps.iter_mut().filter(taking) {
        step.held =
            matches!(step.action, Action::Delete(_)) || !grounds.record.decisions.covers(&step.recorded(), grounds.now);
    }
}

/// Puts new losses on record, each with what the connection had before its first.
fn count(losses: &mut Vec<Loss>, new: &BTreeSet<ConnectionId>, grounds: &Grounds<'_>) {
    for id in new {
        let earlier = losses.iter().position(|loss| loss.connection_id == *id).map(|at| losses.remove(at));
        let had = earlier.map_or_else(|| grounds.standing.get(id).cloned(), |earlier| earlier.had);
        losses.push(Loss { connection_id: id.clone(), at: grounds.now, had });
    }
    let mut room = MOST_NAMES;
    for loss in losses.iter_mut().rev() {
        let names = loss.had.as_ref().map_or(0, |had| 2 + had.identifiers.len() + had.app_clients.len());
        room = room.saturating_sub(names);
        if room == 0 {
            loss.had = None;
        }
    }
}
