//! The guard over the days of a pool, with the reconciler that is deployed: what it takes, what waits, and what never
//! goes, whatever is interrupted and however long nobody says anything.
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::config;
use super::world::{
    Event, clock,
    names::{conn, letter, name},
    runner::{Ran, World},
    wire::{Disturbance, Fault},
};
use causeway_core::{
    decisions::Refusal, guard::WINDOW, health::HealthState, id::ConnectionId, plan::RecordedStep, run::Outcome,
    standing::Standing, timestamp::Timestamp, user_pool::UserPool,
};
use proptest::{prelude::*, sample::select, sample::subsequence};

const LETTERS: &str = "ABCDEFGHIJKLMN";
const HOUR: Duration = Duration::from_hours(1);

#[derive(Debug, Clone)]
enum Act {
    /// These connections get a state, or go.
    Become(Vec<char>, Option<&'static str>),
    /// `WorkOS`'s list leaves these out, or shows them again.
    Hide(Vec<char>),
    /// Hours pass.
    Wait(u64),
    /// An operator approves all that is held, or what is of these.
    Approve(Option<Vec<char>>),
    /// An operator refuses, for so many hours or until it is let go.
    Refuse(Vec<char>, Option<u64>),
    LetGo(char),
    /// The public URL, and so every issuer, changes.
    MoveBase,
    Run(Disturbance),
}

fn letters(most: usize) -> impl Strategy<Value = Vec<char>> {
    subsequence(LETTERS.chars().collect::<Vec<_>>(), 1..=most)
}

fn disturbance() -> impl Strategy<Value = Disturbance> {
    let fault = select(vec![Fault::Crash, Fault::Refuse, Fault::LoseAnswer, Fault::Repeat, Fault::Throttle]);
    let fault = (prop_oneof![0..12_u8, 12..60_u8], fault);
    (prop::collection::vec(fault, 0..2), prop::option::weighted(0.2, 4..60_u8)).prop_map(|(faults, time)| Disturbance {
        faults,
        time,
        ..Disturbance::default()
    })
}

fn act() -> impl Strategy<Value = Act> {
    let states = || select(vec![None, Some("active"), Some("active"), Some("inactive")]);
    prop_oneof![
        6 => (letters(9), states()).prop_map(|(letters, state)| Act::Become(letters, state)),
        4 => (letters(1), states()).prop_map(|(letters, state)| Act::Become(letters, state)),
        1 => letters(9).prop_map(Act::Hide),
        4 => (1u64..30).prop_map(Act::Wait),
        2 => prop::option::of(letters(3)).prop_map(Act::Approve),
        1 => (letters(3), prop::option::of(1u64..40)).prop_map(|(letters, hours)| Act::Refuse(letters, hours)),
        1 => letters(1).prop_map(|letters| Act::LetGo(letters[0])),
        1 => Just(Act::MoveBase),
        8 => Just(Act::Run(Disturbance::default())),
        4 => disturbance().prop_map(Act::Run),
    ]
}

fn life() -> impl Strategy<Value = Vec<Act>> {
    prop::collection::vec(act(), 1..30)
}

fn ids(letters: impl IntoIterator<Item = char>) -> BTreeSet<ConnectionId> {
    letters.into_iter().map(conn).collect()
}

/// A pool, and what the test knows of it.
struct Life {
    world: World,
    /// Who lost something without an approval: when, and what they had before.
    lost: BTreeMap<ConnectionId, (Timestamp, Standing)>,
    /// Who was deleted: an ID that is gone does not come back.
    gone: BTreeSet<char>,
}

impl Life {
    /// Twelve customers, each in an organization of its own.
    async fn new() -> Self {
        let world = World::new();
        for letter in LETTERS.chars().take(12) {
            world.happen(&Event::Connect(letter, "active", letter));
        }
        let life = Self { world, lost: BTreeMap::new(), gone: BTreeSet::new() };
        life.world.run(&Disturbance::default()).await;
        assert_eq!(life.has().len(), 12);
        life
    }

    /// What each connection has in the pool.
    fn has(&self) -> BTreeMap<ConnectionId, Standing> {
        let state = self.world.state();
        let of = |letter: char| {
            let provider = state.cognito.providers.get(&name(letter))?;
            let offering = state.cognito.clients.iter().filter(|(_, names)| names.contains(name(letter).as_str()));
            let standing = Standing {
                provider_name: name(letter),
                issuer: provider.issuer().unwrap_or_default().to_owned(),
                identifiers: provider.identifiers.clone(),
                app_clients: offering.map(|(client, _)| client.clone()).collect(),
            };
            Some((conn(letter), standing))
        };
        LETTERS.chars().filter_map(of).collect()
    }

    fn pool(&self) -> UserPool {
        self.world.state().items.pool().unwrap()
    }

