//! What operators decided on losses of a pool: which are meant, and which connections are to be left as they are.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    approval::{Approval, ShownLoss, hash_of_held},
    claim::SETTLES_WITHIN,
    id::ConnectionId,
    step::{RecordedStep, Step},
    timestamp::Timestamp,
};

/// How much approvals that are not carried out yet may take, and how much refusals, in bytes of JSON: less than half of
/// what an item of the table may have (DynamoDB: 400 KB) together, which leaves room for what else stands on the pool's.
const LARGEST_APPROVALS: usize = 120_000;
const LARGEST_REFUSALS: usize = 60_000;

/// A person's word that nothing is to be taken from connections. They are parked: kept, and listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The connections.
    pub connection_ids: BTreeSet<ConnectionId>,
    /// Why, for people.
    pub reason: String,
    /// Who refused: the caller's ARN.
    pub refused_by: String,
    /// When.
    pub refused_at: Timestamp,
    /// Until when it lasts; none means until it is let go. What it kept is held back then, and not carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Refusal {
    fn lasts(&self, now: Timestamp) -> bool {
        !self.connection_ids.is_empty() && self.until.is_none_or(|until| now < until)
    }
}

/// What operators decided on losses of a pool. Written apart from what operators set and from what runs record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decisions {
    /// The losses that are meant.
    pub approvals: Vec<Approval>,
    /// The connections of which nothing is to be taken.
    pub refusals: Vec<Refusal>,
    /// Counts the writes; a write on a stale copy is refused by the store.
    pub version: u64,
    /// Tells the last write from all others, so that one that is made twice, as its answer was lost, is not taken for
    /// somebody else's.
    pub written: String,
}

/// There is no room for a decision beside those that there are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// For an approval.
    #[error("approvals that are not carried out yet take all the room: wait for the next run, and approve again")]
    Approval,
    /// For a refusal.
    #[error("the refusals of this user pool take all the room: give shorter reasons, or let connections go")]
    Refusal,
}

impl Decisions {
    /// Whether nothing was ever decided.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The refusals that last at `now`.
    pub fn refusals_at(&self, now: Timestamp) -> impl Iterator<Item = &Refusal> {
        self.refusals.iter().filter(move |refusal| refusal.lasts(now))
    }

    /// The refusal of a connection that lasts at `now`.
    pub fn refusal(&self, id: &ConnectionId, now: Timestamp) -> Option<&Refusal> {
        self.refusals_at(now).find(|refusal| refusal.connection_ids.contains(id))
    }

    /// The connections that are refused at `now`.
    pub fn refused(&self, now: Timestamp) -> BTreeSet<ConnectionId> {
        self.refusals_at(now).flat_map(|refusal| refusal.connection_ids.iter().cloned()).collect()
    }

    /// Whether there is an approval at `now` that was given for some of a connection's losses, or for others beside them: a
    /// person has decided on what it covers, and on nothing else.
    pub fn leaves(&self, id: &ConnectionId, now: Timestamp) -> bool {
        self.approvals_at(now).any(|approval| approval.left.contains(id) || approval.connections.contains_key(id))
    }

    /// Whether all that `step` shows was approved for its connection, and is at `now`.
    pub fn covers(&self, step: &RecordedStep, now: Timestamp) -> bool {
        let approved: BTreeSet<&ShownLoss> = self.shown(&step.connection_id, now).collect();
        !approved.is_empty() && ShownLoss::of(step).iter().all(|shown| approved.contains(shown))
    }

    fn shown(&self, id: &ConnectionId, now: Timestamp) -> impl Iterator<Item = &ShownLoss> {
        self.approvals_at(now).filter_map(|approval| approval.connections.get(id)).flatten()
    }

    fn approvals_at(&self, now: Timestamp) -> impl Iterator<Item = &Approval> {
        self.approvals.iter().filter(move |approval| now < approval.expires_at)
    }

