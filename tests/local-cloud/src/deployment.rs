//! Building the functions and deploying `template.yaml`, with SAM CLI.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use aws_credential_types::Credentials;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::account::Account;
use crate::cloud::Cloud;
use crate::ministack::{INTEGRATION_ACCOUNT, REGION};
use crate::process::{run, run_shown};
use crate::signed_http::SignedClient;
use crate::tenant_role::stack_outputs;
use crate::tools::{self, Tools};
use crate::workspace;

/// The name of Causeway's stack.
pub const STACK: &str = "causeway";

/// The processor of this machine as Lambda names it.
pub fn host_architecture() -> Result<&'static str> {
    match std::env::consts::ARCH {
        "x86_64" => Ok("x86_64"),
        "aarch64" => Ok("arm64"),
        other => bail!("functions can't be built for this machine's processor ({other})"),
    }
}

/// How the functions are built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Build {
    /// Without optimization, beside what the tests are built of, so that dependencies are built once for both.
    #[default]
    Quick,
    /// With the profile that is shipped.
    Shipped,
}

impl Build {
    /// The folder of the built functions, one folder for each by its logical name, and of the template for them.
    #[must_use]
    pub fn folder(self) -> PathBuf {
        workspace::local().join(match self {
            Self::Quick => "build",
            Self::Shipped => "shipping",
        })
    }

    /// Where the compiler works.
    fn target(self) -> PathBuf {
        match self {
            Self::Quick => workspace::target(),
            Self::Shipped => workspace::local().join("shipping-target"),
        }
    }

    fn prepare(self, command: &mut Command) {
        // The tool chain that is here has to do. Without this a missing one would be downloaded.
        command.env("RUSTUP_DIST_SERVER", "http://127.0.0.1:9").env("CARGO_TARGET_DIR", self.target());
        if self == Self::Quick {
            // This machine's own compiler and linker, as the tests are built: nothing is built for another system.
            command.env("SAM_BUILD_MODE", "debug").env("CARGO_LAMBDA_COMPILER", "cargo");
            // As everything else that is built here, so that dependencies have the same features in all of it.
            command.env("CARGO_LAMBDA_COMPILER_EXTRA_ARGS", "--workspace");
        }
    }
}

/// Builds the functions for this machine.
pub async fn build(tools: &Tools, how: Build, log: &Path) -> Result<()> {
    let architecture = host_architecture()?;
    let mut sam = sam(&tools.sam);
    sam.args(["build", "--config-env", "local", "--build-dir"])
        .arg(how.folder())
        .args(["--parameter-overrides", &format!("Architecture={architecture}")]);
    how.prepare(&mut sam);
    run("sam build", &mut sam, log).await
}

/// Builds a function that is not deployed, as the others are built, and gives its program.
pub async fn build_alone(tools: &Tools, package: &str, how: Build, log: &Path) -> Result<PathBuf> {
    let architecture = host_architecture()?;
    let folder = how.folder().with_extension("alone");
    let mut cargo = with_tools(Command::new("cargo"), &tools.sam);
    cargo
        .args(["lambda", "build", "--release", "--locked", "--package", package, "--lambda-dir"])
        .arg(&folder)
        .args(if architecture == "arm64" { &["--arm64"][..] } else { &["--x86-64"] });
    how.prepare(&mut cargo);
    run("cargo lambda build", &mut cargo, log).await?;
    Ok(folder.join(package).join("bootstrap"))
}

/// Builds one of the functions as it is shipped, behind everything else that wants a processor.
pub async fn build_shipped(tools: &Tools, function: &str, log: &Path) -> Result<()> {
    let mut cargo = with_tools(Command::new("nice"), &tools.sam);
    let processor = if host_architecture()? == "arm64" { "--arm64" } else { "--x86-64" };
    cargo
        .args(["cargo", "lambda", "build", "--release", "--locked", "--bin", function, processor, "--lambda-dir"])
        .arg(Build::Shipped.folder().with_extension("one"));
    Build::Shipped.prepare(&mut cargo);
    run("cargo lambda build", &mut cargo, log).await
}

