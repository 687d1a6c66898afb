//! Ticks over a table and a queue that are made up, in time that passes by itself.

use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::body::SdkBody;
use causeway_queue::DEDUPLICATION_ID;

use super::*;
use crate::timer::pass_on;

const ALL: usize = DUE_SHARDS as usize;
/// How long a tick may take.
const TIME: Duration = Duration::from_secs(45);

/// What a part of the table does, a shard or a state of health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// It answers each page after so many milliseconds, and has so many.
    Pages { each: u64, number: usize },
    /// It answers with an error.
    Fails,
    /// It does not answer.
    Hangs,
}

const WELL: Part = Part::Pages { each: 10, number: 1 };

/// What was asked of it.
#[derive(Debug, Default)]
struct Asked {
    pages: [usize; ALL],
    sent: Vec<Value>,
}

#[derive(Debug, Clone)]
struct Aws {
    shards: [Part; ALL],
    states: Part,
    /// Whether each page begins with an item that can't be read.
    garbled: bool,
    asked: Arc<Mutex<Asked>>,
}

impl Aws {
    fn new(shards: [Part; ALL], states: Part) -> Self {
        Self { shards, states, garbled: false, asked: Arc::default() }
    }

    fn schedule(&self) -> Schedule {
        let (credentials, aws) = (Credentials::new("test", "test", None, None, "test"), self.clone());
        let endpoint = Some("http://aws.test".to_owned());
        let configuration = causeway_aws::configuration_of(credentials, "eu-west-1".to_owned(), endpoint)
            .into_builder()
            .http_client(http_client_fn(move |_, _| SharedHttpConnector::new(aws.clone())))
            .build();
        Schedule {
            store: Store::new(&configuration, "table".to_owned()),
            queue: Queue::new(&configuration, "http://aws.test/queue".to_owned()),
            interval: Duration::from_mins(15),
        }
    }

    /// A page of a shard, or of a state of health.
    fn query(&self, request: &Value) -> (Part, Value) {
        let values = &request["ExpressionAttributeValues"];
        let Some(shard) = values[":shard"]["S"].as_str() else {
            return (self.states, json!({ "Items": [], "Count": 0 }));
        };
        let number: usize = shard.strip_prefix("DUE#").unwrap().parse().unwrap();
        let mut asked = self.asked.lock().unwrap();
        asked.pages[number] += 1;
        let page = asked.pages[number];
        let item = |due_at: &str| {
            json!({
                "pk": { "S": "TENANT#tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N" }, "sk": { "S": format!("POOL#eu-west-1_{page}x{number}") },
                "due_at": { "S": due_at }, "due_shard": { "S": shard },
            })
        };
        let mut items = vec![item("2026-11-22T08:00:00.000Z")];
        if self.garbled {
            items.insert(0, item("yesterday"));
        }
        let mut answer = json!({ "Items": items });
        if matches!(self.shards[number], Part::Pages { number, .. } if number > page) {
            answer["LastEvaluatedKey"] = item("2026-11-22T08:00:00.000Z");
        }
        (self.shards[number], answer)
    }

    fn answer(&self, request: &HttpRequest) -> (Part, Value) {
        let body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        match request.headers().get("x-amz-target").unwrap().split_once('.').unwrap().1 {
            "Query" => self.query(&body),
            "SendMessageBatch" => {
                let entries = body["Entries"].as_array().unwrap();
                self.asked.lock().unwrap().sent.extend(entries.clone());
                let refused = |entry: &&Value| entry["MessageBody"].as_str().unwrap().contains("eu-west-1_refused");
                let taken = entries.iter().filter(|entry| !refused(entry));
                let taken = taken.map(|entry| json!({ "Id": entry["Id"], "MessageId": "1", "MD5OfMessageBody": "" }));
                let failed = entries.iter().filter(refused);
                let failed = failed.map(|entry| json!({ "Id": entry["Id"], "Code": "Later", "SenderFault": false }));
                (WELL, json!({ "Successful": taken.collect::<Vec<_>>(), "Failed": failed.collect::<Vec<_>>() }))
            }
            _ => (WELL, json!({})),
        }
    }
}

