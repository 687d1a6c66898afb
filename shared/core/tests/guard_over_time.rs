//! The guard over days: whatever happens to a pool's connections, and however long nobody says anything.
//!
//! What is let through is carried out at once and completely, or not at all: how a run does it is not the matter here.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on should stop where it is")]

#[allow(dead_code, reason = "each test binary uses its own part")]
mod scene;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use causeway_core::{
    decisions::Refusal,
    guard::{Guarded, WINDOW},
    id::ConnectionId,
    plan::{Action, RecordedStep, Step, standing},
    standing::Standing,
    timestamp::Timestamp,
};
use proptest::prelude::*;
use scene::{OnRecord, Scene, conn, letter};

const LETTERS: &str = "ABCDEFGHIJKLMNOP";

#[derive(Debug, Clone)]
enum Event {
    /// These connections get a state, or go.
    Become(Vec<char>, Option<&'static str>),
    Wait(u64),
    /// An operator approves all that is held, or only what is of these.
    Approve(Option<Vec<char>>),
    /// Refused for so many hours, or for good.
    Refuse(Vec<char>, Option<u64>),
    LetGo(char),
    /// A run that ends before its steps.
    Look,
    Run,
}

fn some_letters(most: usize) -> impl Strategy<Value = Vec<char>> {
    prop::sample::subsequence(LETTERS.chars().collect::<Vec<_>>(), 1..=most)
}

fn event() -> impl Strategy<Value = Event> {
    let states = prop::sample::select(vec![None, Some("active"), Some("active"), Some("inactive")]);
    prop_oneof![
        6 => (some_letters(8), states.clone()).prop_map(|(letters, state)| Event::Become(letters, state)),
        4 => (some_letters(1), states).prop_map(|(letters, state)| Event::Become(letters, state)),
        4 => (1u64..30).prop_map(Event::Wait),
        1 => prop::option::of(some_letters(3)).prop_map(Event::Approve),
        1 => (some_letters(3), prop::option::of(1u64..40)).prop_map(|(letters, hours)| Event::Refuse(letters, hours)),
        1 => some_letters(1).prop_map(|letters| Event::LetGo(letters[0])),
        1 => Just(Event::Look),
        8 => Just(Event::Run),
    ]
}

/// A pool, what stands on it, and what the test knows of it.
struct Pool {
    scene: Scene,
    record: OnRecord,
    /// Who lost something without an approval: when, and what they had before.
    lost: BTreeMap<ConnectionId, (Timestamp, Standing)>,
}

impl Pool {
    fn new() -> Self {
        let mut scene = Scene::new();
        for letter in LETTERS.chars().take(12) {
            scene.connection(letter, "active").ours(letter);
        }
        scene.app_client("web", &LETTERS.chars().take(12).collect::<Vec<_>>());
        Self { scene, record: OnRecord::default(), lost: BTreeMap::new() }
    }

    fn has(&self) -> BTreeMap<ConnectionId, Standing> {
        self.scene.with(&self.scene.observed, |situation| standing(&situation))
    }

    fn happen(&mut self, event: &Event) {
        let now = self.record.now;
        match event {
            Event::Become(letters, Some(state)) => {
                for letter in letters {
                    self.scene.connection(*letter, state);
                }
            }
            Event::Become(letters, None) => {
                self.scene.snapshot.connections.retain(|connection| !letters.contains(&letter(&connection.id)));
            }
            Event::Wait(hours) => self.record.now = now.plus(Duration::from_hours(*hours)),
            Event::Approve(of) => {
                let guarded = self.scene.guarded_by(&self.record);
                let wanted: Option<BTreeSet<ConnectionId>> =
                    of.as_ref().map(|of| of.iter().copied().map(conn).collect());
                let held: Vec<RecordedStep> = guarded.plan.recorded().into_iter().filter(|step| step.held).collect();
                let is_any =
                    held.iter().any(|step| wanted.as_ref().is_none_or(|ids| ids.contains(&step.connection_id)));
                if is_any {
                    let decided = self.record.decisions.approve(held, wanted.as_ref(), "an operator", now);
                    self.record.decisions = decided.unwrap().0;
                }
            }
            Event::Refuse(letters, hours) => {
                let refusal = Refusal {
                    connection_ids: letters.iter().copied().map(conn).collect(),
                    reason: "no".to_owned(),
                    refused_by: "an operator".to_owned(),
                    refused_at: now,
                    until: hours.map(|hours| now.plus(Duration::from_hours(hours))),
                };
                self.record.decisions = self.record.decisions.refuse(refusal, now).unwrap();
            }
            Event::LetGo(letter) => {
                if let Some(decided) = self.record.decisions.let_go(&conn(*letter), now) {
                    self.record.decisions = decided;
                }
            }
            Event::Look => {
                let guarded = self.scene.guarded_by(&self.record);
                self.record.losses.clone_from(&guarded.losses);
                self.record.held.clone_from(&guarded.held);
            }
            Event::Run => self.run(),
        }
    }

