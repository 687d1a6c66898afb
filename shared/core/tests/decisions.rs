//! What operators decide on losses: what an approval covers and how long, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on should stop where it is")]

#[allow(dead_code, reason = "each test binary uses its own part")]
mod scene;

use std::{collections::BTreeSet, time::Duration};

use causeway_core::{
    approval::{APPROVED_FOR, hash_of_held},
    decisions::{Decisions, NoRoom, Refusal},
    guard::Guarded,
    id::ConnectionId,
    plan::{ActionKind, RecordedStep},
};
use scene::{Edit, OnRecord, Scene, both_ids, client, conn, identifier, name, org, short, then};

/// A pool of two in which both are gone, each in the app client `web`.
fn two_gone() -> Scene {
    let mut scene = Scene::new();
    scene.ours('A').ours('B').app_client("web", &['A', 'B']);
    scene
}

fn held(guarded: &Guarded) -> Vec<String> {
    guarded.plan.steps.iter().filter(|step| step.held).map(short).collect()
}

fn held_steps(guarded: &Guarded) -> Vec<RecordedStep> {
    guarded.plan.recorded().into_iter().filter(|step| step.held).collect()
}

/// What stands on a pool after somebody approved all that its plan holds.
fn approved(scene: &Scene) -> OnRecord {
    let mut record = OnRecord::default();
    record.approve(&scene.guarded());
    record
}

fn refused(letters: &str) -> OnRecord {
    let mut record = OnRecord::default();
    record.decisions = record.decisions.refuse(refusal(letters), then()).unwrap();
    record
}

fn refusal(letters: &str) -> Refusal {
    Refusal {
        connection_ids: letters.chars().map(conn).collect(),
        reason: "their contract runs on".to_owned(),
        refused_by: "an operator".to_owned(),
        refused_at: then(),
        until: None,
    }
}

#[test]
fn an_approval_lets_through_what_was_shown_and_nothing_else() {
    let record = approved(&two_gone());
    let mut scene = two_gone();
    assert_eq!(held(&scene.guarded_by(&record)), Vec::<String>::new());
    scene.ours('C').app_client("web", &['A', 'B', 'C']);
    assert_eq!(held(&scene.guarded_by(&record)), ["unwire C web", "delete C gone"], "nobody would be left");
}

#[test]
fn an_approval_ends_after_a_day_and_what_it_was_for_is_held_again() {
    let scene = two_gone();
    let mut record = approved(&scene);
    let almost = APPROVED_FOR.saturating_sub(Duration::from_millis(1));
    for (after, expected) in [(almost, 0), (APPROVED_FOR, 4), (APPROVED_FOR * 3, 4)] {
        record.now = then().plus(after);
        let guarded = scene.guarded_by(&record);
        assert_eq!(held(&guarded).len(), expected, "{after:?}");
        // A run that does nothing of it.
        record.held = guarded.held;
    }
    assert!(APPROVED_FOR <= Duration::from_hours(24));
}

#[test]
fn an_approval_of_what_waited_is_no_consent_to_what_a_smaller_loss_would_be_once_it_is_over() {
    let mut scene = two_gone();
    let mut record = approved(&scene);
    record.held = scene.guarded_by(&record).held;
    scene.connection('B', "active");
    record.now = then().plus(APPROVED_FOR);
    assert_eq!(held(&scene.guarded_by(&record)), ["unwire A web", "delete A gone"], "one of two would be few");
}

#[test]
fn an_approval_lasts_for_as_many_runs_as_its_steps_take_and_ends_with_them() {
    let mut scene = two_gone();
    let mut record = approved(&scene);
    for done in ["unwire", "delete"] {
        let guarded = scene.guarded_by(&record);
        assert_eq!(held(&guarded), Vec::<String>::new(), "before the {done}");
        let steps = guarded.plan.steps.iter().filter(|step| step.action.kind().name() == done);
        record.decisions = guarded.decisions_after(&record.decisions, steps, record.now);
        record.held = guarded.held.clone();
        scene.app_client("web", &[]);
        record.now = record.now.plus(Duration::from_hours(1));
    }
    let late = scene.guarded_by(&record);
    assert_eq!(held(&late), ["delete A gone", "delete B gone"], "it was done, and the approval is over");
}

