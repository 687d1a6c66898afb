//! Fuzz targets: what strangers send is read for minutes, where the tests beside them read it for a second.

use std::process::Command;

use anyhow::{Context, Result};
use causeway_local_cloud::process::run_shown;
use causeway_local_cloud::workspace;

/// For how long each part of a target runs. Those of a package run side by side.
const MILLISECONDS: &str = "180000";

/// Fails where a target finds something; the message has the seed that finds it again.
pub async fn run() -> Result<()> {
    let mut command = Command::new("cargo");
    command
        .args(["test", "--workspace", "--test", "fuzz"])
        .env("BOLERO_RANDOM_TEST_TIME_MS", MILLISECONDS)
        .current_dir(workspace::root());
    run_shown("cargo test", &mut command).await.context("the fuzz targets")
}
