//! The local cloud as a whole: emulators, build, deployment, and the file that describes it.

mod folder;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use causeway_machine::options::FUNCTIONS;
use causeway_machine::progress;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::folder::cloud_file;
use self::folder::{forget, processes_file, recorded_in, running_in, write};
use crate::account::Account;
use crate::api::Api;
use crate::deployment::{self, Build, SigningKeys, Triggers};
use crate::front::control::Control;
use crate::front::program::{Endpoints, local, stand_before};
use crate::ministack::{self, INTEGRATION_ACCOUNT, REGION};
use crate::process::{Recorded, Running, free_port, require_free};
use crate::query_api::elements;
use crate::tools::{self, Tools};
use crate::workos::{self, WorkOs};
use crate::workspace;

/// Names the file of the running cloud that the end-to-end tests use.
pub const CLOUD_FILE_VARIABLE: &str = "CAUSEWAY_CLOUD";

const HEALTH_DEADLINE: Duration = Duration::from_secs(30);

/// How a local cloud is started.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder for its file, state and logs.
    pub home: PathBuf,
    /// The port of the emulated AWS, if not any free one.
    pub aws_port: Option<u16>,
    /// Where functions send their AWS calls, if not to the front or the emulated AWS.
    pub functions_aws_endpoint: Option<String>,
    /// The program that is the strict front, if one is to stand before the emulators.
    pub front: Option<PathBuf>,
    /// Whether functions, browsers and tenants go through the front.
    pub strict: bool,
    /// What is in the emulated `WorkOS` from the start.
    pub workos_seed: Value,
    /// How the functions are built.
    pub build: Build,
    /// What calls the functions by itself.
    pub triggers: Triggers,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            home: workspace::local(),
            aws_port: None,
            functions_aws_endpoint: None,
            front: None,
            strict: false,
            workos_seed: Value::Null,
            build: Build::default(),
            triggers: Triggers::default(),
        }
    }
}

/// A running local cloud, as its file describes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cloud {
    /// Where the emulated AWS is, whatever the functions use.
    pub aws_endpoint: String,
    /// Where functions and tenants reach it.
    pub used_aws_endpoint: String,
    /// The strict front before it; without one the same.
    pub strict_endpoint: String,
    /// The region that Causeway is deployed to.
    pub region: String,
    /// The account that Causeway is deployed to.
    pub integration_account: String,
    /// The base of Causeway's API, without a trailing slash.
    pub api_url: String,
    /// The API's ID.
    pub api_id: String,
    /// Where functions and browsers reach the emulated `WorkOS`.
    pub workos_url: String,
    /// Where it is itself.
    pub workos_emulator_url: String,
    /// An API key of the emulated `WorkOS`.
    pub workos_api_key: String,
    /// Further API keys, each with a rate limit of its own.
    pub workos_api_keys: Vec<String>,
    /// A client ID of the emulated `WorkOS`.
    pub workos_client_id: String,
    /// The queue of wake-ups.
    pub queue_url: String,
    /// The dead-letter queue.
    pub dead_letter_queue_url: String,
    /// The table.
    pub table_name: String,
    /// The functions' names in AWS, by their names here.
    pub function_names: BTreeMap<String, String>,
    /// The stack's outputs, all of them.
    pub outputs: BTreeMap<String, String>,
    /// Where `ministack.log`, `workos.log` and one file for each function are.
    pub log_dir: PathBuf,
    /// The processes that were started, by name.
    pub process_ids: BTreeMap<String, u32>,
    /// What calls the functions by itself.
    #[serde(default)]
    pub triggers: Triggers,
}

impl Cloud {
    /// Builds, starts and deploys what is needed.
    ///
    /// The processes end when the returned guard is dropped, unless it is detached.
    pub async fn start(settings: &Settings) -> Result<Started> {
        let home = &settings.home;
        if let Some(running) = running_in(home) {
            bail!("a local cloud is running already ({}): stop it with `cargo xtask down`", running.join(", "));
        }
        let aws_port = match settings.aws_port {
            Some(port) => port,
            None => free_port()?,
        };
        require_free(aws_port)?;
        let logs = home.join("logs");
        clear(home, &logs)?;
        let tools = tools::installed()?;
        // Before anything is started: it takes longest, and fails most often.
        let step = progress::step("building the functions");
        deployment::build(&tools, settings.build, &logs.join("build.log")).await?;
        step.done();
        let mut started = Started { home: home.clone(), processes: Vec::new(), cloud: None };
        let cloud = bring_up(settings, &tools, aws_port, &logs, &mut started).await?;
        write(&cloud_file(home), &cloud)?;
        started.cloud = Some(cloud);
        Ok(started)
    }

