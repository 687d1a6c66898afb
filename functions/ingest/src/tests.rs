//! Webhooks that WorkOS signed, at an AWS that is made up: what each puts in motion, and what becomes of it where the
//! queues or the table fail.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::{body::SdkBody, retry::RetryConfig};
use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use causeway_aws::clock;
use causeway_core::timestamp::Timestamp;
use causeway_queue::{Queue, Timer};
use causeway_store::{Sealer, Store};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tower::ServiceExt;

use crate::handler::{Ingest, router};

mod repeated;

const TENANTS: [&str; 2] = ["tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N", "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2P"];
const SECRET: &str = "whsec_test";

#[derive(Debug, Default)]
struct State {
    /// The waiting messages and last looks by the pool.
    marks: BTreeMap<String, Value>,
    /// The messages by the queue's name.
    sent: BTreeMap<&'static str, Vec<Value>>,
    calls: Vec<String>,
    fails: Option<&'static str>,
    /// An operation whose next answer is lost after it was carried out.
    loses: Option<&'static str>,
    /// Whether somebody else sends a pool's message once more before the next write of its mark.
    is_outrun: bool,
    /// Whether a run takes the mark off before the next write of it.
    is_looked_at: bool,
}

/// An AWS with tenants that have so many pools each.
#[derive(Debug, Clone)]
struct Aws {
    pools: usize,
    state: Arc<Mutex<State>>,
}

impl Aws {
    fn new(pools: usize) -> Self {
        Self { pools, state: Arc::default() }
    }

    fn ingest(&self) -> Arc<Ingest> {
        let (credentials, aws) = (Credentials::new("test", "test", None, None, "test"), self.clone());
        let endpoint = Some("http://aws.test".to_owned());
        let configuration = causeway_aws::configuration_of(credentials, "eu-west-1".to_owned(), endpoint)
            .into_builder()
            .retry_config(RetryConfig::standard().with_max_attempts(2).with_initial_backoff(Duration::ZERO))
            .http_client(http_client_fn(move |_, _| SharedHttpConnector::new(aws.clone())))
            .build();
        Arc::new(Ingest::new(
            Store::new(&configuration, "table".to_owned()),
            Sealer::new(&configuration, "sealing".to_owned()),
            Queue::new(&configuration, "http://aws.test/queue.fifo".to_owned()),
            Timer::new(&configuration, "http://aws.test/timer".to_owned()),
        ))
    }

    /// What was sent since the last time to a queue.
    fn sent(&self, queue: &'static str) -> Vec<Value> {
        self.state.lock().unwrap().sent.remove(queue).unwrap_or_default()
    }

    fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().calls)
    }

    /// An operation fails from now on, or none.
    fn fail(&self, operation: Option<&'static str>) {
        self.state.lock().unwrap().fails = operation;
    }

    /// A run takes the marks off, and begins its look.
    fn look(&self) {
        let looked_at = json!({ "S": clock::now().to_string() });
        for mark in self.state.lock().unwrap().marks.values_mut() {
            *mark = json!({ "looked_at": looked_at });
        }
    }

    fn query(&self, state: &State, partition: &str) -> Value {
        let (kind, tenant) = partition.split_once('#').unwrap();
        let pools = (0..self.pools).map(|number| format!("eu-west-1_{number:04}"));
        let items = pools.filter_map(|pool| {
            let mut item = if kind == "WAKE" { state.marks.get(&pool)?.clone() } else { pool_item(tenant, &pool) };
            item["pk"] = json!({ "S": partition });
            item["sk"] = json!({ "S": format!("POOL#{pool}") });
            Some(item)
        });
        json!({ "Items": items.collect::<Vec<_>>() })
    }

    /// A write of a mark, with the conditions that there are.
    fn update(state: &mut State, request: &Value) -> Option<Value> {
        assert!(request["Key"]["pk"]["S"].as_str().unwrap().starts_with("WAKE#"), "{request}");
        let pool = request["Key"]["sk"]["S"].as_str().unwrap().strip_prefix("POOL#").unwrap();
        let (values, condition) = (&request["ExpressionAttributeValues"], request["ConditionExpression"].as_str());
        let mark = state.marks.entry(pool.to_owned()).or_insert_with(|| json!({}));
        if std::mem::take(&mut state.is_outrun) {
            mark["waiting"]["M"]["again_at"] = json!({ "S": clock::now().to_string() });
        }
        if std::mem::take(&mut state.is_looked_at) {
            *mark = json!({ "looked_at": { "S": clock::now().to_string() } });
        }
        let holds = condition.unwrap().split(" OR ").any(|condition| match condition {
            "attribute_not_exists(waiting)" => mark["waiting"].is_null(),
            "waiting = :before" => !mark["waiting"].is_null() && mark["waiting"] == values[":before"],
            "waiting = :waiting" => mark["waiting"] == values[":waiting"],
            other => panic!("{other}"),
        });
        let expression = request["UpdateExpression"].as_str().unwrap();
        if holds && expression == "REMOVE waiting" {
            mark.as_object_mut().unwrap().remove("waiting");
        } else if holds {
            mark["waiting"] = values[":waiting"].clone();
        }
        holds.then(|| json!({}))
    }

    fn answer(&self, operation: &str, request: &Value) -> Option<Value> {
        let mut state = self.state.lock().unwrap();
        state.calls.push(operation.to_owned());
        match operation {
            "GetItem" => {
                let partition = request["Key"]["pk"]["S"].as_str().unwrap();
                Some(json!({ "Item": tenant_item(partition.strip_prefix("TENANT#").unwrap()) }))
            }
            "Query" => Some(self.query(&state, request["ExpressionAttributeValues"][":pk"]["S"].as_str().unwrap())),
            "UpdateItem" => Self::update(&mut state, request),
            "Decrypt" => Some(json!({ "Plaintext": "d2hzZWNfdGVzdA==" })),
            "SendMessageBatch" => {
                let is_timer = request["QueueUrl"].as_str().unwrap().strip_suffix(".fifo").is_none();
                let queue = if is_timer { "timer" } else { "queue" };
                let entries = request["Entries"].as_array().unwrap();
                state.sent.entry(queue).or_default().extend(entries.clone());
                let taken =
                    entries.iter().map(|entry| json!({ "Id": entry["Id"], "MessageId": "1", "MD5OfMessageBody": "" }));
                Some(json!({ "Successful": taken.collect::<Vec<_>>(), "Failed": [] }))
            }
            other => panic!("{other}"),
        }
    }
}

fn tenant_item(tenant: &str) -> Value {
    let now = "2026-11-22T08:00:00.000Z";
    json!({
        "id": { "S": tenant }, "name": { "S": "test" }, "external_id": { "S": "cw-01234567890123456789012345678901" },
        "workos_client_id": { "S": "client_1" }, "webhook_secret": { "S": "c2VhbGVk" }, "sign_in_state_key": { "S": "c2VhbGVk" },
        "created_at": { "S": now }, "updated_at": { "S": now }, "version": { "N": "1" },
    })
}

fn pool_item(tenant: &str, pool: &str) -> Value {
    let now = json!({ "S": "2026-11-22T08:00:00.000Z" });
    let health = json!({ "M": {
        "state": { "S": "ok" }, "message": { "S": "" }, "remedy": { "S": "" }, "since": now,
    }});
    json!({
        "tenant_id": { "S": tenant }, "user_pool_id": { "S": pool }, "account_id": { "S": "222222222222" },
        "role_name": { "S": "CausewayLogin" }, "status": { "S": "active" },
        "options": { "M": { "mode": { "S": "sync" } } }, "created_at": now, "updated_at": now, "version": { "N": "1" },
        "run": { "M": {
            "health": health, "last_run": { "NULL": true }, "full_pass_due_at": now, "role_probe_due_at": now,
        }},
    })
}

