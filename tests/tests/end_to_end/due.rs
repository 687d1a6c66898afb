//! When a pool is looked at again, after what came of a run.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use causeway_core::run::Outcome;
use causeway_core::wake_up::Cause;
use causeway_reconciler::Ran;

use crate::in_process::InProcess;
use crate::pool::in_line;

const INTERVAL: Duration = Duration::from_mins(15);
/// `WorkOS` can be behind its own event.
const SECOND_LOOK: Duration = Duration::from_secs(30);

/// How a run for that reason ended, and how long after it the pool is due.
async fn run(process: &InProcess, cause: Cause) -> Result<(Outcome, Duration)> {
    let Ran::Done(report) = process.woken(cause).await? else { bail!("nothing was run") };
    let due_at = process.stored().await?.due_at.context("the pool is never due")?;
    Ok((report.outcome, due_at.since(report.finished_at)))
}

#[tokio::test]
async fn a_webhook_that_shows_no_change_has_a_second_look_half_a_minute_later_and_nothing_else_has() -> Result<()> {
    let (pool, organization, _) = in_line("second look", 1).await?;
    let process = InProcess::new(&pool).await?.with_interval(INTERVAL);
    process.settle().await?;
    assert_eq!(run(&process, Cause::Webhook).await?, (Outcome::NoChange, SECOND_LOOK));
    // With a fifth of it for the jitter.
    let usual = INTERVAL.mul_f64(0.9)..=INTERVAL.mul_f64(1.1);
    let (mut change, mut cause) = (Outcome::NoChange, Cause::Schedule);
    for _ in 0..3 {
        let (outcome, wait) = run(&process, cause).await?;
        assert_eq!(outcome, change);
        assert!(usual.contains(&wait), "{cause:?}, {outcome:?}: {wait:?}");
        (change, cause) = if cause == Cause::Schedule {
            (Outcome::NoChange, Cause::Api)
        } else {
            pool.tenancy.workos.create_connection(&organization, "new").await?;
            (Outcome::Changed, Cause::Webhook)
        };
    }
    Ok(())
}