#[test]
fn a_look_that_is_from_before_what_was_approved_was_done_asks_nobody_once_more() {
    let scene = two_gone();
    let mut record = approved(&scene);
    record.follow(&scene.guarded_by(&record));
    for (seconds, expected) in [(0, 0), (119, 0), (120, 4)] {
        record.now = then().plus(Duration::from_secs(seconds));
        assert_eq!(held(&scene.guarded_by(&record)).len(), expected, "{seconds} s after it");
    }
}

#[test]
fn an_approval_ends_once_a_complete_look_shows_that_its_losses_are_no_longer_planned() {
    let mut scene = two_gone();
    let mut record = approved(&scene);
    scene.connection('A', "active");
    record.follow(&scene.guarded_by(&OnRecord { decisions: Decisions::default(), ..record.clone() }));
    let mut again = two_gone();
    again.connection('C', "active").ours('C');
    assert!(!record.decisions.leaves(&conn('A'), record.now), "A came back");
    assert!(record.decisions.leaves(&conn('B'), record.now), "B was done by that run");
    again.observed.providers.remove(&name('B'));
    again.claims.remove(&conn('B'));
    again.connection('D', "active").ours('D');
    record.follow(&again.guarded_by(&record));
    assert_eq!(record.decisions.approvals, []);
    assert_eq!(held(&again.guarded_by(&record)), Vec::<String>::new(), "one of three is few, and judged anew");
}

