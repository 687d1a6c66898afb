//! Somebody who follows a page of the documents: a folder with the project's settings and its build, and a shell in it.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use causeway_local_cloud::cloud::Cloud;
use causeway_local_cloud::deployment::{Build, STACK, parameters_of};
use causeway_local_cloud::tools::{self, Tool};
use causeway_local_cloud::workspace;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// What of a page's own settings can't be on the local cloud, and what is there instead.
const ELSEWHERE: [(&str, &str); 4] = [
    // No browser and no function finds this host.
    (r#"PublicBaseUrl="https://login.example.com""#, r#"PublicBaseUrl="""#),
    // CodeDeploy is not in the emulator.
    (r#"Canary="LambdaCanary10Percent10Minutes""#, r#"Canary="none""#),
    (r#"Canary=\"LambdaAllAtOnce\""#, r#"Canary=\"none\""#),
    (r#"AlarmTopicArn="arn:aws:sns:eu-west-1:111111111111:alarms""#, r#"AlarmTopicArn="""#),
];

/// A shell that remembers variables and functions from one block of commands to the next.
pub struct Shell {
    folder: PathBuf,
    endpoint: String,
    region: String,
    stack: String,
}

impl Shell {
    /// A shell in a new folder, for a Region of the local cloud, and a stack in it. The emulator gives roles and buckets,
    /// which are no Region's, the same names in two stacks of one name.
    pub fn new(cloud: &Cloud, name: &str, region: &str, stack: &str) -> Result<Self> {
        let folder = workspace::local().join("pages").join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(folder.join(".aws-sam"))?;
        for file in ["samconfig.toml", "template.yaml"] {
            std::fs::copy(workspace::root().join(file), folder.join(file))?;
        }
        let (endpoint, region, stack) = (cloud.aws_endpoint.clone(), region.to_owned(), stack.to_owned());
        let shell = Self { folder, endpoint, region, stack };
        shell.has_build(&Build::Quick.folder())?;
        Ok(shell)
    }

    /// Where it is.
    pub fn folder(&self) -> &PathBuf {
        &self.folder
    }

    /// Puts a build in the place of the one that `sam build` makes.
    pub fn has_build(&self, build: &PathBuf) -> Result<()> {
        let place = self.folder.join(".aws-sam/build");
        if place.is_symlink() {
            std::fs::remove_file(&place)?;
        }
        std::os::unix::fs::symlink(build, &place).context("no build")
    }

    /// Writes these settings into `samconfig.toml`, with those of the local cloud.
    pub fn has_settings(&self, cloud: &Cloud, settings: &str) -> Result<()> {
        let file = self.folder.join("samconfig.toml");
        let text = std::fs::read_to_string(&file)?;
        let (before, rest) = text.split_once("\nparameter_overrides = [\n").context("no settings to deploy with")?;
        let (_, after) = rest.split_once("\n]").context("the settings have no end")?;
        let settings = self.here(settings);
        let (settings, _) = settings.rsplit_once(']').context("the settings are no list")?;
        let local = parameters_of(cloud)?;
        // What the page names is as the page has it, but for the processor.
        let added = local.iter().filter(|one| one.starts_with("Architecture") || !settings.contains(name(one)));
        let settings = settings.lines().filter(|line| !line.contains("'Architecture=")).collect::<Vec<_>>().join("\n");
        let added: String = added.map(|one| format!("  '{one}',\n")).collect();
        let before = self.here(before);
        Ok(std::fs::write(&file, format!("{before}\n{settings}\n{added}]{after}"))?)
    }

    /// A page's text with what is another on the local cloud.
    fn here(&self, text: &str) -> String {
        let text = ELSEWHERE.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
        let named = ["--stack-name ", "STACK=", "stack_name = \""].iter();
        named.fold(text, |text, before| text.replace(&format!("{before}{STACK}"), &format!("{before}{}", self.stack)))
    }

    /// What commands print. They have to succeed, each of them.
    pub async fn run(&self, commands: &str, input: &str) -> Result<String> {
        let commands = self.here(commands);
        let script = format!(
            "set -euo pipefail\n[ ! -e .state ] || . ./.state\n{commands}\n\
             {{ declare -p | grep -Ev '^declare -[A-Za-z]*r'; declare -f; }} > .state\n"
        );
        let path = [tools::folder(Tool::Sam)?, tools::folder(Tool::Checks)?].map(|tool| tool.join("bin"));
        let others = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(path.into_iter().chain(std::env::split_paths(&others)))?;
        let mut bash = Command::new("bash");
        bash.args(["-c", &script]).current_dir(&self.folder).env_clear().env("PATH", path);
        for (name, value) in [
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_DEFAULT_REGION", &self.region),
            ("AWS_ENDPOINT_URL", &self.endpoint),
            ("AWS_REGION", &self.region),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ("HOME", &self.folder.display().to_string()),
            ("LC_ALL", "C.UTF-8"),
            ("NO_PROXY", "127.0.0.1,localhost"),
            ("SAM_CLI_TELEMETRY", "0"),
        ] {
            bash.env(name, value);
        }
        let bash = bash.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut bash = bash.spawn().context("cannot start bash")?;
        let mut typed = bash.stdin.take().context("no standard input")?;
        // What asks for nothing has ended before it reads.
        let _ = typed.write_all(input.as_bytes()).await;
        drop(typed);
        let ran = bash.wait_with_output().await?;
        let (said, complained) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        ensure!(ran.status.success(), "{}: {commands}\n{said}\n{complained}", ran.status);
        Ok(said.trim_end().to_owned())
    }
}

/// The name of a parameter that has a value.
fn name(parameter: &str) -> &str {
    parameter.split('=').next().unwrap_or_default()
}
