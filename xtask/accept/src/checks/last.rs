//! Dead letters, and a start from the cold.

use std::time::Duration;

use anyhow::{Context, Result};
use causeway_local_cloud::eventually::eventually;
use causeway_machine::progress::step;
use serde_json::json;

use super::signin;
use crate::aws::SQS;
use crate::finding::Finding;
use crate::world::{SOON, World};

/// After how long no instance of a function is left.
const COLD_AFTER: Duration = Duration::from_mins(30);

/// Puts a message where those go that were given up.
pub(super) async fn give_up_a_message(world: &World, group: &str, body: &str) -> Result<()> {
    let url = world.deployed()?.outputs.get("DeadLetterQueueUrl").context("no dead-letter queue")?;
    let unique = format!("{}-{group}", world.run());
    let body = json!({
        "QueueUrl": url, "MessageBody": body, "MessageGroupId": group, "MessageDeduplicationId": unique,
    });
    world.integration.json(SQS, "SendMessage", &body).await.map(drop)
}

pub(super) async fn dead_letter(world: &mut World) -> Result<Finding> {
    let scene = world.set_scene()?.clone();
    let wake_up = json!({"tenant_id": scene.tenant_id, "user_pool_id": scene.pool, "cause": "webhook"}).to_string();
    give_up_a_message(world, &scene.pool, &wake_up).await?;
    let api = world.operator().await?;
    eventually(SOON, "the message is listed", async || {
        let list = api.get("/v1/dead-letters").await?.expect(200)?.text();
        Ok(list.contains(&scene.pool).then_some(()))
    })
    .await?;
    let health = api.get("/v1/health").await?.expect(200)?.json()?;
    let begin = std::time::Instant::now();
    let mut sent_back = 0;
    eventually(SOON, "the message is sent back", async || {
        let done = api.post("/v1/dead-letters/redrive", &json!({})).await?.expect(200)?.json()?;
        sent_back += done["sent_back"].as_u64().unwrap_or_default();
        Ok((sent_back > 0).then_some(()))
    })
    .await?;
    let seen =
        format!("health was {}; {sent_back} sent back within {} ms", health["state"], begin.elapsed().as_millis());
    Ok(Finding::of(health["state"] == "dead_letters", seen))
}

pub(super) async fn cold_token(world: &mut World) -> Result<Finding> {
    let waiting = step("waiting for half an hour, so that no instance is left");
    tokio::time::sleep(COLD_AFTER).await;
    drop(waiting);
    world.renew().await?;
    let signed_in = signin::sign_in(world).await?;
    let times = signin::token_times(world, 5).await?;
    let first = times.first().copied().unwrap_or_default();
    Ok(signed_in.with(Finding::of(first < 1_000.0, format!("the first /token took {first:.0} ms"))))
}
