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

/// Asks again and again until there is an answer.
pub async fn until<T>(
    arguments: WaitArguments,
    what: &str,
    output: Output,
    mut ask: impl AsyncFnMut() -> Result<Option<T>, Failure>,
) -> Result<T, Failure> {
    let begin = Instant::now();
    let limit = Duration::from_secs(arguments.timeout);
    loop {
        if let Some(answer) = ask().await? {
            output.end_of_progress();
            return Ok(answer);
        }
        let waited = begin.elapsed();
        if waited >= limit {
            return Err(Failure::TimedOut(format!("{what}: not within {} s. It goes on without you", limit.as_secs())));
        }
        output.progress(&format!("{what} ({} s)", waited.as_secs()));
        tokio::time::sleep(PAUSE.min(limit.saturating_sub(waited))).await;
    }
}
