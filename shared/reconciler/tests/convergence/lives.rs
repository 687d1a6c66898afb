//! A user pool's whole life, drawn at random: both sides change, lists are short or refused, runs crash, fail and run
//! out of time between any two calls, the tenant works on the pool at the same time. Whatever happened, the runs after
//! it bring both sides in line.
//!
//! `SIMULATED_LIVES` sets the number of lives. A failing one is printed in its shortest form, and its seed is
//! kept beside this file, so that the next run begins with it.

use std::{collections::BTreeSet, sync::LazyLock, time::Duration};

use super::config;
use super::world::{
    Edit, Event, Field, clock,
    cognito::Cognito,
    names::org,
    runner::{Ran, World},
    wire::{Disturbance, Fault, Side},
};
use causeway_core::{
    id::Identifier,
    plan::{ActionKind, RecordedStep},
    run::Outcome,
    user_pool::{Mode, UserPool},
};
use proptest::{
    prelude::*,
    sample::{select, subsequence},
};

const LETTERS: [char; 6] = ['A', 'B', 'C', 'D', 'E', 'F'];
const ORGANIZATIONS: [char; 3] = ['O', 'P', 'Q'];
const DOMAINS: [&str; 2] = ["one.example.com", "two.example.com"];
/// What a tenant's own provider may have that Causeway would like to have.
const WANTED_BY_BOTH: [&str; 6] =
    ["org_O", "org_P", "ORG_Q", "one.example.com", "ONE.example.com", "conn_AAAAAAAAAAAAAAAAAAAAAAAAAA"];
/// More than a provider can have.
static MANY_DOMAINS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let many = (0..70).map(|number| &*format!("d{number:02}.example.com").leak());
    many.collect()
});
/// Runs until a pool must be in line: one finds out, one has the operator's approval, one is for what an
/// early failure left, two bring what is Causeway's own to those after the first, before and after the approval, and one
/// shows that nothing is left.
const RUNS_UNTIL_IN_LINE: usize = 6;

/// After that what is shown is what there is.
const UNTIL_SETTLED: Duration = Duration::from_mins(3);

#[derive(Debug, Clone)]
enum Act {
    Happen(Event),
    Run(Disturbance),
    /// The operator approves what is held back now.
    Approve,
    /// Minutes pass.
    Wait(u8),
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
        1 => select(ORGANIZATIONS.to_vec()).prop_map(Event::HideOrganization),
        1 => Just(Event::GarbleUnknown),
        2 => (select(ORGANIZATIONS.to_vec()), subsequence(DOMAINS.to_vec(), 0..=2))
            .prop_map(|(organization, domains)| Event::Domains(organization, domains)),
        1 => choose(),
        2 => set_mode(),
        1 => Just(Event::MoveBase),
        1 => letter().prop_map(Event::Orphan),
        1 => prop::option::of(0..2_u8).prop_map(Event::Fill),
        1 => any::<bool>().prop_map(Event::RefuseMapping),
        1 => any::<bool>().prop_map(Event::IgnoreCase),
        1 => any::<bool>().prop_map(Event::ChooseClients),
        1 => Just(Event::WriteNewer),
        1 => (select(ORGANIZATIONS.to_vec()), 40..70_usize)
            .prop_map(|(organization, many)| Event::Domains(organization, MANY_DOMAINS[..many].to_vec())),
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

fn disturbance() -> impl Strategy<Value = Disturbance> {
    // Most runs have little to do.
    let call = || prop_oneof![1 => 0..10_u8, 3 => 10..24_u8, 1 => 24..60_u8];
    let time = prop_oneof![1 => 0..8_u8, 3 => 8..30_u8];
    let fault = || {
        let at_once = vec![Fault::Crash, Fault::Refuse, Fault::LoseAnswer, Fault::Repeat, Fault::Throttle];
        prop_oneof![5 => select(at_once), 1 => (0..=60_u8).prop_map(Fault::DoLate)]
    };
    let behind = prop_oneof![3 => Just((0, 0)), 1 => (0..=60_u8, 0..=60_u8)];
    (
        prop::collection::vec((call(), fault()), 0..3),
        prop::option::weighted(0.2, time),
        prop::option::weighted(0.3, (call(), meanwhile())),
        prop::option::weighted(0.1, call()),
        behind,
    )
        .prop_map(|(faults, time, meanwhile, overtaken, behind)| Disturbance {
            faults,
            time,
            meanwhile,
            overtaken,
            behind,
        })
}

fn life() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        24 => event().prop_map(Act::Happen),
        1 => Just(Act::Approve),
        1 => any::<u8>().prop_map(Act::Wait),
        9 => disturbance().prop_map(Act::Run),
        9 => Just(Act::Run(Disturbance::default())),
    ];
    (prop::collection::vec(connect().prop_map(Act::Happen), 1..6), prop::collection::vec(act, 1..30))
        .prop_map(|(first, rest)| [first, rest].concat())
}

