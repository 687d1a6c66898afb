//! `cargo xtask demo`: starts a local cloud, plays the scenes of [`causeway_local_cloud::demo`] on it, and stops it.

mod ending;

use std::time::Instant;

use anyhow::Result;
use causeway_local_cloud::cloud::{Cloud, Settings};
use causeway_local_cloud::demo::{fact, heading, play};
use causeway_local_cloud::deployment::Triggers;

use crate::{prepared, with_front};

/// Starts a local cloud, runs every step on it, and stops it.
pub async fn run(keep: bool) -> Result<()> {
    let begin = Instant::now();
    heading(1, "The local cloud starts, and template.yaml is deployed into account 111111111111");
    let settings = Settings { strict: true, triggers: Triggers::Quick, ..Settings::default() };
    let started = Cloud::start(&with_front(settings)?).await?;
    let cloud = started.cloud()?;
    fact("Causeway", &cloud.api_url);
    let scene = play(cloud).await?;
    let took = begin.elapsed() + prepared().all;
    ending::show(&scene, keep, took).await?;
    if keep {
        started.detach();
    }
    Ok(())
}
