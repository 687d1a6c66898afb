//! The guard's boundaries: what waits for a person, what does not, and what counts.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on should stop where it is")]

#[allow(dead_code, reason = "each test binary uses its own part")]
mod scene;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use causeway_core::{
    guard::{Guarded, Loss, Unconfirmed, WINDOW, recent},
    id::ConnectionId,
    plan::standing,
    standing::Standing,
    timestamp::Timestamp,
    user_pool::RunState,
};
use scene::{Edit, OnRecord, Scene, conn, letter, name, short, then};

const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWX";
const HOUR: Duration = Duration::from_hours(1);

/// A pool with `all` providers, of which the first `gone` connections are gone.
fn losing(gone: usize, all: usize) -> Scene {
    let mut scene = Scene::new();
    for (number, letter) in LETTERS.chars().take(all).enumerate() {
        scene.ours(letter);
        if number >= gone {
            scene.connection(letter, "active");
        }
    }
    scene
}

fn held(guarded: &Guarded) -> String {
    let steps = guarded.plan.steps.iter().filter(|step| step.held);
    letters(steps.map(|step| &step.connection_id))
}

fn taken(guarded: &Guarded) -> String {
    let steps = guarded.plan.steps.iter().filter(|step| step.takes_away && !step.held);
    letters(steps.map(|step| &step.connection_id))
}

fn letters<'a>(ids: impl IntoIterator<Item = &'a ConnectionId>) -> String {
    ids.into_iter().map(letter).collect::<BTreeSet<char>>().into_iter().collect()
}

fn lost(letters: &str, ago: Duration) -> Vec<Loss> {
    letters.chars().map(|letter| Loss { connection_id: conn(letter), at: then().minus(ago), had: None }).collect()
}

fn with_losses(losses: Vec<Loss>) -> OnRecord {
    OnRecord { losses, ..OnRecord::default() }
}

/// What the connections of a scene have.
fn has(scene: &Scene) -> BTreeMap<ConnectionId, Standing> {
    scene.with(&scene.observed, |situation| standing(&situation))
}

/// Takes these connections out of `WorkOS`.
fn disconnect(scene: &mut Scene, letters: &str) {
    scene.snapshot.connections.retain(|connection| !letters.contains(letter(&connection.id)));
}

/// What is left of a pool once all that is let through is done, where nothing but deletes is planned.
fn carry_out_deletes(scene: &mut Scene, guarded: &Guarded) {
    for step in guarded.plan.steps.iter().filter(|step| !step.held) {
        assert_eq!(step.action.kind().name(), "delete");
        scene.observed.providers.remove(&step.provider_name);
        scene.claims.remove(&step.connection_id);
    }
}

#[test]
fn more_than_five_and_more_than_30_percent_or_all_of_two_or_more_are_held_back() {
    for (gone, all, expected) in [
        (1, 1, 0),
        (1, 2, 0),
        (2, 2, 2),
        (2, 3, 0),
        (5, 5, 5),
        (5, 6, 0),
        (5, 16, 0),
        (6, 7, 6),
        (6, 19, 6),
        (6, 20, 0),
        (6, 21, 0),
        (7, 23, 7),
        (7, 24, 0),
    ] {
        let guarded = losing(gone, all).guarded();
        assert_eq!(held(&guarded).len(), expected, "{gone} of {all}");
        assert_eq!(guarded.held.len(), expected, "{gone} of {all}");
        assert_eq!(guarded.losses.len(), gone - expected, "what is held is no loss");
    }
}

#[test]
fn what_comes_to_be_while_steps_are_held_back_does_not_let_them_through() {
    for (gone, there) in [(2, 2), (6, 18), (7, 7)] {
        let mut record = OnRecord::default();
        record.follow(&losing(gone, there).guarded());
        let later = losing(gone, 24).guarded_by(&record);
        assert_eq!(held(&later).len(), gone, "{gone} of {there}, and then of 24");
    }
}