    async fn act(&mut self, act: &Act) {
        match act {
            Act::Become(letters, Some(state)) => {
                for letter in letters.iter().filter(|letter| !self.gone.contains(letter)) {
                    self.world.happen(&Event::Connect(*letter, state, *letter));
                }
            }
            Act::Become(letters, None) => {
                for letter in letters {
                    self.world.happen(&Event::Disconnect(*letter));
                }
                self.gone.extend(letters);
            }
            Act::Hide(letters) => {
                for letter in letters {
                    self.world.happen(&Event::Hide(*letter));
                }
            }
            Act::Wait(hours) => clock::pass(HOUR * u32::try_from(*hours).unwrap()).await,
            Act::Approve(None) => self.world.approve().await,
            Act::Approve(Some(letters)) => self.approve_some(&ids(letters.iter().copied())).await,
            Act::Refuse(letters, hours) => self.refuse(letters, *hours),
            Act::LetGo(letter) => self
                .world
                .decide(|decisions, now| decisions.let_go(&conn(*letter), now).unwrap_or_else(|| decisions.clone())),
            Act::MoveBase => self.world.happen(&Event::MoveBase),
            Act::Run(disturbance) => drop(self.run(disturbance).await),
        }
    }

    async fn approve_some(&self, wanted: &BTreeSet<ConnectionId>) {
        let held: Vec<RecordedStep> = self.world.planned().await.steps.into_iter().filter(|step| step.held).collect();
        if held.iter().any(|step| wanted.contains(&step.connection_id)) {
            self.world.decide(|decisions, now| decisions.approve(held, Some(wanted), "an operator", now).unwrap().0);
        }
    }

    fn refuse(&self, letters: &[char], hours: Option<u64>) {
        let now = clock::now();
        let refusal = Refusal {
            connection_ids: ids(letters.iter().copied()),
            reason: "no".to_owned(),
            refused_by: "an operator".to_owned(),
            refused_at: now,
            until: hours.map(|hours| now.plus(Duration::from_hours(hours))),
        };
        self.world.decide(|decisions, now| decisions.refuse(refusal, now).unwrap());
    }

    async fn run(&mut self, disturbance: &Disturbance) -> Ran {
        // A killed run's lease ends before the next one begins, and so may what was decided.
        let lease_until = self.world.state().items.lease_until();
        if let Some(until) = lease_until {
            clock::pass(until.since(clock::now())).await;
        }
        let (pool, before, began) = (self.pool(), self.has(), clock::now());
        let ran = self.world.run(disturbance).await;
        let now = clock::now();
        let after = self.has();
        for (id, had) in &before {
            if after.get(id).is_some_and(|has| has.makes_good(had)) {
                continue;
            }
            assert!(pool.decisions.refusal(id, began).is_none(), "{id} was refused, and something was taken from it");
            let mut good = pool.decisions.approvals.iter().filter(|approval| began < approval.expires_at);
            let is_approved = good.any(|approval| approval.connections.contains_key(id));
            assert!(is_approved || !pool.held.contains_key(id), "{id} waited, and waiting was taken for consent");
            if !is_approved {
                let earlier = self.lost.get(id).filter(|(at, _)| now.since(*at) < WINDOW);
                let had = earlier.map_or(had, |(_, had)| had).clone();
                self.lost.insert(id.clone(), (now, had));
            }
        }
        self.lost
            .retain(|id, (at, had)| now.since(*at) < WINDOW && after.get(id).is_none_or(|has| !has.makes_good(had)));
        let all: BTreeSet<&ConnectionId> = before.keys().chain(self.lost.keys()).collect();
        let (lost, all) = (self.lost.len(), all.len());
        assert!(lost <= 5 || lost * 100 <= all * 30, "{lost} of {all} lost something in a day, and nobody was asked");
        ran
    }

