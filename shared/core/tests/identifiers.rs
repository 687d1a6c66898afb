//! The rules of the plan on identifiers that move from one provider to another, and on plans as a whole.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on should stop where it is")]

#[allow(dead_code, reason = "each test binary uses its own part")]
mod scene;

use std::collections::{BTreeMap, BTreeSet};

use causeway_core::{
    connection::{
        Connection, ConnectionState, DomainState, Organization, OrganizationDomain, UnreadableRecord, WorkosSnapshot,
    },
    desired::Desired,
    id::Identifier,
    identifier::assign,
    plan::{Action, Step},
    user_pool::PoolOptions,
};
use proptest::prelude::*;
use scene::{Scene, conn, identifier, letter, short};

fn ids(letter: char, others: &[&str]) -> BTreeSet<Identifier> {
    others.iter().copied().map(identifier).chain([Identifier::of_id(&conn(letter)).unwrap()]).collect()
}

#[test]
fn an_identifier_is_freed_right_before_it_is_taken_whichever_connection_is_older() {
    for (from, to) in [('A', 'C'), ('C', 'A')] {
        let mut scene = Scene::new();
        scene.connection_of(from, "inactive", 'O').connection_of(to, "active", 'O').connection('B', "active");
        scene.ours_with(from, ids(from, &["org_O"])).ours_with(to, ids(to, &[]));
        let steps = scene.steps();
        let freed = steps.iter().position(|step| *step == format!("update {from} [{from}]")).unwrap();
        assert_eq!(steps[freed + 1], format!("update {to} [{to} org_O]"), "{steps:?}");
        assert_eq!(steps.len(), 3, "{steps:?}");
        assert!(scene.plan().steps.iter().all(|step| !step.takes_away));
    }
}

#[test]
fn a_provider_is_made_before_the_identifier_that_it_is_to_get_leaves_its_holder() {
    let mut scene = Scene::new();
    scene.connection_of('A', "inactive", 'O').connection_of('B', "active", 'O');
    scene.ours_with('A', ids('A', &["org_O"]));
    assert_eq!(scene.steps(), ["create B [B]", "update A [A]", "update B [B org_O]"]);
}

#[test]
fn an_identifier_moves_from_a_provider_that_is_about_to_be_deleted_before_the_delete() {
    let mut scene = Scene::new();
    scene.connection_of('B', "active", 'O').ours_with('A', ids('A', &["org_O"])).app_client("web", &['A']);
    let expected =
        ["create B [B]", "update A [A]", "update B [B org_O]", "wire B web", "unwire A web", "delete A gone"];
    assert_eq!(scene.steps(), expected);
}

#[test]
fn a_provider_that_is_kept_without_a_usable_connection_still_gives_its_organization_away() {
    let mut scene = Scene::new();
    scene.connection_of('A', "draft", 'O').connection_of('B', "active", 'O');
    scene.ours_with('A', ids('A', &["org_O"])).ours_with('B', ids('B', &[]));
    assert_eq!(scene.steps(), ["update A [A]", "update B [B org_O]"]);
}

#[test]
fn what_else_changes_on_the_giver_comes_before_the_move_and_takes_nothing() {
    let mut scene = Scene::new();
    scene.connection_of('A', "inactive", 'O').connection_of('B', "active", 'O');
    scene.ours_with('A', ids('A', &["org_O"])).ours_with('B', ids('B', &[]));
    scene.drifted('A').spec.details.insert("token_url".to_owned(), "https://elsewhere".to_owned());
    assert_eq!(scene.steps(), ["update A [A org_O]", "update A [A]", "update B [B org_O]"]);
    let steps = scene.plan().steps;
    let Action::Update { after: mended, .. } = &steps[0].action else { panic!("{steps:?}") };
    assert_ne!(mended.details["token_url"], "https://elsewhere");
    let Action::Update { before, after, .. } = &steps[1].action else { panic!("{steps:?}") };
    assert_eq!(before.details, after.details, "the freeing step frees and does nothing else");
}

