//! What Lambda does between the queues and the functions: takes messages off, hands them over and deletes what is done.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use causeway_local_cloud::json::text;
use futures::future::try_join_all;
use serde_json::{Map, Value, json};

use super::aws::{Caller, Service};
use super::instance::{Instance, LIMIT};
use super::stage::Stage;

/// How long a queue is left alone that had nothing.
const PAUSE: Duration = Duration::from_millis(50);
/// How long the queues are looked at in vain before they count as empty. A short poll can come back empty while messages
/// are there.
const EMPTY: usize = 10;

/// A queue, and how many messages were taken off it, in how many batches.
pub struct Queue {
    caller: Caller,
    url: String,
    /// Messages.
    pub received: AtomicUsize,
    /// Batches.
    pub batches: AtomicUsize,
}

impl Queue {
    /// The queue at this URL.
    pub fn new(stage: &Stage, url: &str) -> Result<Self> {
        let caller = stage.service(Service::Queue)?;
        Ok(Self { caller, url: url.to_owned(), received: AtomicUsize::new(0), batches: AtomicUsize::new(0) })
    }

    /// Has these instances work the queue off, until there is no more to come and it is empty.
    pub async fn work_off(&self, instances: &[Instance], is_over: &AtomicBool, within: Duration) -> Result<()> {
        let begin = Instant::now();
        let lanes = instances.iter().map(|instance| async move {
            let mut in_vain = 0;
            while in_vain < EMPTY || !is_over.load(Ordering::Relaxed) || self.has_any().await? {
                if begin.elapsed() > within {
                    bail!("the queue {} is not empty after {} s", self.url, within.as_secs());
                }
                if self.batch(instance).await? {
                    in_vain = 0;
                } else {
                    in_vain += 1;
                    tokio::time::sleep(PAUSE).await;
                }
            }
            Ok(())
        });
        try_join_all(lanes).await.map(drop)
    }

    /// Counts from here on.
    pub fn count_anew(&self) {
        self.received.store(0, Ordering::Relaxed);
        self.batches.store(0, Ordering::Relaxed);
    }

    /// Whether it has messages, those too whose time has yet to come.
    async fn has_any(&self) -> Result<bool> {
        let request = json!({"QueueUrl": self.url, "AttributeNames": ["All"]});
        let attributes = self.caller.call("GetQueueAttributes", &request).await?["Attributes"].clone();
        let names = ["", "NotVisible", "Delayed"].map(|kind| format!("ApproximateNumberOfMessages{kind}"));
        Ok(names.iter().any(|name| attributes[name].as_str().is_some_and(|number| number != "0")))
    }

    /// Has an instance work on up to ten messages, and says whether there were any.
    async fn batch(&self, instance: &Instance) -> Result<bool> {
        let request = json!({
            "QueueUrl": self.url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 360,
            "AttributeNames": ["All"], "MessageAttributeNames": ["All"],
        });
        let received = self.caller.call("ReceiveMessage", &request).await?;
        let messages = received["Messages"].as_array().cloned().unwrap_or_default();
        if messages.is_empty() {
            return Ok(false);
        }
        self.received.fetch_add(messages.len(), Ordering::Relaxed);
        self.batches.fetch_add(1, Ordering::Relaxed);
        let records = messages.iter().map(record).collect::<Result<Vec<Value>>>()?;
        let answered = instance.invoke_within(&json!({"Records": records}), LIMIT * 5).await?;
        let failures = answered.body["batchItemFailures"].as_array().map_or(0, Vec::len);
        ensure!(failures == 0, "messages have to come again: {}", answered.body);
        for message in &messages {
            let done = json!({"QueueUrl": self.url, "ReceiptHandle": text(message, "ReceiptHandle")?});
            self.caller.call("DeleteMessage", &done).await?;
        }
        Ok(true)
    }
}

/// A message as Lambda hands it over.
fn record(message: &Value) -> Result<Value> {
    let attributes = message["MessageAttributes"].as_object().into_iter().flatten();
    let attributes: Map<String, Value> = attributes
        .map(|(name, value)| {
            let inner = json!({"stringValue": value["StringValue"], "dataType": value["DataType"]});
            (name.clone(), inner)
        })
        .collect();
    Ok(json!({
        "messageId": text(message, "MessageId")?, "receiptHandle": text(message, "ReceiptHandle")?,
        "body": text(message, "Body")?, "md5OfBody": "", "attributes": message["Attributes"],
        "messageAttributes": attributes, "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:111111111111:wake-ups.fifo", "awsRegion": "us-east-1",
    }))
}
