//! Waiting for what happens in its own time, with progress for whoever watches.

use std::time::{Duration, Instant};

use clap::Args;

use crate::{failure::Failure, output::Output};

/// How often the API is asked.
const PAUSE: Duration = Duration::from_secs(1);

/// Whether to wait, and how long.
#[derive(Debug, Clone, Copy, Args)]
pub struct WaitArguments {
    /// Waits until it has ended, and shows what came of it
    #[arg(long)]
    pub wait: bool,
    /// How long to wait, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600, requires = "wait")]
    pub timeout: u64,
}

/// What was seen of what is waited for.
#[derive(Debug)]
pub enum Seen<T> {
    /// It has ended.
    Ended(T),
    /// It goes on, and this is how it stands.
    GoesOn(String),
    /// It goes on only once somebody has done this.
    NeedsSomebody(String),
}

/// Asks again and again until it has ended, or only a person can help.
pub async fn until<T>(
    arguments: WaitArguments,
    what: &str,
    output: Output,
    mut ask: impl AsyncFnMut() -> Result<Seen<T>, Failure>,
) -> Result<T, Failure> {
    let begin = Instant::now();
    let limit = Duration::from_secs(arguments.timeout);
    loop {
        let state = match ask().await? {
            Seen::Ended(answer) => {
                output.end_of_progress();
                return Ok(answer);
            }
            Seen::NeedsSomebody(why) => return Err(Failure::NeedsSomebody(format!("{what}: {why}"))),
            Seen::GoesOn(state) => state,
        };
        let waited = begin.elapsed();
        if waited >= limit {
            let seconds = limit.as_secs();
            return Err(Failure::TimedOut(format!(
                "{what}: not within {seconds} s ({state}). It goes on without you. Where no run begins for anybody, they \
                 may be stopped: docs/operations.md, \"Stop and start again\""
            )));
        }
        output.progress(&format!("{what} ({} s): {state}", waited.as_secs()));
        tokio::time::sleep(PAUSE.min(limit.saturating_sub(waited))).await;
    }
}
