//! The dead-letter queue: what was given up, and back to the queue with it.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json,
    body::Bytes,
    extract::State,
    response::{IntoResponse, Response},
};
use causeway_core::{
    id::{TenantId, UserPoolId},
    timestamp::Timestamp,
    wake_up::Cause,
};
use causeway_edge::Caller;
use causeway_queue::{DeadLetter, Deduplication, Passed, QueueError};
use causeway_store::{Found, Page};
use causeway_telemetry::{chain, trace_header};
use futures::future::join_all;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    input, page,
    page::{List, PageRequest},
    problem::Problem,
    service::Service,
};

/// For how many seconds a message that is only looked at is not there for others.
const LOOKED_AT: i32 = 1;
/// The same for one that is sent back: longer than the call takes.
const SENT_BACK: i32 = 30;
/// How long messages are sent back for; API Gateway gives up after 30 s.
const TIME: Duration = Duration::from_secs(20);

/// A message that was given up: after three attempts, or at once where it is no wake-up.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeadLetter)]
pub struct DeadLetterAnswer {
    /// The ID of the message, under which the logs of `reconcile` have it.
    message_id: String,
    /// When it was put on the queue.
    sent_at: Timestamp,
    /// The tenant of the pool that it was to wake up; null for a message that is no wake-up.
    #[schema(required = true)]
    tenant_id: Option<TenantId>,
    /// The pool that it was to wake up; null for a message that is no wake-up.
    #[schema(required = true)]
    user_pool_id: Option<UserPoolId>,
    /// Why it was to be looked at; null for a message that is no wake-up.
    #[schema(required = true)]
    cause: Option<Cause>,
}

impl From<DeadLetter> for DeadLetterAnswer {
    fn from(letter: DeadLetter) -> Self {
        let (message_id, sent_at) = (letter.message_id, letter.sent_at);
        let Some(wake_up) = letter.wake_up else {
            return Self { message_id, sent_at, tenant_id: None, user_pool_id: None, cause: None };
        };
        Self {
            message_id,
            sent_at,
            tenant_id: Some(wake_up.tenant_id),
            user_pool_id: Some(wake_up.user_pool_id),
            cause: Some(wake_up.cause),
        }
    }
}

/// Lists up to ten of the messages that were given up
///
/// One page, however many there are: SQS shows no more at once. `GET /v1/health` counts them.
#[utoipa::path(
    get, path = "/v1/dead-letters", operation_id = "list_dead_letters", tag = "deployment", params(PageRequest),
    responses((status = 200, description = "The only page.", body = List<DeadLetterAnswer>))
)]
pub async fn list(State(service): State<Arc<Service>>, request: PageRequest) -> Result<Response, Problem> {
    let letters = service.dead_letters.receive(LOOKED_AT).await?;
    let letters = Found { items: letters, unreadable: Vec::new() };
    let page =
        page::of_all(letters, &request, |letter| format!("{:020}{}", letter.sent_at.millis(), letter.message_id));
    Ok(page::answer(&request, Page { next: None, ..page }, DeadLetterAnswer::from))
}

/// What is to become of messages that are no wake-ups.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Redrive {
    /// Takes messages off that are no wake-ups: sent back, they would only be given up again.
    #[serde(default)]
    discard_malformed: bool,
}

/// What became of the messages.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Redriven {
    /// How many were sent back to the queue.
    sent_back: u64,
    /// How many that are no wake-ups were taken off.
    discarded: u64,
    /// How many that are no wake-ups are still there.
    malformed: u64,
    /// Whether time ran out, so that others may be there which nobody looked at: the next call goes on.
    out_of_time: bool,
}

