//! Waiting for what happens on its own time.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

const PAUSE: Duration = Duration::from_millis(200);

/// Repeats `check` until it gives a value, and fails when `within` has passed.
///
/// An error of `check` counts as "not yet", and the last one is part of the failure.
pub async fn eventually<T>(
    within: Duration,
    what: &str,
    mut check: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Instant::now() + within;
    loop {
        let last = match check().await {
            Ok(Some(value)) => return Ok(value),
            Ok(None) => None,
            Err(error) => Some(error),
        };
        if Instant::now() >= deadline {
            let late = format!("{what}: not within {} s", within.as_secs());
            return Err(match last {
                Some(error) => error.context(late),
                None => anyhow!(late),
            });
        }
        tokio::time::sleep(PAUSE).await;
    }
}