impl HttpConnector for Aws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (part, answer) = self.answer(&request);
        HttpConnectorFuture::new(async move {
            let status = match part {
                Part::Pages { each, .. } => {
                    tokio::time::sleep(Duration::from_millis(each)).await;
                    200
                }
                Part::Fails => 500,
                Part::Hangs => std::future::pending().await,
            };
            Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(answer.to_string())))
        })
    }
}

async fn ticked(aws: &Aws) -> (Ticked, Vec<Unfinished>) {
    Box::pin(aws.schedule().tick(clock::now(), TIME)).await
}

#[tokio::test(start_paused = true)]
async fn an_item_that_can_not_be_read_is_counted_and_the_pools_beside_it_are_woken() {
    let aws = Aws { garbled: true, ..Aws::new([WELL; ALL], WELL) };
    let (ticked, unfinished) = ticked(&aws).await;
    let all = u64::from(DUE_SHARDS);
    assert_eq!((ticked.woken, ticked.failed, ticked.unreadable), (all, all, all));
    assert!(unfinished.is_empty(), "{unfinished:?}");
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_fails_or_hangs_keeps_no_pool_of_another_from_being_woken() {
    // A call that hangs is given up.
    for broken in [Part::Fails, Part::Hangs] {
        for shard in 0..DUE_SHARDS {
            let mut aws = Aws::new([Part::Pages { each: 20, number: 3 }; ALL], WELL);
            aws.shards[usize::from(shard)] = broken;
            let (ticked, unfinished) = ticked(&aws).await;
            assert_eq!(ticked.woken, 3 * (u64::from(DUE_SHARDS) - 1), "{broken:?} {shard}");
            let [only] = unfinished.as_slice() else { panic!("{unfinished:?}") };
            assert!(matches!(only, Unfinished::Failed { shard: of, .. } if *of == shard), "{broken:?}: {only:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn shards_that_have_more_than_there_is_time_for_come_as_far_as_each_other_whatever_else_lags() {
    const LONG: Part = Part::Pages { each: 2_000, number: usize::MAX };
    for seed in 0..12 {
        let mut random = fastrand::Rng::with_seed(seed);
        let shards = [(); ALL].map(|()| match random.u8(0..4) {
            0 => Part::Fails,
            1 => Part::Pages { each: random.u64(100..8_000), number: random.usize(1..10) },
            _ => LONG,
        });
        let aws = Aws::new(shards, WELL);
        let began = Instant::now();
        let (ticked, unfinished) = ticked(&aws).await;
        assert!(began.elapsed() <= TIME, "seed {seed}: {:?}", began.elapsed());
        let asked = aws.asked.lock().unwrap();
        let long = (0..ALL).filter(|shard| aws.shards[*shard] == LONG);
        let pages: Vec<usize> = long.clone().map(|shard| asked.pages[shard]).collect();
        if let (Some(least), Some(most)) = (pages.iter().min(), pages.iter().max()) {
            assert!(most - least <= 1 && *least > 15, "seed {seed}: {pages:?}");
        }
        let out_of_time = |shard: usize| {
            unfinished.iter().any(
                |one| matches!(one, Unfinished::OutOfTime { shard: of, is_seen: true } if usize::from(*of) == shard),
            )
        };
        assert!(long.clone().all(out_of_time), "seed {seed}: {unfinished:?}");
        assert!(ticked.longest_due.is_some() || long.count() == 0);
    }
}

#[tokio::test(start_paused = true)]
async fn counting_waits_for_no_tick_and_no_tick_for_the_count() {
    let long = [Part::Pages { each: 5_000, number: usize::MAX }; ALL];
    for states in [Part::Hangs, Part::Fails, WELL] {
        let schedule = Aws::new(long, states).schedule();
        let began = Instant::now();
        let counted = async { (schedule.unwell(TIME).await, began.elapsed()) };
        let ((_, unfinished), (unwell, took)) = futures::join!(Box::pin(schedule.tick(clock::now(), TIME)), counted);
        assert_eq!(unfinished.len(), ALL);
        assert_eq!(unwell.iter().all(Option::is_some), states == WELL, "{states:?}");
        assert!(took <= COUNTED_WITHIN, "{states:?}: {took:?}");
    }
    // A function with less time than that keeps within its own.
    let schedule = Aws::new(long, Part::Hangs).schedule();
    let began = Instant::now();
    assert_eq!(schedule.unwell(Duration::from_secs(2)).await, [None; 8]);
    assert!(began.elapsed() <= Duration::from_secs(2));
}

#[tokio::test]
async fn what_the_timer_hands_over_is_passed_on_as_it_was_written_and_what_is_refused_comes_again() {
    let aws = Aws::new([WELL; ALL], WELL);
    let body = |pool: &str| json!({ "tenant_id": "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N", "user_pool_id": pool, "cause": "webhook", "of_later": 1 });
    let record = |id: &str, body: String| {
        let deduplication = json!({ "stringValue": format!("mark-{id}"), "dataType": "String" });
        json!({
            "messageId": id, "body": body, "eventSource": "aws:sqs",
            "attributes": { "AWSTraceHeader": format!("Root={id}") },
            "messageAttributes": { DEDUPLICATION_ID: deduplication },
        })
    };
    let mut unnamed = record("4", body("eu-west-1_unnamed").to_string());
    unnamed["messageAttributes"] = json!({});
    let event = json!({ "Records": [
        record("1", body("eu-west-1_a").to_string()),
        record("2", "no wake-up".to_owned()),
        record("3", body("eu-west-1_refused").to_string()),
        unnamed,
    ]});
    let response = pass_on(&aws.schedule().queue, serde_json::from_value(event).unwrap(), "request").await;
    assert_eq!(serde_json::json!(response), json!({ "batchItemFailures": [{ "itemIdentifier": "3" }] }));
    let sent = &aws.asked.lock().unwrap().sent;
    let said: Vec<(Value, &Value, &Value)> = sent
        .iter()
        .map(|entry| {
            let body = serde_json::from_str(entry["MessageBody"].as_str().unwrap()).unwrap();
            (body, &entry["MessageGroupId"], &entry["MessageDeduplicationId"])
        })
        .collect();
    let expected = [("eu-west-1_a", "mark-1"), ("eu-west-1_refused", "mark-3"), ("eu-west-1_unnamed", "4")];
    let (groups, ids) = (expected.map(|(pool, _)| json!(pool)), expected.map(|(_, id)| json!(id)));
    for (number, (pool, _)) in expected.iter().enumerate() {
        assert_eq!(said[number], (body(pool), &groups[number], &ids[number]));
    }
    assert_eq!(sent[0]["MessageSystemAttributes"]["AWSTraceHeader"]["StringValue"], "Root=1");
}

#[tokio::test]
async fn a_wake_up_whose_time_has_come_keeps_its_group_its_id_and_its_trace() {
    let path = format!("{}/../../events/schedule-timer.json", env!("CARGO_MANIFEST_DIR"));
    let event = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let aws = Aws::new([WELL; ALL], WELL);
    let response = pass_on(&aws.schedule().queue, event, "request").await;
    assert!(response.batch_item_failures.is_empty());
    let sent = &aws.asked.lock().unwrap().sent;
    let [passed] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(passed["MessageGroupId"], "eu-central-1_Local0001");
    assert_eq!(passed["MessageDeduplicationId"], "mark-1763800000000-eu-central-1_Local0001");
    let trace = passed["MessageSystemAttributes"]["AWSTraceHeader"]["StringValue"].as_str().unwrap();
    assert!(trace.starts_with("Root=1-69222cc0-bd862e3fe1be46a994272793;"), "{trace}");
}