    /// Reads a cloud's file.
    pub fn load(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("no local cloud runs: cannot read {}", file.display()))?;
        serde_json::from_str(&text).with_context(|| format!("cannot parse {}", file.display()))
    }

    /// The cloud that the end-to-end tests run on: the one that the environment names, else the one
    /// that `cargo xtask up` started.
    pub fn of_tests() -> Result<Self> {
        let named = std::env::var_os(CLOUD_FILE_VARIABLE).map(PathBuf::from);
        Self::load(&named.unwrap_or_else(|| cloud_file(&workspace::local())))
    }

    /// Another deployment on the same cloud, of another operator who has this account to himself.
    pub async fn deployed_beside(&self, account: &str) -> Result<Self> {
        let account = self.account(account);
        let outputs = deployment::deploy_beside(self, &account).await?;
        let (behind, used) = (
            Endpoints { aws: self.aws_endpoint.clone(), workos: self.workos_emulator_url.clone() },
            Endpoints { aws: self.used_aws_endpoint.clone(), workos: self.workos_url.clone() },
        );
        let (strict, processes) = (self.strict_endpoint.clone(), self.process_ids.clone());
        let mut beside = described(behind, strict, used, outputs, &self.log_dir, processes)?;
        (beside.integration_account, beside.triggers) = (account.id, self.triggers);
        healthy(&beside).await.context("the deployment beside")?;
        Ok(beside)
    }

    /// The root of any account.
    #[must_use]
    pub fn account(&self, id: &str) -> Account {
        Account::root(&self.aws_endpoint, id)
    }

    /// The root of the integration account.
    #[must_use]
    pub fn integration(&self) -> Account {
        self.account(&self.integration_account)
    }

    /// The root of any account, by the way that functions take too.
    #[must_use]
    pub fn tenant_account(&self, id: &str) -> Account {
        Account::root(&self.used_aws_endpoint, id)
    }

    /// The strict front.
    pub fn front(&self) -> Result<Control> {
        Control::new(&self.strict_endpoint)
    }

    /// Causeway's API, called as somebody.
    pub fn api(&self, caller: &Account) -> Result<Api> {
        Api::new(&self.api_url, caller.credentials())
    }

    /// The emulated `WorkOS`, called with its default API key.
    pub fn workos(&self) -> Result<WorkOs> {
        WorkOs::new(&self.workos_url, &self.workos_api_key)
    }

    /// The session of one of the functions, by the name that its role has for it: `Ingest`.
    pub async fn function_session(&self, function: &str) -> Result<Account> {
        self.integration().assume_role(&self.function_role(function).await?, None).await
    }

    /// The ARN of the role of one of the functions, by the name that its role has for it.
    pub async fn function_role(&self, function: &str) -> Result<String> {
        // Both paths of the functions' roles begin with this.
        let roles = self.integration().iam()?.call("ListRoles", &[("PathPrefix", "/causeway")]).await?;
        let arn = elements(&roles, "Arn").into_iter().find(|arn| arn.contains(&format!("-{function}Role-")));
        arn.with_context(|| format!("{function} has no role"))
    }

    /// What a function has printed so far, `function` being its name here.
    #[must_use]
    pub fn function_log(&self, function: &str) -> String {
        let log = self.log_dir.join(format!("{function}.log"));
        // A function that was never called has none.
        String::from_utf8_lossy(&std::fs::read(log).unwrap_or_default()).into_owned()
    }

    /// What all functions have printed so far, by their names here.
    #[must_use]
    pub fn function_logs(&self) -> BTreeMap<String, String> {
        FUNCTIONS.iter().map(|name| ((*name).to_owned(), self.function_log(name))).collect()
    }
}

/// A local cloud that ends when this is dropped, unless it is detached.
#[derive(Debug)]
pub struct Started {
    home: PathBuf,
    processes: Vec<Running>,
    cloud: Option<Cloud>,
}

impl Started {
    /// The cloud.
    pub fn cloud(&self) -> Result<&Cloud> {
        self.cloud.as_ref().context("the local cloud did not come up")
    }

    /// Where the cloud is described.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        cloud_file(&self.home)
    }

    /// Leaves the cloud running; [`stop`] ends it.
    pub fn detach(mut self) {
        for process in &mut self.processes {
            process.detach();
        }
        self.processes.clear();
    }

    /// Recorded at once, so that it can be ended even if this process is killed.
    fn add(&mut self, process: Running) -> Result<()> {
        self.processes.push(process);
        let recorded: Vec<_> = self.processes.iter().map(Running::recorded).collect();
        write(&processes_file(&self.home), &recorded)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if self.processes.is_empty() {
            return;
        }
        self.processes.clear();
        forget(&self.home);
    }
}