impl HttpConnector for Aws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap();
        let operation = target.split_once('.').unwrap().1.to_owned();
        let body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let refused =
            json!({ "__type": "ConditionalCheckFailedException", "message": "The conditional request failed" });
        let (status, answer) = if self.state.lock().unwrap().fails == Some(operation.as_str()) {
            (500, json!({}))
        } else {
            let answer = self.answer(&operation, &body).map_or((400, refused), |answer| (200, answer));
            let is_lost = self.state.lock().unwrap().loses.take_if(|lost| *lost == operation).is_some();
            if is_lost { (500, json!({})) } else { answer }
        };
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(answer.to_string()))))
    }
}

/// Delivers an event, signed, and gives the status and the answer.
async fn deliver(ingest: &Arc<Ingest>, tenant: &str, event: &str) -> (StatusCode, Value) {
    let (time, body) = (clock::now().millis(), json!({ "id": event, "event": "connection.activated" }).to_string());
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{time}.{body}").as_bytes());
    let signature = format!("t={time}, v1={}", hex::encode(mac.finalize().into_bytes()));
    let request = Request::post(format!("/webhooks/{tenant}")).header("workos-signature", signature);
    let answer = router(Arc::clone(ingest)).oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let status = answer.status();
    let body = axum::body::to_bytes(answer.into_body(), 10_000).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

fn woken(pools: usize) -> (StatusCode, Value) {
    (StatusCode::OK, json!({ "woken": pools }))
}

#[tokio::test]
async fn the_first_event_sends_a_message_at_once_and_the_next_ones_none_until_a_run_has_begun_its_look() {
    let (aws, [tenant, _]) = (Aws::new(1), TENANTS);
    let ingest = aws.ingest();
    assert_eq!(deliver(&ingest, tenant, "event_1").await, woken(1));
    let calls = aws.calls();
    assert_eq!(calls, ["GetItem", "Decrypt", "Query", "Query", "UpdateItem", "SendMessageBatch"]);
    assert_eq!((aws.sent("queue").len(), aws.sent("timer").len()), (1, 0));
    for event in ["event_2", "event_3"] {
        assert_eq!(deliver(&ingest, tenant, event).await, woken(1));
        assert_eq!(aws.calls(), ["Query"], "{event}");
    }
    aws.look();
    for event in ["event_4", "event_5"] {
        assert_eq!(deliver(&ingest, tenant, event).await, woken(1));
    }
    let later = aws.sent("timer");
    let [later] = later.as_slice() else { panic!("{later:?}") };
    assert!(later["DelaySeconds"].as_u64().is_some_and(|delay| (14..=15).contains(&delay)), "{later}");
    assert!(aws.sent("queue").is_empty());
}

#[tokio::test]
async fn of_many_pools_ten_are_woken_at_once_and_the_others_in_turn() {
    let (aws, [tenant, _]) = (Aws::new(33), TENANTS);
    let ingest = aws.ingest();
    assert_eq!(deliver(&ingest, tenant, "event_1").await, woken(33));
    let later = aws.sent("timer");
    let delays: Vec<u64> = later.iter().map(|message| message["DelaySeconds"].as_u64().unwrap()).collect();
    assert_eq!((aws.sent("queue").len(), delays.len()), (10, 23));
    for (number, delay) in delays.iter().enumerate() {
        assert_eq!(*delay, number as u64 / 5 + 1, "{delays:?}");
    }
    assert_eq!(deliver(&ingest, tenant, "event_2").await, woken(33));
    assert!(aws.sent("queue").is_empty() && aws.sent("timer").is_empty());
}

#[tokio::test]
async fn where_a_message_can_not_be_sent_the_event_comes_again_and_so_does_its_message() {
    let (aws, [tenant, _]) = (Aws::new(1), TENANTS);
    let ingest = aws.ingest();
    for operation in ["SendMessageBatch", "Query", "UpdateItem"] {
        aws.fail(Some(operation));
        assert_eq!(deliver(&ingest, tenant, "event_1").await.0, StatusCode::SERVICE_UNAVAILABLE, "{operation}");
    }
    // No mark of it keeps another event from sending its own.
    aws.fail(None);
    assert_eq!(deliver(&ingest, tenant, "event_2").await, woken(1));
    assert_eq!(aws.sent("queue").len(), 1);
}

#[tokio::test]
async fn an_answer_that_was_lost_to_a_call_that_is_made_twice_loses_no_event() {
    for operation in ["UpdateItem", "SendMessageBatch", "Query", "GetItem", "Decrypt"] {
        let (aws, [tenant, _]) = (Aws::new(1), TENANTS);
        aws.state.lock().unwrap().loses = Some(operation);
        assert_eq!(deliver(&aws.ingest(), tenant, "event_1").await, woken(1), "{operation}");
        let sent = aws.sent("queue");
        let ids: BTreeSet<&str> = sent.iter().filter_map(|sent| sent["MessageDeduplicationId"].as_str()).collect();
        assert_eq!(ids.len(), 1, "{operation}: {sent:?}");
    }
}

#[tokio::test]
async fn where_the_mark_stays_without_its_message_the_same_event_sends_it_and_is_known_by_its_id() {
    let (aws, [tenant, _]) = (Aws::new(1), TENANTS);
    let ingest = aws.ingest();
    assert_eq!(deliver(&ingest, tenant, "event_1").await, woken(1));
    // As if nobody had heard of the answer: the message may be there or not.
    assert_eq!(deliver(&ingest, tenant, "event_1").await, woken(1));
    let sent = aws.sent("queue");
    let [one, again] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(one["MessageDeduplicationId"], again["MessageDeduplicationId"], "else SQS takes it for another one");
}

#[tokio::test]
async fn a_mark_that_can_not_be_read_or_is_of_another_time_keeps_nobody_waiting() {
    let far = clock::now().plus(Duration::from_hours(9)).to_string();
    let old = Timestamp::from_seconds(1_000_000).to_string();
    let waiting =
        |since: &str| json!({ "M": { "since": { "S": since }, "due": { "S": since }, "event": { "S": "another" } } });
    for odd in [json!({ "S": "yes" }), json!({ "M": {} }), json!({ "N": "1" }), waiting(&far), waiting(&old)] {
        let (aws, [tenant, _]) = (Aws::new(1), TENANTS);
        aws.state.lock().unwrap().marks.insert("eu-west-1_0000".to_owned(), json!({ "waiting": odd }));
        let ingest = aws.ingest();
        assert_eq!(deliver(&ingest, tenant, "event_1").await, woken(1));
        assert_eq!(aws.sent("queue").len(), 1, "{odd}");
        // And is replaced.
        assert_eq!(deliver(&ingest, tenant, "event_2").await, woken(1));
        assert_eq!(aws.sent("queue").len(), 0, "{odd}");
    }
}

#[tokio::test]
async fn a_tenant_takes_its_share_of_an_instance_and_no_other_tenants() {
    let (aws, [tenant, other]) = (Aws::new(1), TENANTS);
    let ingest = aws.ingest();
    let began = Instant::now();
    let mut taken = 0;
    for number in 0..100 {
        match deliver(&ingest, tenant, &format!("event_{number}")).await.0 {
            StatusCode::OK => taken += 1,
            status => assert_eq!(status, StatusCode::TOO_MANY_REQUESTS),
        }
    }
    let grown = 20 * began.elapsed().as_millis() / 1000;
    assert!((20..=21 + grown).contains(&taken), "{taken} in {:?}", began.elapsed());
    assert_eq!(deliver(&ingest, other, "event_1").await.0, StatusCode::OK);
}

#[tokio::test]
async fn what_is_not_signed_takes_nothing_of_a_tenants_share() {
    let (aws, [tenant, _]) = (Aws::new(1), TENANTS);
    let ingest = aws.ingest();
    for _ in 0..100 {
        let request = Request::post(format!("/webhooks/{tenant}")).header("workos-signature", "t=1, v1=00");
        let answer = router(Arc::clone(&ingest)).oneshot(request.body(Body::from("{}")).unwrap()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(deliver(&ingest, tenant, "event_1").await.0, StatusCode::OK);
}