/// The organizations that are found by their ID.
fn found(world: &World) -> [bool; 3] {
    let state = world.state();
    ORGANIZATIONS.map(|letter| state.holder_of(&Identifier::of_id(&org(letter)).unwrap()).is_some())
}

/// A run that nothing disturbs, of which every step succeeds unless something stands in its way.
async fn run_in_peace(world: &World) -> Ran {
    let (before, was_hindered) = (found(world), world.state().is_hindered());
    let ran = world.run(&Disturbance::default()).await;
    let is_hindered = was_hindered || world.state().is_hindered();
    assert!(ran.failures().is_empty() || is_hindered, "{:?} {:#?}", ran.failures(), ran.steps());
    if ran.held().next().is_some() {
        let lost = ran.done().any(|step| step.takes_away);
        for ((letter, was_found), is_found) in ORGANIZATIONS.into_iter().zip(before).zip(found(world)) {
            assert!(is_found || !was_found || lost, "{letter} was freed for a step that is held back");
        }
    }
    ran
}

/// A run to which nothing happens from outside. Of what goes from one provider to another nothing is with nobody
/// where only Cognito refused something, once; where the run only ended early, no more than what one provider gets.
async fn run_disturbed_inside(world: &World, disturbance: &Disturbance) {
    if world.state().items.pool().is_none() {
        return;
    }
    let steps = world.planned().await.steps;
    let before = world.state().cognito.clone();
    let ran = world.run(disturbance).await;
    let mut lost = before.identifiers();
    for kept in steps.iter().map(|step| gives_up(step, &before)).chain([world.state().cognito.identifiers()]) {
        lost.retain(|identifier| !kept.contains(identifier));
    }
    let is_one_gain = steps.iter().any(|step| lost.is_subset(&gains(step)));
    let may_be_lost = lost.is_empty()
        || match ran.faults.as_slice() {
            [(Side::Cognito, Fault::Refuse)] if !ran.is_out_of_time() => false,
            faults if faults.iter().all(|(_, fault)| *fault == Fault::Crash) => is_one_gain,
            _ => true,
        };
    assert!(may_be_lost, "{lost:?} are with nobody: {:?} {steps:#?}", ran.failures());
}

/// The identifiers that a provider has before and after a step that changes them.
fn identifiers_of(step: &RecordedStep) -> Option<[BTreeSet<Identifier>; 2]> {
    let change = step.changes.iter().find(|change| change.field == "identifiers")?;
    let lists = [&change.before, &change.after].map(|list| list.as_deref().unwrap_or_default().split(", "));
    Some(lists.map(|list| list.filter_map(|one| one.parse().ok()).collect()))
}

fn gains(step: &RecordedStep) -> BTreeSet<Identifier> {
    match (step.action, identifiers_of(step)) {
        (ActionKind::Create | ActionKind::Update, Some([before, after])) => {
            after.difference(&before).cloned().collect()
        }
        _ => BTreeSet::new(),
    }
}

/// The identifiers that nobody gets from a provider that loses them.
fn gives_up(step: &RecordedStep, pool: &Cognito) -> BTreeSet<Identifier> {
    let had =
        || pool.providers.get(&step.provider_name).map(|provider| provider.identifiers.clone()).unwrap_or_default();
    match (step.action, identifiers_of(step)) {
        (ActionKind::Delete, _) => had(),
        (ActionKind::Update, Some([_, after])) if step.takes_away => had().difference(&after).cloned().collect(),
        _ => BTreeSet::new(),
    }
}

/// A pool that is only looked at stays as it is, and is written down once.
async fn is_observed(world: &World) {
    world.happen(&Event::SetMode(Mode::Observe));
    for _ in 0..2 {
        run_in_peace(world).await;
    }
    let ran = run_in_peace(world).await;
    assert_eq!(ran.changes, 0, "what was seen twice is written down once more");
    let planned = world.planned().await.steps;
    assert!(planned.iter().all(|step| step.action != ActionKind::Forget), "a claim that holds nothing is kept");
}

