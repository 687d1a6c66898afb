//! What is written of a pool that has been read: parts of it, each with what a later version wrote there, and a lease that
//! a pool that can't be read does not keep.

use std::sync::{Arc, Mutex};

use causeway_core::{
    guard::Loss,
    port::{Lease, Recorded, Taken},
    user_pool::UserPool,
    waiting::{Call, Urgency},
    wake_up::Cause,
};

use super::{items::kept, *};
use crate::kinds::kind::Kind;

/// A table that answers each update with the same item, and keeps what it was asked.
#[derive(Debug, Clone)]
struct Updated {
    item: Value,
    asked: Arc<Mutex<Vec<Value>>>,
}

impl HttpConnector for Updated {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.asked.lock().unwrap().push(serde_json::from_slice(request.body().bytes().unwrap()).unwrap());
        let body = SdkBody::from(json!({ "Attributes": self.item }).to_string());
        HttpConnectorFuture::ready(Ok(HttpResponse::new(200.try_into().unwrap(), body)))
    }
}

/// A JSON value as DynamoDB's own form has it.
fn attribute_json(value: &Value) -> Value {
    match value {
        Value::Null => json!({ "NULL": true }),
        Value::Bool(bool) => json!({ "BOOL": bool }),
        Value::Number(number) => json!({ "N": number.to_string() }),
        Value::String(text) => json!({ "S": text }),
        Value::Array(items) => json!({ "L": items.iter().map(attribute_json).collect::<Vec<_>>() }),
        Value::Object(_) => json!({ "M": item_json(value) }),
    }
}

fn item_json(value: &Value) -> Value {
    value.as_object().unwrap().iter().map(|(name, value)| (name.clone(), attribute_json(value))).collect()
}

/// A store over a pool's item, and what the store asked.
fn over(pool: &Value) -> (Store, Arc<Mutex<Vec<Value>>>) {
    let asked = Arc::default();
    let table = Updated { item: item_json(pool), asked: Arc::clone(&asked) };
    (store_over(table), asked)
}

