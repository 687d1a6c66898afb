//! What becomes of an item that can't be read.

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_runtime_api::client::{
    behavior_version::BehaviorVersion,
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::body::SdkBody;
use aws_types::region::Region;
use causeway_core::health::ErrorClass;
use serde_json::{Value, json};

use super::*;

mod items;
mod parts;

/// A table that answers every question with the same items.
#[derive(Debug, Clone)]
struct Table(Value);

impl HttpConnector for Table {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let body = SdkBody::from(json!({ "Items": self.0 }).to_string());
        HttpConnectorFuture::ready(Ok(HttpResponse::new(200.try_into().unwrap(), body)))
    }
}

fn store(items: Value) -> Store {
    store_over(Table(items))
}

/// A store whose requests `table` answers.
fn store_over(table: impl HttpConnector + Clone + 'static) -> Store {
    let configuration = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "test")))
        .endpoint_url("http://aws.test")
        .http_client(http_client_fn(move |_, _| SharedHttpConnector::new(table.clone())))
        .build();
    Store::new(&configuration, "table".to_owned())
}

fn due(partition: &str, sort: &str, due_at: &str) -> Value {
    json!({ "pk": { "S": partition }, "sk": { "S": sort }, "due_at": { "S": due_at }, "due_shard": { "S": "DUE#0" } })
}

const TENANT: &str = "TENANT#tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N";

#[tokio::test]
async fn an_item_of_the_index_of_due_pools_that_can_not_be_read_keeps_no_other_from_being_due() {
    let now = Timestamp::from_seconds(1_795_348_800);
    let store = store(json!([
        due(TENANT, "POOL#eu-west-1_a", "yesterday"),
        due("TENANT#somebody", "POOL#eu-west-1_b", "2026-11-22T08:00:00.000Z"),
        due(TENANT, "eu-west-1_c", "2026-11-22T08:00:00.000Z"),
        due(TENANT, "POOL#eu-west-1_d", "2026-11-22T08:00:00.000Z"),
    ]));
    let page = store.due_pools(0, now, 50, None).await.unwrap();
    let pools: Vec<&str> = page.pools.iter().map(|due| due.user_pool_id.as_str()).collect();
    assert_eq!(pools, ["eu-west-1_d"]);
    let unreadable: Vec<String> = page.unreadable.iter().map(ToString::to_string).collect();
    let keys =
        [&format!("{TENANT}/POOL#eu-west-1_a"), "TENANT#somebody/POOL#eu-west-1_b", &format!("{TENANT}/eu-west-1_c")];
    assert_eq!(unreadable.len(), keys.len(), "{unreadable:?}");
    for (message, key) in unreadable.iter().zip(keys) {
        assert!(message.contains(key), "{message}");
    }
}

#[tokio::test]
async fn a_claim_that_can_not_be_read_is_named_and_the_others_are_not_taken_for_all() {
    let key = json!({ "pk": { "S": "POOL#eu-west-1_a" }, "sk": { "S": "CLAIM#conn_01E4ZCR3C56J083X43JQXF3JK5" } });
    let found = store(json!([key])).claims(&"eu-west-1_a".parse().unwrap()).await.unwrap();
    assert_eq!(found.unreadable[0].id(), "conn_01E4ZCR3C56J083X43JQXF3JK5");
    let error = found.all().unwrap_err();
    let message = error.to_string();
    assert!(message.contains("POOL#eu-west-1_a/CLAIM#conn_01E4ZCR3C56J083X43JQXF3JK5"), "{message}");
    assert!(message.contains("has to be restored"), "{message}");
    assert_eq!(error.class(), ErrorClass::Bug);
}
