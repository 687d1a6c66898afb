//! What the messages of a batch ask for: several wake-ups for one pool are one run.

use std::collections::{BTreeMap, BTreeSet};

use aws_lambda_events::event::sqs::SqsMessage;
use causeway_core::{
    errand::ErrandCall,
    id::{TenantId, UserPoolId},
    timestamp::Timestamp,
    waiting::Urgency,
    wake_up::{Cause, WakeUp},
};
use causeway_queue::Unreadable;
use causeway_telemetry::{METRICS, cut, trace_id};
use serde::Deserialize;

use crate::measure::of_malformed;

/// What each pool is woken up by.
pub type ByPool = BTreeMap<(TenantId, UserPoolId), Woken>;

/// The calls for errands, each with its message.
pub type Calls = Vec<(String, ErrandCall)>;

/// A message of the queue. Which of both it is its members say, whatever others it has.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Message {
    Errand(ErrandCall),
    WakeUp(WakeUp),
}

/// What one run answers.
#[derive(Debug)]
pub struct Woken {
    /// The wake-up with the strongest cause of all of them.
    pub wake_up: WakeUp,
    /// The causes of all of them.
    pub causes: BTreeSet<Cause>,
    /// Their messages.
    pub message_ids: Vec<String>,
    /// When the first of those with that cause was sent.
    pub sent_at: Option<Timestamp>,
    /// Whether a look that began after they were sent does as well.
    pub urgency: Urgency,
    /// The traces of those who sent them.
    pub traces: Vec<String>,
}

impl Woken {
    fn of(wake_up: WakeUp) -> Self {
        Self {
            wake_up,
            causes: BTreeSet::new(),
            message_ids: Vec::new(),
            sent_at: None,
            urgency: Urgency::Since(Timestamp::from_millis(0)),
            traces: Vec::new(),
        }
    }

    fn add(&mut self, wake_up: WakeUp, message: &SqsMessage) {
        let (cause, sent_at) = (wake_up.cause, sent_at(message));
        if cause > self.wake_up.cause || self.causes.is_empty() {
            (self.wake_up, self.sent_at) = (wake_up, sent_at);
        } else if cause == self.wake_up.cause {
            self.sent_at = self.sent_at.into_iter().chain(sent_at).min();
        }
        self.causes.insert(cause);
        self.urgency = match (self.urgency, sent_at) {
            (Urgency::Since(before), Some(sent_at)) if cause != Cause::Api => Urgency::Since(before.max(sent_at)),
            _ => Urgency::AtOnce,
        };
        self.message_ids.push(message.message_id.clone().unwrap_or_default());
        let trace = trace_id(message.attributes.get("AWSTraceHeader").map(String::as_str));
        if !trace.is_empty() && !self.traces.iter().any(|known| known == trace) {
            self.traces.push(trace.to_owned());
        }
    }
}

/// When a message was sent (SQS: `SentTimestamp`, milliseconds since 1970).
fn sent_at(record: &SqsMessage) -> Option<Timestamp> {
    record.attributes.get("SentTimestamp")?.parse().ok().map(Timestamp::from_millis)
}

/// The wake-ups by pool, each with its messages, the calls for errands, and the messages that are neither.
pub fn sorted(records: Vec<SqsMessage>) -> (ByPool, Calls, Vec<Unreadable>) {
    let (mut by_pool, mut calls, mut malformed) = (ByPool::new(), Calls::new(), Vec::new());
    for record in records {
        match serde_json::from_str::<Message>(record.body.as_deref().unwrap_or_default()) {
            Ok(Message::Errand(call)) => calls.push((record.message_id.unwrap_or_default(), call)),
            Ok(Message::WakeUp(wake_up)) => {
                let key = (wake_up.tenant_id.clone(), wake_up.user_pool_id.clone());
                by_pool.entry(key).or_insert_with(|| Woken::of(wake_up.clone())).add(wake_up, &record);
            }
            Err(error) => {
                let message_id = record.message_id.unwrap_or_default();
                let group = record.attributes.get("MessageGroupId").cloned().unwrap_or_default();
                let metrics = of_malformed();
                tracing::error!(
                    target: METRICS, message_id, error = cut(&error.to_string()), %metrics,
                    "a message of the queue is no wake-up"
                );
                malformed.push(Unreadable { message_id, group, body: record.body.unwrap_or_default() });
            }
        }
    }
    (by_pool, calls, malformed)
}

