//! What a list lacks is not gone for that.

use std::time::Duration;

use causeway_core::{claim::SETTLES_WITHIN, run::Outcome};

use super::{
    clock, done, has_provider, is_wired, run, settled,
    world::{
        Edit, Event,
        runner::World,
        wire::{Disturbance, Fault},
    },
};

fn behind(list: u8, description: u8) -> Disturbance {
    Disturbance { behind: (list, description), ..Disturbance::default() }
}

#[test]
fn a_provider_that_the_list_does_not_show_yet_goes_with_its_connection_and_its_claim_with_it() {
    for (list, description) in [(60, 0), (60, 60)] {
        clock::live(async {
            let world = World::new();
            world.happen(&Event::Connect('A', "active", 'O'));
            run(&world).await;
            world.happen(&Event::Disconnect('A'));
            let ran = world.run(&behind(list, description)).await;
            assert!(ran.failures().is_empty(), "{:?}", ran.failures());
            world.state().check();
            clock::pass(Duration::from_mins(3)).await;
            run(&world).await;
            assert!(!has_provider(&world, 'A'));
            assert_eq!(world.state().items.claims(), []);
        });
    }
}

#[test]
fn a_pool_that_is_removed_while_its_list_is_behind_leaves_no_provider_that_nobody_knows_of() {
    clock::live(async {
        let world = World::new();
        world.happen(&Event::Connect('A', "active", 'O'));
        run(&world).await;
        world.begin_removal();
        world.run(&behind(60, 60)).await;
        world.state().check();
        clock::pass(Duration::from_mins(3)).await;
        run(&world).await;
        run(&world).await;
        world.state().check_removed();
    });
}

#[test]
fn ten_connections_whose_providers_a_list_leaves_out_lose_nothing() {
    clock::live(async {
        let world = World::new();
        for letter in "ABCDEFGHIJ".chars() {
            world.happen(&Event::Connect(letter, "active", letter));
        }
        run(&world).await;
        let ran = world.run(&behind(60, 0)).await;
        assert_eq!(done(&ran), Vec::<String>::new());
        assert!("ABCDEFGHIJ".chars().all(|letter| is_wired(&world, letter)));
    });
}

#[test]
fn nothing_is_concluded_from_a_list_for_a_connection_of_which_nothing_else_is() {
    clock::live(async {
        let world = World::new();
        world.happen(&Event::Connect('A', "active", 'O'));
        run(&world).await;
        world.happen(&Event::Connect('A', "of_the_future", 'O'));
        for (list, description) in [(60, 0), (60, 60)] {
            let ran = world.run(&behind(list, description)).await;
            assert_eq!(done(&ran), Vec::<String>::new());
        }
        assert!(is_wired(&world, 'A'));
    });
}

#[test]
fn a_create_that_is_carried_out_after_its_run_is_found_whatever_became_of_its_connection() {
    for seconds in [1, 30, 60] {
        for call in 0..30 {
            clock::live(async {
                let world = World::new();
                world.happen(&Event::Connect('A', "active", 'O'));
                let faults = vec![(call, Fault::DoLate(seconds))];
                world.run(&Disturbance { faults, ..Disturbance::default() }).await;
                world.happen(&Event::Disconnect('A'));
                run(&world).await;
                clock::pass(Duration::from_mins(3)).await;
                for _ in 0..2 {
                    run(&world).await;
                }
                assert!(!has_provider(&world, 'A') && world.state().items.claims().is_empty(), "{call} {seconds}");
            });
        }
    }
}

#[test]
fn a_create_that_is_carried_out_once_somebody_elses_provider_of_its_name_is_gone_is_known_as_ours() {
    for call in 0..30 {
        clock::live(async {
            let world = World::new();
            world.happen(&Event::Connect('A', "active", 'O'));
            let faults = vec![(call, Fault::DoLate(60))];
            world.run(&Disturbance { faults, ..Disturbance::default() }).await;
            world.happen(&Event::Edit(Edit::AddCollision('A', "org_P")));
            run(&world).await;
            world.happen(&Event::Edit(Edit::DeleteTheirs));
            clock::pass(Duration::from_mins(1)).await;
            // Every write is checked: a provider that we made, and that no claim knows, ends the test.
            for _ in 0..2 {
                run(&world).await;
                clock::pass(Duration::from_mins(3)).await;
            }
            assert!(has_provider(&world, 'A') && is_wired(&world, 'A'), "call {call}");
        });
    }
}

#[test]
fn a_provider_that_somebody_deleted_is_made_again_once_that_is_sure() {
    clock::live(async {
        let world = settled("A").await;
        world.happen(&Event::Edit(Edit::DeleteOurs('A')));
        let ran = run(&world).await;
        assert_eq!(done(&ran), ["create A"]);
        assert!(has_provider(&world, 'A') && is_wired(&world, 'A'));
    });
}

#[test]
fn a_removal_waits_without_a_failure_for_what_somebody_deleted_right_after_it_was_made() {
    clock::live(async {
        let world = World::new();
        world.happen(&Event::Connect('A', "active", 'O'));
        world.happen(&Event::Connect('B', "active", 'O'));
        world.run(&Disturbance::default()).await;
        world.happen(&Event::Edit(Edit::DeleteOurs('A')));
        world.begin_removal();
        let ran = world.run(&Disturbance::default()).await;
        assert_eq!(ran.failures(), []);
        assert_eq!(ran.report.map(|report| report.outcome), Some(Outcome::Partial));
        clock::pass(SETTLES_WITHIN).await;
        world.run(&Disturbance::default()).await;
        world.state().check_removed();
    });
}
