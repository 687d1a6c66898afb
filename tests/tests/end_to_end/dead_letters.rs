//! What was given up is seen, counted and sent back.

use anyhow::{Context, Result};
use aws_sdk_sqs::Client as Sqs;
use causeway_local_cloud::eventually::eventually;
use serde_json::json;

use crate::pool::in_line;
use crate::tenancy::{SOON, now_in_millis, unique};

#[tokio::test]
#[ignore = "takes every message from the dead-letter queue, for which other tests wait"]
async fn a_wake_up_that_was_given_up_is_counted_and_sent_back_and_a_malformed_message_only_goes_when_told() -> Result<()>
{
    let (pool, _, _) = in_line("dead letters", 1).await?;
    let tenancy = &pool.tenancy;
    let sqs = Sqs::new(&tenancy.cloud.integration().sdk(&tenancy.cloud.region));
    let wake_up = json!({"tenant_id": tenancy.id, "user_pool_id": pool.id, "cause": "webhook"}).to_string();
    // In groups of their own: SQS gives out no message of a group while an earlier one is looked at.
    for (group, body) in [(pool.id.as_str(), wake_up.as_str()), ("malformed", "not a wake-up")] {
        let request = sqs.send_message().queue_url(&tenancy.cloud.dead_letter_queue_url).message_group_id(group);
        request.message_deduplication_id(unique("dead")).message_body(body).send().await?;
    }

    let health = tenancy.api.get("/v1/health").await?.expect(200)?.json()?;
    assert_eq!(health["state"], "dead_letters", "{health}");
    assert!(health["dead_letters"].as_u64() >= Some(2), "{health}");
    let shown = eventually(SOON, "the pool's message is listed", async || {
        let list = tenancy.api.get("/v1/dead-letters").await?.expect(200)?.json()?;
        let items = list["items"].as_array().cloned().unwrap_or_default();
        Ok(items.into_iter().find(|item| item["user_pool_id"] == *pool.id))
    })
    .await?;
    assert_eq!(shown["tenant_id"], *tenancy.id, "{shown}");

    // What was only looked at is there again a second later, and the call waits for it.
    let since = now_in_millis();
    let done = tenancy.api.post("/v1/dead-letters/redrive", &json!({})).await?.expect(200)?.json()?;
    assert!(done["sent_back"].as_u64() > Some(0), "nothing was sent back right after a look: {done}");
    let (mut sent_back, mut discarded) = (done["sent_back"].as_u64().unwrap_or_default(), 0);
    // Of the message's own cause: the schedule looks at the pool anyway.
    eventually(SOON, "the pool is looked at for the message that was sent back", async || {
        let done = tenancy.api.post("/v1/dead-letters/redrive", &json!({})).await?.expect(200)?.json()?;
        sent_back += done["sent_back"].as_u64().unwrap_or_default();
        discarded += done["discarded"].as_u64().unwrap_or_default();
        Ok(pool.runs_since(since).await?.iter().any(|run| run["cause"] == "webhook").then_some(()))
    })
    .await?;
    assert!(sent_back > 0, "the pool was looked at for another webhook");
    assert_eq!(discarded, 0, "a message was taken off that nobody asked to discard");

    // One that `reconcile` gives up is listed under the ID that it had on the queue, as the log has it.
    let request = sqs.send_message().queue_url(&tenancy.cloud.queue_url).message_group_id("malformed too");
    let sent = request.message_deduplication_id(unique("dead")).message_body("no wake-up either").send().await?;
    let id = sent.message_id.context("no ID")?;
    eventually(SOON, "it is listed under its ID", async || {
        let list = tenancy.api.get("/v1/dead-letters").await?.expect(200)?.json()?;
        let items = list["items"].as_array().cloned().unwrap_or_default();
        Ok(items.iter().any(|item| item["message_id"] == *id).then_some(()))
    })
    .await?;
    assert!(tenancy.cloud.function_log("reconcile").contains(&id), "the log does not have it");

    // What a call left there the next one finds, at once.
    for _ in 0..2 {
        let done = tenancy.api.post("/v1/dead-letters/redrive", &json!({})).await?.expect(200)?.json()?;
        assert!(done["malformed"].as_u64() > Some(0) && done["out_of_time"] == false, "{done}");
    }

    // Not that the queue is empty: another test may keep what it has received for ten minutes.
    eventually(SOON, "what is no wake-up goes when told", async || {
        let body = json!({"discard_malformed": true});
        let done = tenancy.api.post("/v1/dead-letters/redrive", &body).await?.expect(200)?.json()?;
        Ok((done["discarded"].as_u64() > Some(0)).then_some(()))
    })
    .await
}
