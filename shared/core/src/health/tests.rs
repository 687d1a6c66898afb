use super::*;

const INTERVAL: Duration = Duration::from_mins(15);
const LONG: Duration = Duration::from_hours(1000);

fn failed(class: ErrorClass, failures: u32, failing_for: Duration) -> Ending {
    Ending::Failed { class, failures, showed_no_change: false, failing_for }
}

fn minutes(ending: Ending, cause: Cause) -> u64 {
    let now = Timestamp::from_seconds(1_000_000);
    next_due(ending, cause, INTERVAL, now, 0.5).since(now).as_secs() / 60
}

#[test]
fn what_a_check_found_is_told_and_makes_no_pool_unwell_that_it_only_warns_of() {
    let now = Timestamp::from_seconds(1);
    let (warn, fail) = (Check::warn("a", "warned", "heed"), Check::fail("b", "failed", "mend"));
    let found = |health: Health, checks: &[Check]| {
        let health = health.and_found(checks);
        (health.state, health.message, health.remedy)
    };
    let texts = |state, message: &str, remedy: &str| (state, message.to_owned(), remedy.to_owned());
    assert_eq!(found(Health::ok(now), &[]), texts(HealthState::Ok, "", ""));
    assert_eq!(found(Health::ok(now), std::slice::from_ref(&warn)), texts(HealthState::Ok, "warned", "heed"));
    let both = [warn.clone(), fail.clone()];
    assert_eq!(
        found(Health::ok(now), &both),
        texts(HealthState::Rejected, "failed. Apart from that, warned", "mend heed")
    );
    let denied = Health { remedy: "verify.".into(), ..Health::from_failure(ErrorClass::Denied, "no".into(), now) };
    let expected =
        texts(HealthState::Denied, "no. Apart from that, failed. Apart from that, warned", "verify. mend heed");
    assert_eq!(found(denied.clone(), &both), expected);
    assert_eq!(found(denied, &[warn]), texts(HealthState::Denied, "no. Apart from that, warned", "verify. heed"));
    let many = Health::ok(now).and_found(&vec![fail; 7]);
    assert!(many.message.ends_with("failed; and 2 more: run `verify`"), "{}", many.message);
}

#[test]
fn a_pool_in_line_is_looked_at_every_interval() {
    assert_eq!(minutes(Ending::InLine { changed: false }, Cause::Schedule), 15);
    assert_eq!(minutes(Ending::InLine { changed: true }, Cause::Webhook), 15);
}

#[test]
fn a_webhook_that_showed_no_change_leads_to_a_second_look_30_seconds_on() {
    let now = Timestamp::from_seconds(1);
    let due = next_due(Ending::InLine { changed: false }, Cause::Webhook, INTERVAL, now, 0.0);
    assert_eq!(due, now.plus(Duration::from_secs(30)));
}

#[test]
fn work_left_over_is_taken_up_at_once() {
    assert_eq!(minutes(Ending::OutOfTime, Cause::Schedule), 0);
}

#[test]
fn one_failure_does_not_put_off_what_time_was_too_short_for_unless_nothing_was_done() {
    let quota = Some(ErrorClass::Quota);
    let ending = |worst, out_of_time, done| {
        Ending::of(Course {
            worst,
            failures: 3,
            looked: true,
            done,
            out_of_time,
            put_off: false,
            looks_again: false,
            failing_for: LONG,
        })
    };
    let failed = |showed_no_change| Ending::Failed {
        class: ErrorClass::Quota,
        failures: 3,
        showed_no_change,
        failing_for: LONG,
    };
    assert_eq!(ending(quota, true, true), Ending::OutOfTime);
    assert_eq!(ending(quota, true, false), failed(true));
    assert_eq!(ending(quota, false, true), failed(false));
    assert_eq!(ending(None, true, false), Ending::OutOfTime);
    assert_eq!(ending(None, false, true), Ending::InLine { changed: true });
}

