//! A user pool's whole life, drawn at random: both sides change, lists are short or refused, runs crash, fail and run
//! out of time between any two calls, the tenant works on the pool at the same time. Whatever happened, the runs after
//! it bring both sides in line.
//!
//! `PROPTEST_CASES` sets the number of lives. A failing one is printed in its shortest form, and its seed is
//! kept beside this file, so that the next run begins with it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on should stop where it is")]

#[allow(dead_code, reason = "each test binary uses its own part")]
mod model;
#[allow(dead_code, reason = "each test binary uses its own part")]
mod scene;

use std::collections::BTreeSet;

use causeway_core::{
    id::Identifier,
    plan::{Action, Step},
    user_pool::Mode,
};
use model::{
    Edit, Event, Field, World,
    cognito::Cognito,
    look::Blindness,
    runner::{Disturbance, Fault, Ran, Side},
};
use proptest::{
    prelude::*,
    sample::{select, subsequence},
    test_runner::FileFailurePersistence,
};
use scene::org;

const LETTERS: [char; 6] = ['A', 'B', 'C', 'D', 'E', 'F'];
const ORGANIZATIONS: [char; 3] = ['O', 'P', 'Q'];
const DOMAINS: [&str; 2] = ["one.example.com", "two.example.com"];
/// What a tenant's own provider may have that Causeway would like to have.
const WANTED_BY_BOTH: [&str; 4] = ["org_O", "org_P", "one.example.com", "conn_AAAAAAAAAAAAAAAAAAAAAAAAAA"];
/// Runs until a pool must be in line: one finds out, one has the operator's approval, one is for what an
/// early failure left, two bring what is Causeway's own to those after the first, before and after the approval, and one
/// shows that nothing is left.
const RUNS_UNTIL_IN_LINE: usize = 6;

#[derive(Debug, Clone)]
enum Act {
    Happen(Event),
    Run(Disturbance),
}

fn edit() -> impl Strategy<Value = Edit> {
    let letter = || select(LETTERS.to_vec());
    let field = vec![Field::Secret, Field::Issuer, Field::TokenUrl, Field::Mapping, Field::Identifiers];
    prop_oneof![
        letter().prop_map(Edit::DeleteOurs),
        (letter(), select(field)).prop_map(|(letter, field)| Edit::Change(letter, field)),
        (select(vec!["Okta", "Entra"]), select(WANTED_BY_BOTH.to_vec()), select(vec!["OIDC", "SAML"]))
            .prop_map(|(name, identifier, kind)| Edit::AddTheirs(name, identifier, kind)),
        (letter(), select(WANTED_BY_BOTH.to_vec())).prop_map(|(letter, of)| Edit::AddCollision(letter, of)),
        Just(Edit::DeleteTheirs),
        (subsequence(LETTERS.to_vec(), 0..=6), subsequence(vec!["COGNITO", "Entra", "Okta"], 0..=3))
            .prop_map(|(letters, others)| Edit::SetClient(letters, others)),
    ]
}

fn connect() -> impl Strategy<Value = Event> {
    let states = vec![
        "active",
        "active",
        "active",
        "validating",
        "inactive",
        "draft",
        "requires_type",
        "deleting",
        "of_the_future",
    ];
    (select(LETTERS.to_vec()), select(states), select(ORGANIZATIONS.to_vec()))
        .prop_map(|(letter, state, organization)| Event::Connect(letter, state, organization))
}

fn event() -> impl Strategy<Value = Event> {
    let letter = || select(LETTERS.to_vec());
    prop_oneof![
        8 => connect(),
        4 => edit().prop_map(Event::Edit),
        2 => letter().prop_map(Event::Disconnect),
        1 => letter().prop_map(Event::Garble),
        2 => letter().prop_map(Event::Hide),
        1 => Just(Event::GarbleUnknown),
        2 => (select(ORGANIZATIONS.to_vec()), subsequence(DOMAINS.to_vec(), 0..=2))
            .prop_map(|(organization, domains)| Event::Domains(organization, domains)),
        1 => choose(),
        2 => set_mode(),
        1 => Just(Event::MoveBase),
        1 => Just(Event::Approve),
        1 => any::<u8>().prop_map(Event::Wait),
    ]
}

fn choose() -> impl Strategy<Value = Event> {
    prop::option::of(subsequence(ORGANIZATIONS.to_vec(), 0..=3)).prop_map(Event::Choose)
}

fn set_mode() -> impl Strategy<Value = Event> {
    select(vec![Mode::Sync, Mode::Sync, Mode::Upsert, Mode::Observe, Mode::Paused]).prop_map(Event::SetMode)
}

/// What happens while a run is under way.
fn meanwhile() -> impl Strategy<Value = Event> {
    let letter = || select(LETTERS.to_vec());
    prop_oneof![
        4 => edit().prop_map(Event::Edit),
        2 => connect(),
        1 => letter().prop_map(Event::Disconnect),
        1 => letter().prop_map(Event::Hide),
        1 => choose(),
        1 => set_mode(),
    ]
}

