//! The status and the health of fleets that are made up, over a table that has its two indexes and nothing else to ask for.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::body::SdkBody;
use axum::body::to_bytes;
use causeway_aws::clock;
use causeway_telemetry::Metric;
use serde_json::{Value, json};

use super::*;
use crate::{attackers::service_over, health::health};

const TENANT: &str = include_str!("../../../../shared/store/items/tenant.json");
const POOL: &str = include_str!("../../../../shared/store/items/pool.json");
const TEMPLATE: &str = include_str!("../../../../template.yaml");

/// A value as DynamoDB writes it.
fn attribute(value: &Value) -> Value {
    match value {
        Value::Null => json!({ "NULL": true }),
        Value::Bool(bool) => json!({ "BOOL": bool }),
        Value::Number(number) => json!({ "N": number.to_string() }),
        Value::String(text) => json!({ "S": text }),
        Value::Array(items) => json!({ "L": items.iter().map(attribute).collect::<Vec<_>>() }),
        Value::Object(_) => json!({ "M": item(value) }),
    }
}

fn item(value: &Value) -> Value {
    value.as_object().unwrap().iter().map(|(name, value)| (name.clone(), attribute(value))).collect()
}

/// The number that the ID of a pool ends with.
fn number_of(key: &Value) -> usize {
    key["sk"]["S"].as_str().unwrap().rsplit('x').next().unwrap().parse().unwrap()
}

fn place(trouble: Trouble, since: Timestamp, number: usize) -> Place {
    let pool = UnwellPool {
        tenant_id: format!("tnt_01KAPJ7M7VYGJ5GM8WXT1C{:04}", number % 7).parse().unwrap(),
        user_pool_id: format!("eu-west-1_x{number}").parse().unwrap(),
        since,
    };
    Place { trouble, pool }
}