/// Sends every wake-up that was given up back to the queue
///
/// Safe to repeat: a wake-up only causes one more look at its pool. Where many are there and time runs out, the rest
/// stays for the next call.
#[utoipa::path(
    post, path = "/v1/dead-letters/redrive", operation_id = "redrive_dead_letters", tag = "deployment",
    request_body = Option<Redrive>,
    responses((status = 200, description = "What became of them.", body = Redriven))
)]
pub async fn redrive(
    State(service): State<Arc<Service>>,
    Extension(Caller(caller)): Extension<Caller>,
    body: Bytes,
) -> Result<Response, Problem> {
    let request: Redrive = input::read(&body)?;
    let end = service.now().plus(TIME);
    let (mut done, mut left) = (Redriven { out_of_time: true, ..Redriven::default() }, Vec::new());
    while service.now() < end {
        let letters = service.dead_letters.receive(SENT_BACK).await?;
        if letters.is_empty() {
            done.out_of_time = false;
            break;
        }
        for letter in letters {
            match &letter.wake_up {
                Some(wake_up) => {
                    let pool = &wake_up.user_pool_id;
                    let again = Passed {
                        wake_up: wake_up.clone(),
                        deduplication_id: Deduplication::Never(service.reconciler.sources.number()).id(pool),
                        trace: trace_header(),
                    };
                    // First onto the one and then off the other: twice is harmless, and lost is not.
                    service.queue.pass_on(&[again]).await.into_iter().collect::<Result<(), QueueError>>()?;
                    service.dead_letters.delete(&letter).await?;
                    done.sent_back += 1;
                }
                None if request.discard_malformed => {
                    service.dead_letters.delete(&letter).await?;
                    done.discarded += 1;
                }
                None => {
                    done.malformed += 1;
                    left.push(letter);
                }
            }
        }
    }
    // The next call finds them at once, and what is behind them in their groups.
    for let_go in join_all(left.iter().map(|letter| service.dead_letters.let_go(letter))).await {
        if let Err(error) = let_go {
            tracing::warn!(error = chain(&error), "a dead letter that stays is hidden for some seconds");
        }
    }
    tracing::info!(
        caller = caller,
        sent_back = done.sent_back,
        discarded = done.discarded,
        malformed = done.malformed,
        "dead letters were sent back"
    );
    Ok(Json(done).into_response())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use aws_credential_types::Credentials;
    use aws_smithy_runtime_api::client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
    };
    use aws_smithy_types::body::SdkBody;
    use axum::body::to_bytes;
    use serde_json::{Value, json};

    use super::*;
    use crate::attackers::service_over;

    /// A dead-letter queue with one message that is no wake-up.
    #[derive(Debug, Clone)]
    struct Sqs(Arc<Mutex<Message>>);

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Message {
        Visible,
        Hidden,
        Gone,
    }

    impl HttpConnector for Sqs {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let operation = request.headers().get("x-amz-target").unwrap().split_once('.').unwrap().1;
            let body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
            let mut message = self.0.lock().unwrap();
            let answer = match (operation, *message) {
                ("ReceiveMessage", Message::Visible) => {
                    *message = Message::Hidden;
                    json!({ "Messages": [{ "MessageId": "m-1", "ReceiptHandle": "r-1", "Body": "no wake-up" }] })
                }
                ("ReceiveMessage", _) => json!({}),
                ("ChangeMessageVisibility", Message::Hidden) if body["VisibilityTimeout"] == 0 => {
                    *message = Message::Visible;
                    json!({})
                }
                ("DeleteMessage", Message::Hidden) => {
                    *message = Message::Gone;
                    json!({})
                }
                other => panic!("{other:?}"),
            };
            let body = SdkBody::from(answer.to_string());
            HttpConnectorFuture::ready(Ok(HttpResponse::new(200.try_into().unwrap(), body)))
        }
    }

    async fn redriven(sqs: &Sqs, discards: bool) -> Value {
        let (credentials, sqs) = (Credentials::new("test", "test", None, None, "test"), sqs.clone());
        let endpoint = Some("http://aws.test".to_owned());
        let configuration = causeway_aws::configuration_of(credentials, "eu-west-1".to_owned(), endpoint)
            .into_builder()
            .http_client(http_client_fn(move |_, _| SharedHttpConnector::new(sqs.clone())))
            .build();
        let service = Arc::new(service_over(configuration));
        let body = Bytes::from(json!({ "discard_malformed": discards }).to_string());
        let Ok(answer) = redrive(State(service), Extension(Caller("ann".into())), body).await else {
            panic!("no answer")
        };
        serde_json::from_slice(&to_bytes(answer.into_body(), usize::MAX).await.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn what_a_call_leaves_in_the_queue_the_next_one_finds_at_once() {
        let sqs = Sqs(Arc::new(Mutex::new(Message::Visible)));
        for _ in 0..2 {
            let left = json!({ "sent_back": 0, "discarded": 0, "malformed": 1, "out_of_time": false });
            assert_eq!(redriven(&sqs, false).await, left);
        }
        let taken_off = json!({ "sent_back": 0, "discarded": 1, "malformed": 0, "out_of_time": false });
        assert_eq!(redriven(&sqs, true).await, taken_off);
        assert_eq!(*sqs.0.lock().unwrap(), Message::Gone);
    }
}