#[test]
fn what_a_webhook_told_of_and_workos_did_not_show_yet_does_not_wait_for_what_else_failed() {
    let now = Timestamp::from_seconds(1);
    let wait = |class, cause, looked, done| {
        let course = Course {
            worst: Some(class),
            failures: 1,
            looked,
            done,
            out_of_time: false,
            put_off: false,
            looks_again: false,
            failing_for: LONG,
        };
        next_due(Ending::of(course), cause, INTERVAL, now, 0.5).since(now).as_secs()
    };
    let (soon, minute, interval) = (30, 60, 15 * 60);
    for (class, cause, looked, done, expected) in [
        (ErrorClass::Quota, Cause::Webhook, true, false, soon),
        (ErrorClass::Transient, Cause::Webhook, true, false, soon),
        (ErrorClass::Quota, Cause::Webhook, true, true, interval),
        (ErrorClass::Quota, Cause::Schedule, true, false, interval),
        (ErrorClass::Denied, Cause::Webhook, false, false, interval),
        (ErrorClass::Throttled, Cause::Webhook, false, false, minute),
    ] {
        let after = wait(class, cause, looked, done);
        assert_eq!(after, expected, "{class:?}, {cause:?}, looked: {looked}, done: {done}");
    }
    let course = Course {
        worst: Some(ErrorClass::Quota),
        failures: 1,
        looked: true,
        done: false,
        out_of_time: false,
        put_off: false,
        looks_again: false,
        failing_for: LONG,
    };
    let often = Duration::from_secs(5);
    let due = next_due(Ending::of(course), Cause::Webhook, often, now, 0.5);
    assert_eq!(due, now.plus(often), "a second look is never later than the next one");
}

#[test]
fn a_failing_pool_is_looked_at_ever_less_often_up_to_once_a_day() {
    let after = |class, failures| minutes(failed(class, failures, LONG), Cause::Schedule);
    assert_eq!([1, 2, 3].map(|failures| after(ErrorClass::Throttled, failures)), [1, 2, 4]);
    assert_eq!([1, 2].map(|failures| after(ErrorClass::Denied, failures)), [15, 30]);
    assert_eq!(after(ErrorClass::Denied, u32::MAX), 24 * 60);
    assert_eq!(after(ErrorClass::Transient, u32::MAX), 24 * 60);
}

#[test]
fn a_pool_is_put_off_for_three_times_as_long_as_it_has_failed_however_many_webhooks_came_meanwhile() {
    let after = |class, failing| minutes(failed(class, 50, Duration::from_mins(failing)), Cause::Webhook);
    assert_eq!([0, 1, 5].map(|minutes| after(ErrorClass::Transient, minutes)), [1, 3, 15]);
    assert_eq!([0, 5, 60].map(|minutes| after(ErrorClass::Denied, minutes)), [15, 15, 180]);
}

#[test]
fn failures_are_counted_as_long_as_they_are_of_one_class_and_nothing_is_done() {
    let denied = HealthState::Denied;
    for (before, state, worst, done, expected) in [
        (0, HealthState::Ok, Some(ErrorClass::Denied), false, 1),
        (10, denied, Some(ErrorClass::Denied), false, 11),
        (10, denied, Some(ErrorClass::Throttled), false, 1),
        (10, denied, Some(ErrorClass::Denied), true, 1),
        (10, denied, None, false, 0),
        (0, HealthState::Held, Some(ErrorClass::Quota), true, 1),
        (u32::MAX, denied, Some(ErrorClass::Denied), false, u32::MAX),
    ] {
        let counted = failures_in_a_row(before, state, worst, done);
        assert_eq!(counted, expected, "{before} {state:?}, then {worst:?}, done: {done}");
    }
}

#[test]
fn a_state_that_lasts_keeps_the_time_it_began() {
    let first = Health::from_failure(ErrorClass::Denied, "a".into(), Timestamp::from_seconds(1));
    let second = Health::from_failure(ErrorClass::Denied, "b".into(), Timestamp::from_seconds(2)).after(&first);
    assert_eq!((second.since, second.message.as_str()), (Timestamp::from_seconds(1), "b"));
    let well = Health::ok(Timestamp::from_seconds(3)).after(&second);
    assert_eq!(well.since, Timestamp::from_seconds(3));
}