/// Builds the functions as somebody does who follows `docs/deploy.md` for a processor: it stands in both sections of the
/// settings, and nowhere else.
pub async fn build_by_settings(tools: &Tools, architecture: &str, log: &Path) -> Result<()> {
    let settings = std::fs::read_to_string(workspace::root().join("samconfig.toml")).context("no settings")?;
    let named = "'Architecture=\"arm64\"'";
    ensure!(settings.matches(named).count() == 2, "not both sections of samconfig.toml have {named}");
    let own = Build::Shipped.folder().with_extension("toml");
    std::fs::create_dir_all(workspace::local()).context("cannot make the folder of the local cloud")?;
    std::fs::write(&own, settings.replace(named, &format!("'Architecture=\"{architecture}\"'")))
        .with_context(|| format!("cannot write {}", own.display()))?;
    let mut sam = sam(&tools.sam);
    sam.args(["build", "--config-env", "integration", "--config-file"]).arg(&own);
    sam.arg("--build-dir").arg(Build::Shipped.folder());
    Build::Shipped.prepare(&mut sam);
    run("sam build", &mut sam, log).await?;
    let function = Build::Shipped.folder().join("SigninFunction/bootstrap");
    let built = processor_of(&std::fs::read(&function).with_context(|| format!("no {}", function.display()))?)?;
    ensure!(built == architecture, "built for {built}, and not for {architecture}");
    Ok(())
}

/// The processor that a program is for, as Lambda names it.
fn processor_of(program: &[u8]) -> Result<&'static str> {
    // ELF: `e_machine`.
    match program.get(18..20) {
        Some([0x3e, 0]) => Ok("x86_64"),
        Some([0xb7, 0]) => Ok("arm64"),
        other => bail!("a program for another processor: {other:?}"),
    }
}

/// Checks `template.yaml`, and that the workflows of the continuous delivery are YAML.
pub async fn validate(tools: &Tools) -> Result<()> {
    let mut sam = sam(&tools.sam);
    sam.args(["validate", "--lint", "--region", REGION]);
    run_shown("sam validate", &mut sam).await?;
    let mut python = Command::new(tools.sam.join("bin/python"));
    let workflows = std::fs::read_dir(workspace::root().join(".github/workflows")).context("no workflows")?;
    python.args(["-c", "import sys, yaml\nfor file in sys.argv[1:]: yaml.safe_load(open(file))"]);
    for workflow in workflows {
        python.arg(workflow?.path());
    }
    run_shown("reading the workflows", &mut python).await
}

/// What the stack is deployed with.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// The port of the emulated AWS.
    pub aws_port: u16,
    /// Where the emulated `WorkOS` is.
    pub workos_url: &'a str,
    /// Which keys sign.
    pub signing_keys: SigningKeys<'a>,
    /// How the functions were built.
    pub build: Build,
    /// What calls the functions by itself.
    pub triggers: Triggers,
}

/// What calls the functions by itself: the schedule, and the queue's messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Triggers {
    /// The schedule ticks every minute, as the template says.
    #[default]
    Usual,
    /// It ticks every few seconds, and a pool is due as soon, so that nobody waits for it.
    Quick,
    /// Nothing: the functions are there for whoever calls them.
    None,
}

impl Triggers {
    /// How often the schedule ticks, as the Scheduler writes it. AWS counts in minutes, the emulator is taught seconds.
    fn tick(self) -> &'static str {
        match self {
            Self::Usual => "rate(1 minute)",
            Self::Quick => "rate(2 seconds)",
            // Longer than any local cloud runs.
            Self::None => "rate(365 days)",
        }
    }

    /// After how many seconds a user pool is looked at again.
    fn interval(self) -> u32 {
        if self == Self::Quick { 2 } else { 30 }
    }
}

/// The stack's parameters `SigningKeys` and `SigningKeyLeadSeconds`.
#[derive(Clone, Copy, Debug)]
pub struct SigningKeys<'a> {
    /// `first`, `both` or `second`.
    pub which: &'a str,
    /// How long a new key is published before it signs.
    pub lead_seconds: u32,
}

impl Default for SigningKeys<'_> {
    fn default() -> Self {
        Self { which: "first", lead_seconds: 1800 }
    }
}

