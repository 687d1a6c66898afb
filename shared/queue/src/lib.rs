//! The queue of wake-ups: FIFO, one message group a pool, so that no pool is looked at twice at once.

mod dead_letters;

use std::sync::Arc;

use aws_sdk_sqs::{
    Client,
    types::{MessageSystemAttributeNameForSends, MessageSystemAttributeValue, SendMessageBatchRequestEntry},
};
use aws_types::SdkConfig;
use causeway_core::{errand::ErrandCall, id::UserPoolId, timestamp::Timestamp, wake_up::WakeUp};

pub use dead_letters::{DeadLetter, DeadLetterError, DeadLetters, Depth, Unreadable};

/// How many messages one call takes (SQS API: `SendMessageBatch`).
pub const MOST_AT_ONCE: usize = 10;

/// A wake-up that did not get onto the queue.
#[derive(Debug, thiserror::Error)]
#[error("the wake-up of the user pool {user_pool_id} could not be put on the queue")]
pub struct QueueError {
    /// The pool.
    pub user_pool_id: UserPoolId,
    /// Why.
    #[source]
    source: NotSent,
}

/// Why a wake-up did not get onto the queue. One failed call can be that of several wake-ups.
#[derive(Debug, Clone, thiserror::Error)]
enum NotSent {
    #[error("the call failed")]
    Call(#[source] Arc<dyn std::error::Error + Send + Sync>),
    #[error("SQS refused the message: {code}: {message}")]
    Refused { code: String, message: String },
    #[error("SQS did not say that it took the message")]
    Unknown,
}

/// What makes two wake-ups one: SQS drops a second message with the same deduplication ID for five minutes.
#[derive(Debug, Clone, Copy)]
pub enum Deduplication<'a> {
    /// The ID of WorkOS's event: delivered twice, it wakes a pool up once.
    Event(&'a str),
    /// The due time: two ticks that see the same pool due wake it up once.
    Due(Timestamp),
    /// A random number: whoever asks over the API gets a run.
    Never(u128),
}

impl Deduplication<'_> {
    /// The deduplication ID for a pool, of the 128 characters that SQS takes.
    fn id(self, pool: &UserPoolId) -> String {
        let (kind, text) = match self {
            Self::Event(id) => ("event", id.to_owned()),
            Self::Due(at) => ("due", at.millis().to_string()),
            Self::Never(random) => ("ask", format!("{random:032x}")),
        };
        let fits = text.len() <= 60 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let text = if fits { text } else { hex_digest(&text) };
        format!("{kind}-{text}-{pool}")
    }
}

fn hex_digest(text: &str) -> String {
    use sha2::{Digest, Sha256};
    hex::encode(&Sha256::digest(text.as_bytes())[..16])
}

/// The queue.
#[derive(Debug, Clone)]
pub struct Queue {
    client: Client,
    url: String,
}

impl Queue {
    /// The queue at this URL.
    pub fn new(configuration: &SdkConfig, url: String) -> Self {
        Self { client: Client::new(configuration), url }
    }

    /// Puts a wake-up on the queue, with the trace that it belongs to.
    pub async fn wake_up(&self, wake_up: &WakeUp, deduplication: Deduplication<'_>) -> Result<(), QueueError> {
        self.wake_up_all(&[(wake_up, deduplication)]).await.into_iter().next().unwrap_or(Ok(()))
    }