#[test]
fn what_is_held_is_held_however_long_it_waits_and_whatever_goes_beside_it() {
    // Three go, five more are too many, and their losses are over after a day.
    let mut scene = losing(3, 12);
    let mut record = OnRecord::default();
    let guarded = scene.guarded();
    record.follow(&guarded);
    carry_out_deletes(&mut scene, &guarded);
    disconnect(&mut scene, "DEFGH");
    for hours in [0, 1, 23, 24, 25, 49, 1_000] {
        record.now = then().plus(HOUR * hours);
        let guarded = scene.guarded_by(&record);
        assert_eq!((held(&guarded).as_str(), taken(&guarded).as_str()), ("DEFGH", ""), "after {hours} hours");
        assert!(guarded.held.values().all(|since| *since == then()), "{:?}", guarded.held);
        record.follow(&guarded);
    }
    // Fewer than would be too many are left of what is held.
    scene.connection('D', "active").connection('E', "active").connection('F', "active");
    let guarded = scene.guarded_by(&record);
    assert_eq!(
        (held(&guarded).as_str(), letters(guarded.held.keys()).as_str()),
        ("GH", "GH"),
        "what came back waits no more"
    );
    record.follow(&guarded);
    disconnect(&mut scene, "D");
    assert_eq!(taken(&scene.guarded_by(&record)), "D", "what came back is judged like any other");
}

#[test]
fn who_has_to_decide_is_told_how_many_wait_of_how_many_and_how_many_went_before_without_an_approval() {
    let mut scene = losing(2, 12);
    let mut record = OnRecord::default();
    let few = scene.guarded();
    let why = |guarded: &Guarded| {
        let notes = guarded.plan.notes.iter().map(|note| note.message.clone());
        notes.filter(|message| message.contains("wait for an approval")).collect::<Vec<_>>()
    };
    assert_eq!((taken(&few).as_str(), why(&few)), ("AB", Vec::new()), "nothing waits");
    record.follow(&few);
    carry_out_deletes(&mut scene, &few);
    disconnect(&mut scene, "CDEFG");
    let many = scene.guarded_by(&record);
    assert_eq!(held(&many), "CDEFG");
    let [told] = &why(&many)[..] else { panic!("{:?}", many.plan.notes) };
    assert!(told.starts_with("5 of 10 connections would lose"), "{told}");
    assert!(
        told.contains("at most 5 connections, or 30 % of all") && told.ends_with("2 did in the last 24 hours"),
        "{told}"
    );
}

#[test]
fn one_customer_s_leaving_is_never_held_for_what_is_held_or_was_approved_before() {
    let mut scene = losing(8, 12);
    let mut record = OnRecord::default();
    let guarded = scene.guarded();
    assert_eq!(held(&guarded), "ABCDEFGH");
    record.follow(&guarded);
    disconnect(&mut scene, "I");
    let beside = scene.guarded_by(&record);
    assert_eq!((held(&beside).as_str(), taken(&beside).as_str()), ("ABCDEFGH", "I"));

    scene.connection('I', "active");
    record.approve(&guarded);
    let approved = scene.guarded_by(&record);
    assert_eq!((held(&approved).as_str(), taken(&approved).as_str()), ("", "ABCDEFGH"));
    assert_eq!(approved.losses, [], "what was approved does not count");
    record.follow(&approved);
    carry_out_deletes(&mut scene, &approved);
    disconnect(&mut scene, "I");
    let after = scene.guarded_by(&record);
    assert_eq!((held(&after).as_str(), taken(&after).as_str()), ("", "I"));
    // But the last of all are as much as ever.
    disconnect(&mut scene, "JKL");
    assert_eq!(held(&scene.guarded_by(&record)), "IJKL");
}

#[test]
fn those_that_go_by_approval_are_none_of_those_that_stay() {
    let mut scene = losing(8, 12);
    let mut record = OnRecord::default();
    record.approve(&scene.guarded());
    disconnect(&mut scene, "IJKL");
    let guarded = scene.guarded_by(&record);
    assert_eq!((held(&guarded).as_str(), taken(&guarded).as_str()), ("IJKL", "ABCDEFGH"), "nobody would be left");
}

#[test]
fn several_steps_on_one_connection_are_one_loss() {
    let mut scene = Scene::new();
    scene.ours('A').connection('B', "active").ours('B');
    for web in ["a", "b", "c", "d", "e", "f"] {
        scene.app_client(web, &['A', 'B']);
    }
    let guarded = scene.guarded();
    assert_eq!((guarded.plan.steps.len(), held(&guarded).as_str(), guarded.losses.len()), (7, "", 1));
}

