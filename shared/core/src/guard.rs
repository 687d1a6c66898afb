//! The guard: what would take many ways to sign in away at once waits for a person, for as long as it takes.
//!
//! Losses are confirmed first ([`Unjudged::to_confirm`]), then judged ([`Unjudged::judge`]), then counted: what
//! [`Guarded::losses`] has is put on record before the first step is done. What is held stays held until it is approved,
//! refused, or no longer planned, whatever else comes and goes; and whatever is held, what comes after is judged by itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    check::Check,
    decisions::Decisions,
    health::named,
    id::ConnectionId,
    naming::{Names, Naming},
    plan::{Action, Note, Plan, Situation, Step, standing, unseen},
    standing::Standing,
    timestamp::Timestamp,
    user_pool::UserPool,
};

pub use crate::loss::{Held, Loss, WINDOW, recent};

mod judge;
mod parked;
mod staged;

pub use parked::Parked;
pub use staged::{changes_more_than_identifiers, without_own_change};

/// Up to this many losses are always let through, unless they are all.
const FEW: usize = 5;
/// Above this share of all, in percent, more than a few losses are held back.
const SHARE: usize = 30;
/// How many names the losses on record may keep of what was lost, all together: they stand on the pool's item, which has
/// 400 KB (DynamoDB). A loss whose names are not kept counts for all of its day.
const MOST_NAMES: usize = 1_500;

/// What the guard goes by besides a plan.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// The losses that were counted.
    pub losses: &'a [Loss],
    /// What is held so far.
    pub held: &'a Held,
    /// Whether a version that names nothing holds something.
    pub holds_unnamed: bool,
    /// What operators decided.
    pub decisions: &'a Decisions,
}

impl<'a> Record<'a> {
    /// What stands on a pool.
    pub fn of(pool: &'a UserPool) -> Self {
        let holds_unnamed = pool.run.held_of.is_some();
        Self { losses: &pool.run.losses, held: &pool.held, holds_unnamed, decisions: &pool.decisions }
    }
}

/// A plan that the guard has not judged yet: what seems to be gone is to be confirmed first.
#[derive(Debug, Clone)]
pub struct Unjudged<'a> {
    situation: Situation<'a>,
    record: Record<'a>,
    now: Timestamp,
    plan: Plan,
    parked: Parked,
    standing: BTreeMap<ConnectionId, Standing>,
}

/// The connections that were to be confirmed to be gone and were not: nothing is taken from them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unconfirmed {
    /// Those that `WorkOS` still knows, or of which it could not say. They are no losses.
    pub not_gone: BTreeSet<ConnectionId>,
    /// Those that there was no time to ask for. They may all be losses: what was confirmed is judged together with them.
    pub unasked: BTreeSet<ConnectionId>,
}

impl Unconfirmed {
    fn contains(&self, id: &ConnectionId) -> bool {
        self.not_gone.contains(id) || self.unasked.contains(id)
    }
}

/// A plan as the guard lets it through.
#[derive(Debug, Clone, Default)]
pub struct Guarded {
    /// The plan, with what is held marked ([`Step::held`]).
    pub plan: Plan,
    /// The connections that are left as they are, with the steps that were refused; not in the plan.
    pub parked: Parked,
    /// The connections that a change of Causeway's own is for. Once one of them has it, the others wait for a later run:
    /// of their steps only what [`without_own_change`] leaves is done.
    pub staged: BTreeSet<ConnectionId>,
    /// Losses that are too many only as long as others are not made good, which the plan is about to do; not in the
    /// plan, and for a later run.
    pub put_off: Vec<Step>,
    /// The connections of which the look shows nothing, so that nothing is planned for them: their record can't be read,
    /// or may be another's, or their provider was not seen. That is no sign that a loss is no longer true.
    pub unclear: BTreeSet<ConnectionId>,
    /// The connections whose losses wait for a person, the approved ones too, until they are done.
    pub held: Held,
    /// The losses that count once the plan's steps are done.
    pub losses: Vec<Loss>,
}