    /// Puts up to [`MOST_AT_ONCE`] wake-ups on the queue in one call, and says of each, in order, what became of it.
    pub async fn wake_up_all(&self, wake_ups: &[(&WakeUp, Deduplication<'_>)]) -> Vec<Result<(), QueueError>> {
        let outcomes = match self.send(wake_ups).await {
            Ok(outcomes) => outcomes,
            Err(error) => vec![Err(NotSent::Call(error)); wake_ups.len()],
        };
        let pools = wake_ups.iter().map(|(wake_up, _)| &wake_up.user_pool_id);
        let outcomes = pools.zip(outcomes);
        outcomes
            .map(|(pool, outcome)| outcome.map_err(|source| QueueError { user_pool_id: pool.clone(), source }))
            .collect()
    }

    async fn send(&self, wake_ups: &[(&WakeUp, Deduplication<'_>)]) -> Result<Vec<Result<(), NotSent>>, CallError> {
        let trace = causeway_telemetry::trace_header().and_then(|header| {
            let value = MessageSystemAttributeValue::builder().data_type("String").string_value(header).build();
            Some([(MessageSystemAttributeNameForSends::AwsTraceHeader, value.ok()?)].into())
        });
        let entries = wake_ups.iter().enumerate().map(|(number, (wake_up, deduplication))| {
            SendMessageBatchRequestEntry::builder()
                .id(number.to_string())
                .set_message_system_attributes(trace.clone())
                .message_group_id(wake_up.user_pool_id.as_str())
                .message_deduplication_id(deduplication.id(&wake_up.user_pool_id))
                .message_body(serde_json::json!(wake_up).to_string())
                .build()
        });
        let entries: Result<Vec<_>, _> = entries.collect();
        let entries = entries.map_err(|error| Arc::new(error) as CallError)?;
        let request = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries));
        let answer = request.send().await.map_err(|error| Arc::new(error) as CallError)?;
        let mut outcomes = vec![Err(NotSent::Unknown); wake_ups.len()];
        let mut became = |id: &str, outcome| {
            if let Some(place) = id.parse().ok().and_then(|number: usize| outcomes.get_mut(number)) {
                *place = outcome;
            }
        };
        for taken in answer.successful {
            became(&taken.id, Ok(()));
        }
        for refused in answer.failed {
            let message = refused.message.unwrap_or_default();
            became(&refused.id, Err(NotSent::Refused { code: refused.code, message }));
        }
        Ok(outcomes)
    }

    /// Puts a call for an errand on the queue.
    pub async fn call(&self, errand: &ErrandCall) -> Result<(), QueueError> {
        let pool = &errand.user_pool_id;
        let failed = |error| QueueError { user_pool_id: pool.clone(), source: NotSent::Call(error) };
        let request = self.client.send_message().queue_url(&self.url).message_group_id(pool.as_str());
        let request = request
            .message_deduplication_id(format!("errand-{}-{pool}", errand.errand_id))
            .message_body(serde_json::json!(errand).to_string());
        request.send().await.map(drop).map_err(|error| failed(Arc::new(error)))
    }

    /// How many wake-ups there are. SQS's numbers are approximate while messages come and go.
    pub async fn depth(&self) -> Result<Depth, DeadLetterError> {
        dead_letters::depth(&self.client, &self.url).await
    }
}

type CallError = Arc<dyn std::error::Error + Send + Sync>;

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
    use aws_smithy_runtime_api::client::{
        behavior_version::BehaviorVersion,
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        runtime_components::RuntimeComponents,
    };
    use aws_smithy_types::body::SdkBody;
    use aws_types::region::Region;
    use causeway_core::wake_up::Cause;
    use serde_json::{Value, json};

    use super::*;

    /// Answers each call alike with 200, and keeps what was sent.
    #[derive(Debug, Clone)]
    struct Answering {
        answer: Value,
        sent: Arc<Mutex<Vec<Value>>>,
    }

    impl HttpClient for Answering {
        fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
            SharedHttpConnector::new(self.clone())
        }
    }

