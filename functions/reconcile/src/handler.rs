//! A batch of wake-ups: the pools run side by side, several wake-ups for one pool are one run.

use std::{collections::BTreeMap, panic::AssertUnwindSafe, time::Duration};

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use causeway_core::{
    errand::ErrandCall,
    id::{TenantId, UserPoolId},
    run::RunReport,
    timestamp::Timestamp,
    wake_up::{Cause, WakeUp},
};
use causeway_queue::{DeadLetters, Unreadable};
use causeway_reconciler::{Deadlines, Ran};
use causeway_telemetry::{METRICS, Measurements, chain, current_trace_id, cut, measured, trace_id};
use causeway_tenancy::{Came, DeployedReconciler, run_errand};
use futures::{FutureExt, future::join_all};
use lambda_runtime::{Error, LambdaEvent};
use serde::Deserialize;
use tracing::Instrument;

use crate::{
    measure::{measure, milliseconds, of_malformed, of_panicked},
    service::Service,
};

/// How long before the function's end a run stops beginning steps: longer than one step and its record take.
const MARGIN: Duration = Duration::from_secs(30);

/// How long a run may begin steps while other pools of the batch wait for it: none of them is looked at again before
/// the whole batch is through. What is left is gone on with at once.
const BESIDE_OTHERS: Duration = Duration::from_mins(1);

/// When runs stop beginning steps, for a function that ends at `end` and has so many pools to run. A function with
/// little time keeps a third of it back.
fn deadlines(now: Timestamp, end: Timestamp, pools: usize) -> Deadlines {
    let longest = end.minus(MARGIN.min(end.since(now) / 3));
    let usual = if pools > 1 { longest.min(now.plus(BESIDE_OTHERS)) } else { longest };
    Deadlines { usual, longest }
}

/// Runs every pool that the batch names, and does the errands that it calls for; a message whose run could not be
/// recorded goes back to the queue, and one that can't be read goes to the dead-letter queue, where it holds nobody up.
pub async fn handle(service: &Service, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
    let Service { reconciler, dead_letters, .. } = service;
    let now = (reconciler.sources.now)();
    let end = i64::try_from(event.context.deadline).map_or(now, Timestamp::from_millis);
    let request_id = event.context.request_id;
    let (wake_ups, calls, unreadable) = sorted(event.payload.records);
    let deadlines = deadlines(now, end, wake_ups.len() + calls.len());
    let runs = wake_ups.into_values().map(|mut woken| {
        let span = tracing::error_span!(
            "run",
            request_id,
            trace_id = current_trace_id(),
            woken_by = woken.traces.join(","),
            tenant_id = %woken.wake_up.tenant_id,
            user_pool_id = %woken.wake_up.user_pool_id,
            run_id = tracing::field::Empty,
        );
        let message_ids = std::mem::take(&mut woken.message_ids);
        unrecorded(message_ids, run(reconciler, woken, deadlines)).instrument(span)
    });
    let errands = calls.into_iter().map(|(message_id, call)| {
        let (tenant_id, user_pool_id) = (call.tenant_id.to_string(), call.user_pool_id.to_string());
        let span = tracing::error_span!("errand", request_id, trace_id = current_trace_id(), tenant_id, user_pool_id);
        unrecorded(vec![message_id], errand(service, call, deadlines.usual.since(now))).instrument(span)
    });
    let given_up = unreadable.iter().map(|message| give_up(dead_letters, message));
    let (failed, undone, not_given_up) = futures::join!(join_all(runs), join_all(errands), join_all(given_up));
    let failed = failed.into_iter().chain(undone).flatten().chain(not_given_up.into_iter().flatten());
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed
        .map(|message_id| {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = message_id;
            failure
        })
        .collect();
    Ok(response)
}

type ByPool = BTreeMap<(TenantId, UserPoolId), Woken>;

/// The calls for errands, each with its message.
type Calls = Vec<(String, ErrandCall)>;

/// A message of the queue.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Message {
    WakeUp(WakeUp),
    Errand(ErrandCall),
}