#[test]
fn two_connections_that_swap_organizations_both_get_what_is_theirs() {
    let mut scene = Scene::new();
    scene.connection_of('A', "active", 'P').connection_of('B', "active", 'O');
    scene.ours_with('A', ids('A', &["org_O"])).ours_with('B', ids('B', &["org_P"]));
    let expected = ["update B [B]", "update A [A org_O org_P]", "update A [A org_P]", "update B [B org_O]"];
    assert_eq!(scene.steps(), expected);
}

#[test]
fn an_organization_s_id_stays_where_it_is_when_an_older_connection_becomes_active() {
    let mut scene = Scene::new();
    scene.connection_of('A', "active", 'O').connection_of('B', "active", 'O');
    scene.ours_with('A', ids('A', &[])).ours_with('B', ids('B', &["org_O"]));
    assert_eq!(scene.steps(), Vec::<String>::new());
    assert!(scene.to_describe().is_empty());
}

#[test]
fn an_identifier_that_nobody_gets_is_a_loss_and_a_step_of_its_own() {
    let mut scene = Scene::new();
    scene.connection_of('A', "active", 'P').ours_with('A', ids('A', &["org_O"]));
    assert_eq!(scene.steps(), ["update A [A org_O org_P]", "update A [A org_P]"]);
    let losses: Vec<bool> = scene.plan().steps.iter().map(|step| step.takes_away).collect();
    assert_eq!(losses, [false, true]);
}

#[test]
fn another_issuer_is_a_loss_and_holds_back_nothing_else() {
    let mut scene = Scene::new();
    scene.connection_of('A', "inactive", 'O').connection_of('B', "active", 'O');
    scene.ours_with('A', ids('A', &["org_O"])).ours_with('B', ids('B', &[]));
    scene.specs.base = "https://new.example.com";
    let plan = scene.guarded().plan;
    let carried_out: Vec<String> = plan.steps.iter().filter(|step| !step.held).map(short).collect();
    assert_eq!(carried_out, ["update A [A]", "update B [B org_O]"], "what was freed is taken");
    assert_eq!(plan.steps.iter().filter(|step| step.held).count(), 2);
    assert!(plan.steps.iter().filter(|step| !step.held).all(keeps_the_issuer));
}

fn keeps_the_issuer(step: &Step) -> bool {
    matches!(&step.action, Action::Update { before, after, .. } if before.issuer() == after.issuer())
}

#[test]
fn verified_domains_become_identifiers_and_those_that_can_not_are_reported() {
    let mut scene = Scene::new();
    let long = format!("{}.example.com", "a".repeat(40));
    scene.connection('A', "active").domains('A', &["Example.COM", &long]).domains('Z', &["no-such.example.com"]);
    assert_eq!(scene.steps(), ["create A [A example.com org_A]"]);
    assert!(scene.notes().contains(&long));
}

#[test]
fn a_domain_that_two_organizations_have_is_on_one_provider_and_stays_there() {
    let mut scene = Scene::new();
    scene.connection('A', "active").connection('B', "active");
    scene.domains('A', &["example.com"]).domains('B', &["example.com"]);
    assert_eq!(scene.steps(), ["create A [A example.com org_A]", "create B [B org_B]"]);
    scene.ours('A').ours_with('B', ids('B', &["org_B", "example.com"]));
    assert_eq!(scene.steps(), Vec::<String>::new());
    assert!(scene.notes().contains("example.com is left out"));
}

#[test]
fn domains_of_an_organization_that_did_not_come_with_the_others_stay() {
    let mut scene = Scene::new();
    scene.connection('A', "active").domains('Z', &[]).ours_with('A', ids('A', &["org_A", "example.com"]));
    assert_eq!(scene.steps(), Vec::<String>::new());
    scene.domains('A', &[]);
    assert_eq!(scene.steps(), ["update A [A org_A]"]);
}

