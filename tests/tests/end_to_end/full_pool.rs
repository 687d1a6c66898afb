//! A pool that has no room for all connections.

use anyhow::Result;
use causeway_local_cloud::front::control::now;
use serde_json::json;

use crate::pool::provider_name;
use crate::tenancy::{Tenancy, text};

#[tokio::test]
async fn a_full_pool_leaves_the_newest_connection_out_says_so_and_asks_no_more_than_once_a_run() -> Result<()> {
    let tenancy = Tenancy::new("full").await?;
    let (organization, mut connections) = tenancy.organization_with(4).await?;
    let pool = tenancy.registered_pool(&[&organization]).await?;
    let front = tenancy.cloud.front()?;
    front.set_quota(&pool.id, 2).await?;
    pool.deploy_role().await?;
    pool.verified().await?;
    let (left_out, served) = (connections.split_off(2), connections);
    pool.settles_on(&[&served[0], &served[1]]).await?;
    pool.drained().await?;

    let since = now();
    let run = pool.run().await?;
    assert_eq!((&run["outcome"], &run["steps"]), (&json!("partial"), &json!([])), "{run:#}");
    let health = pool.health("quota").await?;
    let message = text(&health, "message")?;
    assert!(left_out.iter().all(|id| message.contains(id)) && message.contains("2 connections"), "{health}");
    assert!(served.iter().all(|id| !message.contains(id)), "{health}");
    // Another run may have been asked for by the schedule.
    let calls = front.calls(since, &pool.id).await?;
    let count = |operation: &str| calls.iter().filter(|call| call.operation == operation).count();
    assert!(count("CreateIdentityProvider") > 0, "{calls:?}");
    // The look of a run that was under way may have been before.
    assert!(
        count("CreateIdentityProvider") <= count("DescribeUserPool") + 1,
        "a full pool was taken for a throttle: {calls:?}"
    );
    let mut offered = pool.supported().await?;
    offered.retain(|name| name != "COGNITO");
    assert_eq!(offered.len(), 2, "those that are served are offered: {offered:?}");

    front.set_quota(&pool.id, 4).await?;
    pool.run().await?;
    pool.health("ok").await?;
    assert!(pool.provider_names().await?.contains(&provider_name(&left_out[1])));
    Ok(())
}
