//! Cognito and `WorkOS` fail in every way at once, while connections come and go.

use anyhow::{Context, Result, ensure};
use aws_sdk_cognitoidentityprovider::types::IdentityProviderTypeType;
use aws_sdk_sqs::Client as Sqs;
use causeway_core::timestamp::Timestamp;
use causeway_local_cloud::cloud::Cloud;
use causeway_local_cloud::eventually::eventually;
use causeway_local_cloud::front::control::{Control, now as front_now};
use causeway_local_cloud::front::faults::Faults;
use causeway_local_cloud::front::record::Call;
use causeway_local_cloud::workos::WorkOs;
use serde_json::json;

use crate::ingest::deliver_signed;
use crate::measured::lines;
use crate::pool::{Pool, provider_name};
use crate::tenancy::{SOON, Tenancy, now_in_millis, unique};

/// What the changes and what goes wrong are drawn from. Another one in the environment plays another scenario.
const SEED: &str = "CAUSEWAY_SEED";
/// How many user pools and changes there are: `cargo xtask test --long` sets more.
const SIZE: &str = "CAUSEWAY_FAULTS";
/// More deletions of one pool would have to be approved.
const MOST_DELETED: usize = 4;
const FOREIGN: &str = "TenantsOwn";
/// For how many seconds a dead letter that is looked at is not there for others.
const DEAD_LOOKED_AT: i32 = 5;
/// In how many parts the changes come.
const PARTS: usize = 4;

/// A pool, its organization, and the connections that are there and that are gone.
struct Side {
    pool: Pool,
    organization: String,
    present: Vec<String>,
    deleted: usize,
}

fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn size() -> Result<(usize, usize)> {
    let Some(size) = setting(SIZE) else { return Ok((2, 20)) };
    let (pools, changes) = size.split_once('x').with_context(|| format!("{SIZE} is not like 20x200"))?;
    Ok((pools.parse()?, changes.parse()?))
}

async fn side(tenancy: &Tenancy) -> Result<Side> {
    let (organization, connections) = tenancy.organization_with(1).await?;
    let pool = tenancy.registered_pool(&[&organization]).await?;
    let request = tenancy.seen.create_identity_provider().user_pool_id(&pool.id).provider_name(FOREIGN);
    let request = request.provider_type(IdentityProviderTypeType::Saml);
    request.provider_details("MetadataURL", "https://idp.example/metadata").send().await?;
    pool.deploy_role().await?;
    pool.verified().await?;
    pool.run().await?;
    Ok(Side { pool, organization, present: connections, deleted: 0 })
}

fn faults(service: &str, containing: Vec<String>, seed: u64) -> Faults {
    Faults {
        service: service.to_owned(),
        containing,
        seed,
        throttles: 0.3,
        resets: 0.05,
        slow: 0.05,
        truncated: 0.03,
        errors: 0.05,
        ..Faults::default()
    }
}

async fn change(side: &mut Side, workos: &WorkOs, random: &mut fastrand::Rng) -> Result<()> {
    let may_delete = side.present.len() > 2 && side.deleted < MOST_DELETED;
    if may_delete && random.u8(0..3) == 0 {
        // Never the first, which is in the pool from the start: the last way to sign in would have to be approved too.
        let chosen = side.present.remove(random.usize(1..side.present.len()));
        workos.delete_connection(&chosen).await?;
        side.deleted += 1;
    } else {
        side.present.push(workos.create_connection(&side.organization, &unique("c")).await?);
    }
    Ok(())
}

/// Makes all changes, in parts. After each part one webhook tells of it, and every pool has a run: each change's own
/// webhook would wake all pools up, which are thousands of failing runs on the emulator's one queue.
async fn change_and_run(sides: &mut [Side], workos: &WorkOs, changes: usize, random: &mut fastrand::Rng) -> Result<()> {
    let (pools, tenancy) = (sides.len(), sides[0].pool.tenancy.clone());
    for part in 0..PARTS {
        for number in part * changes / PARTS..(part + 1) * changes / PARTS {
            change(&mut sides[number % pools], workos, random).await?;
        }
        let told = now_in_millis();
        deliver_signed(&tenancy, "connection.activated").await?;
        for side in &*sides {
            side.pool.has_run_since(told).await?;
        }
    }
    Ok(())
}

async fn is_in_line(side: &Side) -> Result<()> {
    let mut expected: Vec<String> = side.present.iter().map(|connection| provider_name(connection)).collect();
    expected.push(FOREIGN.to_owned());
    expected.sort();
    let names = side.pool.provider_names().await?;
    ensure!(names == expected, "the pool has {names:?} and not {expected:?}");
    let mut offered = side.pool.supported().await?;
    offered.retain(|name| name != "COGNITO");
    offered.sort();
    expected.retain(|name| name != FOREIGN);
    ensure!(offered == expected, "the app client offers {offered:?} and not {expected:?}");
    Ok(())
}