async fn comes_in_line(world: &World) {
    world.state().calm_down();
    clock::pass(UNTIL_SETTLED).await;
    if world.state().has_refused_identifiers() {
        // They are tried again once a day.
        clock::pass(Duration::from_hours(25)).await;
    }
    let mode = world.state().options().mode;
    if matches!(mode, Mode::Observe | Mode::Paused) {
        is_observed(world).await;
        world.happen(&Event::SetMode(Mode::Sync));
    }
    for _ in 0..RUNS_UNTIL_IN_LINE {
        // What was put off is put off for as long as what is seen may be from before what was done.
        clock::pass(Duration::from_mins(3)).await;
        world.approve().await;
        let ran = run_in_peace(world).await;
        if ran.report.is_some_and(|report| report.outcome == Outcome::NoChange) {
            break;
        }
    }
    assert_eq!(world.planned().await.steps, Vec::new(), "{RUNS_UNTIL_IN_LINE} runs were not enough");
    let is_full_pass = world.state().items.pool().unwrap().run.full_pass_due_at <= clock::now();
    let ran = world.run(&Disturbance::default()).await;
    let missing = world.state().missing();
    assert!(ran.described == missing || is_full_pass, "what is in line is described");
    assert_eq!(ran.changes, 0, "a second run does something");
    world.state().check();
    world.state().check_in_line();
}

/// Nothing happens any more, and nothing is mended: whatever stands in the way, no run undoes what the one before did.
async fn comes_to_rest(world: &World) {
    clock::pass(UNTIL_SETTLED).await;
    for _ in 0..RUNS_UNTIL_IN_LINE {
        clock::pass(Duration::from_mins(3)).await;
        if world.state().items.pool().is_none() {
            return;
        }
        world.approve().await;
        world.run(&Disturbance::default()).await;
    }
    let rested = world.state().cognito.clone();
    for _ in 0..3 {
        clock::pass(Duration::from_mins(3)).await;
        let ran = world.run(&Disturbance::default()).await;
        assert!(world.state().cognito == rested, "a run changes the pool again and again: {:#?}", ran.steps());
    }
}

/// What a pool that is only looked at would have done is what a run then does.
async fn does_what_was_planned(world: &World) {
    clock::pass(UNTIL_SETTLED).await;
    world.happen(&Event::SetMode(Mode::Observe));
    let observed = world.planned().await.steps;
    world.happen(&Event::SetMode(Mode::Sync));
    assert_eq!(world.planned().await.steps, observed, "a plan depends on whether it is carried out");
    let ran = world.run(&Disturbance::default()).await;
    let left: Vec<&RecordedStep> = ran.steps().iter().filter(|step| !observed.contains(step)).collect();
    assert!(left.is_empty() || ran.report.as_ref().unwrap().outcome == Outcome::Partial, "not planned: {left:#?}");
    if ran.report.as_ref().is_some_and(|report| matches!(report.outcome, Outcome::Changed | Outcome::NoChange)) {
        assert_eq!(ran.steps(), observed);
    }
}

/// Time passes, in which the schedule has the pool run whenever it is due.
async fn wait(world: &World, time: Duration) {
    let until = clock::now().plus(time);
    loop {
        let pool = world.state().items.pool().filter(UserPool::is_reconciled);
        let Some(due) = pool.and_then(|pool| pool.due_at).filter(|due| *due < until) else { break };
        clock::pass(due.since(clock::now())).await;
        world.run(&Disturbance::default()).await;
    }
    clock::pass(until.since(clock::now())).await;
}

async fn lived(acts: &[Act]) -> World {
    let world = World::new();
    for act in acts {
        match act {
            Act::Happen(event) => world.happen(event),
            Act::Approve => world.approve().await,
            Act::Wait(minutes) => wait(&world, Duration::from_mins(u64::from(*minutes))).await,
            Act::Run(disturbance) if disturbance.is_none() => drop(run_in_peace(&world).await),
            Act::Run(disturbance) if disturbance.is_inside() => run_disturbed_inside(&world, disturbance).await,
            Act::Run(disturbance) => drop(world.run(disturbance).await),
        }
        world.state().check();
    }
    world
}

/// Removes the pool with its providers, with some disturbed runs at first.
async fn is_removed(world: &World, disturbances: &[Disturbance]) {
    world.begin_removal();
    for disturbance in disturbances {
        world.run(disturbance).await;
        world.state().check();
    }
    world.state().calm_down();
    clock::pass(UNTIL_SETTLED).await;
    // One finds out what a disturbed one left, and one ends it.
    for _ in 0..2 {
        let ran = world.run(&Disturbance::default()).await;
        assert_eq!(ran.failures(), [], "{:#?}", ran.steps());
        assert!(ran.held().next().is_none(), "an operator's own word is held back");
        world.state().check();
    }
    world.state().check_removed();
}

