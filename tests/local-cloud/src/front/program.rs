//! The front as a process of its own, which outlives the command that started it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use super::control::Control;
use super::proxy::{Upstream, serve};
use super::{Aws, Shared, WorkOs};
use crate::eventually::eventually;
use crate::process::{Running, free_port};
use crate::tools::Tools;

/// How long the front may take to answer for the first time.
const START_DEADLINE: Duration = Duration::from_secs(30);

/// What stands where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The port before the emulated AWS.
    pub aws_port: u16,
    /// The emulated AWS.
    pub aws_upstream: String,
    /// The port before the emulated `WorkOS`.
    pub workos_port: u16,
    /// The emulated `WorkOS`.
    pub workos_upstream: String,
    /// AWS's model of Cognito, as [`export`](super::model::export) wrote it.
    pub model: PathBuf,
}

/// Stands there until the process ends.
pub async fn run(settings: &Settings) -> Result<()> {
    let model = std::fs::read(&settings.model)
        .with_context(|| format!("cannot read {}", settings.model.display()))
        .and_then(|model| Ok(serde_json::from_slice(&model)?))?;
    let shared = Arc::new(Shared::default());
    let aws = Aws::new(shared.clone(), &settings.aws_upstream, model)?;
    let workos = WorkOs { shared, upstream: Upstream::new(&settings.workos_upstream)? };
    let listen = async |port: u16| {
        TcpListener::bind(("127.0.0.1", port)).await.with_context(|| format!("cannot listen on port {port}"))
    };
    let (aws_port, workos_port) = (listen(settings.aws_port).await?, listen(settings.workos_port).await?);
    tokio::join!(serve(aws_port, Arc::new(aws)), serve(workos_port, Arc::new(workos)));
    Ok(())
}

/// Where both emulators are reached.
#[derive(Clone, Debug)]
pub struct Endpoints {
    /// The emulated AWS.
    pub aws: String,
    /// The emulated `WorkOS`.
    pub workos: String,
}

/// The address of a port of this machine.
#[must_use]
pub fn local(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// Starts the front before both emulators, and gives its process and where it is reached.
pub async fn stand_before(
    behind: &Endpoints,
    program: &Path,
    tools: &Tools,
    logs: &Path,
) -> Result<(Running, Endpoints)> {
    let model = logs.join("cognito-model.json");
    super::model::export(&tools.ministack, &model)?;
    let settings = Settings {
        aws_port: free_port()?,
        aws_upstream: behind.aws.clone(),
        workos_port: free_port()?,
        workos_upstream: behind.workos.clone(),
        model,
    };
    let before = Endpoints { aws: local(settings.aws_port), workos: local(settings.workos_port) };
    Ok((start(program, &settings, &before.aws, &logs.join("front.log")).await?, before))
}

/// Starts `program`, which has to [`run`] the settings that it is given as JSON after `front`, and waits until
/// it answers at `endpoint`.
async fn start(program: &Path, settings: &Settings, endpoint: &str, log: &Path) -> Result<Running> {
    let mut command = Command::new(program);
    command.arg("front").arg(serde_json::to_string(settings)?);
    let running = Running::start("front", &mut command, log)?;
    let control = Control::new(endpoint)?;
    eventually(START_DEADLINE, "the front answers", async || Ok(control.is_healthy().await.then_some(())))
        .await
        .with_context(|| format!("see {}", log.display()))?;
    Ok(running)
}
