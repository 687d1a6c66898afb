//! The operator's command `causeway`, run as the program that it is.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use aws_credential_types::Credentials;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;

use crate::cloud::Cloud;
use crate::workspace;

/// Names the built program, where somebody built it already.
pub const PROGRAM_VARIABLE: &str = "CAUSEWAY_PROGRAM";

/// Builds the program, with what the tests are built of.
pub async fn build() -> Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    let arguments = ["build", "--workspace", "--bin", "causeway"];
    cargo.args(arguments).args(["--quiet", "--message-format", "json"]).current_dir(workspace::root());
    let built = cargo.stderr(Stdio::inherit()).output().await.context("cannot start cargo")?;
    ensure!(built.status.success(), "cargo {} failed ({})", arguments.join(" "), built.status);
    let messages = String::from_utf8_lossy(&built.stdout).into_owned();
    let mut programs = messages.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let is_program = message["target"]["name"] == "causeway" && message["profile"]["test"] == false;
        message["executable"].as_str().filter(|_| is_program).map(PathBuf::from)
    });
    programs.next_back().context("cargo built no program `causeway`")
}

/// The program that the tests run.
pub async fn program() -> Result<&'static PathBuf> {
    static PROGRAM: OnceCell<PathBuf> = OnceCell::const_new();
    let built = async || match std::env::var_os(PROGRAM_VARIABLE) {
        Some(program) => Ok(PathBuf::from(program)),
        None => build().await,
    };
    PROGRAM.get_or_try_init(built).await
}

/// How the command ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// What it said besides.
    pub stderr: String,
}

impl Ended {
    /// What it printed as JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.stdout).with_context(|| format!("no JSON: {self:?}"))
    }

    /// This if it ended with `code`, else an error that shows it.
    pub fn expect(self, code: i32) -> Result<Self> {
        ensure!(self.code == code, "expected {code}: {self:#?}");
        Ok(self)
    }
}

/// The command against one deployment, run by somebody.
#[derive(Clone, Debug)]
pub struct CommandLine {
    api_url: String,
    region: String,
    credentials: Credentials,
}

impl CommandLine {
    /// The command against `cloud`, run by whoever has these credentials.
    #[must_use]
    pub fn new(cloud: &Cloud, credentials: Credentials) -> Self {
        Self { api_url: cloud.api_url.clone(), region: cloud.region.clone(), credentials }
    }

    /// Runs it with nothing on its standard input.
    pub async fn run(&self, arguments: &[&str]) -> Result<Ended> {
        self.run_with_input(arguments, "").await
    }

    /// Runs it with `input` on its standard input.
    pub async fn run_with_input(&self, arguments: &[&str], input: &str) -> Result<Ended> {
        let mut child = self.command(arguments).await?.spawn().context("cannot start the command")?;
        let mut stdin = child.stdin.take().context("no standard input")?;
        stdin.write_all(input.as_bytes()).await?;
        drop(stdin);
        let output = child.wait_with_output().await?;
        Ok(Ended {
            code: output.status.code().context("the command was killed")?,
            stdout: String::from_utf8(output.stdout)?,
            stderr: String::from_utf8(output.stderr)?,
        })
    }

    /// Starts it, and gives it with the first line that it prints. It ends when it is dropped.
    pub async fn start(&self, arguments: &[&str]) -> Result<(Child, String)> {
        let mut child = self.command(arguments).await?.spawn().context("cannot start the command")?;
        let mut stdout = BufReader::new(child.stdout.take().context("no standard output")?).lines();
        let line = stdout.next_line().await?;
        Ok((child, line.context("it prints nothing")?))
    }

    /// It with nothing of the developer's environment.
    async fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(program().await?);
        command
            .args(arguments)
            .env_clear()
            .env("CAUSEWAY_API_URL", &self.api_url)
            .env("AWS_REGION", &self.region)
            .env("XDG_CONFIG_HOME", std::env::temp_dir().join(format!("causeway-{}", std::process::id())))
            .env("AWS_ACCESS_KEY_ID", self.credentials.access_key_id())
            .env("AWS_SECRET_ACCESS_KEY", self.credentials.secret_access_key())
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env("AWS_EC2_METADATA_DISABLED", "true");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        Ok(command)
    }
}
