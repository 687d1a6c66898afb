//! Processes in groups of their own, so that ending one ends all that it started.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use causeway_machine::group::{self, Group};
use causeway_machine::progress;
pub use causeway_machine::tools::last_lines;
use causeway_machine::tools::log_files;
use serde::{Deserialize, Serialize};

/// A process group that was started here, in a form that outlives this process.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Recorded {
    /// What it is.
    pub name: String,
    /// The ID of the group and of the process that leads it.
    pub pid: u32,
    /// When the leader started, in the kernel's ticks, where the kernel tells.
    pub started: Option<u64>,
}

impl Recorded {
    /// Whether any process of the group is left.
    #[must_use]
    pub fn is_running(&self) -> bool {
        // An ID is not given out again while a group bears it. So a leader with another start time
        // is a stranger, and a group without its leader is still ours.
        if let (Some(then), Some(now)) = (self.started, start_time(self.pid))
            && then != now
        {
            return false;
        }
        group::is_running(self.pid)
    }

    /// Ends the group: politely, then by force.
    pub fn stop(&self) {
        if self.is_running() {
            group::stop(self.pid);
        }
    }
}

fn start_time(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses can hold anything, so count from behind it.
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split(' ').nth(19)?.parse().ok()
}

/// A running process group that is ended when this is dropped, unless it was detached.
#[derive(Debug)]
pub struct Running {
    group: Group,
    recorded: Recorded,
}

impl Running {
    /// Starts `command` in a group of its own, its output appended to `log`.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let (out, err) = log_files(log).with_context(|| format!("cannot write {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        Self::spawn(name, command)
    }

    fn spawn(name: &str, command: &mut Command) -> Result<Self> {
        let group = Group::start(command);
        let group = group.with_context(|| format!("cannot start {name} ({})", command.get_program().display()))?;
        let pid = group.id();
        let recorded = Recorded { name: name.to_owned(), pid, started: start_time(pid) };
        Ok(Self { group, recorded })
    }

    /// What identifies the group later.
    #[must_use]
    pub fn recorded(&self) -> &Recorded {
        &self.recorded
    }

    /// How the leader ended, if it did.
    pub fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.group.ended()
    }

    /// Leaves the group running when this is dropped.
    pub fn detach(&mut self) {
        self.group.detach();
    }
}

/// Runs `command` to its end with its output in `log`; a failure names the log and shows its end.
pub async fn run(name: &str, command: &mut Command, log: &Path) -> Result<()> {
    let mut running = Running::start(name, command, log)?;
    wait(name, &mut running, Some(log)).await
}

/// Runs `command` to its end with its output shown.
pub async fn run_shown(name: &str, command: &mut Command) -> Result<()> {
    let _hidden = progress::hide();
    let mut running = Running::spawn(name, command.stdin(Stdio::null()))?;
    wait(name, &mut running, None).await
}

async fn wait(name: &str, running: &mut Running, log: Option<&Path>) -> Result<()> {
    let status = loop {
        if let Some(status) = running.ended() {
            break status;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    match (status.success(), log) {
        (true, _) => Ok(()),
        (false, None) => bail!("{name} failed ({status})"),
        (false, Some(log)) => {
            bail!("{name} failed ({status}), see {}:\n{}", log.display(), last_lines(log))
        }
    }
}

/// A port of this machine that nothing listens on.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Fails when something listens on `port` already.
pub fn require_free(port: u16) -> Result<()> {
    TcpListener::bind(("127.0.0.1", port)).map(drop).with_context(|| format!("port {port} of this machine is in use"))
}
