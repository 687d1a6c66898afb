//! A batch of wake-ups: the pools run side by side, several wake-ups for one pool are one run.

use std::{collections::BTreeMap, time::Duration};

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use causeway_core::{
    health::ErrorClass,
    id::{TenantId, UserPoolId},
    run::RunReport,
    timestamp::Timestamp,
    wake_up::WakeUp,
};
use causeway_reconciler::{Ran, Reconciler};
use causeway_telemetry::chain;
use futures::future::join_all;
use lambda_runtime::{Error, LambdaEvent};
use tracing::Instrument;

/// How long before the function's end a run stops beginning steps: longer than one step and its record take.
const MARGIN: Duration = Duration::from_secs(20);

/// When runs stop beginning steps, for a function that ends at `end`. A function with little time keeps a
/// third of it back.
fn deadline(now: Timestamp, end: Timestamp) -> Timestamp {
    end.minus(MARGIN.min(end.since(now) / 3))
}

/// Runs every pool that the batch names; a message whose run could not be recorded goes back to the queue,
/// and one that can't be read goes to the dead-letter queue in the end.
pub async fn handle(reconciler: &Reconciler, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
    let now = (reconciler.sources.now)();
    let deadline = deadline(now, i64::try_from(event.context.deadline).map_or(now, Timestamp::from_millis));
    let request_id = event.context.request_id;
    let (wake_ups, mut failed) = sorted(event.payload.records);
    let runs = wake_ups.into_values().map(|(wake_up, message_ids)| {
        let span = tracing::info_span!(
            "run",
            request_id,
            tenant_id = %wake_up.tenant_id,
            user_pool_id = %wake_up.user_pool_id,
            run_id = tracing::field::Empty,
        );
        run(reconciler, wake_up, message_ids, deadline).instrument(span)
    });
    failed.extend(join_all(runs).await.into_iter().flatten());
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed
        .into_iter()
        .map(|message_id| {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = message_id;
            failure
        })
        .collect();
    Ok(response)
}

type ByPool = BTreeMap<(TenantId, UserPoolId), (WakeUp, Vec<String>)>;

/// The wake-ups by pool, each with the IDs of its messages, and the IDs of the messages that are none.
fn sorted(records: Vec<SqsMessage>) -> (ByPool, Vec<String>) {
    let (mut by_pool, mut malformed) = (ByPool::new(), Vec::new());
    for record in records {
        let message_id = record.message_id.unwrap_or_default();
        match serde_json::from_str::<WakeUp>(record.body.as_deref().unwrap_or_default()) {
            Ok(wake_up) => {
                let key = (wake_up.tenant_id.clone(), wake_up.user_pool_id.clone());
                let (known, message_ids) = by_pool.entry(key).or_insert_with(|| (wake_up.clone(), Vec::new()));
                known.cause = known.cause.max(wake_up.cause);
                message_ids.push(message_id);
            }
            Err(error) => {
                tracing::error!(message_id, error = %error, "a message of the queue is no wake-up");
                malformed.push(message_id);
            }
        }
    }
    (by_pool, malformed)
}

/// Runs one pool and gives back the IDs of the messages that must come again.
async fn run(reconciler: &Reconciler, wake_up: WakeUp, message_ids: Vec<String>, deadline: Timestamp) -> Vec<String> {
    match reconciler.run(&wake_up, deadline).await {
        Ok(Ran::Done(report)) => log(&wake_up, &report),
        Ok(Ran::Busy) => tracing::info!("another run holds the user pool: it was made due"),
        Ok(Ran::Nothing) => tracing::info!("there is nothing to reconcile"),
        Err(error) => {
            tracing::error!(error = chain(&error), "the run could not be recorded: its messages come again");
            return message_ids;
        }
    }
    Vec::new()
}

fn log(wake_up: &WakeUp, report: &RunReport) {
    let held = report.steps.iter().filter(|step| step.held).count();
    let now = report.finished_at.millis();
    if held > 0 {
        causeway_telemetry::count("RunsHeldBack", now);
    }
    if report.failures.iter().any(|failure| failure.class == ErrorClass::Bug) {
        causeway_telemetry::count("RunsFailedByBug", now);
    }
    let failures: Vec<&str> = report.failures.iter().map(|failure| failure.message.as_str()).collect();
    tracing::info!(
        cause = ?wake_up.cause,
        outcome = ?report.outcome,
        steps = report.steps.len() - held,
        held,
        failures = ?failures,
        milliseconds = u64::try_from(report.finished_at.since(report.started_at).as_millis()).unwrap_or(u64::MAX),
        "ran"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_core::wake_up::Cause;

    fn event(name: &str) -> SqsEvent {
        let path = format!("{}/../../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    #[test]
    fn several_wake_ups_for_one_pool_are_one_run_with_the_strongest_cause() {
        let (by_pool, malformed) = sorted(event("reconcile-doubled").records);
        assert_eq!((by_pool.len(), malformed.len()), (1, 0));
        let (wake_up, message_ids) = by_pool.into_values().next().unwrap();
        assert_eq!((wake_up.cause, message_ids.len()), (Cause::Webhook, 3));
    }

    #[test]
    fn a_malformed_message_fails_alone() {
        let (by_pool, malformed) = sorted(event("reconcile-malformed").records);
        assert_eq!((by_pool.len(), malformed), (1, vec!["malformed".to_owned(), "no-body".to_owned()]));
    }
}