/// Deploys what was built and gives the stack's outputs.
pub async fn deploy(tools: &Tools, settings: Settings<'_>, log: &Path) -> Result<BTreeMap<String, String>> {
    let endpoint = format!("http://127.0.0.1:{}", settings.aws_port);
    run("sam deploy", &mut sam_deploy(&tools.sam, &endpoint, settings)?, log).await?;
    let account = Account::root(&endpoint, INTEGRATION_ACCOUNT);
    Ok(stack_outputs(&account, REGION, STACK).await?.into_iter().collect())
}

/// Deploys what was built into another account of a running cloud too, as another operator does, and gives the stack's
/// outputs.
pub async fn deploy_beside(cloud: &Cloud, account: &Account) -> Result<BTreeMap<String, String>> {
    let log = cloud.log_dir.join(format!("deploy-{}.log", account.id));
    let settings = settings_of(cloud, SigningKeys::default())?;
    let mut sam = sam_deploy(&tools::installed()?.sam, &cloud.aws_endpoint, settings)?;
    run("sam deploy", sam.env("AWS_ACCESS_KEY_ID", &account.id), &log).await?;
    Ok(stack_outputs(account, REGION, STACK).await?.into_iter().collect())
}

fn sam_deploy(environment: &Path, endpoint: &str, settings: Settings<'_>) -> Result<Command> {
    let mut sam = sam(environment);
    sam.args(["deploy", "--config-env", "local", "--config-file"])
        .arg(workspace::root().join("samconfig.toml"))
        .arg("--template-file")
        .arg(settings.build.folder().join("template.yaml"))
        .args(["--stack-name", STACK, "--region", REGION])
        .args(["--resolve-s3", "--capabilities", "CAPABILITY_IAM"])
        .args(["--no-progressbar", "--no-confirm-changeset", "--no-fail-on-empty-changeset", "--parameter-overrides"])
        .args(parameters(settings)?)
        .env("AWS_ENDPOINT_URL", endpoint);
    Ok(sam)
}

/// Deploys the stack of a running cloud again, with other keys, as an operator does who replaces the signing key, or
/// with the functions as they are built by now.
pub async fn deploy_again(cloud: &Cloud, signing_keys: SigningKeys<'_>) -> Result<()> {
    let log = cloud.log_dir.join(format!("deploy-{}.log", signing_keys.which));
    deploy(&tools::installed()?, settings_of(cloud, signing_keys)?, &log).await.map(drop)
}

/// What the stack of a running cloud is deployed with, each parameter as `samconfig.toml` has it.
pub fn parameters_of(cloud: &Cloud) -> Result<Vec<String>> {
    parameters(settings_of(cloud, SigningKeys::default())?)
}

fn settings_of<'a>(cloud: &'a Cloud, signing_keys: SigningKeys<'a>) -> Result<Settings<'a>> {
    Ok(Settings {
        aws_port: Url::parse(&cloud.aws_endpoint)?.port().context("the emulated AWS has no port")?,
        workos_url: &cloud.workos_url,
        signing_keys,
        build: Build::Quick,
        triggers: cloud.triggers,
    })
}

/// Deploys what was built into a running cloud as somebody, whose session is the one thing that SAM CLI is given.
pub async fn deploy_as(cloud: &Cloud, session: &Credentials, log: &Path) -> Result<()> {
    open_sams_bucket(cloud).await?;
    let port = Url::parse(&cloud.aws_endpoint)?.port().context("the emulated AWS has no port")?;
    let settings = Settings {
        aws_port: port,
        workos_url: &cloud.workos_url,
        signing_keys: SigningKeys::default(),
        build: Build::Quick,
        triggers: cloud.triggers,
    };
    let mut sam = sam_deploy(&tools::installed()?.sam, &cloud.aws_endpoint, settings)?;
    run("sam deploy", with_session(&mut sam, session), log).await
}

/// Takes the policy off the bucket that SAM CLI uploads to: it denies what comes without TLS, which here is everything.
async fn open_sams_bucket(cloud: &Cloud) -> Result<()> {
    let outputs = stack_outputs(&cloud.integration(), REGION, "aws-sam-cli-managed-default").await?;
    let bucket = outputs.into_iter().find(|(name, _)| name == "SourceBucket").context("SAM has no bucket")?.1;
    let client = SignedClient::new(cloud.integration().credentials(), REGION, "s3")?;
    client.send("DELETE", &format!("{}/{bucket}?policy", cloud.aws_endpoint), &[], b"").await?.expect(204).map(drop)
}