#[test]
fn what_was_lost_in_the_last_day_counts_and_what_was_lost_before_does_not() {
    let almost = WINDOW.saturating_sub(Duration::from_millis(1));
    for (ago, expected) in [(Duration::ZERO, 1), (almost, 1), (WINDOW, 0)] {
        let losses = lost("KLMNO", ago);
        let guarded = losing(1, 10).guarded_by(&with_losses(losses.clone()));
        assert_eq!(held(&guarded).len(), expected, "{ago:?}");
        assert_eq!(recent(&losses, then()).len(), 5 * expected);
    }
}

#[test]
fn the_last_of_all_is_held_back_when_the_others_went_one_by_one() {
    assert_eq!(held(&losing(1, 1).guarded_by(&with_losses(lost("BC", HOUR)))), "A");
}

#[test]
fn a_loss_counts_until_the_connection_has_all_again_that_it_had() {
    let mut whole = losing(1, 2);
    whole.connection('B', "active").app_client("web", &['B']).app_client("mobile", &['B']);
    let had = has(&whole)[&conn('B')].clone();
    let record = |ago| {
        let had = Some(had.clone());
        with_losses(vec![Loss { connection_id: conn('B'), at: then().minus(ago), had }])
    };
    let (made_good, counting) = (("", "A"), ("A", ""));
    let judged = |scene: &Scene, record: &OnRecord| {
        let guarded = scene.guarded_by(record);
        let is_kept = guarded.losses.iter().any(|loss| loss.connection_id == conn('B'));
        assert_eq!(is_kept, held(&guarded) == "A", "{:?}", guarded.losses);
        (held(&guarded), taken(&guarded))
    };
    let shown = |(held, taken): &(String, String)| (held.clone(), taken.clone());
    let is = |got: (String, String), expected: (&str, &str), what: &str| {
        let got = shown(&got);
        assert_eq!((got.0.as_str(), got.1.as_str()), expected, "{what}");
    };
    is(judged(&whole, &record(HOUR)), made_good, "all of it");
    let unknown = with_losses(lost("B", HOUR));
    is(judged(&whole, &unknown), counting, "nobody knows what it had");
    // Each part that is missing, in a pool whose plan does not bring it back.
    let less: [(&str, Edit<'_>); 4] = [
        ("an app client", &|scene| {
            scene.observed.app_clients.clear();
            scene.app_client("web", &['B']);
        }),
        ("an identifier", &|scene| {
            scene.connection_of('B', "active", 'A').ours_with('B', scene::both_ids('B'));
            scene.claims.get_mut(&conn('B')).unwrap().identifiers.remove(&scene::identifier("org_B"));
            scene.ours_with('B', [scene::identifier(conn('B').as_str()), scene::identifier("org_A")].into());
        }),
        ("the issuer", &|scene| {
            scene.specs.base = "https://new.example.com";
            scene.ours('B').ours('A');
        }),
        ("the provider's name", &|scene| {
            let mut claim = scene.claims.remove(&conn('B')).unwrap();
            let provider = scene.observed.providers.remove(&name('B')).unwrap();
            claim.provider_name = "Okta".parse().unwrap();
            scene.observed.providers.insert(claim.provider_name.clone(), provider);
            scene.claims.insert(conn('B'), claim);
            for client in scene.observed.app_clients.values_mut() {
                client.remove(name('B').as_str());
                client.insert("Okta".to_owned());
            }
        }),
    ];
    for (what, lose) in less {
        let mut scene = whole.clone();
        lose(&mut scene);
        is(judged(&scene, &record(HOUR)), counting, what);
    }
    let mut more = whole.clone();
    more.app_client("desktop", &['B']);
    is(judged(&more, &record(HOUR)), made_good, "and more");
}

#[test]
fn what_seems_to_be_back_right_after_it_was_lost_puts_others_off_and_holds_nothing() {
    let mut scene = losing(1, 2);
    scene.app_client("web", &['B']);
    let had = Some(has(&scene)[&conn('B')].clone());
    for (seconds, expected) in [(0, "A"), (119, "A"), (120, "")] {
        let at = then().minus(Duration::from_secs(seconds));
        let guarded = scene.guarded_by(&with_losses(vec![Loss { connection_id: conn('B'), at, had: had.clone() }]));
        let put_off = letters(guarded.put_off.iter().map(|step| &step.connection_id));
        assert_eq!((put_off.as_str(), guarded.held.len()), (expected, 0), "{seconds} s after it");
        let counted = letters(guarded.losses.iter().map(|loss| &loss.connection_id));
        assert_eq!(counted, if expected == "A" { "B" } else { "A" }, "{seconds} s after it");
    }
}

#[test]
fn what_this_very_plan_brings_back_puts_others_off_and_holds_nothing() {
    let mut scene = losing(1, 2);
    scene.app_client("web", &['B']);
    let had = Some(has(&scene)[&conn('B')].clone());
    let record = with_losses(vec![Loss { connection_id: conn('B'), at: then().minus(HOUR), had }]);
    scene.app_client("web", &[]);
    let guarded = scene.guarded_by(&record);
    assert_eq!(guarded.plan.steps.iter().map(short).collect::<Vec<_>>(), ["wire B web"]);
    assert_eq!(
        (letters(guarded.put_off.iter().map(|step| &step.connection_id)).as_str(), guarded.held.len()),
        ("A", 0)
    );
    assert!(guarded.plan.notes.iter().any(|note| note.connection_id == Some(conn('A'))), "{:?}", guarded.plan.notes);
}

#[test]
fn the_last_providers_are_held_back_however_many_somebody_else_deleted_or_replaced_before() {
    for replaced in [false, true] {
        let mut scene = losing(10, 10);
        for letter in LETTERS.chars().take(8) {
            if replaced {
                scene.observed.providers.get_mut(&name(letter)).unwrap().provider_type = "SAML".to_owned();
            } else {
                scene.observed.providers.remove(&name(letter));
                scene.observed.gone.insert(name(letter));
            }
        }
        assert_eq!(held(&scene.guarded()), "IJ", "replaced: {replaced}");
    }
}

#[test]
fn a_provider_that_is_shown_to_be_ours_only_now_counts_and_one_that_is_not_described_does_not() {
    let mut scene = Scene::new();
    scene.ours('A').intended('A').ours('B').intended('B').ours('C').intended('D');
    scene.observed.providers.get_mut(&name('B')).unwrap().description = None;
    assert_eq!(letters(has(&scene).keys()), "AC");
}

#[test]
fn what_takes_nothing_away_goes_on_while_the_rest_is_held_back() {
    let mut scene = Scene::new();
    scene.ours('A').ours('B').connection('C', "active").app_client("web", &['A', 'B']);
    let guarded = scene.guarded();
    for step in &guarded.plan.steps {
        assert_eq!(step.held, matches!(step.action.kind().name(), "unwire" | "delete"), "{step:?}");
    }
    assert_eq!(guarded.plan.steps.len(), 6);
}

#[test]
fn what_was_not_confirmed_to_be_gone_is_no_loss_and_is_not_held() {
    let scene = losing(8, 12);
    let record = OnRecord::default();
    let asked = scene.unjudged(&record, |unjudged| unjudged.to_confirm());
    assert_eq!(letters(&asked), "ABCDEFGH");
    for (unconfirmed, expected) in [("ABCDEFGH", ("", 0)), ("CDEFGH", ("", 2)), ("A", ("BCDEFGH", 0))] {
        let not_gone = unconfirmed.chars().map(conn).collect();
        let unconfirmed = Unconfirmed { not_gone, ..Unconfirmed::default() };
        let guarded = scene.unjudged(&record, |unjudged| unjudged.judge(&unconfirmed));
        assert_eq!((held(&guarded).as_str(), guarded.losses.len()), expected, "{unconfirmed:?} are still known");
    }
}

#[test]
fn what_there_was_no_time_to_ask_for_is_judged_as_what_may_come_and_does_not_wait_itself() {
    let (scene, mut record) = (losing(8, 12), OnRecord::default());
    for (unasked, expected) in [("CDEFGH", "AB"), ("H", "ABCDEFG"), ("ABCDEFGH", "")] {
        let unconfirmed = Unconfirmed { unasked: unasked.chars().map(conn).collect(), ..Unconfirmed::default() };
        let guarded = scene.unjudged(&record, |unjudged| unjudged.judge(&unconfirmed));
        assert_eq!((held(&guarded).as_str(), guarded.losses.len()), (expected, 0), "no time for {unasked}");
    }
    // Each run gets further: what waits is not asked for again.
    let unconfirmed = Unconfirmed { unasked: "CDEFGH".chars().map(conn).collect(), ..Unconfirmed::default() };
    record.follow(&scene.unjudged(&record, |unjudged| unjudged.judge(&unconfirmed)));
    assert_eq!(letters(&scene.unjudged(&record, |unjudged| unjudged.to_confirm())), "CDEFGH");
}

#[test]
fn what_an_earlier_version_held_without_saying_what_is_held() {
    // Its losses are over, and five of nine would be few.
    let scene = losing(5, 9);
    let mut record = OnRecord { holds_unnamed: true, ..OnRecord::default() };
    for _ in 0..2 {
        let guarded = scene.guarded_by(&record);
        assert_eq!(held(&guarded), "ABCDE");
        record.follow(&guarded);
    }
    let stored = r#"{"health":{"state":"held","message":"","remedy":"","since":"2026-11-22T08:00:00.000Z"},
        "last_run":null,"callbacks":[],"losses":[],"held_of":12,"full_pass_due_at":"2026-11-22T08:00:00.000Z",
        "role_probe_due_at":"2026-11-22T08:00:00.000Z"}"#;
    assert_eq!(serde_json::from_str::<RunState>(stored).unwrap().held_of, Some(12));
}

