//! The scripts of `tests/tools/browser` that do one thing and end, run by Node.js.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use causeway_machine::options::WORKOS_KEY_VARIABLE;
use serde_json::Value;
use tokio::process::Command;

use crate::tools::{self, Tool};

/// How long a script may take on a slow machine.
const LONGEST: Duration = Duration::from_mins(3);

/// Runs a script and gives the JSON that it prints. `environment` is for what no other user of the machine may see.
pub async fn run(name: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Result<Value> {
    let mut command = Command::new("node");
    forget_keys(&mut command);
    command.arg(name).args(arguments).envs(environment.iter().copied()).current_dir(folder()?);
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(LONGEST, output).await;
    let output = output.with_context(|| format!("{name} took longer than {LONGEST:?}"))?.context("cannot run node")?;
    if !output.status.success() {
        bail!("{name} failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice(&output.stdout).with_context(|| format!("{name} printed no JSON"))
}

/// Takes from a program what it has no use for: credentials of AWS, and an API key of WorkOS.
pub(crate) fn forget_keys(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_") || name == WORKOS_KEY_VARIABLE {
            command.env_remove(name);
        }
    }
}

/// The folder of the scripts, with what they need installed.
pub fn folder() -> Result<PathBuf> {
    tools::folder(Tool::Browser)
}
