//! Wake-ups that wait for their time. A FIFO queue has no delay for a single message, a standard queue has: `schedule`
//! passes on what is due. Waiting takes no attempt of a message, and no tick.

use aws_sdk_sqs::{
    Client,
    types::{MessageAttributeValue, SendMessageBatchRequestEntry},
};
use aws_types::SdkConfig;
use causeway_core::{timestamp::Timestamp, wake_up::WakeUp};

use crate::{QueueError, each, send_batch, traced};

/// The attribute of a message with its deduplication ID on the queue that it is passed on to.
pub const DEDUPLICATION_ID: &str = "deduplication_id";
/// The longest delay that SQS takes, in seconds (SQS API: `SendMessage`).
const LONGEST: u64 = 900;

/// A wake-up that waits.
#[derive(Debug, Clone)]
pub struct Timed {
    /// The message.
    pub wake_up: WakeUp,
    /// When it is due.
    pub due: Timestamp,
    /// Its deduplication ID, once it is passed on.
    pub deduplication_id: String,
}

impl Timed {
    /// For how many seconds it waits: no fraction less.
    fn delay(&self, now: Timestamp) -> i32 {
        let seconds = self.due.since(now).as_millis().div_ceil(1000).min(LONGEST.into());
        i32::try_from(seconds).unwrap_or(i32::MAX)
    }
}

/// A wake-up whose time has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// The message.
    pub wake_up: WakeUp,
    /// Its deduplication ID.
    pub deduplication_id: String,
    /// The trace that it belongs to.
    pub trace: Option<String>,
}

/// The queue on which wake-ups wait for their time.
#[derive(Debug, Clone)]
pub struct Timer {
    client: Client,
    url: String,
}

impl Timer {
    /// The queue at this URL.
    pub fn new(configuration: &SdkConfig, url: String) -> Self {
        Self { client: Client::new(configuration), url }
    }

    /// Has up to [`crate::MOST_AT_ONCE`] wake-ups wait, in one call, and says of each, in order, what became of it.
    pub async fn set(&self, timed: &[Timed], now: Timestamp) -> Vec<Result<(), QueueError>> {
        let trace = causeway_telemetry::trace_header();
        let entries = timed.iter().enumerate().map(|(number, timed)| {
            let deduplication_id =
                MessageAttributeValue::builder().data_type("String").string_value(&timed.deduplication_id).build()?;
            SendMessageBatchRequestEntry::builder()
                .id(number.to_string())
                .set_message_system_attributes(traced(trace.clone()))
                .message_attributes(DEDUPLICATION_ID, deduplication_id)
                .delay_seconds(timed.delay(now))
                .message_body(serde_json::json!(timed.wake_up).to_string())
                .build()
        });
        let outcomes = send_batch(&self.client, &self.url, entries, timed.len()).await;
        each(timed.iter().map(|timed| &timed.wake_up.user_pool_id), outcomes)
    }
}

#[cfg(test)]
mod tests {
    use causeway_core::wake_up::Cause;

    use super::*;

    #[test]
    fn a_wake_up_waits_for_no_fraction_of_a_second_less_and_for_no_longer_than_sqs_can() {
        let now = Timestamp::from_seconds(1_000_000);
        let wake_up = WakeUp {
            tenant_id: "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N".parse().unwrap(),
            user_pool_id: "eu-west-1_a".parse().unwrap(),
            cause: Cause::Webhook,
        };
        for (millis, seconds) in [(0, 0), (1, 1), (999, 1), (1000, 1), (1001, 2), (14_500, 15), (900_001, 900)] {
            let due = Timestamp::from_millis(now.millis() + millis);
            let timed = Timed { wake_up: wake_up.clone(), due, deduplication_id: String::new() };
            assert_eq!((timed.delay(now), timed.delay(due)), (seconds, 0), "{millis} ms");
        }
    }
}
