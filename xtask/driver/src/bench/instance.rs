//! A function's real program as a process, with the environment that the deployed function has.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use causeway_local_cloud::cloud::Cloud;
use causeway_local_cloud::deployment::Build;
use causeway_local_cloud::process::Running;
use serde_json::Value;

use super::runtime::{Answered, Runtime};

/// How long a function may take to start, or to answer where nothing is said of it.
pub const LIMIT: Duration = Duration::from_mins(1);

/// What an instance is started from.
#[derive(Clone, Debug)]
pub struct Program {
    /// The function's name here.
    pub name: String,
    /// The program.
    pub path: PathBuf,
    environment: BTreeMap<String, String>,
    log: PathBuf,
}

impl Program {
    /// A function of the cloud, with a session of its role and everything that the template gives it. What the cloud
    /// sets for tests is as on AWS: it logs what is worth it, and looks at a pool every quarter of an hour.
    pub async fn of(cloud: &Cloud, name: &str) -> Result<Self> {
        let configured = cloud.configuration(name).await?;
        let mut environment = configured.variables;
        let credentials = configured.credentials;
        let memory = configured.memory_megabytes.to_string();
        for (name, value) in [
            ("LOG_LEVEL", "info"),
            ("RECONCILE_INTERVAL_SECONDS", "900"),
            ("AWS_ACCESS_KEY_ID", credentials.access_key_id()),
            ("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key()),
            ("AWS_SESSION_TOKEN", credentials.session_token().unwrap_or_default()),
            ("AWS_REGION", &cloud.region),
            ("AWS_ENDPOINT_URL", &cloud.used_aws_endpoint),
            ("AWS_LAMBDA_FUNCTION_NAME", name),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &memory),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ] {
            environment.insert(name.to_owned(), value.to_owned());
        }
        let initial = name.get(..1).unwrap_or_default().to_uppercase();
        let folder = format!("{initial}{}Function", name.get(1..).unwrap_or_default());
        let path = Build::Shipped.folder().join(folder).join("bootstrap");
        Ok(Self { name: name.to_owned(), path, environment, log: cloud.log_dir.join(format!("bench-{name}.log")) })
    }

    /// The function that does nothing.
    pub fn hello(cloud: &Cloud, path: PathBuf) -> Self {
        let environment = [
            ("AWS_LAMBDA_FUNCTION_NAME", "hello"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self { name: "hello".to_owned(), path, environment, log: cloud.log_dir.join("bench-hello.log") }
    }

    /// A variable of its environment.
    pub fn variable(&self, name: &str) -> Result<&str> {
        self.environment.get(name).map(String::as_str).with_context(|| format!("{} has no {name}", self.name))
    }

    /// Starts an instance.
    pub async fn start(&self) -> Result<Instance> {
        let runtime = Runtime::listen().await?;
        let mut command = Command::new(&self.path);
        command.env_clear().envs(&self.environment).env("AWS_LAMBDA_RUNTIME_API", &runtime.address);
        let started = Instant::now();
        let process = Running::start(&self.name, &mut command, &self.log)?;
        Ok(Instance { runtime, process, started })
    }

    /// How often its instances have printed a text.
    pub fn printed(&self, text: &str) -> usize {
        let log = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&log).matches(text).count()
    }
}

/// A running instance, which ends when this is dropped.
pub struct Instance {
    runtime: Runtime,
    process: Running,
    /// When its process was started.
    pub started: Instant,
}

impl Instance {
    /// Hands it an event; that it says it failed is an error.
    pub async fn invoke(&self, event: &Value) -> Result<Answered> {
        self.invoke_within(event, LIMIT).await
    }

    /// The same, with the time that the function is told it has.
    pub async fn invoke_within(&self, event: &Value, limit: Duration) -> Result<Answered> {
        let answered = self.runtime.invoke(event, limit).await?;
        if answered.failed {
            bail!("the function failed: {}", answered.body);
        }
        Ok(answered)
    }

    /// When it first asked for an event.
    pub async fn first_asked(&self) -> Result<Instant> {
        self.runtime.first_asked(LIMIT).await
    }

    /// The most memory that it has had resident so far, in mebibytes.
    pub fn peak_memory(&self) -> Result<f64> {
        let status = self.kernel("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = line.and_then(|line| line.trim().split(' ').next()).context("the kernel does not tell")?;
        Ok(kibibytes.parse::<f64>()? / 1024.0)
    }

    /// How much processor time its first thread, which does nearly everything, has had.
    pub fn processor_time(&self) -> Result<Duration> {
        let times = self.kernel("schedstat")?;
        let nanoseconds = times.split(' ').next().context("the kernel does not tell")?;
        Ok(Duration::from_nanos(nanoseconds.parse()?))
    }

    fn kernel(&self, file: &str) -> Result<String> {
        let path = format!("/proc/{}/{file}", self.process.recorded().pid);
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
    }
}
