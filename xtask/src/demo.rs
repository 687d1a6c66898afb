//! `cargo xtask demo`: the main job, step by step.

use anyhow::Result;
use causeway_tests::cloud::{Cloud, Settings};

use crate::announce;

/// Starts a local cloud, runs every step on it, and stops it.
pub async fn run(keep: bool) -> Result<()> {
    let started = Cloud::start(&Settings::default(), &announce).await?;
    steps(started.cloud()?).await?;
    if keep {
        println!("The local cloud keeps running; `cargo xtask down` stops it.");
        started.detach();
    }
    Ok(())
}

// ---- the steps go here ----
async fn steps(cloud: &Cloud) -> Result<()> {
    let tenants = cloud.api(&cloud.integration())?.get("/v1/tenants").await?;
    tenants.expect(200)?;
    println!("Causeway runs at {}", cloud.api_url);
    Ok(())
}
