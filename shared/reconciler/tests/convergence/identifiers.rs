//! An identifier works where it is until it works elsewhere.

use causeway_core::id::Identifier;

use super::{
    clock, done, run, settled,
    world::{
        Edit, Event,
        names::{name, org},
        runner::World,
    },
};

fn holds(world: &World, letter: char, identifier: &str) -> bool {
    let identifier: Identifier = identifier.parse().unwrap();
    world.state().cognito.providers.get(&name(letter)).is_some_and(|it| it.identifiers.contains(&identifier))
}

/// A has its organization's ID and is switched off, and B, of the same one, has yet to get a provider.
async fn replaced() -> World {
    let world = World::new();
    world.happen(&Event::Connect('A', "active", 'O'));
    run(&world).await;
    world.happen(&Event::Connect('A', "inactive", 'O'));
    run(&world).await;
    world.happen(&Event::Connect('B', "active", 'O'));
    world
}

#[test]
fn an_identifier_stays_where_it_is_while_its_taker_can_not_be_made() {
    for refusal in [Event::Fill(Some(0)), Event::RefuseMapping(true)] {
        clock::live(async {
            let world = replaced().await;
            world.happen(&refusal);
            let before = world.state().cognito.providers[&name('A')].last_modified;
            for _ in 0..10 {
                run(&world).await;
                assert!(holds(&world, 'A', org('O').as_str()));
            }
            let after = world.state().cognito.providers[&name('A')].last_modified;
            assert_eq!(before, after, "A is written for nothing");
            let failures = world.state().items.pool().unwrap().run.failures;
            assert_eq!(failures, 10, "what gets nobody any further is put off longer each time");
        });
    }
}

#[test]
fn an_identifier_goes_to_its_taker_once_that_is_there() {
    clock::live(async {
        let world = replaced().await;
        let ran = run(&world).await;
        assert_eq!(done(&ran), ["create B", "update A", "update B", "wire B", "wire B"]);
        assert!(holds(&world, 'B', org('O').as_str()) && !holds(&world, 'A', org('O').as_str()));
    });
}

#[test]
fn an_identifier_that_somebody_has_in_another_case_costs_its_connection_that_one_and_not_its_provider() {
    clock::live(async {
        let world = World::new();
        world.state().cognito.ignores_case = true;
        world.happen(&Event::Edit(Edit::AddTheirs("Okta", "ORG_O", "OIDC")));
        world.happen(&Event::Connect('A', "active", 'O'));
        world.happen(&Event::Domains('O', vec!["one.example.com"]));
        let ran = run(&world).await;
        assert!(ran.failures().is_empty(), "{:?}", ran.failures());
        assert!(holds(&world, 'A', "one.example.com") && !holds(&world, 'A', "org_O"));
        run(&world).await;
        let ran = run(&world).await;
        assert_eq!((ran.changes, done(&ran)), (0, Vec::new()), "it is not tried again at once");
    });
}

#[test]
fn an_identifier_that_works_is_not_displaced_by_one_that_sorts_before_it() {
    clock::live(async {
        let world = settled("O").await;
        let many: Vec<String> = (0..60).map(|number| format!("b{number:02}.example.com")).collect();
        let many: Vec<&'static str> = many.into_iter().map(|domain| &*domain.leak()).collect();
        world.happen(&Event::Domains('O', many.clone()));
        run(&world).await;
        let works: Vec<&str> = many.iter().copied().filter(|domain| holds(&world, 'O', domain)).collect();
        assert_eq!(works.len(), 48, "a provider has at most 50");
        world.happen(&Event::Domains('O', [vec!["a.example.com"], many].concat()));
        let ran = run(&world).await;
        assert_eq!(done(&ran), Vec::<String>::new());
        assert!(works.iter().all(|domain| holds(&world, 'O', domain)));
    });
}

#[test]
fn nothing_moves_to_a_provider_that_needs_as_well_what_is_not_let_go() {
    clock::live(async {
        let world = World::new();
        for letter in ['B', 'E'] {
            world.happen(&Event::Connect(letter, "active", 'P'));
        }
        run(&world).await;
        // E gets the domains, since B seems to be gone, and is not.
        world.happen(&Event::Domains('P', vec!["one.example.com"]));
        world.happen(&Event::Hide('B'));
        run(&world).await;
        // C should have both the ID, which is with B, and the domains.
        world.happen(&Event::Connect('C', "active", 'P'));
        run(&world).await;
        let before = world.state().cognito.clone();
        for _ in 0..3 {
            run(&world).await;
            assert_eq!(world.state().cognito, before, "what is freed is put back, at every run");
        }
        assert!(holds(&world, 'E', "one.example.com") && holds(&world, 'B', org('P').as_str()));
    });
}