#[test]
fn workos_is_asked_for_what_only_seems_to_be_gone_unless_it_is_held_anyway() {
    let mut scene = losing(8, 12);
    scene.options.organizations = Some("CDEFGHIJKL".chars().map(scene::org).collect());
    scene.connection('A', "active");
    let mut record = OnRecord::default();
    let asked = |record: &OnRecord| letters(&scene.unjudged(record, |unjudged| unjudged.to_confirm()));
    assert_eq!(asked(&record), "BCDEFGH", "of A it is known that it is not chosen");
    let guarded = scene.guarded_by(&record);
    record.follow(&guarded);
    assert_eq!(asked(&record), "", "what is held is not asked for at each run");
    record.approve(&guarded);
    assert_eq!(asked(&record), "BCDEFGH", "before anything is done it is asked for again");
}

#[test]
fn the_time_of_a_loss_is_not_read_from_the_future() {
    let at = Timestamp::from_seconds(then().seconds() + 60);
    let losses = vec![Loss { connection_id: conn('A'), at, had: None }];
    assert_eq!(recent(&losses, then()).len(), 1, "a clock that is behind forgets no loss");
}

#[test]
fn losses_of_more_names_than_the_item_has_room_for_count_all_day_and_the_latest_are_kept_whole() {
    let mut scene = losing(0, 24);
    let clients: Vec<String> = (0..100).map(|number| format!("web{number}")).collect();
    let all: Vec<char> = LETTERS.chars().take(24).collect();
    for client in &clients {
        scene.app_client(client, &all);
    }
    let had = has(&scene);
    let losses = |ago| {
        let of =
            |letter| Loss { connection_id: conn(letter), at: then().minus(ago), had: had.get(&conn(letter)).cloned() };
        LETTERS.chars().skip(1).take(23).map(of).collect()
    };
    disconnect(&mut scene, "A");
    let guarded = scene.guarded_by(&with_losses(losses(Duration::ZERO)));
    let kept = guarded.losses.iter().filter(|loss| loss.had.is_some()).count();
    assert!((1..23).contains(&kept), "{kept}");
    assert!(serde_json::to_vec(&guarded.losses).unwrap().len() < 70_000);
}

#[test]
fn losses_are_stored_as_older_versions_read_them_and_read_as_these_store_them() {
    let old = r#"{"connection_id":"conn_AAAAAAAAAAAAAAAAAAAAAAAAAA","at":"2026-11-22T08:00:00.000Z"}"#;
    let loss: Loss = serde_json::from_str(old).unwrap();
    assert_eq!((loss.had.as_ref(), serde_json::to_string(&loss).unwrap().as_str()), (None, old));
    let scene = losing(0, 1);
    let new = Loss { had: has(&scene).remove(&conn('A')), ..loss };
    assert_eq!(serde_json::from_str::<Loss>(&serde_json::to_string(&new).unwrap()).unwrap(), new);
}
