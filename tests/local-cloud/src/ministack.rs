//! The emulated AWS.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::eventually::eventually;
use crate::process::{Running, last_lines};
use crate::signed_http::plain_client;
use crate::workspace;

/// The account that Causeway is deployed to.
pub const INTEGRATION_ACCOUNT: &str = "111111111111";
/// The region that Causeway is deployed to.
pub const REGION: &str = "us-east-1";

const START_DEADLINE: Duration = Duration::from_secs(30);

/// How `MiniStack` is started.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// The Python environment that it is installed in.
    pub environment: &'a Path,
    /// The port it listens on.
    pub port: u16,
    /// Where functions send their AWS calls.
    pub functions_aws_endpoint: &'a str,
    /// A folder for its state, emptied before.
    pub state: &'a Path,
    /// A folder for its log and the functions' logs.
    pub logs: &'a Path,
}

/// Starts `MiniStack` and waits until it is healthy.
pub async fn start(settings: Settings<'_>) -> Result<Running> {
    if settings.state.exists() {
        std::fs::remove_dir_all(settings.state)?;
    }
    std::fs::create_dir_all(settings.state)?;
    let log = settings.logs.join("ministack.log");
    let mut running = Running::start("ministack", &mut command(&settings), &log)?;
    let url = format!("http://127.0.0.1:{}/_ministack/health", settings.port);
    let http = plain_client()?;
    let healthy = eventually(START_DEADLINE, "MiniStack is healthy", async || {
        if let Some(status) = running.ended() {
            return Ok(Some(Err(status)));
        }
        let answer = http.get(&url).send().await?;
        Ok(answer.status().is_success().then_some(Ok(())))
    })
    .await;
    match healthy {
        Ok(Ok(())) => Ok(running),
        Ok(Err(status)) => bail!("MiniStack ended ({status}), see {}:\n{}", log.display(), last_lines(&log)),
        Err(error) => Err(error.context(format!("see {}", log.display()))),
    }
}

fn command(settings: &Settings<'_>) -> Command {
    let mut command = Command::new(settings.environment.join("bin/python"));
    command
        .arg(workspace::root().join("tests/tools/start_ministack.py"))
        .current_dir(settings.state)
        // Functions inherit everything in its environment, so nothing of this machine's is in it.
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", settings.state)
        .env("TMPDIR", settings.state)
        .env("STATE_DIR", settings.state.join("services"))
        .env("S3_DATA_DIR", settings.state.join("s3"))
        .env("FUNCTION_LOGS", settings.logs)
        .env("AUTH", "true")
        .env("BIND_HOST", "127.0.0.1")
        .env("MINISTACK_HOST", "localhost")
        .env("GATEWAY_PORT", settings.port.to_string())
        .env("AWS_ENDPOINT_URL", settings.functions_aws_endpoint)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("MINISTACK_ACCOUNT_ID", INTEGRATION_ACCOUNT)
        .env("IOT_MTLS_ENABLED", "0")
        .env("SFTP_ENABLED", "0")
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}
