//! A pool's health says what is not as it should be, and what to do about it.

use causeway_core::health::{Health, HealthState};

use super::{
    clock, done, has_provider, is_wired, run, settled,
    world::{Edit, Event, names::conn, runner::World},
};

fn health(world: &World) -> Health {
    world.state().items.pool().unwrap().run.health
}

#[test]
fn a_wanted_connection_whose_name_is_taken_is_told_of_with_a_remedy() {
    clock::live(async {
        let world = World::new();
        world.happen(&Event::Connect('A', "active", 'O'));
        world.happen(&Event::Edit(Edit::AddCollision('A', "org_P")));
        run(&world).await;
        let health = health(&world);
        assert_eq!(health.state, HealthState::Rejected, "{health:?}");
        assert!(health.message.contains(conn('A').as_str()) && health.remedy.contains("adopt"), "{health:?}");
    });
}

#[test]
fn a_record_that_can_not_be_read_is_told_of_and_keeps_no_other_connection() {
    clock::live(async {
        let world = settled("AB").await;
        world.happen(&Event::GarbleUnknown);
        world.happen(&Event::Disconnect('A'));
        let ran = run(&world).await;
        assert_eq!(done(&ran), ["unwire A", "unwire A", "delete A"]);
        assert!(!has_provider(&world, 'A') && is_wired(&world, 'B'));
        let health = health(&world);
        assert_eq!(health.state, HealthState::Rejected, "{health:?}");
        assert!(health.message.contains("can't be read"), "{health:?}");
    });
}

#[test]
fn a_connection_that_shows_no_organization_for_once_keeps_what_it_has_of_it() {
    clock::live(async {
        let world = settled("OP").await;
        world.happen(&Event::Orphan('O'));
        for chosen in [None, Some(vec!['O', 'P'])] {
            world.happen(&Event::Choose(chosen));
            let ran = run(&world).await;
            assert_eq!(done(&ran), Vec::<String>::new());
        }
    });
}