    fn run(&mut self) {
        let (now, before) = (self.record.now, self.has());
        let waited = self.record.held.clone();
        let guarded = self.scene.guarded_by(&self.record);
        let approved: BTreeSet<ConnectionId> = guarded
            .plan
            .steps
            .iter()
            .filter(|step| self.record.decisions.covers(&step.recorded(), now))
            .map(|step| step.connection_id.clone())
            .collect();
        Self::waits_on(&waited, &guarded, &approved);
        self.one_leaves(&guarded);
        let steps: Vec<Step> = guarded.plan.steps.iter().filter(|step| !step.held).cloned().collect();
        for step in &steps {
            self.carry_out(step);
        }
        let refused = self.record.decisions.refused(now);
        self.record.follow(&guarded);
        self.note_lost(&before, &approved, &refused);
        self.is_within_the_limit(&before);
    }

    /// What waited for a person still does, unless somebody decided or it is no longer planned.
    fn waits_on(waited: &BTreeMap<ConnectionId, Timestamp>, guarded: &Guarded, approved: &BTreeSet<ConnectionId>) {
        for step in guarded.plan.steps.iter().filter(|step| step.takes_away && waited.contains_key(&step.connection_id))
        {
            assert!(step.held || approved.contains(&step.connection_id), "waiting was taken for consent: {step:?}");
        }
    }

    /// Who leaves while nobody else did in the last day is not held, but where one held or refused it before.
    fn one_leaves(&self, guarded: &Guarded) {
        let losing: BTreeSet<&ConnectionId> =
            guarded.plan.steps.iter().filter(|step| step.takes_away).map(|step| &step.connection_id).collect();
        let new: Vec<&&ConnectionId> = losing.iter().filter(|id| !self.record.held.contains_key(**id)).collect();
        let [leaver] = new[..] else { return };
        let is_quiet = self.lost.values().all(|(at, _)| self.record.now.since(*at) >= WINDOW);
        if is_quiet && !self.record.decisions.leaves(leaver, self.record.now) && self.has().len() > losing.len() {
            let held = guarded.plan.steps.iter().any(|step| step.held && step.connection_id == **leaver);
            assert!(!held, "an ordinary customer's leaving was held");
        }
    }

    fn note_lost(
        &mut self,
        before: &BTreeMap<ConnectionId, Standing>,
        approved: &BTreeSet<ConnectionId>,
        refused: &BTreeSet<ConnectionId>,
    ) {
        let (now, after) = (self.record.now, self.has());
        for (id, had) in before {
            if after.get(id).is_none_or(|has| !has.makes_good(had)) {
                assert!(!refused.contains(id), "{id} was refused, and something was taken from it");
                if !approved.contains(id) {
                    let had = self.lost.get(id).map_or(had, |(_, had)| had).clone();
                    self.lost.insert(id.clone(), (now, had));
                }
            }
        }
        self.lost
            .retain(|id, (at, had)| now.since(*at) < WINDOW && after.get(id).is_none_or(|has| !has.makes_good(had)));
    }

    fn is_within_the_limit(&self, before: &BTreeMap<ConnectionId, Standing>) {
        let all: BTreeSet<&ConnectionId> = before.keys().chain(self.lost.keys()).collect();
        let (lost, all) = (self.lost.len(), all.len());
        assert!(lost <= 5 || lost * 100 <= all * 30, "{lost} of {all} lost something in a day, and nobody was asked");
    }

    fn carry_out(&mut self, step: &Step) {
        let (id, name) = (&step.connection_id, step.provider_name.to_string());
        let scene = &mut self.scene;
        match &step.action {
            Action::Create(spec) => drop(scene.ours_with(letter(id), spec.identifiers.clone())),
            Action::Update { after, .. } => drop(scene.ours_with(letter(id), after.identifiers.clone())),
            Action::Wire => drop(scene.observed.app_clients.values_mut().next().unwrap().insert(name)),
            Action::Unwire => drop(scene.observed.app_clients.values_mut().next().unwrap().remove(&name)),
            Action::Delete(_) => {
                scene.observed.providers.remove(&step.provider_name);
                scene.claims.remove(id);
            }
            Action::Forget => drop(scene.claims.remove(id)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_no_more_is_lost_in_a_day_than_the_limit_and_nothing_that_waited_or_was_refused(
        events in prop::collection::vec(event(), 1..40),
    ) {
        let mut pool = Pool::new();
        for event in &events {
            pool.happen(event);
        }
    }

    #[test]
    fn what_is_approved_is_done_by_the_next_run(events in prop::collection::vec(event(), 1..20)) {
        let mut pool = Pool::new();
        for event in &events {
            pool.happen(event);
        }
        pool.happen(&Event::Run);
        pool.happen(&Event::Approve(None));
        let approved: BTreeSet<ConnectionId> =
            pool.record.decisions.approvals.iter().flat_map(|approval| approval.connections.keys().cloned()).collect();
        pool.happen(&Event::Run);
        let left = pool.scene.guarded_by(&pool.record).plan.steps;
        let is_done = left.iter().all(|step| !step.takes_away || !approved.contains(&step.connection_id));
        prop_assert!(is_done, "{approved:?} {left:#?}");
        pool.happen(&Event::Run);
        prop_assert!(pool.record.decisions.approvals.is_empty(), "{:?}", pool.record.decisions.approvals);
    }
}