#[test]
fn a_provider_is_given_at_most_50_identifiers_and_the_rest_is_reported() {
    let mut scene = Scene::new();
    let domains: Vec<String> = (0..60).map(|number| format!("d{number}.example.com")).collect();
    let domains: Vec<&str> = domains.iter().map(String::as_str).collect();
    scene.connection('A', "active").domains('A', &domains);
    let Action::Create(spec) = &scene.plan().steps[0].action else { panic!("no create") };
    assert_eq!(spec.identifiers.len(), 50);
    assert!(scene.notes().contains("a provider has at most 50"));
}

#[test]
fn a_full_provider_loses_before_it_gains_and_never_goes_over_50() {
    let mut scene = Scene::new();
    let domains: Vec<String> = (0..48).map(|number| format!("d{number:02}.example.com")).collect();
    let domains: Vec<&str> = domains.iter().map(String::as_str).collect();
    scene.connection('A', "active").domains('A', &domains[1..]);
    let had: Vec<&str> = domains.iter().copied().chain(["org_A"]).collect();
    scene.ours_with('A', ids('A', &had));
    scene.snapshot.organizations[0].domains[0].domain = "new.example.com".to_owned();
    for step in scene.plan().steps {
        let Action::Update { after, .. } = step.action else { panic!("{step:?}") };
        assert!(after.identifiers.len() <= 50);
    }
}

#[test]
fn a_provider_about_which_nothing_is_concluded_keeps_its_organization_s_id() {
    let mut scene = Scene::new();
    scene.unreadable(conn('A').as_str()).connection_of('B', "active", 'O').ours_with('A', ids('A', &["org_O"]));
    assert_eq!(scene.steps(), ["create B [B]"]);
    assert!(scene.notes().contains("org_O is left out"));
}

/// A scene of everything that can be beside each other.
fn any_scene() -> impl Strategy<Value = Scene> {
    let states = prop::sample::select(vec!["active", "validating", "inactive", "draft", "of_the_future", "unreadable"]);
    let connection = (prop::option::weighted(0.8, (states, 0..3_usize)), 0..6_u8, 0..4_usize, any::<[bool; 2]>());
    let domains = vec!["example.com", "Two.example.com", "a-domain-of-more-than-40-characters.example.com"];
    let domains = prop::collection::vec(prop::option::of(prop::sample::subsequence(domains, 0..=3)), 3);
    (prop::collection::vec(connection, 0..7), domains).prop_map(|(connections, domains)| {
        let mut scene = Scene::new();
        for (organization, domains) in ['O', 'P', 'Q'].into_iter().zip(domains) {
            if let Some(domains) = domains {
                scene.domains(organization, &domains);
            }
        }
        let mut wired: [Vec<char>; 2] = [vec![], vec![]];
        for (letter, (wanted, provider, organization, in_clients)) in ('A'..).zip(connections) {
            match wanted {
                Some(("unreadable", _)) => {
                    scene.unreadable(conn(letter).as_str());
                }
                Some((state, of)) => {
                    scene.connection_of(letter, state, ['O', 'P', 'Q'][of]);
                }
                None => {}
            }
            let held = ["org_O", "org_P", "org_Q", "example.com"][organization];
            let is_free = !scene.claims.values().any(|claim| claim.identifiers.contains(&identifier(held)));
            let others: &[&str] = if is_free { &[held] } else { &[] };
            match provider {
                0 => scene.intended(letter),
                1 => scene.held_without_provider(letter),
                2 => scene.foreign_provider(scene::name(letter).as_str(), &[]),
                3 => &mut scene,
                _ => scene.ours_with(letter, ids(letter, others)),
            };
            for (client, _) in wired.iter_mut().zip(in_clients).filter(|(_, is_in)| *is_in) {
                client.push(letter);
            }
        }
        scene.app_client("mobile", &wired[0]).app_client("web", &wired[1]);
        scene
    })
}

