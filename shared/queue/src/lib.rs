//! The queue of wake-ups: FIFO, one message group a pool, so that no pool is looked at twice at once.

mod dead_letters;
mod timer;

use std::{collections::HashMap, sync::Arc};

use aws_sdk_sqs::{
    Client,
    error::BuildError,
    types::{MessageSystemAttributeNameForSends, MessageSystemAttributeValue, SendMessageBatchRequestEntry},
};
use aws_types::SdkConfig;
use causeway_core::{errand::ErrandCall, id::UserPoolId, timestamp::Timestamp, wake_up::WakeUp};

pub use dead_letters::{DeadLetter, DeadLetterError, DeadLetters, Depth, Unreadable};
pub use timer::{DEDUPLICATION_ID, Passed, Timed, Timer};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deduplication {
    /// The time at which a pool was marked for it, and the number of the event (`Waiting::number`): sent again for the same
    /// mark, it wakes the pool up once.
    Mark(Timestamp, u128),
    /// The due time: two ticks that see the same pool due wake it up once.
    Due(Timestamp),
    /// A random number: whoever asks over the API gets a run.
    Never(u128),
}

impl Deduplication {
    /// The deduplication ID for a pool, of the 128 characters that SQS takes.
    pub fn id(self, pool: &UserPoolId) -> String {
        match self {
            Self::Mark(at, event) => format!("mark-{}-{event:032x}-{pool}", at.millis()),
            Self::Due(at) => format!("due-{}-{pool}", at.millis()),
            Self::Never(random) => format!("ask-{random:032x}-{pool}"),
        }
    }

    /// What a deduplication ID says, if it is one of this pool.
    pub fn of_id(id: &str, pool: &UserPoolId) -> Option<Self> {
        let (kind, number) = id.strip_suffix(pool.as_str())?.strip_suffix('-')?.split_once('-')?;
        let at = |millis: &str| millis.parse().ok().map(Timestamp::from_millis);
        let hex = |number: &str| u128::from_str_radix(number, 16).ok();
        let said = match kind {
            "mark" => number.split_once('-').and_then(|(millis, event)| Some(Self::Mark(at(millis)?, hex(event)?)))?,
            "due" => Self::Due(at(number)?),
            "ask" => Self::Never(hex(number)?),
            _ => return None,
        };
        // It is written in one way only.
        (said.id(pool) == id).then_some(said)
    }
}

/// A message of the queue as it is sent.
struct Entry {
    body: String,
    group: String,
    deduplication_id: String,
    /// The trace that it belongs to.
    trace: Option<String>,
}

impl Entry {
    fn of(wake_up: &WakeUp, deduplication: Deduplication) -> Self {
        Self {
            body: serde_json::json!(wake_up).to_string(),
            group: wake_up.user_pool_id.to_string(),
            deduplication_id: deduplication.id(&wake_up.user_pool_id),
            trace: causeway_telemetry::trace_header(),
        }
    }
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
    pub async fn wake_up(&self, wake_up: &WakeUp, deduplication: Deduplication) -> Result<(), QueueError> {
        self.wake_up_all(&[(wake_up, deduplication)]).await.into_iter().next().unwrap_or(Ok(()))
    }

    /// Puts up to [`MOST_AT_ONCE`] wake-ups on the queue in one call, and says of each, in order, what became of it.
    pub async fn wake_up_all(&self, wake_ups: &[(&WakeUp, Deduplication)]) -> Vec<Result<(), QueueError>> {
        let entries = wake_ups.iter().map(|(wake_up, deduplication)| Entry::of(wake_up, *deduplication)).collect();
        let pools = wake_ups.iter().map(|(wake_up, _)| &wake_up.user_pool_id);
        each(pools, self.send(entries).await)
    }

    /// Passes up to [`MOST_AT_ONCE`] wake-ups on that waited for their time, and says of each, in order, what became of
    /// it.
    pub async fn pass_on(&self, passed: &[Passed]) -> Vec<Result<(), QueueError>> {
        let entries = passed.iter().map(|Passed { wake_up, deduplication_id, trace }| Entry {
            body: serde_json::json!(wake_up).to_string(),
            group: wake_up.user_pool_id.to_string(),
            deduplication_id: deduplication_id.clone(),
            trace: trace.clone(),
        });
        each(passed.iter().map(|passed| &passed.wake_up.user_pool_id), self.send(entries.collect()).await)
    }

