//! Cognito and `WorkOS` fail in every way at once, while connections come and go.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_cognitoidentityprovider::types::IdentityProviderTypeType;
use aws_sdk_sqs::Client as Sqs;
use causeway_tests::eventually::eventually;
use causeway_tests::front::faults::Faults;
use causeway_tests::workos::WorkOs;
use serde_json::json;

use crate::pool::{Pool, provider_name};
use crate::tenancy::{Tenancy, unique};

/// What the changes and what goes wrong are drawn from. Another one in the environment plays another scenario.
const SEED: &str = "CAUSEWAY_SEED";
/// How many user pools and changes there are: `cargo xtask test --long` sets more.
const SIZE: &str = "CAUSEWAY_FAULTS";
/// More deletions of one pool would have to be approved.
const MOST_DELETED: usize = 4;
const FOREIGN: &str = "TenantsOwn";
/// How long both sides may take until they are equal, once nothing goes wrong any more.
const IN_LINE_WITHIN: Duration = Duration::from_mins(5);

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
    }
}

async fn change(side: &mut Side, workos: &WorkOs, random: &mut fastrand::Rng) -> Result<()> {
    let may_delete = side.present.len() > 2 && side.deleted < MOST_DELETED;
    if may_delete && random.u8(0..3) == 0 {
        let chosen = side.present.remove(random.usize(..side.present.len()));
        workos.delete_connection(&chosen).await?;
        side.deleted += 1;
    } else {
        side.present.push(workos.create_connection(&side.organization, &unique("c")).await?);
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

#[tokio::test]
async fn whatever_fails_meanwhile_both_sides_are_equal_at_the_end() -> Result<()> {
    let seed = setting(SEED).map_or(Ok(1), |seed| seed.parse())?;
    let (pools, changes) = size()?;
    let mut random = fastrand::Rng::with_seed(seed);
    let tenancy = Tenancy { listens: true, ..Tenancy::new("faults").await? };
    let mut sides = Vec::new();
    for _ in 0..pools {
        sides.push(side(&tenancy).await?);
    }
    // The test itself goes past the front: what it does is not to fail.
    let workos = WorkOs::new(&tenancy.cloud.workos_emulator_url, &tenancy.workos.api_key)?;
    let foreign = sides[0].pool.provider(FOREIGN).await?;

    let front = tenancy.cloud.front()?;
    let ids = sides.iter().map(|side| side.pool.id.clone()).collect();
    let (of_cognito, of_workos) = (format!("{} cognito", tenancy.id), format!("{} workos", tenancy.id));
    front.set_faults(&of_cognito, Some(faults("cognito-idp", ids, seed))).await?;
    front.set_faults(&of_workos, Some(faults("workos", vec![tenancy.workos.api_key.clone()], seed))).await?;
    for number in 0..changes {
        change(&mut sides[number % pools], &workos, &mut random).await?;
    }
    // Long enough for every pool to be run while things fail.
    for side in &sides {
        side.pool.run().await?;
    }
    front.set_faults(&of_cognito, None).await?;
    front.set_faults(&of_workos, None).await?;

    for side in &sides {
        eventually(IN_LINE_WITHIN, &format!("{} is in line (seed {seed})", side.pool.id), async || {
            side.pool.post("/reconcile", &json!({})).await?.expect(202)?;
            is_in_line(side).await.map(Some)
        })
        .await?;
        side.pool.health("ok").await?;
    }
    assert_eq!(sides[0].pool.provider(FOREIGN).await?, foreign, "a foreign provider was touched");
    let sqs = Sqs::new(&tenancy.cloud.integration().sdk(&tenancy.cloud.region));
    let request = sqs.receive_message().queue_url(&tenancy.cloud.dead_letter_queue_url);
    // Seen, and left for whoever else looks.
    let dead = request.max_number_of_messages(10).visibility_timeout(0).send().await?.messages.unwrap_or_default();
    let of_ours = dead.iter().filter_map(|message| message.body.as_deref()).find(|body| body.contains(&tenancy.id));
    assert_eq!(of_ours, None, "a wake-up was given up");
    tenancy.stop_listening().await
}
