//! A batch of wake-ups: the pools run side by side, several wake-ups for one pool are one run.

use std::{panic::AssertUnwindSafe, time::Duration};

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use causeway_core::{
    errand::ErrandCall,
    run::{Failure, RunReport},
    timestamp::Timestamp,
    waiting::Refusal,
    wake_up::WakeUp,
};
use causeway_queue::{DeadLetters, Deduplication, Timed, Unreadable};
use causeway_reconciler::{Deadlines, Ran};
use causeway_telemetry::{METRICS, Measurements, chain, current_trace_id, cut, measured};
use causeway_tenancy::{Came, run_errand};
use futures::{FutureExt, future::join_all};
use lambda_runtime::{Error, LambdaEvent};
use tracing::Instrument;

use crate::{
    measure::{measure, milliseconds, of_panicked},
    messages::{Woken, sorted},
    service::Service,
};

/// How long before the function's end a run stops beginning steps: longer than one step and its record take.
const MARGIN: Duration = Duration::from_secs(30);

/// How long a run may begin steps while other pools of the batch wait for it: none of them is looked at again before
/// the whole batch is through. The next run of a pool continues with the rest immediately.
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
    let now = (service.reconciler.sources.now)();
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
            message_ids = woken.message_ids.join(","),
            tenant_id = %woken.wake_up.tenant_id,
            user_pool_id = %woken.wake_up.user_pool_id,
            run_id = tracing::field::Empty,
        );
        let message_ids = std::mem::take(&mut woken.message_ids);
        unrecorded(message_ids, run(service, woken, deadlines)).instrument(span)
    });
    let errands = calls.into_iter().map(|(message_id, call)| {
        let (tenant_id, user_pool_id) = (call.tenant_id.to_string(), call.user_pool_id.to_string());
        let trace_id = current_trace_id();
        let span = tracing::error_span!("errand", request_id, trace_id, message_id, tenant_id, user_pool_id);
        unrecorded(vec![message_id], errand(service, call, deadlines.usual.since(now))).instrument(span)
    });
    let given_up = unreadable.iter().map(|message| give_up(&service.dead_letters, message));
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

/// Has a message leave its group, and gives back its ID where it could not: then it comes again, three times at most.
async fn give_up(dead_letters: &DeadLetters, message: &Unreadable) -> Option<String> {
    let error = dead_letters.give_up(message).await.err()?;
    tracing::error!(message_id = message.message_id, error = chain(&error), "a message could not be given up");
    Some(message.message_id.clone())
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
async fn run(service: &Service, woken: Woken, deadlines: Deadlines) -> bool {
    let running = Box::pin(service.reconciler.run(&woken.wake_up, woken.urgency, deadlines));
    let (ran, mut metrics) = measured(running).await;
    measure(&mut metrics, &ran, woken.sent_at);
    match ran {
        Ok(Ran::Done(report)) => log(&report, &metrics),
        Ok(Ran::Nothing) => tracing::info!(target: METRICS, %metrics, "there is nothing to reconcile"),
        Ok(Ran::Refused(Refusal::Covered)) => {
            tracing::info!(target: METRICS, %metrics, "a look that began after the wake-up serves it");
        }
        Ok(Ran::Refused(Refusal::Held(until))) => {
            tracing::info!(target: METRICS, %metrics, "another run holds the user pool: the wake-up comes again");
            return put_off(service, &woken, until).await;
        }
        Ok(Ran::Refused(Refusal::TooSoon(until))) => {
            tracing::info!(target: METRICS, %metrics, "the last look was a moment ago: the wake-up comes again");
            return put_off(service, &woken, until).await;
        }
        Err(error) => {
            let error = chain(&error);
            tracing::error!(target: METRICS, error, %metrics, "the run could not be recorded: its messages come again");
            return false;
        }
    }
    true
}

/// Has the wake-ups come again at a time, with each of their causes, and says whether they will. Their own messages are
/// done with, so that waiting takes none of their attempts.
async fn put_off(service: &Service, woken: &Woken, until: Timestamp) -> bool {
    let (sources, pool) = (service.reconciler.sources, &woken.wake_up.user_pool_id);
    let again = woken.causes.iter().map(|cause| Timed {
        wake_up: WakeUp { cause: *cause, ..woken.wake_up.clone() },
        due: until,
        deduplication_id: Deduplication::Never(sources.number()).id(pool),
    });
    let set = service.timer.set(&again.collect::<Vec<_>>(), (sources.now)()).await;
    let Err(error) = set.into_iter().collect::<Result<(), _>>() else { return true };
    tracing::error!(error = chain(&error), "a wake-up could not be put off: its messages come again");
    false
}

fn log(report: &RunReport, metrics: &Measurements) {
    let held = report.held().count();
    let failures: Vec<String> = report.failures.iter().map(Failure::told).collect();
    let health = report.health();
    tracing::info!(
        target: METRICS,
        cause = ?report.cause,
        outcome = ?report.outcome,
        health = ?health.state,
        health_message = health.message,
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
    use causeway_core::waiting::LONGEST_LEASE;
    use causeway_reconciler::LEASE_AFTER_DEADLINE;

    use super::*;

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
    fn no_lease_is_longer_than_what_is_taken_for_one() {
        // Lambda: "Configure Lambda function timeout", 15 minutes at most.
        let (now, longest) = (Timestamp::from_seconds(1_000_000), Duration::from_mins(15));
        for timeout in [Duration::from_secs(1), default_of("ReconcileTimeoutSeconds"), longest] {
            let until = deadlines(now, now.plus(timeout), 1).longest.plus(LEASE_AFTER_DEADLINE);
            assert!(until <= now.plus(LONGEST_LEASE), "{timeout:?}");
        }
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
}
