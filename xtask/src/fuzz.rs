//! Fuzz targets: what strangers send is read for minutes, where the tests beside them read it for a second.

use std::process::Command;

use anyhow::{Context, Result};
use causeway_tests::process::run_shown;
use causeway_tests::workspace;

/// The packages whose `tests/fuzz.rs` has targets.
const PACKAGES: [&str; 2] = ["causeway-core", "causeway-edge"];
/// For how long each part of a target runs. Those of a package run side by side.
const MILLISECONDS: &str = "180000";

/// Fails where a target finds something; the message has the seed that finds it again.
pub async fn run() -> Result<()> {
    for package in PACKAGES {
        let mut command = Command::new("cargo");
        command
            .args(["test", "--package", package, "--test", "fuzz"])
            .env("BOLERO_RANDOM_TEST_TIME_MS", MILLISECONDS)
            .current_dir(workspace::root());
        run_shown("cargo test", &mut command).await.with_context(|| format!("the fuzz targets of {package}"))?;
    }
    Ok(())
}