    /// `WorkOS` shows all that it has, nobody decides anything any more, and everything is in line but for what waits.
    async fn calms_down(&mut self) {
        self.world.state().calm_down();
        for _ in 0..12 {
            clock::pass(HOUR).await;
            let ran = self.run(&Disturbance::default()).await;
            if ran.done().next().is_none() && ran.report.is_some_and(|report| report.outcome != Outcome::OutOfTime) {
                return;
            }
        }
        panic!("there is always something to do");
    }
}

proptest! {
    #![proptest_config(config(20))]

    #[test]
    fn no_more_is_lost_in_a_day_than_the_limit_and_nothing_that_waits_or_was_refused(acts in life()) {
        clock::live(async {
            let mut life = Life::new().await;
            for act in &acts {
                life.act(act).await;
            }
            life.calms_down().await;
        });
    }

    #[test]
    fn what_is_approved_is_done_once_there_is_time_and_then_nothing_waits(acts in life()) {
        clock::live(async {
            let mut life = Life::new().await;
            for act in &acts {
                life.act(act).await;
            }
            life.calms_down().await;
            for letter in LETTERS.chars() {
                life.act(&Act::LetGo(letter)).await;
            }
            // What goes by approval can leave so few that the rest waits as well.
            for _ in 0..3 {
                life.act(&Act::Approve(None)).await;
                life.calms_down().await;
            }
            let left = life.world.planned().await.steps;
            assert!(left.is_empty(), "{left:#?}");
            let pool = life.pool();
            assert!(pool.held.is_empty() && pool.decisions.approvals.is_empty(), "{:?} {:?}", pool.held, pool.decisions);
            assert_eq!(pool.run.health.state, HealthState::Ok, "{:?}", pool.run.health);
        });
    }

    #[test]
    fn one_customer_s_leaving_is_never_held_whatever_is_held_or_was_approved_or_refused(
        acts in life(),
        leaver in select(LETTERS.chars().collect::<Vec<_>>()),
    ) {
        clock::live(async {
            let mut life = Life::new().await;
            for act in &acts {
                life.act(act).await;
            }
            life.calms_down().await;
            clock::pass(WINDOW).await;
            let (pool, has) = (life.pool(), life.has());
            let id = conn(leaver);
            let is_one_of_many = has.contains_key(&id) && has.len() >= 2;
            let is_free = !pool.held.contains_key(&id) && pool.decisions.refusal(&id, clock::now()).is_none();
            if is_one_of_many && is_free && life.world.state().connections.contains_key(&leaver) {
                life.world.happen(&Event::Disconnect(leaver));
                let ran = life.run(&Disturbance::default()).await;
                let held: String = ran.held().map(|step| letter(&step.connection_id)).collect();
                assert!(!held.contains(leaver), "{leaver} leaves, and is held: {held}");
                assert!(!life.has().contains_key(&id), "{leaver} is gone, and has its provider");
            }
        });
    }
}

#[test]
fn losses_that_only_a_short_list_shows_count_for_nobody_s_leaving() {
    clock::live(async {
        let mut life = Life::new().await;
        for _ in 0..2 {
            life.act(&Act::Hide("ABCDE".chars().collect())).await;
            let ran = life.run(&Disturbance::default()).await;
            assert_eq!((ran.held().count(), life.pool().run.losses.len()), (0, 0), "{:?}", ran.failures());
        }
        life.act(&Act::Become(vec!['F'], None)).await;
        let ran = life.run(&Disturbance::default()).await;
        assert_eq!(ran.held().count(), 0, "one of twelve goes, and nobody lost anything before");
        assert!(!life.has().contains_key(&conn('F')));
    });
}

#[test]
fn what_somebody_has_again_counts_for_nobody_s_leaving() {
    clock::live(async {
        let world = World::new();
        for letter in ['A', 'B'] {
            world.happen(&Event::Connect(letter, "active", letter));
        }
        let mut life = Life { world, lost: BTreeMap::new(), gone: BTreeSet::new() };
        for state in ["active", "inactive", "active"] {
            life.act(&Act::Become(vec!['A'], Some(state))).await;
            life.run(&Disturbance::default()).await;
        }
        life.act(&Act::Wait(3)).await;
        life.act(&Act::Become(vec!['B'], None)).await;
        let ran = life.run(&Disturbance::default()).await;
        assert_eq!(ran.held().count(), 0, "one of two goes, and the other has all again");
        assert_eq!(life.has().len(), 1);
    });
}

#[test]
fn what_there_was_no_time_for_is_done_by_the_next_run_under_the_same_approval() {
    clock::live(async {
        let mut life = Life::new().await;
        life.act(&Act::Become("ABCDEFGHI".chars().collect(), None)).await;
        let ran = life.run(&Disturbance::default()).await;
        assert_eq!(ran.held().count(), 27, "nine deletes and two unwires each");
        life.act(&Act::Approve(None)).await;
        // The least time that is enough for something.
        let mut time = 10;
        let some = loop {
            let ran = life.run(&Disturbance { time: Some(time), ..Disturbance::default() }).await;
            if life.has().len() < 12 {
                break ran;
            }
            time += 5;
        };
        assert!(some.is_out_of_time() && life.has().len() > 3, "there was time for all of it");
        life.act(&Act::Wait(20)).await;
        let rest = life.run(&Disturbance::default()).await;
        assert_eq!((rest.held().count(), life.has().len()), (0, 3), "{:?}", rest.failures());
    });
}

#[test]
fn a_change_of_causeway_s_own_is_brought_to_one_provider_and_to_the_others_in_the_next_run() {
    clock::live(async {
        let mut life = Life::new().await;
        let mapping = [("email".to_owned(), "email".to_owned()), ("nickname".to_owned(), "name".to_owned())];
        life.world.state().set_options(|options| options.attribute_mapping = Some(mapping.into()));
        let having = |life: &Life| {
            let state = life.world.state();
            state.cognito.providers.values().filter(|provider| provider.mapping.contains_key("nickname")).count()
        };
        // The first is refused, and another one gets it.
        let refused = (0..40).map(|call| Disturbance { faults: vec![(call, Fault::Refuse)], ..Disturbance::default() });
        for disturbance in refused.chain([Disturbance::default()]) {
            let had = having(&life);
            life.run(&disturbance).await;
            assert!(having(&life) <= had + 1 || had > 0, "{} have it at once after {had}", having(&life));
            if having(&life) == 12 {
                break;
            }
        }
        assert_eq!(having(&life), 12);
    });
}
