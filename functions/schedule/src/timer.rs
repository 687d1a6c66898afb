//! What the timer's queue hands over: wake-ups whose time has come, each passed on to the queue of its pool.

use std::collections::HashMap;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use causeway_core::wake_up::WakeUp;
use causeway_queue::{DEDUPLICATION_ID, Deduplication, Passed, Queue};
use causeway_telemetry::{METRICS, chain, current_trace_id, cut, measured};

use crate::measure::of_malformed;

/// Passes the wake-ups on, and says which messages have to come again: those that could not be passed on, and those that
/// are no wake-ups, which SQS gives up after some attempts.
pub async fn pass_on(queue: &Queue, event: SqsEvent, request_id: &str) -> SqsBatchResponse {
    let (mut message_ids, mut due, mut response) = (Vec::new(), Vec::new(), SqsBatchResponse::default());
    for record in event.records {
        let message_id = record.message_id.clone().unwrap_or_default();
        let is_new = is_received_first(&record);
        match passed(record) {
            Ok(passed) => {
                message_ids.push(message_id);
                due.push(passed);
            }
            Err(error) => {
                if is_new {
                    let (error, metrics) = (cut(&error.to_string()), of_malformed());
                    tracing::error!(
                        target: METRICS, message_id, error, %metrics, "a message of the timer is no wake-up"
                    );
                }
                response.batch_item_failures.push(comes_again(message_id));
            }
        }
    }
    let (sent, metrics) = measured(queue.pass_on(&due)).await;
    let failed = sent.iter().filter(|sent| sent.is_err()).count();
    for (message_id, sent) in message_ids.into_iter().zip(sent) {
        if let Err(error) = sent {
            tracing::error!(message_id, error = chain(&error), "a wake-up was not passed on: it comes again");
            response.batch_item_failures.push(comes_again(message_id));
        }
    }
    let passed = due.len() - failed;
    let trace_id = current_trace_id();
    tracing::info!(target: METRICS, request_id, trace_id, passed, failed, %metrics, "passed on");
    response
}

fn comes_again(message_id: String) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = message_id;
    failure
}

/// Whether nobody was handed this message before.
fn is_received_first(record: &SqsMessage) -> bool {
    record.attributes.get("ApproximateReceiveCount").is_none_or(|count| count == "1")
}

/// The wake-up that a message is. Nothing else of its body goes on, and of its deduplication ID only one that Causeway
/// makes for this pool: SQS drops what has the ID of another message.
fn passed(record: SqsMessage) -> Result<Passed, serde_json::Error> {
    let wake_up: WakeUp = serde_json::from_str(record.body.as_deref().unwrap_or_default())?;
    let given = record.message_attributes.get(DEDUPLICATION_ID).and_then(|given| given.string_value.clone());
    let given = given.filter(|id| Deduplication::of_id(id, &wake_up.user_pool_id).is_some());
    let deduplication_id = given.or(record.message_id).unwrap_or_default();
    let trace = of_trace(record.attributes);
    Ok(Passed { wake_up, deduplication_id, trace })
}

/// The trace that a message belongs to (SQS: `AWSTraceHeader`).
fn of_trace(mut attributes: HashMap<String, String>) -> Option<String> {
    attributes.remove("AWSTraceHeader")
}
