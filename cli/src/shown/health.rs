//! The health of the deployment, and the messages that were given up.

use std::fmt::Write;

use serde::Deserialize;
use serde_json::Value;

use crate::{
    failure::Failure,
    shown::{self, table},
};

/// What to do about what the timer gave up.
pub const TIMERS: &str = "docs/operations.md, TimerDeadLetterAlarm, says what to do about the timer's.\n";

#[derive(Deserialize)]
struct Health {
    state: String,
    dead_letters: u64,
    #[serde(default)]
    timer_dead_letters: u64,
    wake_ups_waiting: u64,
    wake_ups_in_flight: u64,
    #[serde(default)]
    for_operator: Vec<Unwell>,
    #[serde(default)]
    for_tenants: Vec<Unwell>,
}

#[derive(Deserialize)]
struct Unwell {
    tenant_id: String,
    user_pool_id: String,
    state: String,
    since: String,
    #[serde(default)]
    contact: Option<String>,
}

/// Pools that are not well, under what is to be done about them; nothing where there are none.
fn unwell(pools: Vec<Unwell>, what: &str) -> String {
    if pools.is_empty() {
        return String::new();
    }
    let row = |pool: Unwell| {
        let contact = pool.contact.unwrap_or_else(|| "-".to_owned());
        vec![pool.tenant_id, pool.user_pool_id, pool.state, shown::time(&pool.since), contact]
    };
    let table = table::table(&["TENANT", "USER POOL", "HEALTH", "SINCE", "CONTACT"], pools.into_iter().map(row));
    format!("\n{what}\n{table}")
}

/// The health of the deployment.
pub fn health(answer: &Value) -> Result<String, Failure> {
    let health: Health = shown::read(answer, "the health")?;
    let mut text = format!(
        "{}: {} dead letters, {} of the timer's, {} wake-ups waiting, {} in flight\n",
        health.state,
        health.dead_letters,
        health.timer_dead_letters,
        health.wake_ups_waiting,
        health.wake_ups_in_flight
    );
    if health.dead_letters > 0 {
        text.push_str("Look at them with `causeway dead-letters`; `--redrive` sends them back.\n");
    }
    if health.timer_dead_letters > 0 {
        text.push_str(TIMERS);
    }
    text.push_str(&unwell(health.for_operator, "For you (`causeway status` says what to do):"));
    text.push_str(&unwell(health.for_tenants, "For their tenants, who have to mend them:"));
    text.push_str(&shown::unreadable(answer));
    Ok(text)
}

#[derive(Deserialize)]
struct DeadLetter {
    message_id: String,
    sent_at: String,
    tenant_id: Option<String>,
    user_pool_id: Option<String>,
    cause: Option<String>,
}

/// Messages that were given up.
pub fn dead_letters(items: &[Value]) -> Result<String, Failure> {
    let mut rows = Vec::new();
    for item in items {
        let letter: DeadLetter = shown::read(item, "a dead letter")?;
        rows.push(vec![
            shown::time(&letter.sent_at),
            letter.tenant_id.unwrap_or_else(|| "(malformed)".to_owned()),
            letter.user_pool_id.unwrap_or_else(|| "-".to_owned()),
            letter.cause.unwrap_or_else(|| "-".to_owned()),
            letter.message_id,
        ]);
    }
    Ok(table::table(&["SENT", "TENANT", "USER POOL", "CAUSE", "MESSAGE"], rows))
}

#[derive(Deserialize)]
struct Redriven {
    sent_back: u64,
    discarded: u64,
    malformed: u64,
    #[serde(default)]
    out_of_time: bool,
}

/// What became of messages that were sent back.
pub fn redriven(answer: &Value) -> Result<String, Failure> {
    let done: Redriven = shown::read(answer, "what was sent back")?;
    let mut text = format!("{} sent back, {} discarded.\n", done.sent_back, done.discarded);
    if done.malformed > 0 {
        let left = done.malformed;
        let _ = writeln!(text, "{left} are no wake-ups and stay: `--discard-malformed` takes them off.");
    }
    if done.out_of_time {
        text.push_str("Time ran out: there may be others. The same command again goes on.\n");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn dead_letters_are_counted_and_the_way_to_send_them_back_is_named() {
        let answer =
            json!({ "state": "dead_letters", "dead_letters": 2, "wake_ups_waiting": 0, "wake_ups_in_flight": 1 });
        let text = health(&answer).unwrap();
        assert!(text.contains("2 dead letters") && text.contains("--redrive"), "{text}");
        let well = json!({ "state": "ok", "dead_letters": 0, "wake_ups_waiting": 0, "wake_ups_in_flight": 0 });
        assert!(!health(&well).unwrap().contains("--redrive"));
    }

    #[test]
    fn pools_are_listed_by_who_has_to_mend_them_with_the_tenants_contact() {
        let pool = |state: &str, contact: Option<&str>| {
            json!({ "tenant_id": "tnt_1", "user_pool_id": "eu-west-1_A", "state": state,
                    "since": "2026-11-22T12:00:00.000Z", "contact": contact })
        };
        let answer = json!({ "state": "user_pools", "dead_letters": 0, "wake_ups_waiting": 0, "wake_ups_in_flight": 0,
                             "for_operator": [pool("held", None)], "for_tenants": [pool("denied", Some("ann@example.com"))] });
        let text = health(&answer).unwrap();
        let (mine, theirs) = text.split_once("For their tenants").unwrap();
        assert!(mine.contains("held") && !mine.contains("denied"), "{text}");
        assert!(theirs.contains("denied") && theirs.contains("ann@example.com"), "{text}");
        assert!(!text.contains("Can't be read"), "{text}");
        let damaged = json!([{ "item": "TENANT#tnt_1/POOL#eu-west-1_A", "message": "no time" }]);
        let answer = json!({ "state": "user_pools", "dead_letters": 0, "wake_ups_waiting": 0, "wake_ups_in_flight": 0,
                             "unreadable": damaged });
        assert!(health(&answer).unwrap().contains("Can't be read: TENANT#tnt_1/POOL#eu-west-1_A"));
    }

    #[test]
    fn a_message_that_is_no_wake_up_is_told_from_one_that_is() {
        let items = [json!({ "message_id": "m-1", "sent_at": "2026-11-22T12:00:00Z", "tenant_id": null,
            "user_pool_id": null, "cause": null })];
        assert!(dead_letters(&items).unwrap().contains("(malformed)"));
        let left = redriven(&json!({ "sent_back": 3, "discarded": 0, "malformed": 1 })).unwrap();
        assert!(left.contains("3 sent back") && left.contains("--discard-malformed"), "{left}");
        assert!(!left.contains("Time ran out"), "{left}");
    }
}
