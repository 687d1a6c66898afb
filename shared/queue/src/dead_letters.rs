//! The dead-letter queue: what stands there, and back to the queue with it.

use aws_sdk_sqs::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{Message, MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName},
};
use aws_types::SdkConfig;
use causeway_core::{timestamp::Timestamp, wake_up::WakeUp};

/// The most messages that one call receives (SQS API: `ReceiveMessage`).
const BATCH: i32 = 10;

/// For how many seconds a call waits for messages: with none of them SQS asks a sample of its servers only, and can
/// answer that nothing is there while something is (SQS: "Short and long polling"). Less than an attempt of a call has
/// (`causeway_aws`), so that an empty queue is an answer.
const WAITS: i32 = 2;

/// The attribute of a message that was put here, and not moved here by SQS, which keeps the ID: the ID that it had.
const GIVEN_UP_AS: &str = "GivenUpAs";

/// A call to the dead-letter queue that failed.
#[derive(Debug, thiserror::Error)]
#[error("{operation} on a queue was answered {code}")]
pub struct DeadLetterError {
    /// The operation.
    operation: &'static str,
    /// SQS's error code, or what happened to the request.
    code: String,
}

impl DeadLetterError {
    fn new<E: ProvideErrorMetadata>(operation: &'static str, error: &SdkError<E>) -> Self {
        Self { operation, code: error.code().unwrap_or("nothing").to_owned() }
    }
}

/// A message that was given up.
#[derive(Debug)]
pub struct DeadLetter {
    /// The ID of its message, under which the logs have it.
    pub message_id: String,
    /// When it was put on the queue that it was given up on.
    pub sent_at: Timestamp,
    /// The wake-up that it is; none for a message that can't be read.
    pub wake_up: Option<WakeUp>,
    receipt: String,
}

impl DeadLetter {
    fn of(message: Message) -> Self {
        let sent_at = message
            .attributes
            .as_ref()
            .and_then(|attributes| attributes.get(&MessageSystemAttributeName::SentTimestamp))
            .and_then(|millis| millis.parse().ok())
            .map_or(Timestamp::from_millis(0), Timestamp::from_millis);
        let given_up_as =
            message.message_attributes.as_ref().and_then(|all| all.get(GIVEN_UP_AS)?.string_value.clone());
        Self {
            message_id: given_up_as.or(message.message_id).unwrap_or_default(),
            sent_at,
            wake_up: message.body.and_then(|body| serde_json::from_str(&body).ok()),
            receipt: message.receipt_handle.unwrap_or_default(),
        }
    }
}

/// A message of the queue that is no wake-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Its ID.
    pub message_id: String,
    /// The message group that it holds up.
    pub group: String,
    /// What it says.
    pub body: String,
}

/// How many messages a queue has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// Those that wait.
    pub waiting: u64,
    /// Those that somebody works on.
    pub in_flight: u64,
}

/// The dead-letter queue.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    client: Client,
    url: String,
}

impl DeadLetters {
    /// The dead-letter queue at this URL.
    pub fn new(configuration: &SdkConfig, url: String) -> Self {
        Self { client: Client::new(configuration), url }
    }

    /// Puts a message that can't be read where it ends up anyway, before it has held its group up.
    pub async fn give_up(&self, message: &Unreadable) -> Result<(), DeadLetterError> {
        let id = MessageAttributeValue::builder().data_type("String").string_value(&message.message_id).build();
        let id = id.map_err(|_| DeadLetterError { operation: "SendMessage", code: "no attribute".to_owned() })?;
        let request = self.client.send_message().queue_url(&self.url).message_body(&message.body);
        let request = request.message_attributes(GIVEN_UP_AS, id);
        let request = request.message_group_id(&message.group).message_deduplication_id(&message.message_id);
        request.send().await.map(drop).map_err(|error| DeadLetterError::new("SendMessage", &error))
    }

    /// How many messages there are. SQS's numbers are approximate while messages come and go.
    pub async fn depth(&self) -> Result<Depth, DeadLetterError> {
        depth(&self.client, &self.url).await
    }

    /// Up to ten of its messages, which nobody else gets for `seconds`; none once it is empty.
    pub async fn receive(&self, seconds: i32) -> Result<Vec<DeadLetter>, DeadLetterError> {
        let answer = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(BATCH)
            .visibility_timeout(seconds)
            .wait_time_seconds(WAITS)
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .message_attribute_names(GIVEN_UP_AS)
            .send()
            .await
            .map_err(|error| DeadLetterError::new("ReceiveMessage", &error))?;
        Ok(answer.messages.unwrap_or_default().into_iter().map(DeadLetter::of).collect())
    }

    /// Lets everybody have a message again that was received.
    pub async fn let_go(&self, letter: &DeadLetter) -> Result<(), DeadLetterError> {
        let request = self.client.change_message_visibility().queue_url(&self.url).receipt_handle(&letter.receipt);
        let request = request.visibility_timeout(0);
        request.send().await.map(drop).map_err(|error| DeadLetterError::new("ChangeMessageVisibility", &error))
    }

    /// Takes a message off for good.
    pub async fn delete(&self, letter: &DeadLetter) -> Result<(), DeadLetterError> {
        let request = self.client.delete_message().queue_url(&self.url).receipt_handle(&letter.receipt);
        request.send().await.map(drop).map_err(|error| DeadLetterError::new("DeleteMessage", &error))
    }
}

/// How many messages the queue at `url` has.
pub(crate) async fn depth(client: &Client, url: &str) -> Result<Depth, DeadLetterError> {
    let (waiting, in_flight) =
        (QueueAttributeName::ApproximateNumberOfMessages, QueueAttributeName::ApproximateNumberOfMessagesNotVisible);
    let answer = client
        .get_queue_attributes()
        .queue_url(url)
        .attribute_names(waiting.clone())
        .attribute_names(in_flight.clone())
        .send()
        .await
        .map_err(|error| DeadLetterError::new("GetQueueAttributes", &error))?;
    let attributes = answer.attributes.unwrap_or_default();
    let number = |name| attributes.get(&name).and_then(|text| text.parse().ok()).unwrap_or(0);
    Ok(Depth { waiting: number(waiting), in_flight: number(in_flight) })
}