fn blindness() -> impl Strategy<Value = Blindness> {
    prop_oneof![
        Just(Blindness::Page),
        (0..4_u8).prop_map(Blindness::Description),
        (0..4_u8).prop_map(Blindness::OutOfTime),
    ]
}

fn disturbance() -> impl Strategy<Value = Disturbance> {
    // Most runs have little to do.
    let call = || prop_oneof![3 => 0..10_u8, 1 => 10..32_u8];
    let fault = select(vec![Fault::Crash, Fault::Refuse, Fault::LoseAnswer, Fault::Repeat, Fault::Throttle]);
    (
        prop::option::weighted(0.1, blindness()),
        prop::collection::vec((call(), fault), 0..3),
        prop::option::weighted(0.2, call()),
        prop::option::weighted(0.3, (call(), meanwhile())),
    )
        .prop_map(|(blindness, faults, time, meanwhile)| Disturbance { blindness, faults, time, meanwhile })
}

fn life() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        3 => event().prop_map(Act::Happen),
        1 => disturbance().prop_map(Act::Run),
        1 => Just(Act::Run(Disturbance::default())),
    ];
    (prop::collection::vec(connect().prop_map(Act::Happen), 1..6), prop::collection::vec(act, 1..30))
        .prop_map(|(first, rest)| [first, rest].concat())
}

/// A run that nothing disturbs, of which every step succeeds unless something stands in its way.
fn run_in_peace(world: &mut World) -> Ran {
    let found = ORGANIZATIONS.map(|letter| world.holder_of(&Identifier::of_id(&org(letter)).unwrap()).is_some());
    let ran = world.run(&Disturbance::default());
    assert!(ran.failures.is_empty() || world.is_hindered(), "{:?} {:#?}", ran.failures, ran.plan.steps);
    if ran.plan.steps.iter().any(|step| step.held) {
        for (letter, was_found) in ORGANIZATIONS.into_iter().zip(found) {
            let is_found = world.holder_of(&Identifier::of_id(&org(letter)).unwrap()).is_some();
            let lost = ran.plan.steps.iter().any(|step| step.takes_away && !step.held);
            assert!(is_found || !was_found || lost, "{letter} was freed for a step that is held back");
        }
    }
    ran
}

/// A run of which one side is not seen completely.
fn run_blind(world: &mut World, disturbance: &Disturbance) {
    let before = world.clone();
    let ran = world.run(disturbance);
    assert_eq!(world.cognito, before.cognito, "an incomplete look has an effect on the pool");
    assert!(ran.done.is_empty());
    assert!(ran.is_out_of_time || ran.calls == 0, "an incomplete look is written down");
}

/// A run to which nothing happens from outside. Of what goes from one provider to another nothing is with nobody
/// where only Cognito refused something, once; where the run only ended early, no more than what one provider gets.
fn run_disturbed_inside(world: &mut World, disturbance: &Disturbance) {
    let before = world.cognito.clone();
    let ran = world.run(disturbance);
    let mut lost = before.identifiers();
    for kept in ran.plan.steps.iter().map(|step| gives_up(step, &before)).chain([world.cognito.identifiers()]) {
        lost.retain(|identifier| !kept.contains(identifier));
    }
    let is_one_gain = ran.plan.steps.iter().any(|step| lost.is_subset(&gains(step)));
    let may_be_lost = lost.is_empty()
        || match ran.faults.as_slice() {
            [(Side::Cognito, Fault::Refuse)] if !ran.is_out_of_time => false,
            faults if faults.iter().all(|(_, fault)| *fault == Fault::Crash) => is_one_gain,
            _ => true,
        };
    assert!(may_be_lost, "{lost:?} are with nobody: {:?} {:#?}", ran.failures, ran.plan.steps);
}

fn gains(step: &Step) -> BTreeSet<Identifier> {
    match &step.action {
        Action::Create(spec) => spec.identifiers.clone(),
        Action::Update { before, after, .. } => after.identifiers.difference(&before.identifiers).cloned().collect(),
        _ => BTreeSet::new(),
    }
}

/// The identifiers that nobody gets from a provider that loses them.
fn gives_up(step: &Step, pool: &Cognito) -> BTreeSet<Identifier> {
    let had =
        || pool.providers.get(&step.provider_name).map(|provider| provider.identifiers.clone()).unwrap_or_default();
    match &step.action {
        Action::Delete(_) => had(),
        Action::Update { after, .. } if step.takes_away => had().difference(&after.identifiers).cloned().collect(),
        _ => BTreeSet::new(),
    }
}

/// A pool that is only looked at stays as it is, and is written down once.
fn is_observed(world: &mut World) {
    world.happen(&Event::SetMode(Mode::Observe));
    for _ in 0..2 {
        run_in_peace(world);
    }
    let ran = run_in_peace(world);
    assert_eq!(ran.calls, ran.asked, "what was seen twice is written down once more");
    assert!(ran.plan.steps.iter().all(|step| step.action != Action::Forget), "a claim that holds nothing is kept");
}

