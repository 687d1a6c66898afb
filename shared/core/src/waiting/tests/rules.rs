//! The rules one by one, where the simulation shows only what comes of all of them.

use super::*;

#[test]
fn a_mark_whose_message_nobody_sent_is_believed_for_half_a_minute() {
    let Step::Send(waiting) = step(&Mark::default(), ONE, "one", at(0)) else { panic!() };
    let mark = Mark { waiting: Some(waiting.clone()), looked_at: None };
    assert_eq!(step(&mark, ONE, "other", at(29_999)), Step::Nothing);
    assert!(matches!(step(&mark, ONE, "other", at(30_000)), Step::Send(_)));
    // The event itself comes again for want of an answer.
    assert_eq!(step(&mark, ONE, "one", at(1_000)), Step::Again(waiting));
}

#[test]
fn an_event_that_comes_again_and_again_sends_its_message_once_more_in_ten_seconds_and_else_has_to_come_later() {
    let Step::Send(waiting) = step(&Mark { waiting: None, looked_at: Some(at(0)) }, ONE, "one", at(1)) else {
        panic!("nobody waits for it")
    };
    let (mut mark, mut again) = (Mark { waiting: Some(waiting), looked_at: Some(at(0)) }, Vec::new());
    for millis in (2..15_000).step_by(7) {
        match step(&mark, ONE, "one", at(millis)) {
            Step::AgainLater(waiting) => {
                again.push(millis);
                mark.waiting = Some(waiting);
            }
            other => assert_eq!(other, Step::InDoubt, "at {millis} ms"),
        }
    }
    assert_eq!(again, [2, 10_005]);
    // Another event needs nothing all the while, and no clock that is wrong keeps a message from being sent.
    assert_eq!(step(&mark, ONE, "other", at(12_000)), Step::Nothing);
    for wrong in [at(-1_000_000), at(1_000_000)] {
        let waiting = mark.waiting.clone().map(|waiting| Waiting { again_at: Some(wrong), ..waiting });
        let mark = Mark { waiting, ..mark };
        assert!(matches!(step(&mark, ONE, "one", at(12_000)), Step::AgainLater(_)), "{wrong:?}");
    }
    // Once it is due it goes where two messages of one ID are one.
    assert_eq!(step(&mark, ONE, "one", at(15_001)), Step::Again(mark.waiting.unwrap()));
}

#[test]
fn a_mark_is_read_whatever_stands_where_its_message_was_sent_once_more() {
    let read = |again_at: serde_json::Value| {
        let (since, due) = (at(0).to_string(), at(1).to_string());
        let mark =
            serde_json::json!({ "waiting": { "since": since, "due": due, "event": "one", "again_at": again_at } });
        serde_json::from_value::<Mark>(mark).unwrap().waiting.unwrap().again_at
    };
    assert_eq!(read(serde_json::json!(at(5).to_string())), Some(at(5)));
    assert_eq!((read(serde_json::json!(7)), read(serde_json::Value::Null)), (None, None));
}

#[test]
fn a_lease_that_ends_later_than_any_run_can_hold_its_pool_keeps_nobody_from_it() {
    let call = Call { cause: Cause::Schedule, urgency: Urgency::AtOnce };
    let refused = |until: Timestamp| refusal(Standing { held_until: Some(until), ..Standing::default() }, call, at(0));
    let longest = at(0).plus(LONGEST_LEASE + SKEW);
    assert_eq!(refused(longest), Some(Refusal::Held(at(15_000))));
    for far in [longest.plus(Duration::from_millis(1)), Timestamp::from_millis(i64::MAX)] {
        assert_eq!(refused(far), None, "{far}");
    }
}

#[test]
fn a_message_is_covered_by_a_look_that_began_five_seconds_after_it_was_sent_and_by_none_before() {
    let standing = |looked: i64| Standing { looked_at: Some(at(looked)), ..Standing::default() };
    let call = Call { cause: Cause::Webhook, urgency: Urgency::Since(at(0)) };
    assert_eq!(refusal(standing(5_000), call, at(60_000)), None);
    assert_eq!(refusal(standing(5_001), call, at(60_000)), Some(Refusal::Covered));
    let too_soon = Standing { webhook_look_at: Some(at(0)), ..Standing::default() };
    assert_eq!(refusal(too_soon, call, at(14_999)), Some(Refusal::TooSoon(at(15_000))));
    assert_eq!(refusal(too_soon, call, at(15_000)), None);
    assert_eq!(refusal(too_soon, Call { cause: Cause::Schedule, ..call }, at(1)), None);
}

proptest! {
    #[test]
    fn a_look_that_is_refused_is_asked_for_again_soon_or_was_made(
        held in prop::option::of(-100_000..100_000_i64), looked in prop::option::of(-100_000..100_000_i64),
        webhook in prop::option::of(-100_000..100_000_i64), sent in -100_000..0_i64, is_removing: bool,
        cause in prop_oneof![Just(Cause::Schedule), Just(Cause::Webhook)],
    ) {
        let standing = Standing {
            held_until: held.map(at), is_removing, looked_at: looked.map(at), webhook_look_at: webhook.map(at),
        };
        let since = Call { cause, urgency: Urgency::Since(at(sent)) };
        match refusal(standing, since, at(0)) {
            Some(Refusal::Held(until) | Refusal::TooSoon(until)) => {
                prop_assert!(until > at(0) && until.since(at(0)) <= APART + SKEW);
            }
            Some(Refusal::Covered) => prop_assert!(looked.is_some_and(|looked| looked > sent + 5_000 && looked <= 5_000)),
            None => prop_assert!(held.is_none_or(|held| held <= 0)),
        }
        // Whoever asks over the API, and a removal, waits for nothing but another run.
        let free = Standing { held_until: None, ..standing };
        let asked = Call { cause: Cause::Api, urgency: Urgency::AtOnce };
        prop_assert_eq!(refusal(free, asked, at(0)), None);
        prop_assert_eq!(refusal(Standing { is_removing: true, ..free }, since, at(0)), None);
    }
}