#[test]
fn a_look_that_shows_nothing_of_a_connection_ends_no_approval_and_lets_nothing_go_that_waits() {
    let mut scene = two_gone();
    let mut record = OnRecord::default();
    record.follow(&scene.guarded());
    let unseen: [(&str, Edit<'_>); 3] = [
        ("its record can't be read", &|scene| {
            scene.unreadable(conn('A').as_str());
        }),
        ("any record may be its", &|scene| {
            scene.unreadable("of another kind");
        }),
        ("its provider is not listed", &|scene| {
            scene.observed.providers.remove(&name('A'));
        }),
    ];
    for (what, hide) in unseen {
        let mut hidden = scene.clone();
        hide(&mut hidden);
        let mut record = record.clone();
        record.follow(&hidden.guarded_by(&record));
        scene.connection('B', "active");
        assert_eq!(held(&scene.guarded_by(&record)), ["unwire A web", "delete A gone"], "{what}");
        record.approve(&scene.guarded_by(&record));
        record.follow(&hidden.guarded_by(&record));
        assert_eq!(held(&scene.guarded_by(&record)), Vec::<String>::new(), "{what}, and it was approved");
    }
}

#[test]
fn what_a_plan_takes_beyond_what_was_shown_is_held_and_what_was_shown_is_not() {
    let record = approved(&two_gone());
    let mut more = two_gone();
    more.app_client("mobile", &['A']);
    let expected = ["unwire A mobile", "delete A gone"];
    assert_eq!(held(&more.guarded_by(&record)), expected, "the delete waits for the unwire before it");
    let mut fewer = two_gone();
    fewer.app_client("web", &['B']);
    assert_eq!(held(&fewer.guarded_by(&record)), Vec::<String>::new(), "less than was shown");
}

#[test]
fn what_was_approved_for_one_reason_is_not_for_another() {
    // Both are inactive, and so only unwired.
    let mut scene = two_gone();
    scene.connection('A', "inactive").connection('B', "inactive");
    let mut record = approved(&scene);
    assert_eq!(held(&scene.guarded_by(&record)), Vec::<String>::new());
    record.held = scene.guarded_by(&record).held;
    let mut draft = scene.clone();
    draft.connection('A', "draft").connection('B', "draft");
    assert_eq!(held(&draft.guarded_by(&record)), ["unwire A web", "unwire B web"]);
    let all = ["unwire A web", "unwire B web", "delete A gone", "delete B gone"];
    assert_eq!(held(&two_gone().guarded_by(&record)), all, "`unwire, inactive` allows no delete");
    // Where one is deleted, nothing but what was shown of it is let through either.
    scene.snapshot.connections.retain(|connection| connection.id == conn('B'));
    assert_eq!(held(&scene.guarded_by(&record)), ["unwire A web", "delete A gone"]);
}

#[test]
fn an_identifier_more_is_more_and_one_fewer_is_not() {
    let gone = |identifiers: &[&str]| {
        let mut scene = Scene::new();
        scene.ours('B');
        let identifiers = identifiers.iter().map(|text| identifier(text)).collect();
        scene.ours_with('A', &both_ids('A') | &identifiers);
        scene
    };
    let record = approved(&gone(&["acme.example"]));
    for (identifiers, expected) in
        [(&["acme.example"][..], vec![]), (&[], vec![]), (&["acme.example", "more.example"], vec!["delete A gone"])]
    {
        assert_eq!(held(&gone(identifiers).guarded_by(&record)), expected, "{identifiers:?}");
    }
}

#[test]
fn another_change_to_the_same_provider_is_not_covered() {
    let mut scene = Scene::new();
    for letter in ['A', 'B'] {
        scene.connection_of(letter, "active", 'P').ours(letter);
    }
    let record = approved(&scene);
    assert_eq!(held(&scene.guarded()).len(), 2);
    scene.specs.base = "https://new.example.com";
    let held = held(&scene.guarded_by(&record)).len();
    assert_eq!(held, 2, "the loss of an identifier was approved, the loss of the issuer was not");
}

#[test]
fn an_approved_delete_is_still_covered_once_the_provider_is_no_longer_described() {
    let mut scene = Scene::new();
    scene.ours('A').ours('B');
    scene.drifted('A').spec.details.insert("token_url".to_owned(), "https://elsewhere".to_owned());
    let seen = scene.guarded();
    let mut record = OnRecord::default();
    record.approve(&seen);
    for settlement in &seen.plan.settlements {
        let settled = settlement.applied_to(&scene.claims[&settlement.connection_id], then()).unwrap();
        scene.claims.insert(settlement.connection_id.clone(), settled);
    }
    assert!(!scene.to_describe().contains(&name('A')));
    assert_eq!(held(&scene.guarded_by(&record)), Vec::<String>::new());
}

#[test]
fn an_approval_of_some_connections_leaves_the_others_held_and_one_more_leaves_the_first_as_it_is() {
    let mut scene = two_gone();
    scene.ours('C');
    let guarded = scene.guarded();
    let mut record = OnRecord::default();
    for (one, expected) in
        [('A', vec!["unwire B web", "delete B gone", "delete C gone"]), ('C', vec!["unwire B web", "delete B gone"])]
    {
        let (decided, approval, taken) =
            record.decisions.approve(held_steps(&guarded), Some(&[conn(one)].into()), "an operator", then()).unwrap();
        assert_eq!(approval.connections.keys().collect::<Vec<_>>(), [&conn(one)]);
        assert!(taken.iter().all(|step| step.connection_id == conn(one)));
        record.decisions = decided;
        assert_eq!(held(&scene.guarded_by(&record)), expected);
    }
}

#[test]
fn what_an_approval_leaves_out_waits_also_where_the_rest_would_be_few() {
    let mut scene = Scene::new();
    for letter in "ABCDEFGHIJKL".chars() {
        scene.ours(letter);
        if letter > 'H' {
            scene.connection(letter, "active");
        }
    }
    // Nobody but the operator has looked yet.
    let seen = held_steps(&scene.guarded());
    let mut record = OnRecord::default();
    let of = "ABC".chars().map(conn).collect();
    record.decisions = record.decisions.approve(seen, Some(&of), "an operator", then()).unwrap().0;
    let guarded = scene.guarded_by(&record);
    let expected: Vec<String> = "DEFGH".chars().map(|letter| format!("delete {letter} gone")).collect();
    assert_eq!(held(&guarded), expected);
    record.follow(&guarded);
    for letter in "ABC".chars() {
        scene.observed.providers.remove(&name(letter));
        scene.claims.remove(&conn(letter));
    }
    record.follow(&scene.guarded_by(&record));
    assert_eq!(record.decisions.approvals, []);
    assert_eq!(held(&scene.guarded_by(&record)), expected, "and when the approval is over");
}

#[test]
fn more_than_there_is_room_for_is_approved_connection_by_connection() {
    let mut scene = Scene::new();
    scene.ours('A').ours('B').ours('C');
    let guarded = scene.guarded();
    let mut steps = Vec::new();
    for number in 0..1_500 {
        let app_client_id = Some(client(&format!("web{number}")));
        let unwire = |step: RecordedStep| RecordedStep {
            action: ActionKind::Unwire,
            app_client_id: app_client_id.clone(),
            ..step
        };
        steps.extend(guarded.plan.recorded().into_iter().map(unwire));
    }
    let mut decisions = Decisions::default();
    let mut approved = BTreeSet::new();
    let mut left = steps;
    while !left.is_empty() {
        match decisions.approve(left.clone(), None, "an operator", then()) {
            Ok((decided, approval, taken)) => {
                let ids: BTreeSet<ConnectionId> = approval.connections.keys().cloned().collect();
                assert!(taken.iter().all(|step| ids.contains(&step.connection_id)) && !taken.is_empty());
                left.retain(|step| !ids.contains(&step.connection_id));
                assert!(left.iter().all(|step| !decided.covers(step, then())), "a connection's steps stay together");
                approved.extend(ids);
                decisions = decided;
                assert!(serde_json::to_vec(&decisions).unwrap().len() < 180_000);
            }
            Err(none) => {
                assert_eq!((none, approved.is_empty()), (NoRoom::Approval, false));
                decisions = Decisions::default();
            }
        }
    }
    assert_eq!(approved.len(), 3, "each comes to its turn");
}

#[test]
fn the_hash_is_over_what_the_held_steps_show_and_whatever_their_order() {
    let mut planned = two_gone().guarded().plan.recorded();
    let hash = hash_of_held(&planned);
    planned.reverse();
    assert_eq!(hash_of_held(&planned), hash, "the order does not matter");
    let more = Scene::new().connection('C', "active").plan().recorded();
    assert_eq!(hash_of_held(planned.iter().chain(&more)), hash, "only what is held");
    let changed = |change: &dyn Fn(&mut RecordedStep)| {
        let mut steps = planned.clone();
        change(&mut steps[0]);
        hash_of_held(&steps)
    };
    assert_ne!(changed(&|step| step.connection_id = conn('C')), hash);
    assert_ne!(changed(&|step| step.provider_name = name('C')), hash);
    assert_ne!(changed(&|step| step.app_client_id = Some(client("mobile"))), hash);
    assert_ne!(changed(&|step| step.action = ActionKind::Wire), hash);
    assert_ne!(changed(&|step| step.changes.clear()), hash);
    assert_ne!(changed(&|step| "another reason".clone_into(&mut step.reason)), hash);
    assert_ne!(changed(&|step| step.held = false), hash);
}

#[test]
fn of_refused_connections_nothing_is_taken_and_the_others_are_judged_as_ever() {
    let mut scene = two_gone();
    scene.ours('C').app_client("web", &['A', 'B', 'C']);
    let guarded = scene.guarded_by(&refused("A"));
    assert_eq!(held(&guarded), Vec::<String>::new(), "two of three are few");
    assert!(guarded.plan.steps.iter().all(|step| step.connection_id != conn('A')), "{:#?}", guarded.plan.steps);
    assert_eq!(guarded.parked.keys().collect::<Vec<_>>(), [&conn('A')]);
    assert_eq!(guarded.parked[&conn('A')].iter().map(short).collect::<Vec<_>>(), ["unwire A web", "delete A gone"]);
    let told: Vec<&str> = guarded.plan.notes.iter().map(|note| note.message.as_str()).collect();
    assert!(told.iter().any(|told| told.contains("parked") && told.contains("their contract runs on")), "{told:?}");
}

#[test]
fn a_refusal_keeps_the_identifiers_too_that_another_connection_is_to_get() {
    let mut scene = Scene::new();
    scene.ours('A').connection_of('B', "active", 'A').app_client("web", &['A']);
    assert!(scene.steps().contains(&"update B [B org_A]".to_owned()), "{:?}", scene.steps());
    let guarded = scene.guarded_by(&refused("A"));
    let steps: Vec<String> = guarded.plan.steps.iter().map(short).collect();
    assert_eq!(steps, ["create B [B]", "wire B web"]);
}

#[test]
fn a_refused_connection_that_would_lose_nothing_is_like_any_other() {
    let mut scene = Scene::new();
    scene.connection('A', "active").ours('A').app_client("web", &[]);
    let guarded = scene.guarded_by(&refused("A"));
    assert_eq!(guarded.plan.steps.iter().map(short).collect::<Vec<_>>(), ["wire A web"]);
    assert!(guarded.parked.is_empty());
}

#[test]
fn what_a_refusal_kept_is_held_once_it_ends_and_never_carried_out_for_that() {
    // One of three: it would be let through, had nobody refused it.
    let mut scene = Scene::new();
    scene.ours('A').connection('B', "active").ours('B').connection('C', "active").ours('C');
    let until = then().plus(Duration::from_hours(1));
    for let_go in [false, true] {
        let mut record = OnRecord::default();
        let refusal = Refusal { until: (!let_go).then_some(until), ..refusal("A") };
        record.decisions = record.decisions.refuse(refusal, then()).unwrap();
        record.follow(&scene.guarded_by(&record));
        assert_eq!(scene.guarded_by(&record).parked.len(), 1);
        record.now = until;
        if let_go {
            record.decisions = record.decisions.let_go(&conn('A'), until).unwrap();
            assert_eq!(record.decisions.let_go(&conn('A'), until), None, "it is let go once");
        }
        let guarded = scene.guarded_by(&record);
        assert_eq!((held(&guarded), guarded.parked.len()), (vec!["delete A gone".to_owned()], 0), "let go: {let_go}");
    }
}

#[test]
fn a_refusal_takes_the_place_of_an_approval_and_of_an_earlier_refusal() {
    let scene = two_gone();
    let mut record = approved(&scene);
    record.decisions = record.decisions.refuse(refusal("AB"), then()).unwrap();
    let later = Refusal { reason: "and another year".to_owned(), ..refusal("A") };
    record.decisions = record.decisions.refuse(later, then()).unwrap();
    assert_eq!(record.decisions.approvals, []);
    assert_eq!(record.decisions.refusal(&conn('A'), then()).unwrap().reason, "and another year");
    assert_eq!(record.decisions.refused(then()), [conn('A'), conn('B')].into());
    assert_eq!(scene.guarded_by(&record).plan.steps, []);
}

#[test]
fn refusals_have_an_end_of_room_and_long_ones_of_many_connections_fit() {
    let ids: BTreeSet<ConnectionId> = (0..1_000).map(|number| format!("conn_{number:026}").parse().unwrap()).collect();
    let all = Refusal { connection_ids: ids.clone(), reason: "r".repeat(500), ..refusal("") };
    let mut decisions = Decisions::default().refuse(all, then()).unwrap();
    assert_eq!(decisions.refused(then()), ids);
    let mut number = 0;
    let none = loop {
        number += 1;
        let id = format!("conn_{number:025}x").parse().unwrap();
        let one = Refusal { connection_ids: [id].into(), reason: "r".repeat(500), ..refusal("") };
        match decisions.refuse(one, then()) {
            Ok(decided) => decisions = decided,
            Err(none) => break none,
        }
        assert!(serde_json::to_vec(&decisions).unwrap().len() < 70_000);
    };
    assert_eq!(none, NoRoom::Refusal);
}

#[test]
fn decisions_read_as_they_were_stored_and_none_are_stored_as_nothing() {
    let mut decisions = approved(&two_gone()).decisions;
    decisions = decisions.refuse(refusal("C"), then()).unwrap();
    assert_eq!(serde_json::from_str::<Decisions>(&serde_json::to_string(&decisions).unwrap()).unwrap(), decisions);
    assert!(!decisions.is_empty() && Decisions::default().is_empty());
    assert_eq!(org('A').as_str(), "org_A");
}