    async fn send(&self, messages: Vec<Entry>) -> Vec<Result<(), NotSent>> {
        let number_of_messages = messages.len();
        let entries = messages.into_iter().enumerate().map(|(number, message)| {
            SendMessageBatchRequestEntry::builder()
                .id(number.to_string())
                .set_message_system_attributes(traced(message.trace))
                .message_group_id(message.group)
                .message_deduplication_id(message.deduplication_id)
                .message_body(message.body)
                .build()
        });
        send_batch(&self.client, &self.url, entries, number_of_messages).await
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

/// What became of the wake-up for each pool.
fn each<'a>(
    pools: impl Iterator<Item = &'a UserPoolId>,
    outcomes: Vec<Result<(), NotSent>>,
) -> Vec<Result<(), QueueError>> {
    let outcomes = pools.zip(outcomes);
    outcomes
        .map(|(pool, outcome)| outcome.map_err(|source| QueueError { user_pool_id: pool.clone(), source }))
        .collect()
}

/// The system attribute of a message that belongs to a trace.
fn traced(trace: Option<String>) -> Option<HashMap<MessageSystemAttributeNameForSends, MessageSystemAttributeValue>> {
    let value = MessageSystemAttributeValue::builder().data_type("String").string_value(trace?).build().ok()?;
    Some([(MessageSystemAttributeNameForSends::AwsTraceHeader, value)].into())
}

/// Sends messages in one call, and says of each, in order, what became of it.
async fn send_batch(
    client: &Client,
    url: &str,
    entries: impl Iterator<Item = Result<SendMessageBatchRequestEntry, BuildError>>,
    number_of_entries: usize,
) -> Vec<Result<(), NotSent>> {
    let sent = async {
        let entries: Result<Vec<_>, _> = entries.collect();
        let entries = entries.map_err(|error| Arc::new(error) as CallError)?;
        let request = client.send_message_batch().queue_url(url).set_entries(Some(entries));
        request.send().await.map_err(|error| Arc::new(error) as CallError)
    };
    let answer = match sent.await {
        Ok(answer) => answer,
        Err(error) => return vec![Err(NotSent::Call(error)); number_of_entries],
    };
    let mut outcomes = vec![Err(NotSent::Unknown); number_of_entries];
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
    outcomes
}

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
        let all: Vec<_> = wake_ups.iter().map(|wake_up| (wake_up, Deduplication::Mark(marked_at(), 7))).collect();
        let outcomes = queue.wake_up_all(&all).await;
        let sent = http.sent.lock().unwrap().clone();
        (outcomes, sent)
    }

    fn marked_at() -> Timestamp {
        Timestamp::from_seconds(1)
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
            assert_eq!(entry["MessageDeduplicationId"], format!("mark-1000-{:032x}-{pool}", 7));
        }
    }

    #[test]
    fn a_deduplication_id_is_one_that_sqs_takes_and_is_its_pools_own() {
        let pool: UserPoolId = format!("eu-west-1_{}", "a".repeat(45)).parse().unwrap();
        let other: UserPoolId = "eu-west-1_b".parse().unwrap();
        let latest = Timestamp::from_millis(i64::MAX);
        for deduplication in [
            Deduplication::Mark(latest, u128::MAX),
            Deduplication::Mark(latest, 0),
            Deduplication::Due(latest),
            Deduplication::Never(u128::MAX),
        ] {
            let id = deduplication.id(&pool);
            assert!(id.len() <= 128 && id.bytes().all(|byte| byte.is_ascii_graphic()), "{id}");
            assert_ne!(id, deduplication.id(&other));
            assert_eq!(Deduplication::of_id(&id, &pool), Some(deduplication));
            assert_eq!(Deduplication::of_id(&id, &other), None);
        }
    }

    #[test]
    fn what_is_no_deduplication_id_of_a_pool_is_none_of_it() {
        let pool: UserPoolId = "eu-west-1_a".parse().unwrap();
        let (zero, long) = ("0".repeat(32), "1".repeat(200));
        let odd = [
            "",
            "eu-west-1_a",
            "-eu-west-1_a",
            "mark--eu-west-1_a",
            "mark-1-eu-west-1_a",
            "errand-1-eu-west-1_a",
            "ask-1-eu-west-1_a",
            "ask-0000000000000000000000000000000A-eu-west-1_a",
            "due-01-eu-west-1_a",
            "due-+1-eu-west-1_a",
            "due-1\u{2028}-eu-west-1_a",
            "due-1-eu-west-1_b",
            "due-1-eu-west-1_a ",
        ];
        let marks = ["01", "+1", "1 ", &long, "-1"].map(|millis| format!("mark-{millis}-{zero}-eu-west-1_a"));
        let more = [format!("mark-1-{zero}0-eu-west-1_a"), format!("mark-1-{zero}-1-eu-west-1_a")];
        for odd in odd.into_iter().chain(marks.iter().chain(&more).map(String::as_str)) {
            assert_eq!(Deduplication::of_id(odd, &pool), None, "{odd:?}");
        }
    }
}