#[cfg(test)]
mod tests {
    use aws_lambda_events::event::sqs::SqsEvent;

    use super::*;

    fn event(name: &str) -> SqsEvent {
        let path = format!("{}/../../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    /// What one run answers to messages that were sent so many seconds ago, or without a time.
    fn woken(messages: &[(&str, Option<i64>)]) -> Woken {
        let records = messages.iter().map(|(cause, sent_at)| {
            let mut record = event("reconcile-webhook").records.remove(0);
            let body = record.body.unwrap().replace(r#""webhook""#, &format!("{cause:?}"));
            record.body = Some(body);
            record.attributes.remove("SentTimestamp");
            record.attributes.extend(sent_at.map(|seconds| ("SentTimestamp".to_owned(), (seconds * 1000).to_string())));
            record
        });
        let (by_pool, ..) = sorted(records.collect());
        by_pool.into_values().next().unwrap()
    }

    #[test]
    fn several_wake_ups_for_one_pool_are_one_run_with_the_strongest_cause() {
        let (by_pool, _, malformed) = sorted(event("reconcile-doubled").records);
        assert_eq!((by_pool.len(), malformed.len()), (1, 0));
        let woken = by_pool.into_values().next().unwrap();
        assert_eq!((woken.wake_up.cause, woken.message_ids.len()), (Cause::Webhook, 3));
        assert_eq!(woken.traces, ["1-69222cc0-bd862e3fe1be46a994272793"]);
        // The schedule's wake-up before it is not what the webhook's sender waits for.
        assert_eq!(woken.sent_at, Some(Timestamp::from_millis(1_763_800_001_000)));
    }

    #[test]
    fn a_call_for_an_errand_is_none_for_a_run() {
        let mut record = event("reconcile-webhook").records.remove(0);
        let pool = r#""tenant_id":"tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N","user_pool_id":"eu-west-1_a""#;
        // A later version may say more in it.
        for more in ["", r#","asked_at":1"#, r#","cause":"api""#] {
            record.body = Some(format!(r#"{{{pool},"errand_id":"1"{more}}}"#));
            let (by_pool, calls, malformed) = sorted(vec![record.clone()]);
            assert_eq!((by_pool.len(), calls.len(), malformed.len()), (0, 1, 0), "{more}");
            assert_eq!(calls[0].1.errand_id, "1");
        }
        record.body = Some(format!(r#"{{{pool},"cause":"webhook","seen_at":"2026-11-22T08:00:00.000Z"}}"#));
        let (by_pool, calls, malformed) = sorted(vec![record]);
        assert_eq!((by_pool.len(), calls.len(), malformed.len()), (1, 0, 0), "a wake-up of a later version is none");
    }

    #[test]
    fn a_run_may_be_left_out_for_a_look_that_began_after_the_last_of_its_messages_unless_the_api_asks_for_it() {
        let since = |seconds| Urgency::Since(Timestamp::from_seconds(seconds));
        for (messages, urgency) in [
            (&[("webhook", Some(5))][..], since(5)),
            (&[("schedule", Some(9)), ("webhook", Some(5)), ("webhook", Some(7))], since(9)),
            (&[("webhook", Some(5)), ("api", Some(5))], Urgency::AtOnce),
            (&[("api", Some(5)), ("webhook", Some(6))], Urgency::AtOnce),
            (&[("webhook", Some(5)), ("webhook", None)], Urgency::AtOnce),
        ] {
            assert_eq!(woken(messages).urgency, urgency, "{messages:?}");
        }
    }

    #[test]
    fn a_wake_up_that_is_put_off_keeps_each_of_its_causes() {
        let woken = woken(&[("schedule", Some(1)), ("webhook", Some(2)), ("api", Some(3)), ("webhook", Some(4))]);
        assert_eq!(woken.causes, [Cause::Schedule, Cause::Api, Cause::Webhook].into());
        assert_eq!((woken.wake_up.cause, woken.sent_at), (Cause::Webhook, Some(Timestamp::from_seconds(2))));
    }

    #[test]
    fn a_malformed_message_fails_alone() {
        let (by_pool, _, malformed) = sorted(event("reconcile-malformed").records);
        let ids: Vec<&str> = malformed.iter().map(|message| message.message_id.as_str()).collect();
        assert_eq!((by_pool.len(), ids), (1, vec!["malformed", "no-body"]));
        assert_eq!(malformed[0].group, "eu-central-1_Local0001", "it leaves the group that it held up");
    }
}