/// How many calls failed on purpose, of those that contain each of these texts.
async fn failed_on_purpose(front: &Control, since: u64, service: &str, containing: &[String]) -> Result<Vec<usize>> {
    let mut counts = Vec::new();
    for text in containing {
        let mut calls = front.calls(since, text).await?;
        calls.retain(|call| call.service == service);
        let on_purpose = |call: &&Call| call.refused.as_ref().is_some_and(|why| why.ends_with("on purpose"));
        counts.push(calls.iter().filter(on_purpose).count());
    }
    Ok(counts)
}

/// Every message of the dead-letter queue, and left there: soon others see them again.
async fn dead_letters(cloud: &Cloud) -> Result<Vec<String>> {
    let sqs = Sqs::new(&cloud.integration().sdk(&cloud.region));
    let mut dead = Vec::new();
    loop {
        let request = sqs.receive_message().queue_url(&cloud.dead_letter_queue_url).max_number_of_messages(10);
        let received = request.visibility_timeout(DEAD_LOOKED_AT).send().await?.messages.unwrap_or_default();
        if received.is_empty() {
            return Ok(dead);
        }
        dead.extend(received.into_iter().filter_map(|message| message.body));
    }
}

/// Nothing that was to be done for these pools was given up, nor was about to be.
async fn nothing_was_given_up(cloud: &Cloud, sides: &[Side]) -> Result<()> {
    let dead = dead_letters(cloud).await?;
    for Side { pool, .. } in sides {
        let given_up: Vec<&String> = dead.iter().filter(|body| body.contains(&pool.id)).collect();
        ensure!(given_up.is_empty(), "a wake-up was given up: {given_up:?}");
        // What another test keeps of the dead letters is not seen. It takes runs that were not recorded to get there.
        let mut runs = lines(cloud, "reconcile", "/span/user_pool_id", &pool.id);
        runs.retain(|run| run["RunsNotRecorded"].is_u64());
        ensure!(runs.is_empty(), "the table did not fail, and these were not recorded: {runs:?}");
    }
    Ok(())
}

/// Has the schedule find a pool that failed, as if its time had come. Nobody asks for the run.
async fn is_found_by_the_schedule(pool: &Pool) -> Result<()> {
    let since = Timestamp::from_millis(i64::try_from(now_in_millis())?);
    let shown = pool.shown().await?;
    ensure!(shown["next_due_at"].is_string(), "the pool is never looked at again: {shown:#}");
    pool.set_as_created("due_at").await?;
    pool.tenancy.cloud.invoke("schedule", &json!({})).await?;
    eventually(SOON, "the schedule has the pool looked at", async || {
        let ended = pool.shown().await?["last_run"]["finished_at"].as_str().and_then(Timestamp::parse);
        Ok((ended > Some(since)).then_some(()))
    })
    .await
}

#[tokio::test]
async fn whatever_fails_meanwhile_both_sides_are_equal_at_the_end() -> Result<()> {
    let seed = setting(SEED).map_or(Ok(1), |seed| seed.parse())?;
    let (pools, changes) = size()?;
    let mut random = fastrand::Rng::with_seed(seed);
    let tenancy = Tenancy::new("faults").await?;
    let mut sides = Vec::new();
    for _ in 0..pools {
        sides.push(side(&tenancy).await?);
    }
    // The test itself goes past the front: what it does is not to fail.
    let workos = WorkOs::new(&tenancy.cloud.workos_emulator_url, &tenancy.workos.api_key)?;
    let mut foreign = Vec::new();
    for side in &sides {
        foreign.push(side.pool.provider(FOREIGN).await?.context("no foreign provider")?);
    }

    let (front, since) = (tenancy.cloud.front()?, front_now());
    let ids: Vec<String> = sides.iter().map(|side| side.pool.id.clone()).collect();
    // With what comes after a key, since one can begin like another.
    let key = vec![format!("{} ", tenancy.workos.api_key)];
    let (of_cognito, of_workos) = (format!("{} cognito", tenancy.id), format!("{} workos", tenancy.id));
    front.set_faults(&of_cognito, Some(faults("cognito-idp", ids.clone(), seed))).await?;
    front.set_faults(&of_workos, Some(faults("workos", key.clone(), seed))).await?;
    let every_pool_ran = change_and_run(&mut sides, &workos, changes, &mut random).await;
    // Whatever became of it: what goes on failing uses up the emulator's rate for all other tests.
    front.set_faults(&of_cognito, None).await?;
    front.set_faults(&of_workos, None).await?;
    every_pool_ran?;

    let hit = [
        failed_on_purpose(&front, since, "cognito-idp", &ids).await?,
        failed_on_purpose(&front, since, "workos", &key).await?,
    ];
    assert!(hit.concat().iter().all(|times| *times > 0), "not everything failed that was to fail: {hit:?}");

    for (side, foreign) in sides.iter().zip(&foreign) {
        is_found_by_the_schedule(&side.pool).await?;
        eventually(SOON, &format!("{} is in line (seed {seed})", side.pool.id), async || {
            side.pool.post("/reconcile", &json!({})).await?.expect(202)?;
            is_in_line(side).await.map(Some)
        })
        .await?;
        side.pool.health("ok").await?;
        assert!(side.pool.provider(FOREIGN).await?.as_ref() == Some(foreign), "a foreign provider was touched");
    }
    nothing_was_given_up(&tenancy.cloud, &sides).await
}