/// What a step moves.
#[derive(Debug)]
struct Exchange {
    gained: BTreeSet<Identifier>,
    given: BTreeSet<Identifier>,
}

fn exchange(step: &Step) -> Option<Exchange> {
    let none = BTreeSet::new();
    let (before, after) = match &step.action {
        Action::Create(spec) => (&none, &spec.identifiers),
        Action::Update { before, after, .. } => (&before.identifiers, &after.identifiers),
        _ => return None,
    };
    Some(Exchange { gained: after - before, given: before - after })
}

proptest! {
    #[test]
    fn the_plan_does_not_depend_on_the_order_of_its_input(scene in any_scene(), seed in any::<u64>()) {
        let mut shuffled = scene.clone();
        shuffled.snapshot.connections.sort_by_key(|it| (u64::from(u32::from(letter(&it.id))) * 7919) ^ seed);
        shuffled.snapshot.unreadable.reverse();
        shuffled.snapshot.organizations.reverse();
        shuffled.snapshot.organizations.iter_mut().for_each(|organization| organization.domains.reverse());
        prop_assert_eq!(scene.plan(), shuffled.plan());
        prop_assert_eq!(scene.plan(), scene.plan(), "the same situation plans the same");
    }

    #[test]
    fn carried_out_in_order_no_step_asks_for_an_identifier_that_another_provider_has(scene in any_scene()) {
        let mut held: std::collections::BTreeMap<Identifier, char> = scene
            .claims
            .values()
            .flat_map(|claim| claim.identifiers.iter().map(|it| (it.clone(), letter(&claim.connection_id))))
            .filter(|(_, letter)| scene.observed.providers.contains_key(&scene::name(*letter)))
            .collect();
        for step in scene.plan().steps {
            let who = letter(&step.connection_id);
            let after = match step.action {
                Action::Create(spec) | Action::Update { after: spec, .. } => spec.identifiers,
                Action::Delete(_) => BTreeSet::new(),
                _ => continue,
            };
            held.retain(|_, holder| *holder != who);
            for identifier in after {
                prop_assert_eq!(held.insert(identifier.clone(), who), None, "{} is on two", identifier);
            }
        }
    }

    /// A provider that gets something and gives something, as two do that wait for each other, may give it to several.
    #[test]
    fn a_plan_that_is_not_carried_out_to_its_end_leaves_with_nobody_what_one_provider_gets(scene in any_scene()) {
        let steps: Vec<Exchange> = scene.plan().steps.iter().filter_map(exchange).collect();
        let (mut freed, mut freed_by_takers) = (BTreeSet::new(), BTreeSet::new());
        for (number, Exchange { gained, given }) in steps.iter().enumerate() {
            prop_assert!(gained.is_empty() || freed.is_subset(gained), "{:?} are with nobody", freed);
            let takes = gained.iter().any(|it| freed.contains(it) || freed_by_takers.contains(it));
            let is_taken_later = |it: &&Identifier| steps[number + 1..].iter().any(|later| later.gained.contains(*it));
            freed.retain(|it| !gained.contains(it));
            let kind = if takes { &mut freed_by_takers } else { &mut freed };
            kind.extend(given.iter().filter(is_taken_later).cloned());
        }
    }

    #[test]
    fn a_connection_about_which_nothing_is_concluded_only_has_a_name_without_a_provider_taken_out(scene in any_scene()) {
        let untouched: Vec<char> = scene.snapshot.unreadable.iter().map(|it| it.id.chars().last().unwrap()).collect();
        for step in scene.plan().steps {
            let is_dead = step.action == Action::Unwire && !scene.observed.providers.contains_key(&step.provider_name);
            prop_assert!(is_dead || !untouched.contains(&letter(&step.connection_id)), "{:?}", step);
        }
    }
}

