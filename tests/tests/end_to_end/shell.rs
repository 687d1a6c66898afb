//! Somebody who follows a page of the documents: a folder with the project's settings and its build, and a shell in it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use anyhow::{Context, Result, ensure};
use causeway_local_cloud::cloud::Cloud;
use causeway_local_cloud::command_line;
use causeway_local_cloud::deployment::{Build, STACK, parameters_of};
use causeway_local_cloud::tools::{self, Tool};
use causeway_local_cloud::workspace;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// The access key of the integration account's root.
const INTEGRATION_ROOT: &str = "test";

/// What of a page's own settings can't be on the local cloud, and what is there instead.
const ELSEWHERE: [(&str, &str); 4] = [
    // No browser and no function finds this host.
    (r#"PublicBaseUrl="https://login.example.com""#, r#"PublicBaseUrl="""#),
    // CodeDeploy is not in the emulator.
    (r#"Canary="LambdaCanary10Percent10Minutes""#, r#"Canary="none""#),
    (r#"Canary=\"LambdaAllAtOnce\""#, r#"Canary=\"none\""#),
    (r#"AlarmTopicArn="arn:aws:sns:eu-west-1:111111111111:alarms""#, r#"AlarmTopicArn="""#),
];

/// How commands came to an end.
#[derive(Debug)]
pub struct Ended {
    /// The exit code of the command that ended them.
    pub code: i32,
    /// All that they printed: what they answered, and what they said besides.
    pub said: String,
}

/// How somebody signs in to AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignsInBy {
    /// Keys in the environment.
    Keys,
    /// A profile of the AWS configuration, and nothing in the environment but its name.
    Profile,
}

/// A shell that remembers variables and functions from one block of commands to the next, but for who somebody is.
pub struct Shell {
    folder: PathBuf,
    endpoint: String,
    region: String,
    stack: String,
    account: String,
    signs_in_by: SignsInBy,
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
        let (account, signs_in_by) = (INTEGRATION_ROOT.to_owned(), SignsInBy::Keys);
        let shell = Self { folder, endpoint, region, stack, account, signs_in_by };
        shell.has_build(&Build::Quick.folder())?;
        std::os::unix::fs::symlink(workspace::root().join("operate"), shell.folder.join("operate"))?;
        Ok(shell)
    }

    /// The same shell of somebody who signs in so.
    pub fn signing_in_by(self, signs_in_by: SignsInBy) -> Result<Self> {
        let profile = format!(
            "[profile operator]\nregion = {}\naws_access_key_id = {}\naws_secret_access_key = test\n",
            self.region, self.account
        );
        std::fs::write(self.folder.join("aws-config"), profile)?;
        Ok(Self { signs_in_by, ..self })
    }

    /// A shell of a tenant's engineer in the same folder, who has no access to the integration account.
    pub fn of_tenant(&self, account: &str, region: &str) -> Self {
        let (folder, endpoint, stack) = (self.folder.clone(), self.endpoint.clone(), self.stack.clone());
        let (region, account) = (region.to_owned(), account.to_owned());
        Self { folder, endpoint, region, stack, account, signs_in_by: SignsInBy::Keys }
    }

    /// Puts the program `causeway` on the path.
    pub async fn has_program(&self) -> Result<()> {
        let folder = self.folder.join("bin");
        std::fs::create_dir_all(&folder)?;
        Ok(std::os::unix::fs::symlink(command_line::program().await?, folder.join("causeway"))?)
    }

    /// Where it is.
    pub fn folder(&self) -> &PathBuf {
        &self.folder
    }

    /// Puts a build in the place of the one that `sam build` makes.
    pub fn has_build(&self, build: &PathBuf) -> Result<()> {
        self.has_build_in(".aws-sam/build", build)
    }

    /// The same, where it makes one elsewhere.
    pub fn has_build_in(&self, place: &str, build: &PathBuf) -> Result<()> {
        let place = self.folder.join(place);
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
        let added: Vec<String> = added.map(|one| format!("  '{one}',\n")).collect();
        let added = added.concat();
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
        let ran = self.ran(commands, input).await?;
        let (said, complained) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        ensure!(ran.status.success(), "{}: {commands}\n{said}\n{complained}", ran.status);
        Ok(said.trim_end().to_owned())
    }

    /// How commands end. The first that fails is the last.
    pub async fn end_of(&self, commands: &str, input: &str) -> Result<Ended> {
        let ran = self.ran(commands, input).await?;
        let said = [ran.stdout, ran.stderr].concat();
        let code = ran.status.code().context("the commands were killed")?;
        Ok(Ended { code, said: String::from_utf8_lossy(&said).into_owned() })
    }

    async fn ran(&self, commands: &str, input: &str) -> Result<Output> {
        let commands = self.here(commands);
        let script = format!(
            "set -euo pipefail\n[ ! -e .state ] || . ./.state\n\
             trap '{{ declare -p | grep -Ev \"^declare -([A-Za-z]*r|[-A-Za-z]* AWS_)\"; declare -f; }} > .state' EXIT\n{commands}\n"
        );
        let mut bash = Command::new("bash");
        bash.args(["-c", &script]).current_dir(&self.folder).env_clear().env("PATH", self.path()?);
        bash.envs([
            ("AWS_ENDPOINT_URL", self.endpoint.as_str()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ("HOME", &self.folder.display().to_string()),
            ("LC_ALL", "C.UTF-8"),
            ("NO_PROXY", "127.0.0.1,localhost"),
            ("SAM_CLI_TELEMETRY", "0"),
        ]);
        match self.signs_in_by {
            SignsInBy::Keys => bash.envs([
                ("AWS_ACCESS_KEY_ID", self.account.as_str()),
                ("AWS_CONFIG_FILE", "/dev/null"),
                ("AWS_DEFAULT_REGION", &self.region),
                ("AWS_REGION", &self.region),
                ("AWS_SECRET_ACCESS_KEY", "test"),
            ]),
            SignsInBy::Profile => {
                bash.env("AWS_CONFIG_FILE", self.folder.join("aws-config")).env("AWS_PROFILE", "operator")
            }
        };
        let bash = bash.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut bash = bash.spawn().context("cannot start bash")?;
        let mut typed = bash.stdin.take().context("no standard input")?;
        // What asks for nothing has ended before it reads.
        let _ = typed.write_all(input.as_bytes()).await;
        drop(typed);
        bash.wait_with_output().await.context("bash did not end")
    }

    /// Where programs are looked for: `causeway`, where it was put there, the tools, and the machine's own.
    fn path(&self) -> Result<OsString> {
        let tools = [tools::folder(Tool::Sam)?, tools::folder(Tool::Checks)?].map(|tool| tool.join("bin"));
        let others = std::env::var_os("PATH").unwrap_or_default();
        let own = [self.folder.join("bin")];
        Ok(std::env::join_paths(own.into_iter().chain(tools).chain(std::env::split_paths(&others)))?)
    }
}

/// The name of a parameter that has a value.
fn name(parameter: &str) -> &str {
    parameter.split('=').next().unwrap_or_default()
}
