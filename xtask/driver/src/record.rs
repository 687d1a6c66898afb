//! `cargo xtask record`: runs the demo and draws it as a picture that moves, docs/images/demo.svg.

mod drawing;

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use causeway_local_cloud::workspace;
use causeway_machine::progress::say;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use self::drawing::{Line, draw};

/// Nobody wants to watch somebody wait for longer.
const LONGEST_PAUSE: Duration = Duration::from_millis(1500);

/// Runs the demo with the colours that it has on a terminal, and keeps when each line came.
pub async fn run() -> Result<()> {
    let program = std::env::current_exe().context("cannot tell where this program is")?;
    let mut command = Command::new(program);
    command.arg("demo").env("CLICOLOR_FORCE", "1").stdin(Stdio::null()).stdout(Stdio::piped());
    let mut demo = command.kill_on_drop(true).spawn().context("cannot start the demo")?;
    let mut said = BufReader::new(demo.stdout.take().context("no standard output")?).lines();
    let mut lines = vec![Line { at: Duration::ZERO, text: "\x1b[1m$ cargo xtask demo\x1b[0m".to_owned() }];
    let (mut at, mut before) = (Duration::from_millis(500), Instant::now());
    while let Some(text) = said.next_line().await? {
        at += before.elapsed().min(LONGEST_PAUSE);
        before = Instant::now();
        say(&text);
        lines.push(Line { at, text });
    }
    let ended = demo.wait().await?;
    ensure!(ended.success(), "the demo failed ({ended})");
    let file = picture();
    std::fs::write(&file, draw(&lines)).with_context(|| format!("cannot write {}", file.display()))?;
    say(&format!("\ndrawn: {}", file.display()));
    Ok(())
}

fn picture() -> PathBuf {
    workspace::root().join("docs/images/demo.svg")
}
