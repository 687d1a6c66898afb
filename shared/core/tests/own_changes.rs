//! A change of Causeway's own reaches every provider of a pool, and is brought to one first.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on should stop where it is")]

#[allow(dead_code, reason = "each test binary uses its own part")]
mod scene;

use causeway_core::{
    guard::{changes_more_than_identifiers, without_own_change},
    plan::{Action, Step},
};
use scene::{OnRecord, Scene, both_ids, conn, identifier, letter, name, short};

const ALL: &str = "ABCDEFGHIJ";

/// A pool of ten that are wanted and as they should be.
fn ten() -> Scene {
    let mut scene = Scene::new();
    for letter in ALL.chars() {
        scene.connection(letter, "active").ours(letter);
    }
    scene
}

/// The same after a release: what was made before is not what would be made now.
fn ten_after_a_release() -> Scene {
    let mut scene = ten();
    scene.specs.mapping.insert("nickname".to_owned(), "name".to_owned());
    scene
}

/// Has a provider what the release brings, in a scene.
fn brought_to(scene: &mut Scene, letter: char) {
    scene.ours(letter);
}

fn staged(scene: &Scene) -> String {
    scene.guarded().staged.iter().map(letter).collect()
}

#[test]
fn what_reaches_every_provider_is_for_one_first_and_for_the_others_once_one_has_it() {
    let mut scene = ten_after_a_release();
    let guarded = scene.guarded();
    assert_eq!((staged(&scene).as_str(), guarded.plan.steps.len()), (ALL, 10), "all of it is shown");
    assert!(guarded.plan.steps.iter().all(changes_more_than_identifiers));
    assert!(guarded.plan.notes.iter().any(|note| note.message.contains("one of them is done first")), "and told");
    brought_to(&mut scene, 'D');
    assert_eq!((staged(&scene).as_str(), scene.plan().steps.len()), ("", 9));
}

#[test]
fn what_nobody_knows_to_be_changed_by_somebody_else_is_taken_for_our_own() {
    let mut scene = ten();
    for letter in ALL.chars() {
        let claim = scene.claims.get_mut(&conn(letter)).unwrap();
        (claim.fingerprint, claim.last_modified) = (None, None);
        let provider = scene.observed.providers.get_mut(&name(letter)).unwrap();
        let details = &mut provider.description.as_mut().unwrap().spec.details;
        details.insert("token_url".to_owned(), "https://works".to_owned());
    }
    assert_eq!(staged(&scene), ALL);
}

#[test]
fn what_somebody_else_changed_is_put_right_everywhere_at_once() {
    let mut scene = ten();
    for letter in ALL.chars() {
        scene.drifted(letter).spec.details.insert("token_url".to_owned(), "https://elsewhere".to_owned());
    }
    assert_eq!((staged(&scene).as_str(), scene.plan().steps.len()), ("", 10));
    let mut secret = ten_after_a_release();
    for letter in ALL.chars() {
        secret.drifted(letter).client_secret = Some("theirs".into());
    }
    assert_eq!((staged(&secret).as_str(), secret.plan().steps.len()), ("", 10));
    // One of them beside a release.
    let mut one = ten_after_a_release();
    one.drifted('A').spec.details.insert("token_url".to_owned(), "https://elsewhere".to_owned());
    assert_eq!(staged(&one), "BCDEFGHIJ");
}

#[test]
fn one_provider_waits_for_no_other_and_those_that_are_not_wanted_are_none() {
    for (all, gone, expected) in [("A", "", ""), ("AB", "", "AB"), ("AB", "B", ""), ("ABC", "C", "AB")] {
        let mut scene = Scene::new();
        for letter in all.chars() {
            scene.connection(letter, "active").ours(letter);
        }
        scene.snapshot.connections.retain(|connection| !gone.contains(letter(&connection.id)));
        scene.specs.mapping.insert("nickname".to_owned(), "name".to_owned());
        assert_eq!(staged(&scene), expected, "{all} without {gone}");
    }
}

#[test]
fn a_provider_that_is_only_made_now_shows_nothing_yet_and_one_of_before_does() {
    let mut scene = ten_after_a_release();
    scene.connection('K', "active");
    assert_eq!(staged(&scene), ALL, "K is made by the same run");
    brought_to(&mut scene, 'K');
    assert_eq!(staged(&scene), "");
}

#[test]
fn a_changed_issuer_waits_for_a_person_and_is_then_for_one_first() {
    let mut scene = ten();
    scene.specs.base = "https://new.example.com";
    let mut record = OnRecord::default();
    record.approve(&scene.guarded());
    let guarded = scene.guarded_by(&record);
    assert!(guarded.plan.steps.iter().all(|step| step.takes_away && !step.held), "{:#?}", guarded.plan.steps);
    assert_eq!(guarded.staged.iter().map(letter).collect::<String>(), ALL);
    brought_to(&mut scene, 'A');
    assert!(scene.guarded_by(&record).staged.is_empty());
}

#[test]
fn where_the_issuer_waits_the_rest_is_for_one_first_and_then_for_the_others() {
    let mut scene = ten();
    scene.specs.base = "https://new.example.com";
    scene.specs.mapping.insert("nickname".to_owned(), "name".to_owned());
    assert_eq!(staged(&scene), ALL);
    // One has the mapping, and no other issuer yet.
    scene.specs.base = "https://sign-in.example.com";
    brought_to(&mut scene, 'A');
    scene.specs.base = "https://new.example.com";
    let guarded = scene.guarded();
    let harmless = guarded.plan.steps.iter().filter(|step| !step.takes_away).count();
    let losses = guarded.plan.steps.iter().filter(|step| step.takes_away && step.held).count();
    assert_eq!((harmless, losses), (9, 10));
    // What is staged is staged for its issuer alone, which is held.
    assert_eq!(staged(&scene), ALL);
}

#[test]
fn what_is_put_off_keeps_what_it_does_to_identifiers() {
    let mut scene = ten();
    // B has one that goes, and A gets one.
    scene.ours_with('B', &both_ids('B') | &[identifier("old.example")].into());
    scene.specs.mapping.insert("nickname".to_owned(), "name".to_owned());
    scene.domains('A', &["new.example"]);
    scene.domains('B', &[]);
    let steps: Vec<Step> = scene.plan().steps;
    let left = |letter: char| -> Vec<String> {
        let of = steps.iter().filter(|step| step.connection_id == conn(letter));
        of.filter_map(without_own_change).map(|step| short(&step)).collect()
    };
    assert_eq!(left('C'), Vec::<String>::new(), "nothing but the change");
    assert_eq!(left('A'), ["update A [A new.example org_A]"]);
    assert_eq!(left('B'), ["update B [B org_B]"]);
    for step in steps.iter().filter_map(without_own_change) {
        let Action::Update { before, after, .. } = &step.action else { panic!("{step:?}") };
        assert!(!changes_more_than_identifiers(&step) && before.details == after.details, "{step:?}");
        assert_eq!(step.takes_away, step.connection_id == conn('B'), "{step:?}");
        assert_eq!(step.changes, before.changes_to(after));
    }
}