/// What one run answers.
#[derive(Debug)]
struct Woken {
    /// The wake-up, with the strongest cause of all of them.
    wake_up: WakeUp,
    /// Their messages.
    message_ids: Vec<String>,
    /// When the first of those with that cause was sent.
    sent_at: Option<Timestamp>,
    /// The traces of those who sent them.
    traces: Vec<String>,
}

impl Woken {
    fn add(&mut self, cause: Cause, message: &SqsMessage) {
        let sent_at = sent_at(message);
        if cause > self.wake_up.cause {
            (self.wake_up.cause, self.sent_at) = (cause, sent_at);
        } else if cause == self.wake_up.cause {
            self.sent_at = self.sent_at.into_iter().chain(sent_at).min();
        }
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

/// Has a message leave its group, and gives back its ID where it could not: then it comes again, three times at most.
async fn give_up(dead_letters: &DeadLetters, message: &Unreadable) -> Option<String> {
    let error = dead_letters.give_up(message).await.err()?;
    tracing::error!(message_id = message.message_id, error = chain(&error), "a message could not be given up");
    Some(message.message_id.clone())
}

/// The wake-ups by pool, each with its messages, the calls for errands, and the messages that are neither.
fn sorted(records: Vec<SqsMessage>) -> (ByPool, Calls, Vec<Unreadable>) {
    let (mut by_pool, mut calls, mut malformed) = (ByPool::new(), Calls::new(), Vec::new());
    for record in records {
        match serde_json::from_str::<Message>(record.body.as_deref().unwrap_or_default()) {
            Ok(Message::Errand(call)) => calls.push((record.message_id.unwrap_or_default(), call)),
            Ok(Message::WakeUp(wake_up)) => {
                let key = (wake_up.tenant_id.clone(), wake_up.user_pool_id.clone());
                let cause = wake_up.cause;
                let first = || Woken { wake_up, message_ids: Vec::new(), sent_at: None, traces: Vec::new() };
                by_pool.entry(key).or_insert_with(first).add(cause, &record);
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

/// The messages that must come again, and no others of the batch: those of a run that is not recorded or that panics.
async fn unrecorded(message_ids: Vec<String>, run: impl Future<Output = bool>) -> Vec<String> {
    let is_recorded = AssertUnwindSafe(run).catch_unwind().await.unwrap_or_else(|_| {
        let metrics = of_panicked();
        tracing::error!(target: METRICS, %metrics, "the run ended by a mistake of Causeway's: its messages come again");
        false
    });
    if is_recorded { Vec::new() } else { message_ids }
}

/// Does one errand. Its message is done with whatever comes of it: the page says that it did not end, and has a button.
async fn errand(service: &Service, call: ErrandCall, within: Duration) -> bool {
    let (done, metrics) = measured(Box::pin(run_errand(&service.verifier(), &call, within))).await;
    let errand_id = cut(&call.errand_id);
    match done {
        Ok(Came::Done) => tracing::info!(target: METRICS, errand_id, %metrics, "errand done"),
        Ok(Came::Refused) => tracing::warn!(target: METRICS, errand_id, %metrics, "errand refused"),
        Ok(Came::Nothing) => tracing::info!(target: METRICS, errand_id, %metrics, "there is no such errand any more"),
        Err(error) => tracing::error!(target: METRICS, errand_id, error = chain(&error), %metrics, "an errand failed"),
    }
    true
}

/// Runs one pool, and says whether what came of it is on record.
async fn run(reconciler: &DeployedReconciler, woken: Woken, deadlines: Deadlines) -> bool {
    let (ran, mut metrics) = measured(Box::pin(reconciler.run(&woken.wake_up, deadlines))).await;
    measure(&mut metrics, &ran, woken.sent_at);
    match ran {
        Ok(Ran::Done(report)) => log(&report, &metrics),
        Ok(Ran::Busy) => tracing::info!(target: METRICS, %metrics, "another run holds the user pool: it was made due"),
        Ok(Ran::Nothing) => tracing::info!(target: METRICS, %metrics, "there is nothing to reconcile"),
        Err(error) => {
            let error = chain(&error);
            tracing::error!(target: METRICS, error, %metrics, "the run could not be recorded: its messages come again");
            return false;
        }
    }
    true
}

fn log(report: &RunReport, metrics: &Measurements) {
    let held = report.held().count();
    let failures: Vec<&str> = report.failures.iter().map(|failure| failure.message.as_str()).collect();
    tracing::info!(
        target: METRICS,
        cause = ?report.cause,
        outcome = ?report.outcome,
        health = ?report.health().state,
        steps = report.steps.len() - held,
        held,
        failures = ?failures,
        milliseconds = milliseconds(report.started_at, report.finished_at),
        %metrics,
        "ran"
    );
}

#[cfg(test)]
mod tests {
    use causeway_reconciler::LEASE_AFTER_DEADLINE;

    use super::*;

    fn event(name: &str) -> SqsEvent {
        let path = format!("{}/../../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
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

    #[tokio::test]
    async fn a_run_that_panics_brings_back_its_own_messages_and_leaves_the_others_alone() {
        let runs = [false, true].map(|panics| {
            unrecorded(vec![format!("panics: {panics}")], async move {
                assert!(!panics, "a mistake");
                true
            })
        });
        assert_eq!(join_all(runs).await.concat(), ["panics: true"]);
    }

    #[test]
    fn a_run_beside_others_has_a_minute_and_one_alone_the_functions_time_but_for_a_margin() {
        let now = Timestamp::from_seconds(1_000_000);
        let after = |seconds: u64| now.plus(Duration::from_secs(seconds));
        let of = |seconds: u64, pools: usize| deadlines(now, after(seconds), pools);
        assert_eq!(of(300, 1), Deadlines { usual: after(270), longest: after(270) });
        assert_eq!(of(300, 2), Deadlines { usual: after(60), longest: after(270) });
        assert_eq!(of(30, 2), Deadlines { usual: after(20), longest: after(20) });
    }

    /// The default of one of the template's parameters.
    fn default_of(parameter: &str) -> Duration {
        let path = format!("{}/../../template.yaml", env!("CARGO_MANIFEST_DIR"));
        let template = std::fs::read_to_string(path).unwrap();
        let section = template.split(&format!("\n  {parameter}:\n")).nth(1).unwrap();
        let default = section.split("    Default: ").nth(1).unwrap().lines().next().unwrap();
        Duration::from_secs(default.parse().unwrap())
    }

    #[test]
    fn a_runs_lease_outlasts_its_function_and_is_over_before_the_message_of_a_killed_one_comes_again() {
        let (timeout, visibility) = (default_of("ReconcileTimeoutSeconds"), default_of("QueueVisibilitySeconds"));
        let received = Timestamp::from_seconds(1_000_000);
        // Lambda has what it received begin within some seconds.
        for begins in [received, received.plus(Duration::from_secs(10))] {
            let ends = begins.plus(timeout);
            for pools in [1, 10] {
                let lease_until = deadlines(begins, ends, pools).longest.plus(LEASE_AFTER_DEADLINE);
                assert!(lease_until >= ends, "another run can begin while this one writes");
                assert!(lease_until < received.plus(visibility), "the message comes again in vain");
            }
        }
    }

    #[test]
    fn a_call_for_an_errand_is_none_for_a_run() {
        let mut record = event("reconcile-webhook").records.remove(0);
        let call = r#"{"tenant_id":"tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N","user_pool_id":"eu-west-1_a","errand_id":"1"}"#;
        record.body = Some(call.to_owned());
        let (by_pool, calls, malformed) = sorted(vec![record]);
        assert_eq!((by_pool.len(), calls.len(), malformed.len()), (0, 1, 0));
        assert_eq!(calls[0].1.errand_id, "1");
    }

    #[test]
    fn a_malformed_message_fails_alone() {
        let (by_pool, _, malformed) = sorted(event("reconcile-malformed").records);
        let ids: Vec<&str> = malformed.iter().map(|message| message.message_id.as_str()).collect();
        assert_eq!((by_pool.len(), ids), (1, vec!["malformed", "no-body"]));
        assert_eq!(malformed[0].group, "eu-central-1_Local0001", "it leaves the group that it held up");
    }
}
