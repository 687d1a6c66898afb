//! Processes in groups of their own, so that ending one ends all that it started.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use crate::options::WORKOS_KEY_VARIABLE;

/// How long a group has to end by itself.
const GRACE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(20);

/// A running process group that is ended when this is dropped, unless it was detached.
#[derive(Debug)]
pub struct Group {
    child: Child,
    detached: bool,
}

impl Group {
    /// Starts `command` as the leader of a group of its own. It is not given the API key of `WorkOS` that `accept` has.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        command.env_remove(WORKOS_KEY_VARIABLE);
        Ok(Self { child: command.process_group(0).spawn()?, detached: false })
    }

    /// The process that leads it.
    pub fn leader(&mut self) -> &mut Child {
        &mut self.child
    }

    /// The ID of the group and of the process that leads it.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How the leader ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Leaves the group running when this is dropped.
    pub fn detach(&mut self) {
        self.detached = true;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.detached {
            return;
        }
        signal(self.id(), Signal::TERM);
        let deadline = Instant::now() + GRACE;
        while self.ended().is_none() && Instant::now() < deadline {
            std::thread::sleep(LOOK);
        }
        // Also when the leader is gone: what it started may have ignored the signal.
        signal(self.id(), Signal::KILL);
        let _ = self.child.wait();
    }
}

/// Whether any process of a group is left.
#[must_use]
pub fn is_running(group: u32) -> bool {
    pid(group).is_some_and(|group| test_kill_process_group(group).is_ok())
}

/// Ends a group that somebody else may have started: politely, then by force.
pub fn stop(group: u32) {
    signal(group, Signal::TERM);
    let deadline = Instant::now() + GRACE;
    while is_running(group) && Instant::now() < deadline {
        std::thread::sleep(LOOK);
    }
    if is_running(group) {
        signal(group, Signal::KILL);
    }
}

fn signal(group: u32, signal: Signal) {
    if let Some(group) = pid(group) {
        let _ = kill_process_group(group, signal);
    }
}

fn pid(id: u32) -> Option<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::process::Stdio;

    use super::*;

    #[test]
    fn no_program_that_is_started_is_given_the_key_of_workos() {
        let mut command = Command::new("env");
        command.env(WORKOS_KEY_VARIABLE, "a-canary").env("ANOTHER", "there").stdout(Stdio::piped());
        let mut group = Group::start(&mut command).unwrap();
        let mut said = String::new();
        group.leader().stdout.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(said.contains("ANOTHER=there") && !said.contains("a-canary"), "{said}");
    }
}