impl Guarded {
    /// What is left of what operators decided, once `done` is done of the plan: approvals end with their losses, and where
    /// a look shows that these are no longer planned.
    pub fn decisions_after<'a>(
        &self,
        decisions: &Decisions,
        done: impl IntoIterator<Item = &'a Step>,
        now: Timestamp,
    ) -> Decisions {
        let planned = self.plan.steps.iter().filter(|step| step.takes_away);
        decisions.after(planned, done.into_iter().filter(|step| step.takes_away), &self.unclear, now)
    }

    /// For a pool in which nothing is done: nothing waits then, and no loss counts but the `losses` on record.
    pub fn observe(&mut self, losses: &[Loss], now: Timestamp) {
        let planned = self.plan.steps.len();
        self.plan
            .notes
            .push(Note::general(format!("the pool's mode is observe: {planned} planned steps were left out")));
        self.plan.steps.iter_mut().for_each(|step| step.held = false);
        self.losses = recent(losses, now);
        self.put_off.clear();
    }
}

/// What to bear in mind of a pool with connections that are parked, as people know them; none where there are none.
pub fn check_parked<'a>(parked: impl IntoIterator<Item = &'a ConnectionId>, names: &Names) -> Option<Check> {
    let unnamed = Naming::default();
    let called = |id: &ConnectionId| format!("{:#}", names.get(id).unwrap_or(&unnamed).called(id.as_str()));
    let ids: Vec<String> = parked.into_iter().map(called).collect();
    let (are, many) = if ids.len() == 1 { ("connection is", "it") } else { ("connections are", "them") };
    let message = format!("{} {are} parked, and nothing is taken from {many}: {}", ids.len(), named(&ids));
    (!ids.is_empty()).then(|| Check::warn("parked", message, "`DELETE .../refusals/{connection_id}` lets one go."))
}

impl<'a> Unjudged<'a> {
    /// Plans, and leaves as they are the connections of which somebody refused to have anything taken.
    pub fn new(situation: Situation<'a>, record: Record<'a>, now: Timestamp) -> Self {
        let (plan, parked) = parked::plan_around(situation, record.decisions, now);
        Self { situation, record, now, plan, parked, standing: standing(&situation) }
    }

    /// The connections that WorkOS must be asked for, each by its ID, before anything is done about them: it only seems
    /// that they are gone, and something of them is neither held nor parked.
    pub fn to_confirm(&self) -> BTreeSet<ConnectionId> {
        let waits = |step: &Step| {
            let is_held = self.record.held.contains_key(&step.connection_id);
            step.takes_away && is_held && !self.record.decisions.covers(&step.recorded(), self.now)
        };
        let at_stake = self.plan.steps.iter().filter(|step| step.action != Action::Forget && !waits(step));
        let desired = self.situation.desired;
        let ids = at_stake.map(|step| &step.connection_id);
        ids.filter(|id| !desired.is_removal && desired.is_missing(id)).cloned().collect()
    }

    /// Judges the plan, by what came of the question whether connections are gone ([`Unjudged::to_confirm`]).
    pub fn judge(mut self, unconfirmed: &Unconfirmed) -> Guarded {
        let unclear = self.unclear();
        let grounds = judge::Grounds {
            record: self.record,
            standing: &self.standing,
            parked: &self.parked,
            unconfirmed,
            unclear: &unclear,
            unseen: &unseen(&self.situation),
            now: self.now,
        };
        let verdict = judge::judge(&mut self.plan, &grounds);
        let staged = staged::own_changes(&self.situation, &self.standing, &self.plan);
        if !staged.is_empty() {
            self.plan.notes.push(staged::note(&staged));
        }
        let judge::Verdict { held, losses, went, put_off } = verdict;
        self.plan.notes.extend(judge::why_held(&self.plan, went, self.standing.len()));
        self.plan.notes.extend(put_off.iter().map(|step| {
            Note::on_connection(
                step.connection_id.clone(),
                format!(
                    "{} is left for the next run, which sees whether what others lost is made good",
                    step.action.kind().name()
                ),
            )
        }));
        Guarded { plan: self.plan, parked: self.parked, staged, put_off, unclear, held, losses }
    }

    fn unclear(&self) -> BTreeSet<ConnectionId> {
        let Situation { desired, claims, .. } = self.situation;
        let approved = self.record.decisions.approvals.iter().flat_map(|approval| approval.connections.keys());
        let ids = claims.keys().chain(self.record.held.keys()).chain(approved);
        let is_unseen = |id: &ConnectionId| claims.contains_key(id) && !self.standing.contains_key(id);
        ids.filter(|id| desired.is_untouched(id) || is_unseen(id)).cloned().collect()
    }
}