    impl HttpConnector for Answering {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let body = request.body().bytes().unwrap_or_default();
            self.sent.lock().unwrap().push(serde_json::from_slice(body).unwrap());
            let answer = SdkBody::from(self.answer.to_string());
            HttpConnectorFuture::ready(Ok(HttpResponse::new(200.try_into().unwrap(), answer)))
        }
    }

    /// How an SQS is reached that answers so.
    fn configuration(http: &Answering) -> SdkConfig {
        let credentials = Credentials::new("key", "secret", None, None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(SharedHttpClient::new(http.clone()))
            .build()
    }

    /// What becomes of one wake-up for each of these pools where SQS answers so, and what was sent.
    async fn sent(pools: &[&str], answer: Value) -> (Vec<Result<(), QueueError>>, Vec<Value>) {
        let http = Answering { answer, sent: Arc::default() };
        let configuration = configuration(&http);
        let queue = Queue::new(&configuration, "https://sqs.eu-west-1.amazonaws.com/111111111111/a.fifo".to_owned());
        let wake_up = |pool: &&str| WakeUp {
            tenant_id: "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N".parse().unwrap(),
            user_pool_id: pool.parse().unwrap(),
            cause: Cause::Webhook,
        };
        let wake_ups: Vec<WakeUp> = pools.iter().map(wake_up).collect();
        let all: Vec<_> = wake_ups.iter().map(|wake_up| (wake_up, Deduplication::Event("event_1"))).collect();
        let outcomes = queue.wake_up_all(&all).await;
        let sent = http.sent.lock().unwrap().clone();
        (outcomes, sent)
    }

    fn taken(id: &str) -> Value {
        json!({"Id": id, "MessageId": "m", "MD5OfMessageBody": "0", "SequenceNumber": "1"})
    }

    fn refused(id: &str) -> Value {
        json!({"Id": id, "Code": "InternalError", "Message": "later", "SenderFault": false})
    }

    #[tokio::test]
    async fn of_a_call_that_was_answered_200_only_the_wake_ups_are_sent_that_sqs_says_it_took() {
        let pools = ["eu-west-1_a", "eu-west-1_b", "eu-west-1_c", "eu-west-1_d"];
        let answer = json!({"Successful": [taken("3"), taken("0")], "Failed": [refused("1")]});
        let (outcomes, _) = sent(&pools, answer).await;
        let shown: Vec<_> = outcomes.iter().map(|outcome| outcome.as_ref().map_err(|error| &error.source)).collect();
        assert!(
            matches!(
                shown[..],
                [Ok(()), Err(NotSent::Refused { code, .. }), Err(NotSent::Unknown), Ok(())] if code == "InternalError"
            ),
            "{shown:?}"
        );
        assert_eq!(outcomes[1].as_ref().unwrap_err().user_pool_id.as_str(), pools[1]);
        for answer in [json!({"Failed": [refused("0")]}), json!({"Successful": []}), json!({})] {
            let (outcomes, _) = sent(&pools[..1], answer.clone()).await;
            assert!(matches!(outcomes[..], [Err(_)]), "{answer}: {outcomes:?}");
        }
    }

    #[tokio::test]
    async fn dead_letters_are_waited_for_so_that_all_of_sqs_is_asked_and_for_less_than_a_call_may_take() {
        let http = Answering { answer: json!({}), sent: Arc::default() };
        let letters =
            DeadLetters::new(&configuration(&http), "https://sqs.eu-west-1.amazonaws.com/1/a.fifo".to_owned());
        assert!(letters.receive(1).await.unwrap().is_empty());
        let waits = http.sent.lock().unwrap()[0]["WaitTimeSeconds"].as_u64();
        // `causeway_aws` gives an attempt four seconds.
        assert!(waits.is_some_and(|seconds| (1..=3).contains(&seconds)), "{waits:?}");
    }

    #[tokio::test]
    async fn a_pool_is_a_message_group_so_that_none_waits_for_another_and_none_is_run_twice_at_once() {
        let pools = ["eu-west-1_a", "eu-west-1_b"];
        let (_, sent) = sent(&pools, json!({"Successful": [taken("0"), taken("1")]})).await;
        let entries = sent[0]["Entries"].as_array().unwrap();
        let groups: Vec<&str> = entries.iter().filter_map(|entry| entry["MessageGroupId"].as_str()).collect();
        assert_eq!((sent.len(), groups), (1, pools.to_vec()));
        for (entry, pool) in entries.iter().zip(pools) {
            assert_eq!(entry["MessageDeduplicationId"], format!("event-event_1-{pool}"));
        }
    }

    #[test]
    fn a_deduplication_id_is_one_that_sqs_takes_whatever_the_event_is_called() {
        let pool: UserPoolId = format!("eu-west-1_{}", "a".repeat(45)).parse().unwrap();
        let long = "ö/".repeat(200);
        for deduplication in [
            Deduplication::Event("event_01E4ZCR3C56J083X43JQXF3JK5"),
            Deduplication::Event(&long),
            Deduplication::Due(Timestamp::from_seconds(1)),
            Deduplication::Never(u128::MAX),
        ] {
            let id = deduplication.id(&pool);
            assert!(id.len() <= 128 && id.bytes().all(|byte| byte.is_ascii_graphic()), "{id}");
        }
    }

    #[test]
    fn one_event_wakes_each_of_a_tenants_pools() {
        let (one, other) = ("eu-west-1_a".parse().unwrap(), "eu-west-1_b".parse().unwrap());
        assert_ne!(Deduplication::Event("event_1").id(&one), Deduplication::Event("event_1").id(&other));
    }
}