#[test]
fn an_identifier_on_its_way_is_put_back_whichever_call_is_refused_and_comes_to_its_holder_wherever_a_run_ends() {
    for call in 0..40 {
        for fault in [Fault::Refuse, Fault::Crash] {
            clock::live(async {
                let world = World::new();
                world.happen(&Event::Connect('A', "active", 'O'));
                run_in_peace(&world).await;
                world.happen(&Event::Connect('A', "inactive", 'O'));
                world.happen(&Event::Connect('B', "active", 'O'));
                let faults = vec![(call, fault)];
                run_disturbed_inside(&world, &Disturbance { faults, ..Disturbance::default() }).await;
                run_disturbed_inside(&world, &Disturbance { time: Some(call), ..Disturbance::default() }).await;
                comes_in_line(&world).await;
            });
        }
    }
}

#[test]
fn a_run_any_of_whose_calls_is_made_twice_has_its_lease_and_is_recorded() {
    for call in 0..40 {
        clock::live(async {
            let world = World::new();
            world.happen(&Event::Connect('A', "active", 'O'));
            let faults = vec![(call, Fault::Repeat)];
            let ran = world.run(&Disturbance { faults, ..Disturbance::default() }).await;
            assert!(ran.report.is_some(), "call {call}: refused by its own lease or record");
            assert_eq!(world.state().items.lease_until(), None, "call {call}: the pool is dark");
        });
    }
}

#[test]
fn what_is_due_further_ahead_than_it_can_be_is_due_at_once() {
    clock::live(async {
        let world = World::new();
        world.happen(&Event::Connect('A', "active", 'O'));
        run_in_peace(&world).await;
        let far = clock::now().plus(Duration::from_hours(10_000));
        let mut pool = world.state().items.pool().unwrap();
        (pool.run.role_probe_due_at, pool.run.full_pass_due_at) = (far, far);
        world.state().items.put_pool(&pool);
        run_in_peace(&world).await;
        let run = world.state().items.pool().unwrap().run;
        assert!(run.role_probe_due_at < far && run.full_pass_due_at < far, "{run:?}");
    });
}

fn faulty(call: u8, fault: Fault) -> Act {
    Act::Run(Disturbance { faults: vec![(call, fault)], ..Disturbance::default() })
}

#[test]
fn a_provider_under_the_name_of_one_that_was_never_made_keeps_nobody_from_coming_in_line() {
    for call in 0..30 {
        for fault in [Fault::Crash, Fault::LoseAnswer] {
            clock::live(async {
                let acts = [
                    Act::Happen(Event::Connect('A', "active", 'O')),
                    faulty(call, fault),
                    Act::Happen(Event::Connect('A', "of_the_future", 'O')),
                    Act::Happen(Event::Edit(Edit::AddCollision('A', "org_O"))),
                ];
                comes_in_line(&lived(&acts).await).await;
            });
        }
    }
}

#[test]
fn a_public_url_that_moves_there_and_back_while_runs_are_killed_leaves_no_claim_with_another_issuer() {
    for (first, second) in (8..30).flat_map(|first| (8..30).map(move |second| (first, second))) {
        clock::live(async {
            let acts = [
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
            ];
            comes_in_line(&lived(&acts).await).await;
        });
    }
}

proptest! {
    #![proptest_config(config(1))]

    #[test]
    fn whatever_happens_to_a_pool_its_next_runs_bring_it_in_line_and_nobody_loses_what_is_theirs(acts in life()) {
        clock::live(async { comes_in_line(&lived(&acts).await).await });
    }

    #[test]
    fn a_pool_that_is_removed_ends_without_anything_that_causeway_made_and_with_all_that_it_did_not(
        acts in life(),
        disturbances in prop::collection::vec(disturbance(), 0..4),
    ) {
        clock::live(async { is_removed(&lived(&acts).await, &disturbances).await });
    }
}

proptest! {
    #![proptest_config(config(8))]

    #[test]
    fn whatever_stands_in_the_way_no_run_undoes_what_the_one_before_did(acts in life()) {
        clock::live(async { comes_to_rest(&lived(&acts).await).await });
    }

    #[test]
    fn what_is_planned_is_what_is_done(acts in life()) {
        clock::live(async { does_what_was_planned(&lived(&acts).await).await });
    }
}