fn comes_in_line(world: &mut World) {
    world.calm_down();
    if matches!(world.options.mode, Mode::Observe | Mode::Paused) {
        is_observed(world);
        world.happen(&Event::SetMode(Mode::Sync));
    }
    for _ in 0..RUNS_UNTIL_IN_LINE {
        // What was put off is put off for as long as what is seen may be from before what was done.
        world.happen(&Event::Wait(3));
        world.happen(&Event::Approve);
        if run_in_peace(world).plan.steps.is_empty() && world.guarded_plan().put_off.is_empty() {
            break;
        }
    }
    world.happen(&Event::Wait(3));
    let left = world.guarded_plan();
    assert_eq!((left.plan.steps, left.put_off), (Vec::new(), Vec::new()), "{RUNS_UNTIL_IN_LINE} runs were not enough");
    assert_eq!(world.undescribed(), 0, "what is in line is not described");
    assert_eq!(world.run(&Disturbance::default()).calls, 0, "a second run does nothing");
    world.check();
    world.check_in_line();
}

fn live(acts: &[Act]) -> World {
    let mut world = World::new();
    for act in acts {
        match act {
            Act::Happen(event) => world.happen(event),
            Act::Run(disturbance) if disturbance.is_none() => drop(run_in_peace(&mut world)),
            Act::Run(disturbance) if world.look(disturbance.blindness).is_none_or(|look| look.is_part) => {
                run_blind(&mut world, disturbance);
            }
            Act::Run(disturbance) if disturbance.is_inside() => run_disturbed_inside(&mut world, disturbance),
            Act::Run(disturbance) => drop(world.run(disturbance)),
        }
        world.check();
    }
    world
}

/// Removes the pool with its providers, with some disturbed runs at first.
fn is_removed(world: &mut World, disturbances: &[Disturbance]) {
    world.is_removed = true;
    for disturbance in disturbances {
        world.run(disturbance);
        world.check();
    }
    world.calm_down();
    // One finds out what a disturbed one left, and one ends it.
    for _ in 0..2 {
        let ran = world.run(&Disturbance::default());
        assert_eq!(ran.failures, Vec::<String>::new(), "{:#?}", ran.plan.steps);
        assert!(ran.plan.steps.iter().all(|step| !step.held), "an operator's own word is held back");
        world.check();
    }
    world.check_removed();
}

fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { 500 };
    let kept = FileFailurePersistence::WithSource("regressions");
    ProptestConfig { cases, failure_persistence: Some(Box::new(kept)), max_shrink_iters: 20_000, ..default }
}

#[test]
fn an_identifier_on_its_way_is_put_back_whichever_call_is_refused_and_comes_to_its_holder_wherever_a_run_ends() {
    for call in 0..16 {
        for fault in [Fault::Refuse, Fault::Crash] {
            let mut world = World::new();
            world.happen(&Event::Connect('A', "active", 'O'));
            run_in_peace(&mut world);
            world.happen(&Event::Connect('A', "inactive", 'O'));
            world.happen(&Event::Connect('B', "active", 'O'));
            run_disturbed_inside(&mut world, &Disturbance { faults: vec![(call, fault)], ..Disturbance::default() });
            run_disturbed_inside(&mut world, &Disturbance { time: Some(call), ..Disturbance::default() });
            comes_in_line(&mut world);
        }
    }
}

fn faulty(call: u8, fault: Fault) -> Act {
    Act::Run(Disturbance { faults: vec![(call, fault)], ..Disturbance::default() })
}

#[test]
fn a_provider_under_the_name_of_one_that_was_never_made_keeps_nobody_from_coming_in_line() {
    for first in [faulty(1, Fault::Crash), faulty(0, Fault::LoseAnswer)] {
        comes_in_line(&mut live(&[
            Act::Happen(Event::Connect('A', "active", 'O')),
            first,
            Act::Happen(Event::Connect('A', "of_the_future", 'O')),
            Act::Happen(Event::Edit(Edit::AddCollision('A', "org_O"))),
        ]));
    }
}

#[test]
fn a_public_url_that_moves_there_and_back_while_runs_are_killed_leaves_no_claim_with_another_issuer() {
    for (first, second) in (0..12).flat_map(|first| (0..12).map(move |second| (first, second))) {
        comes_in_line(&mut live(&[
            Act::Happen(Event::Connect('D', "active", 'O')),
            Act::Run(Disturbance::default()),
            Act::Happen(Event::MoveBase),
            Act::Happen(Event::Connect('B', "active", 'O')),
            Act::Happen(Event::Connect('C', "active", 'O')),
            faulty(first, Fault::Crash),
            Act::Happen(Event::Connect('A', "active", 'O')),
            faulty(second, Fault::Crash),
            Act::Happen(Event::MoveBase),
            Act::Run(Disturbance::default()),
            Act::Happen(Event::MoveBase),
        ]));
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whatever_happens_to_a_pool_its_next_runs_bring_it_in_line_and_nobody_loses_what_is_theirs(acts in life()) {
        comes_in_line(&mut live(&acts));
    }

    #[test]
    fn a_pool_that_is_removed_ends_without_anything_that_causeway_made_and_with_all_that_it_did_not(
        acts in life(),
        disturbances in prop::collection::vec(disturbance(), 0..4),
    ) {
        is_removed(&mut live(&acts), &disturbances);
    }
}
