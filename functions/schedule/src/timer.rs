//! What the timer's queue hands over: wake-ups whose time has come, each passed on to the queue of its pool.

use std::collections::HashMap;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use causeway_core::wake_up::WakeUp;
use causeway_queue::{DEDUPLICATION_ID, Passed, Queue};
use causeway_telemetry::{METRICS, chain, current_trace_id, cut, measured};

/// Passes the wake-ups on as they were written, and says which have to come again.
pub async fn pass_on(queue: &Queue, event: SqsEvent, request_id: &str) -> SqsBatchResponse {
    let (mut message_ids, mut due) = (Vec::new(), Vec::new());
    for record in event.records {
        let message_id = record.message_id.clone().unwrap_or_default();
        match passed(record) {
            Ok(passed) => {
                message_ids.push(message_id);
                due.push(passed);
            }
            // Nobody could say whose it is.
            Err(error) => {
                tracing::error!(message_id, error = cut(&error.to_string()), "a message of the timer is no wake-up");
            }
        }
    }
    let (sent, metrics) = measured(queue.pass_on(&due)).await;
    let mut response = SqsBatchResponse::default();
    for (message_id, sent) in message_ids.into_iter().zip(sent) {
        if let Err(error) = sent {
            tracing::error!(message_id, error = chain(&error), "a wake-up was not passed on: it comes again");
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = message_id;
            response.batch_item_failures.push(failure);
        }
    }
    let (passed, failed) = (due.len() - response.batch_item_failures.len(), response.batch_item_failures.len());
    let trace_id = current_trace_id();
    tracing::info!(target: METRICS, request_id, trace_id, passed, failed, %metrics, "passed on");
    response
}

fn passed(record: SqsMessage) -> Result<Passed, serde_json::Error> {
    let body = record.body.unwrap_or_default();
    let WakeUp { user_pool_id, .. } = serde_json::from_str(&body)?;
    let given = record.message_attributes.get(DEDUPLICATION_ID).and_then(|given| given.string_value.clone());
    let deduplication_id = given.or(record.message_id).unwrap_or_default();
    let trace = of_trace(record.attributes);
    Ok(Passed { user_pool_id, body, deduplication_id, trace })
}

/// The trace that a message belongs to (SQS: `AWSTraceHeader`).
fn of_trace(mut attributes: HashMap<String, String>) -> Option<String> {
    attributes.remove("AWSTraceHeader")
}
