//! Ticks over a table and a queue that are made up, in time that passes by itself.

#[path = "../../../shared/telemetry/tests/thread_log/mod.rs"]
mod thread_log;

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
        assert_eq!(unwell.len(), if states == WELL { 10 } else { 0 }, "{states:?}");
        assert!(took <= COUNTED_WITHIN, "{states:?}: {took:?}");
    }
    // A function with less time than that keeps within its own.
    let schedule = Aws::new(long, Part::Hangs).schedule();
    let began = Instant::now();
    assert!(schedule.unwell(Duration::from_secs(2)).await.is_empty());
    assert!(began.elapsed() <= Duration::from_secs(2));
}

/// Begins to keep the log, for all tests.
fn keep_log() {
    let _ = tracing_subscriber::fmt().with_writer(|| thread_log::Log).try_init();
}

/// A message of the timer's queue.
fn record(id: &str, body: &str, deduplication_id: &str, received: u32) -> Value {
    json!({
        "messageId": id, "body": body, "eventSource": "aws:sqs",
        "attributes": { "AWSTraceHeader": format!("Root={id}"), "ApproximateReceiveCount": received.to_string() },
        "messageAttributes": { DEDUPLICATION_ID: { "stringValue": deduplication_id, "dataType": "String" } },
    })
}

fn wake_up_of(pool: &str) -> Value {
    json!({ "tenant_id": "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N", "user_pool_id": pool, "cause": "webhook" })
}

/// The messages that come again, and for those that went on what they say, their group and their deduplication ID.
async fn passed_on(records: Vec<Value>) -> (Vec<String>, Vec<(String, String, String)>) {
    let aws = Aws::new([WELL; ALL], WELL);
    let event = serde_json::from_value(json!({ "Records": records })).unwrap();
    let response = pass_on(&aws.schedule().queue, event, "request").await;
    let again = response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
    let sent = &aws.asked.lock().unwrap().sent;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let said = |entry: &Value| {
        (text(&entry["MessageBody"]), text(&entry["MessageGroupId"]), text(&entry["MessageDeduplicationId"]))
    };
    (again, sent.iter().map(said).collect())
}

#[tokio::test]
async fn of_what_the_timer_hands_over_the_wake_up_goes_on_and_nothing_else_that_is_in_it() {
    let (pool, own) = ("eu-west-1_a", "mark-1795348800000-66666666666666666666666666666666-eu-west-1_a");
    let mut more = wake_up_of(pool);
    more["errand_id"] = json!("of somebody else");
    let doubled = wake_up_of(pool).to_string().replacen('{', r#"{"other":"\u202e", "other":1, "#, 1);
    for body in [wake_up_of(pool).to_string(), more.to_string(), doubled] {
        let (again, sent) = passed_on(vec![record("1", &body, own, 1)]).await;
        let said: Vec<Value> = sent.iter().map(|(body, ..)| serde_json::from_str(body).unwrap()).collect();
        assert_eq!((again.len(), said), (0, vec![wake_up_of(pool)]), "{body}");
        assert_eq!((sent[0].1.as_str(), sent[0].2.as_str()), (pool, own));
    }
    // An ID that is none of the pool's could be that of another message, which SQS would drop for it.
    for odd in [
        "mark-1-66666666666666666666666666666666-eu-west-1_b",
        "due",
        "",
        "mark-1-66666666666666666666666666666666-eu-west-1_a\r\n",
    ] {
        let (again, sent) = passed_on(vec![record("7", &wake_up_of(pool).to_string(), odd, 1)]).await;
        assert_eq!((again.len(), sent[0].2.as_str()), (0, "7"), "{odd:?}");
    }
}

#[tokio::test]
async fn what_is_no_wake_up_or_could_not_be_passed_on_comes_again_and_nothing_beside_it_does() {
    let odd = ["", "no wake-up", "[]", "{}", &"[".repeat(100_000), &"a".repeat(200_000), "\u{2028}"];
    let mut records: Vec<Value> =
        odd.iter().enumerate().map(|(at, body)| record(&format!("odd-{at}"), body, "due-1-eu-west-1_a", 1)).collect();
    records.push(record("good", &wake_up_of("eu-west-1_a").to_string(), "due-1-eu-west-1_a", 1));
    records.push(record("refused", &wake_up_of("eu-west-1_refused").to_string(), "due-1-eu-west-1_refused", 1));
    let (again, sent) = passed_on(records).await;
    let expected = (0..odd.len()).map(|at| format!("odd-{at}")).chain(["refused".to_owned()]);
    assert_eq!(again, expected.collect::<Vec<_>>());
    assert_eq!(
        sent.iter().map(|(_, group, _)| group.as_str()).collect::<Vec<_>>(),
        ["eu-west-1_a", "eu-west-1_refused"]
    );
}

#[tokio::test]
async fn what_is_no_wake_up_is_told_and_counted_the_first_time_only() {
    for (received, told) in [(1, 1), (2, 0), (5, 0)] {
        keep_log();
        let before = thread_log::written().len();
        let (again, _) = passed_on(vec![record("odd", "no wake-up", "due", received)]).await;
        assert_eq!(again, ["odd"], "it comes again whatever was told");
        let lines = thread_log::written().split_off(before);
        assert_eq!(lines.matches("a message of the timer is no wake-up").count(), told, "{lines}");
        assert_eq!(lines.matches("WakeUpsMalformed").count(), told, "{lines}");
    }
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
    assert_eq!(
        passed["MessageDeduplicationId"],
        "mark-1763800000000-66666666666666666666666666666666-eu-central-1_Local0001"
    );
    let trace = passed["MessageSystemAttributes"]["AWSTraceHeader"]["StringValue"].as_str().unwrap();
    assert!(trace.starts_with("Root=1-69222cc0-bd862e3fe1be46a994272793;"), "{trace}");
}
