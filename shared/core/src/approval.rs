//! A person's word that losses which the guard holds back are meant: for each connection, those that were shown.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    id::ConnectionId,
    meaning::meaning,
    naming::{Names, Naming},
    run::RunReport,
    step::{Note, RecordedStep},
    timestamp::Timestamp,
};

/// How long an approval is good at most.
pub const APPROVED_FOR: Duration = Duration::from_hours(24);

/// How many bytes of an answer names may take: a plan of many steps is shown without them rather than not at all.
const ROOM_FOR_NAMES: usize = 1_000_000;

/// The field of a step's changes whose values are lists, of which each item that goes is a loss of its own.
const IDENTIFIERS: &str = "identifiers";

/// One of the losses that a step shows, with its reason, as a digest: short, since approvals of thousands of them
/// stand on one item of the table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShownLoss(String);

impl ShownLoss {
    /// The losses that `step` shows: what it does to which provider and app client and why, each field that it changes,
    /// and each identifier that goes. A step that does the same and takes less shows fewer, none of them new.
    pub fn of(step: &RecordedStep) -> BTreeSet<Self> {
        let what =
            (step.action.name(), &step.connection_id, &step.provider_name, &step.app_client_id, step.reason.as_str());
        let digest = |of: &[Option<&str>]| {
            let digest = Sha256::digest(serde_json::to_vec(&(&what, of)).unwrap_or_default());
            Self(URL_SAFE_NO_PAD.encode(&digest[..16]))
        };
        let mut shown = BTreeSet::from([digest(&[])]);
        for change in &step.changes {
            let (before, after) = (change.before.as_deref(), change.after.as_deref());
            if change.field == IDENTIFIERS {
                let kept: BTreeSet<&str> = items(after).collect();
                let gone = items(before).filter(|identifier| !kept.contains(identifier));
                shown.extend(gone.map(|identifier| digest(&[Some(IDENTIFIERS), Some(identifier)])));
            } else {
                shown.insert(digest(&[Some(&change.field), before, after]));
            }
        }
        shown
    }
}

/// The items of a list as a change shows it.
fn items(list: Option<&str>) -> impl Iterator<Item = &str> {
    list.into_iter().flat_map(|list| list.split(", "))
}

/// An approval as it stands on the pool, until its steps are done, their losses are no longer planned, or it expires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The hash of the steps that were approved together.
    pub hash: String,
    /// The losses that were shown, by connection.
    pub connections: BTreeMap<ConnectionId, BTreeSet<ShownLoss>>,
    /// The connections of which something was held as well, and that it does not cover: they go on waiting, also where no
    /// run has held them yet.
    pub left: BTreeSet<ConnectionId>,
    /// Who approved: the caller's ARN.
    pub approved_by: String,
    /// When it ends, used or not.
    pub expires_at: Timestamp,
}

impl Approval {
    /// An approval of all that these held steps show.
    pub fn of(steps: &[RecordedStep], approved_by: String, now: Timestamp) -> Self {
        let mut connections: BTreeMap<ConnectionId, BTreeSet<ShownLoss>> = BTreeMap::new();
        for step in steps {
            connections.entry(step.connection_id.clone()).or_default().extend(ShownLoss::of(step));
        }
        let (hash, expires_at) = (hash_of_held(steps), now.plus(APPROVED_FOR));
        Self { hash, connections, left: BTreeSet::new(), approved_by, expires_at }
    }
}

/// The hash of the held steps among `steps`: over all that they show, in whatever order.
pub fn hash_of_held<'a>(steps: impl IntoIterator<Item = &'a RecordedStep>) -> String {
    let shown: BTreeSet<ShownLoss> = steps.into_iter().filter(|step| step.held).flat_map(ShownLoss::of).collect();
    hex::encode(Sha256::digest(serde_json::to_vec(&shown).unwrap_or_default()))
}

/// The connections of which `planned` holds back what `on_record` does not show as held: another loss, one for another
/// reason, or one more.
pub fn beyond_record<'a>(
    planned: impl IntoIterator<Item = &'a RecordedStep>,
    on_record: impl IntoIterator<Item = &'a RecordedStep>,
) -> BTreeSet<ConnectionId> {
    let held = |step: &&RecordedStep| step.held;
    let shown: BTreeSet<ShownLoss> = on_record.into_iter().filter(held).flat_map(ShownLoss::of).collect();
    let is_beyond = |step: &&RecordedStep| !ShownLoss::of(step).is_subset(&shown);
    planned.into_iter().filter(held).filter(is_beyond).map(|step| step.connection_id.clone()).collect()
}

/// A plan as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedSteps {
    /// The hash of the held steps, for an approval.
    pub hash: String,
    /// The steps, in order.
    pub steps: Vec<RecordedStep>,
    /// What is left out, and why.
    pub notes: Vec<Note>,
}

impl PlannedSteps {
    /// A plan of these steps.
    pub fn new(steps: Vec<RecordedStep>, notes: Vec<Note>) -> Self {
        Self { hash: hash_of_held(&steps), steps, notes }
    }

    /// What it means for those who sign in.
    pub fn summary(&self) -> String {
        meaning(&self.steps)
    }

