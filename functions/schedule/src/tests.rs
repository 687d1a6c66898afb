//! A tick over a table and a queue that are made up.

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::body::SdkBody;

use super::*;

/// An AWS whose first shard has an item that can't be read and whose last has a pool that is due.
#[derive(Debug, Clone)]
struct Aws;

impl HttpConnector for Aws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let answer = match request.headers().get("x-amz-target").unwrap().split_once('.').unwrap().1 {
            "Query" => json!({ "Items": due(body["ExpressionAttributeValues"][":shard"]["S"].as_str().unwrap()) }),
            "SendMessageBatch" => {
                let taken = json!([{ "Id": "0", "MessageId": "1", "MD5OfMessageBody": "" }]);
                json!({ "Successful": taken, "Failed": [] })
            }
            _ => json!({}),
        };
        let response = HttpResponse::new(200.try_into().unwrap(), SdkBody::from(answer.to_string()));
        HttpConnectorFuture::ready(Ok(response))
    }
}

fn due(shard: &str) -> Value {
    let item = |due_at: &str| {
        let key = ["TENANT#tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N", "POOL#eu-west-1_a"];
        json!([{ "pk": { "S": key[0] }, "sk": { "S": key[1] }, "due_at": { "S": due_at }, "due_shard": { "S": shard } }])
    };
    match shard {
        "DUE#0" => item("yesterday"),
        "DUE#7" => item("2026-11-22T08:00:00.000Z"),
        _ => json!([]),
    }
}

#[tokio::test]
async fn an_item_that_can_not_be_read_is_counted_and_the_pools_of_later_shards_are_woken() {
    let credentials = Credentials::new("test", "test", None, None, "test");
    let configuration =
        causeway_aws::configuration_of(credentials, "eu-west-1".to_owned(), Some("http://aws.test".to_owned()))
            .into_builder()
            .http_client(http_client_fn(|_, _| SharedHttpConnector::new(Aws)))
            .build();
    let schedule = Schedule {
        store: Store::new(&configuration, "table".to_owned()),
        queue: Queue::new(&configuration, "http://aws.test/queue".to_owned()),
        interval: Duration::from_mins(15),
    };
    let now = clock::now();
    let (ticked, ended) = schedule.tick(now, now.plus(Duration::from_mins(1))).await;
    ended.unwrap();
    assert_eq!((ticked.woken, ticked.failed, ticked.unreadable), (1, 1, 1));
}