/// A deployment to AWS itself.
#[derive(Clone, Copy, Debug)]
pub struct ToAws<'a> {
    /// All that SAM CLI is given to act with.
    pub session: &'a Credentials,
    /// The Region.
    pub region: &'a str,
    /// The stack's name.
    pub stack: &'a str,
    /// The built template.
    pub template: &'a Path,
    /// A tag of all resources, with its value: `name=value`.
    pub tag: &'a str,
    /// The stack's parameters, each as SAM CLI takes it. What they leave out has the template's default.
    pub parameters: &'a [String],
}

/// Deploys what was built to AWS.
pub async fn deploy_to_aws(to: ToAws<'_>, log: &Path) -> Result<()> {
    let mut sam = sam(&tools::folder(tools::Tool::Sam)?);
    sam.args(["deploy", "--template-file"])
        .arg(to.template)
        .args(["--stack-name", to.stack, "--region", to.region, "--tags", to.tag])
        .args(["--resolve-s3", "--capabilities", "CAPABILITY_IAM"])
        .args(["--no-progressbar", "--no-confirm-changeset", "--no-fail-on-empty-changeset", "--parameter-overrides"])
        .args(to.parameters)
        .env("AWS_REGION", to.region);
    run("sam deploy", with_session(&mut sam, to.session), log).await
}

fn with_session<'a>(command: &'a mut Command, session: &Credentials) -> &'a mut Command {
    command
        .env("AWS_ACCESS_KEY_ID", session.access_key_id())
        .env("AWS_SECRET_ACCESS_KEY", session.secret_access_key())
        .env("AWS_SESSION_TOKEN", session.session_token().unwrap_or_default())
}

fn parameters(settings: Settings<'_>) -> Result<Vec<String>> {
    let port = settings.aws_port;
    Ok([
        ("Architecture", host_architecture()?.to_owned()),
        ("WorkOSUrl", settings.workos_url.to_owned()),
        ("ApiUrlPrefix", format!("http://127.0.0.1:{port}/_aws/execute-api")),
        ("LocalCallback", format!("http://localhost:{port}/oauth2/idpresponse")),
        ("WebhookEvents", String::new()),
        ("LaunchLinks", "enabled".to_owned()),
        ("ReconcileIntervalSeconds", settings.triggers.interval().to_string()),
        // Short, so that a test can wait for what a killed run leaves.
        ("ReconcileTimeoutSeconds", "28".to_owned()),
        ("QueueVisibilitySeconds", "30".to_owned()),
        ("LogLevel", "debug".to_owned()),
        ("SigningKeys", settings.signing_keys.which.to_owned()),
        ("SigningKeyLeadSeconds", settings.signing_keys.lead_seconds.to_string()),
        ("ScheduleExpression", settings.triggers.tick().to_owned()),
    ]
    // In quotes, without which SAM CLI takes no empty value.
    .map(|(key, value)| format!("{key}=\"{value}\""))
    .to_vec())
}

/// SAM CLI, kept away from the developer's own AWS accounts.
fn sam(environment: &Path) -> Command {
    with_tools(Command::new(environment.join("bin/sam")), environment)
}

fn with_tools(mut command: Command, environment: &Path) -> Command {
    let binaries = environment.join("bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    // cargo-lambda, and Zig as a module of this environment's python3, are found on the path.
    let path = std::env::join_paths(std::iter::once(binaries).chain(std::env::split_paths(&path)));
    command.current_dir(workspace::root());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_") {
            command.env_remove(name);
        }
    }
    if let Ok(path) = path {
        command.env("PATH", path);
    }
    command
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", REGION)
        .env("SAM_CLI_TELEMETRY", "0")
        .env("NO_PROXY", "127.0.0.1,localhost");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_says_which_processor_it_is_for() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(processor_of(&own).unwrap(), host_architecture().unwrap());
        for (machine, name) in [([0x3e, 0], "x86_64"), ([0xb7, 0], "arm64")] {
            assert_eq!(processor_of(&[&[0; 18][..], &machine].concat()).unwrap(), name);
        }
        assert!(processor_of(b"#!/bin/sh").is_err());
    }
}