    /// With what people know the connections by: each connection's first step has it, and so have the others and the notes
    /// as far as there is room for it in an answer.
    #[must_use]
    pub fn named(mut self, names: &Names) -> Self {
        let mut room = ROOM_FOR_NAMES;
        let mut put = |naming: &mut Naming, id: &ConnectionId| {
            let size = names.get(id).and_then(|naming| serde_json::to_vec(naming).ok()).map_or(0, |text| text.len());
            if size <= room {
                naming.put(names, Some(id));
                room -= size;
            }
        };
        let mut seen = BTreeSet::new();
        let (first, others): (Vec<&mut RecordedStep>, Vec<&mut RecordedStep>) =
            self.steps.iter_mut().partition(|step| seen.insert(step.connection_id.clone()));
        for step in first.into_iter().chain(others) {
            put(&mut step.naming, &step.connection_id);
        }
        for note in &mut self.notes {
            if let Some(id) = &note.connection_id {
                put(&mut note.naming, id);
            }
        }
        self
    }

    /// What a run held back, by its report: for a pool that takes longer to look at than there is time for a plan. None
    /// where it tells of nothing that was held back, which does not say that there is nothing to do.
    pub fn held_back_by(report: RunReport) -> Option<Self> {
        let RunReport { id, steps, omitted, .. } = report;
        let held: Vec<RecordedStep> = steps.into_iter().filter(|step| step.held).collect();
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
    use crate::{decisions::Decisions, plan::ActionKind, provider::Change, run::Outcome, wake_up::Cause};

    fn id(letter: char) -> ConnectionId {
        format!("conn_{}", letter.to_string().repeat(26)).parse().unwrap()
    }

    fn step(held: bool) -> RecordedStep {
        RecordedStep {
            action: ActionKind::Delete,
            connection_id: id('A'),
            naming: Naming::default(),
            provider_name: "a-provider".parse().unwrap(),
            app_client_id: None,
            reason: "the connection is no longer chosen".to_owned(),
            changes: vec![Change { field: "identifiers".to_owned(), before: Some("org_1".to_owned()), after: None }],
            held,
            takes_away: true,
        }
    }

    /// A report of a run as it comes back from where it is stored.
    fn stored(steps: Vec<RecordedStep>, omitted: usize) -> RunReport {
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
        let approval = Approval::of(std::slice::from_ref(held), String::new(), Timestamp::from_seconds(1));
        let decisions = Decisions { approvals: vec![approval], ..Decisions::default() };
        assert!(decisions.covers(&step(true), Timestamp::from_seconds(1)), "the plan of a run is what was approved");
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
    fn what_is_held_beyond_the_record_is_known_by_what_it_takes_and_why_and_by_no_order() {
        let (mut of_record, other) = (step(true), RecordedStep { connection_id: id('B'), ..step(true) });
        of_record.changes[0].before = Some("org_1, org_2".to_owned());
        let beyond = |planned: &[RecordedStep], record: &[RecordedStep]| beyond_record(planned, record);
        // The same, and less of it.
        assert!(beyond(&[of_record.clone(), other.clone()], &[other.clone(), of_record.clone()]).is_empty());
        assert!(beyond(&[step(true)], std::slice::from_ref(&of_record)).is_empty());
        // More of it, for another reason, another provider's, another kind of step, and of what is no longer held.
        let more =
            RecordedStep { changes: [of_record.changes.clone(), step(true).changes].concat(), ..of_record.clone() };
        let mut changed = more.clone();
        changed.changes[1].before = Some("org_3".to_owned());
        for planned in [
            changed,
            RecordedStep { reason: "the connection is gone".to_owned(), ..of_record.clone() },
            RecordedStep { provider_name: "b-provider".parse().unwrap(), ..of_record.clone() },
            RecordedStep {
                action: ActionKind::Unwire,
                app_client_id: Some("client".parse().unwrap()),
                ..of_record.clone()
            },
        ] {
            assert_eq!(beyond(std::slice::from_ref(&planned), std::slice::from_ref(&of_record)), [id('A')].into());
            let both = [other.clone(), planned];
            assert_eq!(beyond(&both, &[other.clone(), of_record.clone()]), [id('A')].into(), "and no other");
        }
        let done = RecordedStep { held: false, ..of_record.clone() };
        assert_eq!(beyond(std::slice::from_ref(&of_record), std::slice::from_ref(&done)), [id('A')].into());
        assert!(beyond(&[done], &[]).is_empty(), "nothing of it is held");
    }

    #[test]
    fn a_plan_of_many_steps_is_shown_though_their_connections_have_the_longest_names() {
        let steps = (0..6000).map(|number| RecordedStep {
            connection_id: format!("conn_{:026}", number % 1000).parse().unwrap(),
            app_client_id: Some(format!("client{number}").parse().unwrap()),
            ..step(true)
        });
        let planned = PlannedSteps::new(steps.collect(), Vec::new());
        let bare = serde_json::to_vec(&planned.steps).unwrap().len();
        let naming =
            Naming { name: Some("ä".repeat(128)), organization_name: Some("ö".repeat(128)), ..Naming::default() };
        let names = planned.steps.iter().map(|step| (step.connection_id.clone(), naming.clone())).collect();
        let shown = planned.clone().named(&names);
        assert!(serde_json::to_vec(&shown.steps).unwrap().len() <= bare + ROOM_FOR_NAMES);
        assert_eq!(shown.hash, planned.hash);
        assert!(shown.steps[..1000].iter().all(|step| step.naming == naming), "each connection is named once");
        assert!(
            shown.steps.iter().filter(|step| step.naming == naming).count() > 1500,
            "and oftener where there is room"
        );
    }

    #[test]
    fn a_report_without_held_steps_is_no_plan() {
        assert_eq!(PlannedSteps::held_back_by(stored(vec![step(false)], 0)), None);
        assert_eq!(PlannedSteps::held_back_by(stored(Vec::new(), 3)), None);
    }
}
