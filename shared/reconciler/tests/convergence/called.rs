//! Names follow, are there when people need them, and move nothing.

use causeway_core::{claim::Claim, shown};
use proptest::prelude::*;

use super::{
    clock, config, done, run, settled,
    world::{Event, names::conn, runner::World},
};

fn call(world: &World, letter: char, name: Option<&str>) {
    let mut state = world.state();
    let connection = state.connections.get_mut(&letter).unwrap();
    connection.name = name.map(str::to_owned);
    connection.connection_type = Some("OktaSAML".to_owned());
}

fn claim(world: &World, letter: char) -> Claim {
    world.state().items.claim(&conn(letter)).unwrap()
}

#[test]
fn a_connection_that_is_called_otherwise_is_written_to_its_claim_and_to_nothing_else() {
    clock::live(async {
        let world = settled("AB").await;
        call(&world, 'A', Some("Acme"));
        let cognito = world.state().cognito.clone();
        let ran = run(&world).await;
        assert_eq!((ran.changes, ran.described, done(&ran)), (1, 0, Vec::new()), "the claim alone");
        assert_eq!(world.state().cognito, cognito);
        assert_eq!(claim(&world, 'A').connection_name.as_deref(), Some("Acme"));
        assert_eq!(run(&world).await.changes, 0, "it is not written again");

        call(&world, 'A', Some("Evil"));
        assert_eq!((run(&world).await.changes, world.state().cognito == cognito), (1, true));
        let kept = claim(&world, 'A');
        assert_eq!(kept.connection_name.as_deref(), Some("Evil"));
        assert_eq!(kept.former_names.iter().map(|former| former.name.as_str()).collect::<Vec<_>>(), ["Acme"]);
        assert_eq!(kept.connection_type.as_deref(), Some("OktaSAML"));
    });
}

#[test]
fn what_is_gone_or_no_longer_chosen_is_planned_reported_and_told_of_by_the_name_that_it_had() {
    clock::live(async {
        let world = settled("OPQ").await;
        for (letter, name) in [('O', "Acme"), ('P', "Contoso"), ('Q', "Initech")] {
            call(&world, letter, Some(name));
        }
        run(&world).await;
        world.happen(&Event::Disconnect('O'));
        world.happen(&Event::Disconnect('Q'));
        world.happen(&Event::Choose(Some(vec!['Q'])));
        // One that the operator no longer chooses is called anew all the same.
        call(&world, 'P', Some("Contoso Ltd"));
        let planned = world.planned().await;
        let summary = planned.summary();
        let renamed = format!("\"Contoso Ltd\" (until {} \"Contoso\") (Okta …PPPPPP)", clock::now().day());
        assert_eq!(
            summary,
            format!("3 customers lose sign-in: \"Acme\" (Okta …OOOOOO), {renamed}, \"Initech\" (Okta …QQQQQQ).")
        );
        let ran = run(&world).await;
        assert!(ran.held().next().is_some(), "all of them at once wait");
        let called = |of: char| {
            let step = ran.steps().iter().find(|step| step.connection_id == conn(of)).unwrap();
            step.naming.called(step.connection_id.as_str()).to_string()
        };
        assert_eq!(called('O'), "\"Acme\" (Okta …OOOOOO)");
        assert_eq!(claim(&world, 'P').connection_name.as_deref(), Some("Contoso Ltd"), "it is kept");
        let health = world.state().items.pool().unwrap().run.health;
        assert!(health.message.contains(&format!("\"Acme\" (Okta {})", conn('O'))), "{}", health.message);
    });
}

proptest! {
    #![proptest_config(config(20))]

    /// One life goes on with names, and its twin without: what is done and what is held are the same.
    #[test]
    fn no_name_decides_what_a_run_does(
        names in proptest::collection::vec(proptest::option::of(".{0,200}"), 4),
        gone in proptest::sample::subsequence(vec!['A', 'B', 'C', 'D'], 0..=4),
    ) {
        let life = |with_names: bool| {
            clock::live(async {
                let world = settled("ABCD").await;
                if with_names {
                    for (letter, name) in "ABCD".chars().zip(&names) {
                        call(&world, letter, name.as_deref().and_then(shown::name).as_deref());
                    }
                    run(&world).await;
                }
                for letter in &gone {
                    world.happen(&Event::Disconnect(*letter));
                }
                let hash = world.planned().await.hash;
                let ran = run(&world).await;
                let held = ran.held().map(|step| (step.action.name(), step.connection_id.clone())).collect::<Vec<_>>();
                world.approve().await;
                let then = run(&world).await;
                (hash, done(&ran), held, done(&then))
            })
        };
        prop_assert_eq!(life(true), life(false));
    }
}