#[test]
fn a_domain_becomes_an_identifier_in_its_ascii_form_or_is_left_out_with_a_note() {
    let mut scene = Scene::new();
    scene
        .connection('A', "active")
        .domains('A', &["M\u{fc}ller2.test", "\u{212a}elvin.test", "a_b.test", "Plain.test"]);
    assert_eq!(scene.steps(), ["create A [A org_A plain.test xn--mller2-3ya.test]"]);
    let notes: Vec<String> = scene.plan().notes.into_iter().map(|note| note.message).collect();
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes.iter().any(|note| note.contains("\u{212a}elvin.test")), "{notes:?}");
    assert!(notes.iter().any(|note| note.contains("a_b.test")), "{notes:?}");
}

#[test]
fn the_test_organization_has_a_provider_only_where_the_pool_names_it_and_never_a_domain() {
    let test = |id: &str, organization: Option<&str>, kind: Option<&str>| Connection {
        id: id.parse().unwrap(),
        organization_id: organization.map(|id| id.parse().unwrap()),
        name: None,
        connection_type: kind.map(str::to_owned),
        state: ConnectionState::Active,
        created_at: None,
    };
    let domain = OrganizationDomain { domain: "example.com".to_owned(), state: DomainState::Verified };
    let snapshot = WorkosSnapshot {
        connections: vec![
            test("conn_test", Some("org_test_idp"), Some("TestIdp")),
            test("conn_new_type", Some("org_test_idp"), None),
            test("conn_elsewhere", Some("org_A"), Some("TestIdp")),
            test("conn_alone", None, Some("TestIdp")),
            test("conn_real", Some("org_A"), Some("OktaSAML")),
        ],
        organizations: vec![Organization { id: "org_test_idp".parse().unwrap(), name: None, domains: vec![domain] }],
        ..WorkosSnapshot::default()
    };
    let chosen = |organizations: Option<&[&str]>| {
        let organizations = organizations.map(|ids| ids.iter().map(|id| id.parse().unwrap()).collect());
        let options = PoolOptions { organizations, domain_identifiers: true, ..PoolOptions::default() };
        let desired = Desired::new(&snapshot, &options);
        assert!(desired.domains.is_empty(), "{:?}", desired.domains);
        desired.connections.keys().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(chosen(None), ["conn_real"]);
    assert_eq!(chosen(Some(&["org_A"])), ["conn_real"]);
    assert_eq!(chosen(Some(&["org_B"])), [""; 0]);
    assert_eq!(chosen(Some(&["org_test_idp"])), ["conn_new_type", "conn_test"]);
}

#[test]
fn an_id_that_is_too_long_for_an_identifier_is_left_out_with_a_note_and_has_a_provider_all_the_same() {
    let long = "a".repeat(41);
    let connection = Connection {
        id: long.parse().unwrap(),
        organization_id: Some(long.parse().unwrap()),
        name: None,
        connection_type: None,
        state: ConnectionState::Active,
        created_at: None,
    };
    let snapshot = WorkosSnapshot { connections: vec![connection], ..WorkosSnapshot::default() };
    let desired = Desired::new(&snapshot, &PoolOptions::default());
    let assignment = assign(&desired, &BTreeMap::new(), &BTreeMap::new());
    assert!(assignment.identifiers[&long.parse().unwrap()].is_empty());
    assert_eq!(assignment.notes.len(), 2, "{:?}", assignment.notes);
}

#[test]
fn domains_that_could_not_all_be_read_take_none_away() {
    let mut scene = Scene::new();
    scene.connection('A', "active").domains('A', &["new.test"]);
    scene.ours_with('A', ids('A', &["org_A", "old.test"]));
    let taken = ["update A [A new.test old.test org_A]", "update A [A new.test org_A]"];
    assert_eq!(scene.steps(), taken);
    let problem = "domains: not a list".to_owned();
    let unreadable = UnreadableRecord { id: scene::org('A').to_string(), problem };
    scene.snapshot.unreadable_organizations.push(unreadable);
    assert_eq!(scene.steps(), taken[..1]);
}