async fn leased(store: &Store) -> Result<UserPool, StoreError> {
    let (tenant, pool) = ("tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N".parse().unwrap(), "eu-west-1_AbCdEf123".parse().unwrap());
    let now = Timestamp::from_seconds(1_795_348_800);
    let call = Call { cause: Cause::Schedule, urgency: Urgency::AtOnce };
    let lease = Lease { run_id: "run", call, now, until: now };
    match store.take_lease(&tenant, &pool, lease).await? {
        Taken::Pool(pool) => Ok(*pool),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_part_of_a_pool_is_written_with_what_a_later_version_wrote_there() {
    let mut newer = kept(Kind::Pool);
    for place in ["/options", "/options/start", "/run", "/run/health", "/run/schema/0", "/run/losses/0", "/removal"] {
        newer.pointer_mut(place).unwrap()["of_a_later_version"] = json!([place]);
    }
    for place in ["/decisions", "/decisions/approvals/0", "/decisions/refusals/0"] {
        newer.pointer_mut(place).unwrap()["of_a_later_version"] = json!([place]);
    }
    newer["run"]["last_run"]["outcome"] = json!("of_a_later_version");
    let (store, asked) = over(&newer);
    let pool = leased(&store).await.unwrap();
    asked.lock().unwrap().clear();
    let now = Timestamp::from_seconds(1_795_348_800);
    let recorded = Recorded { run_id: "run", state: &pool.run, held: &pool.held, trouble: None, due_at: now };
    store.record_run(&pool, recorded).await.unwrap();
    store.decide(&pool, &pool.decisions, 15).await.unwrap();
    store.update_options(&pool).await.unwrap();
    store.count_losses(&pool, "run", &pool.run.losses, &pool.held).await.unwrap();
    store.begin_removal(&pool, pool.removal.as_ref().unwrap(), now).await.unwrap();
    store.activate_pool(&pool, now, now).await.unwrap();
    let asked = asked.lock().unwrap().clone();
    let values = |asked: &Value| asked["ExpressionAttributeValues"].clone();
    let [recorded, .., removed, activated] = &asked[..] else { panic!("{asked:?}") };
    let with = |name: &str| asked.iter().map(values).find_map(|values| values.get(name).cloned()).unwrap();
    assert_eq!(values(recorded)[":state"], attribute_json(&newer["run"]));
    assert_eq!(with(":options"), attribute_json(&newer["options"]));
    assert_eq!(values(recorded)[":held"], attribute_json(&newer["held"]));
    newer["decisions"]["version"] = json!(3);
    assert_eq!(with(":decisions"), attribute_json(&newer["decisions"]));
    assert_eq!(with(":losses"), attribute_json(&newer["run"]["losses"]));
    assert_eq!(values(removed)[":removal"], attribute_json(&newer["removal"]));
    let activated = &activated["TransactItems"][1]["Update"]["ExpressionAttributeValues"];
    assert_eq!(activated[":schema"], attribute_json(&newer["run"]["schema"]));
}

#[tokio::test]
async fn a_decision_is_written_on_the_version_that_was_read_or_once_more_by_the_same_write() {
    let mut first = kept(Kind::Pool);
    first.as_object_mut().unwrap().remove("decisions");
    for (pool, unread, read) in [
        (kept(Kind::Pool), "decisions.version = :read", Some(json!({ "N": "2" }))),
        (first, "attribute_not_exists(decisions)", None),
    ] {
        let (store, asked) = over(&pool);
        let pool = leased(&store).await.unwrap();
        store.decide(&pool, &pool.decisions, 15).await.unwrap();
        let asked = asked.lock().unwrap().last().unwrap().clone();
        let condition = asked["ConditionExpression"].as_str().unwrap();
        assert!(condition.contains(&format!("({unread} OR decisions.written = :written)")), "{condition}");
        let values = &asked["ExpressionAttributeValues"];
        assert_eq!(values.get(":read"), read.as_ref());
        assert_eq!(values[":decisions"]["M"]["written"], values[":written"]);
        assert_eq!(values[":written"], json!({ "S": format!("{:032x}", 15) }));
    }
}

#[tokio::test]
async fn what_a_run_adds_to_a_list_takes_nothing_from_what_was_there() {
    let mut newer = kept(Kind::Pool);
    newer["run"]["losses"][0]["of_a_later_version"] = json!(1);
    let (store, asked) = over(&newer);
    let pool = leased(&store).await.unwrap();
    let other =
        Loss { connection_id: "conn_01E4ZCR3C56J083X43JQXF3JK6".parse().unwrap(), ..pool.run.losses[0].clone() };
    store.count_losses(&pool, "run", &[other, pool.run.losses[0].clone()], &pool.held).await.unwrap();
    let asked = asked.lock().unwrap().clone();
    let losses = &asked.last().unwrap()["ExpressionAttributeValues"][":losses"]["L"];
    assert_eq!(losses[1], attribute_json(&newer["run"]["losses"][0]));
    assert_eq!(losses[0]["M"].get("of_a_later_version"), None);
}

#[tokio::test]
async fn a_pool_that_can_not_be_read_gives_the_lease_back_and_counts_as_not_well() {
    for (member, value) in [("account_id", json!(222_222_222_222_u64)), ("status", json!("of_a_later_version"))] {
        let mut garbled = kept(Kind::Pool);
        garbled[member] = value;
        let (store, asked) = over(&garbled);
        let error = leased(&store).await.unwrap_err();
        assert!(error.is_unreadable() && error.to_string().contains("POOL#eu-west-1_AbCdEf123"), "{error}");
        let asked = asked.lock().unwrap().clone();
        let update = asked[1]["UpdateExpression"].as_str().unwrap();
        assert!(update.contains("REMOVE lease_holder, lease_until"), "{update}");
        assert_eq!(asked[1]["ConditionExpression"], "lease_holder = :run");
        assert_eq!(asked[1]["ExpressionAttributeValues"][":bug"], json!({ "S": "bug" }));
    }
}