/// Ends the cloud of that folder; false if none was running.
pub fn stop(home: &Path) -> bool {
    let recorded = recorded_in(home);
    let any = recorded.iter().any(Recorded::is_running);
    // In reverse: the functions first, then what they call.
    for process in recorded.iter().rev() {
        process.stop();
    }
    forget(home);
    any
}

async fn bring_up(
    settings: &Settings,
    tools: &Tools,
    aws_port: u16,
    logs: &Path,
    started: &mut Started,
) -> Result<Cloud> {
    let aws_endpoint = local(aws_port);
    let step = progress::step(&format!("starting WorkOS's emulator and MiniStack ({aws_endpoint})"));
    let workos_port = free_port()?;
    let seed = settings.workos_seed.clone();
    started.add(workos::start(&tools.workos, workos_port, seed, logs).await?)?;
    let behind = Endpoints { aws: aws_endpoint, workos: local(workos_port) };
    let before = match &settings.front {
        Some(program) => {
            let (front, before) = stand_before(&behind, program, tools, logs).await?;
            started.add(front)?;
            before
        }
        None => behind.clone(),
    };
    let mut used = if settings.strict { before.clone() } else { behind.clone() };
    if let Some(endpoint) = &settings.functions_aws_endpoint {
        used.aws.clone_from(endpoint);
    }
    let functions_aws_endpoint = &used.aws;
    let state = settings.home.join("state");
    let ministack = ministack::start(ministack::Settings {
        environment: &tools.ministack,
        port: aws_port,
        functions_aws_endpoint,
        state: &state,
        logs,
    });
    started.add(ministack.await?)?;
    step.done();
    let step = progress::step("deploying template.yaml");
    let stack = deployment::Settings {
        aws_port,
        workos_url: &used.workos,
        signing_keys: SigningKeys::default(),
        build: settings.build,
        triggers: settings.triggers,
    };
    let outputs = deployment::deploy(tools, stack, &logs.join("deploy.log")).await?;
    let process_ids = started.processes.iter().map(Running::recorded);
    let process_ids = process_ids.map(|process| (process.name.clone(), process.pid)).collect();
    let mut cloud = described(behind, before.aws, used, outputs, logs, process_ids)?;
    cloud.triggers = settings.triggers;
    if settings.triggers == Triggers::None {
        cloud.leave_queue_alone().await?;
    }
    healthy(&cloud).await.with_context(|| format!("see the logs in {}", logs.display()))?;
    step.done();
    Ok(cloud)
}

fn described(
    behind: Endpoints,
    strict_endpoint: String,
    used: Endpoints,
    outputs: BTreeMap<String, String>,
    logs: &Path,
    process_ids: BTreeMap<String, u32>,
) -> Result<Cloud> {
    let output = |name: &str| {
        let value = outputs.get(name).cloned();
        value.with_context(|| format!("the stack has no output {name}"))
    };
    let mut function_names = BTreeMap::new();
    for (name, key) in FUNCTIONS.iter().zip(["Ingest", "Schedule", "Reconcile", "Tenants", "Onboarding", "Signin"]) {
        function_names.insert((*name).to_owned(), output(&format!("{key}FunctionName"))?);
    }
    Ok(Cloud {
        aws_endpoint: behind.aws,
        used_aws_endpoint: used.aws,
        strict_endpoint,
        region: REGION.to_owned(),
        integration_account: INTEGRATION_ACCOUNT.to_owned(),
        api_url: output("ApiUrl")?,
        api_id: output("ApiId")?,
        workos_url: used.workos,
        workos_emulator_url: behind.workos,
        workos_api_key: workos::DEFAULT_API_KEY.to_owned(),
        workos_api_keys: (1..=workos::FURTHER_API_KEYS).map(workos::api_key).collect(),
        workos_client_id: workos::CLIENT_ID.to_owned(),
        queue_url: output("QueueUrl")?,
        dead_letter_queue_url: output("DeadLetterQueueUrl")?,
        table_name: output("TableName")?,
        function_names,
        outputs,
        log_dir: logs.to_path_buf(),
        process_ids,
        triggers: Triggers::default(),
    })
}

/// The API answers a signed call with JSON of its own, so the routes, a function and the table work.
async fn healthy(cloud: &Cloud) -> Result<()> {
    let api = cloud.api(&cloud.integration())?;
    crate::eventually::eventually(HEALTH_DEADLINE, "Causeway's API answers", async || {
        let answer = api.get("/v1/tenants").await?;
        answer.expect(200).map(|_| Some(()))
    })
    .await
}

fn clear(home: &Path, logs: &Path) -> Result<()> {
    // What an earlier cloud left that was not stopped in order.
    stop(home);
    if logs.exists() {
        std::fs::remove_dir_all(logs)?;
    }
    std::fs::create_dir_all(logs).with_context(|| format!("cannot make {}", logs.display()))
}