    /// With an approval by `approved_by` of those of the `held` steps that are of the `wanted` connections, or of all, as
    /// far as there is room: a connection's steps stay together. The steps that it takes come back as well.
    pub fn approve(
        &self,
        held: Vec<RecordedStep>,
        wanted: Option<&BTreeSet<ConnectionId>>,
        approved_by: &str,
        now: Timestamp,
    ) -> Result<(Self, Approval, Vec<RecordedStep>), NoRoom> {
        let mut decided = self.current(now);
        let all = Approval::of(&held, approved_by.to_owned(), now);
        let left = all.connections.keys().cloned().collect();
        let mut approval = Approval { connections: BTreeMap::new(), left, ..all.clone() };
        let mut room = LARGEST_APPROVALS.saturating_sub(size_of(&(&decided.approvals, &approval)));
        for (id, shown) in all.connections {
            let size = size_of(&(&id, &shown));
            let is_wanted = wanted.is_none_or(|wanted| wanted.contains(&id));
            let has_room = size <= room || (approval.connections.is_empty() && decided.approvals.is_empty());
            if is_wanted && has_room {
                room = room.saturating_sub(size);
                approval.left.remove(&id);
                approval.connections.insert(id, shown);
            }
        }
        if approval.connections.is_empty() {
            return Err(NoRoom::Approval);
        }
        let taken: Vec<RecordedStep> =
            held.into_iter().filter(|step| approval.connections.contains_key(&step.connection_id)).collect();
        approval.hash = hash_of_held(&taken);
        decided.approvals.push(approval.clone());
        Ok((decided, approval, taken))
    }

    /// With a refusal, which takes the place of earlier ones and of approvals of its connections.
    pub fn refuse(&self, refusal: Refusal, now: Timestamp) -> Result<Self, NoRoom> {
        let mut decided = self.current(now);
        for id in &refusal.connection_ids {
            decided.forget(id);
        }
        decided.refusals.push(refusal);
        let decided = decided.current(now);
        if size_of(&decided.refusals) > LARGEST_REFUSALS {
            return Err(NoRoom::Refusal);
        }
        Ok(decided)
    }

    /// Without the refusal of a connection; none where it is not refused.
    pub fn let_go(&self, id: &ConnectionId, now: Timestamp) -> Option<Self> {
        self.refusal(id, now)?;
        let mut decided = self.current(now);
        for refusal in &mut decided.refusals {
            refusal.connection_ids.remove(id);
        }
        Some(decided.current(now))
    }

    /// What is left once a complete look planned no loss but those that `planned` steps show, of which `done` are done. Of
    /// `unclear` connections it showed nothing. For what is done an approval is good a little longer: what the next look
    /// sees may be from before, and is no reason to ask once more.
    pub(crate) fn after<'p, 'd>(
        &self,
        planned: impl IntoIterator<Item = &'p Step>,
        done: impl IntoIterator<Item = &'d Step>,
        unclear: &BTreeSet<ConnectionId>,
        now: Timestamp,
    ) -> Self {
        let shown = |step: &Step| ShownLoss::of(&step.recorded());
        let planned: BTreeSet<ShownLoss> = planned.into_iter().flat_map(shown).collect();
        let done: BTreeSet<ShownLoss> = done.into_iter().flat_map(shown).collect();
        let mut decided = self.clone();
        let mut ending = Vec::new();
        for approval in &mut decided.approvals {
            let expires_at = approval.expires_at.min(now.plus(SETTLES_WITHIN));
            let mut ended =
                Approval { connections: BTreeMap::new(), left: BTreeSet::new(), expires_at, ..approval.clone() };
            for (id, shown) in approval.connections.iter_mut().filter(|(id, _)| !unclear.contains(*id)) {
                shown.retain(|shown| planned.contains(shown));
                let gone: BTreeSet<ShownLoss> = shown.extract_if(.., |shown| done.contains(shown)).collect();
                ended.connections.insert(id.clone(), gone);
            }
            ending.push(ended);
        }
        decided.approvals.extend(ending);
        decided.current(now)
    }

    /// Without what is over at `now`.
    fn current(&self, now: Timestamp) -> Self {
        let mut decided = self.clone();
        decided.approvals.iter_mut().for_each(|approval| approval.connections.retain(|_, shown| !shown.is_empty()));
        decided.approvals.retain(|approval| now < approval.expires_at && !approval.connections.is_empty());
        decided.refusals.retain(|refusal| refusal.lasts(now));
        decided
    }

    fn forget(&mut self, id: &ConnectionId) {
        for approval in &mut self.approvals {
            approval.connections.remove(id);
            approval.left.remove(id);
        }
        for refusal in &mut self.refusals {
            refusal.connection_ids.remove(id);
        }
    }
}

fn size_of(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |bytes| bytes.len())
}
