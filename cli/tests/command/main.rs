//! The command as scripts see it: what it sends, what it prints, and how it ends. The API is a server that
//! answers from a list.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod changes;
#[cfg(unix)]
mod console;
mod lists;
mod moving;
mod naming;
mod onboarding;
mod operations;
mod refusals;
mod scripted_server;
mod sent;
mod status;

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

use crate::scripted_server::Server;

const TENANT: &str = "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N";
const POOL: &str = "eu-west-1_AbCdEf123";

/// What a command came to.
struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ended {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap()
    }
}

/// The command with nothing of the developer's own environment.
fn causeway(server: &Server, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_causeway"));
    command
        .args(arguments)
        .env_clear()
        .env("CAUSEWAY_API_URL", &server.base)
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_SESSION_TOKEN", "the-session-token")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

fn run(server: &Server, arguments: &[&str]) -> Ended {
    ended(causeway(server, arguments).stdin(Stdio::null()).output().unwrap())
}

fn run_with_input(server: &Server, arguments: &[&str], input: &str) -> Ended {
    let mut command = causeway(server, arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    ended(child.wait_with_output().unwrap())
}

fn ended(output: Output) -> Ended {
    Ended {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn pool_path(rest: &str) -> String {
    format!("/v1/tenants/{TENANT}/user-pools/{POOL}{rest}")
}