/// A table with these pools in its index `unwell`, and so many in `due`.
#[derive(Debug, Clone, Default)]
struct Aws {
    unwell: Arc<Vec<Place>>,
    with_runs: usize,
    /// How many keys a page of an index that is counted has.
    page: usize,
    /// The messages that the timer gave up.
    timer_dead_letters: u64,
    /// The pools whose items can't be read, and those that are gone.
    unreadable: BTreeSet<usize>,
    /// How many keys the index has before those of each trouble that can't be read.
    garbled: usize,
    gone: BTreeSet<usize>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Aws {
    fn new(mut unwell: Vec<Place>) -> Self {
        unwell.sort_by_key(|place| (place.trouble, place.pool.since, place.pool.user_pool_id.to_string()));
        Self { unwell: Arc::new(unwell), page: 5, ..Self::default() }
    }

    fn service(&self) -> Service {
        let (credentials, aws) = (Credentials::new("test", "test", None, None, "test"), self.clone());
        let endpoint = Some("http://aws.test".to_owned());
        let configuration = causeway_aws::configuration_of(credentials, "eu-west-1".to_owned(), endpoint)
            .into_builder()
            .http_client(http_client_fn(move |_, _| SharedHttpConnector::new(aws.clone())))
            .build();
        service_over(configuration)
    }

    async fn answered(&self, path: &str, query: &str) -> (u16, Value) {
        let service = Arc::new(self.service());
        let answer = if path == "/v1/health" {
            Box::pin(health(State(service))).await
        } else {
            match PageRequest::parse(path, Some(query)) {
                Ok(request) => Box::pin(status(State(service), request)).await,
                Err(problem) => Err(problem),
            }
        };
        let answer = answer.unwrap_or_else(IntoResponse::into_response);
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    async fn status(&self, query: &str) -> Value {
        let (status, body) = self.answered("/v1/status", query).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    fn due(&self, request: &Value) -> Value {
        assert_eq!(request["Select"], "COUNT");
        let all = if request["ExpressionAttributeValues"][":value"]["S"] == "DUE#3" { self.with_runs } else { 0 };
        let before: usize =
            request["ExclusiveStartKey"]["due_at"]["S"].as_str().map_or(0, |counted| counted.parse().unwrap());
        let count = self.page.min(all - before);
        let mut answer = json!({ "Count": count });
        if before + count < all {
            answer["LastEvaluatedKey"] = item(&json!({ "due_at": (before + count).to_string() }));
        }
        answer
    }

    fn unwell(&self, request: &Value) -> Value {
        let values = &request["ExpressionAttributeValues"];
        let word = [":trouble", ":value"].into_iter().find_map(|name| values[name]["S"].as_str()).unwrap();
        let key = |place: &Place| {
            let UnwellPool { tenant_id, user_pool_id, since } = &place.pool;
            let (pk, sk) = (format!("TENANT#{tenant_id}"), format!("POOL#{user_pool_id}"));
            item(&json!({ "pk": pk, "sk": sk, "unwell": word, "unwell_since": since }))
        };
        let before = values[":before"]["S"].as_str().map(|before| Timestamp::parse(before).unwrap());
        let order = |key: &Value| (key["unwell_since"]["S"].to_string(), key["sk"]["S"].to_string());
        let start = request.get("ExclusiveStartKey");
        if let Some(start) = start {
            // What DynamoDB refuses.
            assert_eq!(start["unwell"]["S"], *word);
            let since = Timestamp::parse(start["unwell_since"]["S"].as_str().unwrap());
            let is_beyond = before.zip(since).is_some_and(|(before, since)| since >= before);
            assert!(!is_beyond, "it begins beyond what is asked for");
        }
        let garbled = (0..self.garbled).map(|number| {
            let (pk, sk) = (format!("TENANT#{number}"), format!("POOL#{number}"));
            item(&json!({ "pk": pk, "sk": sk, "unwell": word, "unwell_since": "0" }))
        });
        let of_word = self.unwell.iter().filter(|place| place.trouble.as_str() == word);
        let found: Vec<Value> = garbled
            .chain(of_word.filter(|place| before.is_none_or(|before| place.pool.since < before)).map(key))
            .filter(|key| start.is_none_or(|start| order(key) > order(start)))
            .collect();
        let limit = request["Limit"].as_u64().map_or(self.page, |limit| usize::try_from(limit).unwrap());
        let mut answer = json!({ "Count": found.len().min(limit), "Items": found[..found.len().min(limit)] });
        if found.len() > limit {
            answer["LastEvaluatedKey"] = found[limit - 1].clone();
        }
        answer
    }

    /// The items of these keys.
    fn items(&self, request: &Value) -> Value {
        let keys = request["RequestItems"]["table"]["Keys"].as_array().unwrap();
        let is_twice = |(at, key): (usize, &Value)| keys[..at].contains(key);
        assert!(!keys.iter().enumerate().any(is_twice), "DynamoDB refuses a request that names an item twice");
        let found = keys.iter().filter_map(|key| {
            let is_tenant = key["sk"]["S"] == "TENANT";
            let mut found: Value = serde_json::from_str(if is_tenant { TENANT } else { POOL }).unwrap();
            for name in ["pk", "sk"] {
                found[name] = key[name]["S"].clone();
            }
            let tenant = key["pk"]["S"].as_str().unwrap().strip_prefix("TENANT#").unwrap();
            if is_tenant {
                found["id"] = json!(tenant);
                return Some(item(&found));
            }
            found["tenant_id"] = json!(tenant);
            found["user_pool_id"] = json!(key["sk"]["S"].as_str().unwrap().strip_prefix("POOL#").unwrap());
            if self.unreadable.contains(&number_of(key)) {
                found["account_id"] = json!(7);
            }
            (!self.gone.contains(&number_of(key))).then(|| item(&found))
        });
        json!({ "Responses": { "table": found.collect::<Vec<_>>() } })
    }
}

impl HttpConnector for Aws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let operation = request.headers().get("x-amz-target").unwrap().split_once('.').unwrap().1.to_owned();
        let answer = match operation.as_str() {
            "Query" if body["IndexName"] == "due" => self.due(&body),
            "Query" if body["IndexName"] == "unwell" => self.unwell(&body),
            "BatchGetItem" => self.items(&body),
            "GetQueueAttributes" => {
                let of_timer = body["QueueUrl"].as_str().unwrap().contains("timer");
                let messages = if of_timer { self.timer_dead_letters } else { 0 };
                json!({ "Attributes": { "ApproximateNumberOfMessages": messages.to_string() } })
            }
            other => panic!("{other} is asked for, and may scan"),
        };
        self.asked.lock().unwrap().push(operation);
        HttpConnectorFuture::ready(Ok(HttpResponse::new(200.try_into().unwrap(), SdkBody::from(answer.to_string()))))
    }
}

fn ago(duration: Duration) -> Timestamp {
    clock::now().minus(duration)
}

#[tokio::test]
async fn each_state_is_the_operators_in_health_where_it_is_in_status_and_has_an_alarm_and_so_for_tenants() {
    // What passes by itself is old enough in the second round; the service level is 30 minutes.
    for since in [Duration::from_mins(29), Duration::from_mins(31)] {
        for trouble in Trouble::ALL {
            let aws = Aws::new(vec![place(trouble, ago(since), 1)]);
            let (status, (_, health)) = (aws.status("").await, aws.answered("/v1/health", "").await);
            let whose = trouble.whose(since, Duration::from_mins(30));
            let (operator, tenant) = (whose == Some(Whose::Operator), whose == Some(Whose::Tenant));
            let is_in =
                |list: &str| health[list].as_array().unwrap().iter().any(|pool| pool["state"] == trouble.as_str());
            assert_eq!((is_in("for_operator"), is_in("for_tenants")), (operator, tenant), "{health}");
            let state = if operator { "user_pools" } else { "ok" };
            assert_eq!((&health["state"], &status["fleet"]["state"]), (&json!(state), &json!(state)), "{trouble:?}");
            let shown: Vec<&Value> = status["items"].as_array().unwrap().iter().map(|item| &item["whose"]).collect();
            assert_eq!(shown, whose.map(|whose| json!(whose)).iter().collect::<Vec<_>>(), "{status}");
            assert_eq!(status["fleet"]["counts"][trouble.as_str()], 1, "counted at once: {status}");
            // `tests/tests/template/alarms.rs` has which alarm it is.
            let metric =
                if trouble.passes_by_itself() { Some(Metric::OldestSyncAge) } else { Metric::of_pools(trouble) };
            let has_alarm = metric.is_some_and(|metric| TEMPLATE.contains(&format!("MetricName: {}\n", metric.name())));
            assert!(!operator || has_alarm, "{trouble:?} rings nothing");
            assert!(!tenant || !has_alarm, "{trouble:?} is not the operator's, and rings");
        }
    }
}

#[tokio::test]
async fn what_the_timer_gave_up_is_an_operators_too() {
    let aws = Aws { timer_dead_letters: 2, ..Aws::new(Vec::new()) };
    let (status, (_, health)) = (aws.status("").await, aws.answered("/v1/health", "").await);
    for answer in [&status["fleet"], &health] {
        assert_eq!((&answer["state"], &answer["timer_dead_letters"]), (&json!("dead_letters"), &json!(2)), "{answer}");
        assert_eq!(answer["dead_letters"], 0);
    }
}

#[tokio::test]
async fn following_the_cursors_shows_each_pool_that_needs_somebody_once_the_worst_first() {
    for seed in 0..8 {
        let mut random = fastrand::Rng::with_seed(seed);
        let places = (0..random.usize(0..60)).map(|number| {
            let trouble = Trouble::ALL[random.usize(0..Trouble::ALL.len())];
            // Some at the very same time, some younger than the service level.
            place(trouble, ago(Duration::from_mins(20 * random.u64(0..8))), number)
        });
        let aws = Aws::new(places.collect());
        let is_somebodys =
            |place: &&Place| place.trouble.whose(clock::now().since(place.pool.since), Duration::from_mins(30));
        let needing = aws.unwell.iter().filter(|place| is_somebodys(place).is_some());
        let expected: Vec<String> = needing.map(|place| place.pool.user_pool_id.to_string()).collect();
        for limit in [1, 2, 3, 7, 100] {
            let (mut shown, mut query) = (Vec::new(), format!("limit={limit}"));
            loop {
                let page = aws.status(&query).await;
                let items = page["items"].as_array().unwrap();
                assert!(items.len() <= limit && (page["fleet"].is_null() == query.contains("cursor")), "{page}");
                shown.extend(items.iter().map(|item| item["user_pool_id"].as_str().unwrap().to_owned()));
                let Some(cursor) = page["next_cursor"].as_str() else { break };
                assert_eq!(items.len(), limit, "a page that goes on is full");
                query = format!("limit={limit}&cursor={cursor}");
            }
            assert_eq!(shown, expected, "seed {seed}, {limit} a page");
        }
    }
}

#[tokio::test]
async fn a_fleet_of_100_000_pools_takes_a_bounded_number_of_calls_and_no_scan() {
    let since = ago(Duration::from_hours(1));
    let places = (0..10_000).map(|number| place(Trouble::ALL[number % Trouble::ALL.len()], since, number));
    // As many keys as 1 MB has.
    let aws = Aws { with_runs: 100_000, page: 5000, ..Aws::new(places.collect()) };
    let status = aws.status("limit=100").await;
    let counts = status["fleet"]["counts"].as_object().unwrap();
    let unverified = counts["pending"].as_u64().unwrap() + counts["awaits_admission"].as_u64().unwrap();
    let all: u64 = counts.values().filter_map(Value::as_u64).sum();
    assert_eq!(all, 100_000 + unverified, "{counts:?}");
    let asked = aws.asked.lock().unwrap().clone();
    assert!(asked.len() < 50, "{} calls", asked.len());
    assert_eq!(
        asked.iter().filter(|operation| *operation == "BatchGetItem").count(),
        2,
        "one for pools, one for tenants"
    );
}

#[tokio::test]
async fn a_pool_that_can_not_be_read_is_shown_with_what_is_wrong_and_one_that_is_gone_is_not() {
    let old = ago(Duration::from_hours(1));
    let aws = Aws::new((0..3).map(|number| place(Trouble::Bug, old, number)).collect());
    let aws = Aws { unreadable: [1].into(), gone: [2].into(), ..aws };
    let status = aws.status("").await;
    let items = status["items"].as_array().unwrap();
    let [well, damaged] = items.as_slice() else { panic!("{items:?}") };
    assert_eq!(well["held"], json!({ "connections": 1, "since": "2026-11-22T08:00:08.000Z" }), "{well}");
    assert_eq!(well["missing_app_clients"], json!(["client1234"]), "{well}");
    assert_eq!((&well["tenant_name"], &well["contact"]), (&json!("Example"), &json!("platform@example.com")));
    assert!(damaged["message"].as_str().unwrap().contains("can't be read"), "{damaged}");
    assert!(damaged["held"].is_null() && damaged["tenant_name"] == "Example", "{damaged}");
    assert!(status["unreadable"][0]["item"].as_str().unwrap().ends_with("POOL#eu-west-1_x1"), "{status}");
}

#[tokio::test]
async fn keys_of_the_index_that_can_not_be_read_hide_no_pool_and_no_time() {
    let old = ago(Duration::from_hours(1));
    let places = [Trouble::Bug, Trouble::Held, Trouble::Denied];
    let places = (0..9).map(|number| place(places[number % 3], old, number));
    let aws = Aws { garbled: 3, ..Aws::new(places.collect()) };
    for limit in [1, 2, 100] {
        let (mut shown, mut query) = (0, format!("limit={limit}"));
        loop {
            let page = aws.status(&query).await;
            shown += page["items"].as_array().unwrap().len();
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            query = format!("limit={limit}&cursor={cursor}");
        }
        assert_eq!(shown, 9, "{limit} a page");
    }
    let (_, health) = aws.answered("/v1/health", "").await;
    for list in ["for_operator", "for_tenants"] {
        assert!(health[list].as_array().unwrap().iter().all(|pool| pool["since"] == json!(old)), "{health}");
    }
}

#[tokio::test]
async fn a_pool_that_gets_into_another_state_while_the_list_is_read_does_not_break_it() {
    let old = ago(Duration::from_hours(1));
    let aws = Aws::new(vec![place(Trouble::Bug, old, 1), place(Trouble::Held, old, 1)]);
    assert!(!aws.status("").await["items"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn whatever_a_cursor_says_it_is_refused_or_shows_a_page_of_the_same_list() {
    let since = ago(Duration::from_hours(1));
    let aws = Aws::new((0..30).map(|number| place(Trouble::ALL[number % Trouble::ALL.len()], since, number)).collect());
    let list = PageRequest::parse("/v1/status", None).unwrap();
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let words = ["bug", "transient", "throttled", "never_ran", "pending", "ok", ""];
    let times = ["2026-11-22T08:00:00.000Z", "9999-12-31T23:59:59.999Z", "0000", "now", "", "1970-01-01T00:00:00.000Z"];
    let tenants = ["tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N", "tnt_01KAPJ7M7VYGJ5GM8WXT1C0003", "..", "*"];
    let pools = ["eu-west-1_a", "eu-west-1_x3", "POOL#", ""];
    let mut refused = 0;
    for _ in 0..600 {
        let part = |random: &mut fastrand::Rng, of: &[&str]| of[random.usize(0..of.len())].to_owned();
        let mut text = format!(
            "{}/{}/{}/{}",
            part(&mut random, &words),
            part(&mut random, &times),
            part(&mut random, &tenants),
            part(&mut random, &pools)
        );
        for _ in 0..random.usize(0..3) {
            let at = random.usize(0..=text.len());
            text.insert(at, char::from(random.u8(33..127)));
        }
        let (status, body) = aws.answered("/v1/status", &format!("cursor={}", list.cursor_of(&text))).await;
        assert!([200, 400].contains(&status), "seed {seed}: {status} for {text}: {body}");
        assert!(status == 400 || body["fleet"].is_null(), "seed {seed}: {text}");
        refused += usize::from(status == 400);
    }
    assert!((300..600).contains(&refused), "seed {seed}: {refused} refused, which shows little");
}
