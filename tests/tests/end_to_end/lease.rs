//! Two runs never write to one pool at once, and what the second one was woken up for is not lost.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use causeway_core::run::Outcome;
use causeway_core::wake_up::Cause;
use causeway_local_cloud::front::control::now as front_now;
use causeway_reconciler::Ran;

use crate::in_process::{InProcess, now, pass};
use crate::pool::{Pool, in_line, provider_name};

/// After how many calls a run holds its pool, and has done no more than that.
const LEASED: usize = 3;

/// The operations on a pool of Cognito's since then, without what the account's rate, which all tests share, let wait.
async fn of_cognito(pool: &Pool, since: u64) -> Result<Vec<String>> {
    let mut calls = pool.tenancy.cloud.front()?.calls(since, &pool.id).await?;
    calls.retain(|call| call.service == "cognito-idp" && call.status == 200);
    Ok(calls.into_iter().map(|call| call.operation).collect())
}

/// Whether the pool is due by the process's own clock.
async fn is_due(process: &InProcess) -> Result<bool> {
    Ok(process.stored().await?.due_at.context("the pool is never due")? <= now())
}

#[tokio::test]
async fn a_run_that_meets_a_living_lease_touches_nothing_and_the_pool_is_due_right_after() -> Result<()> {
    let (pool, organization, connections) = in_line("leased", 1).await?;
    let process = InProcess::new(&pool).await?;
    process.settle().await?;
    ensure!(process.run_for(LEASED).await?.is_none(), "a run came to its end with {LEASED} calls");
    let new = pool.tenancy.workos.create_connection(&organization, "new").await?;
    for cause in [Cause::Schedule, Cause::Webhook] {
        ensure!(!is_due(&process).await? || cause == Cause::Webhook, "it was due before");
        let since = front_now();
        let ran = process.woken(cause).await?;
        assert!(matches!(ran, Ran::Busy), "{ran:?}");
        assert_eq!(of_cognito(&pool, since).await?, [""; 0], "the pool was touched");
        assert!(is_due(&process).await?, "it is looked at again only later");
    }
    assert_eq!(pool.provider_names().await?, [provider_name(&connections[0])]);

    pass(Duration::from_hours(2));
    let ran = process.woken(Cause::Schedule).await?;
    assert!(matches!(&ran, Ran::Done(report) if report.outcome == Outcome::Changed), "{ran:?}");
    assert!(pool.supported().await?.contains(&provider_name(&new)));
    // It does not know that it began after it was asked for.
    process.settle().await?;
    assert!(!is_due(&process).await?, "it is looked at without an end");
    Ok(())
}

#[tokio::test]
async fn of_two_runs_at_once_one_does_everything_and_the_pool_stays_due_after_it() -> Result<()> {
    let (pool, organization, _) = in_line("at once", 1).await?;
    let process = InProcess::new(&pool).await?;
    process.settle().await?;
    pool.tenancy.workos.create_connection(&organization, "new").await?;
    let since = front_now();
    let both = futures::try_join!(process.woken(Cause::Schedule), process.woken(Cause::Webhook))?;
    let ((Ran::Done(report), Ran::Busy) | (Ran::Busy, Ran::Done(report))) = &both else {
        anyhow::bail!("not one of both ran: {both:?}");
    };
    assert_eq!(report.outcome, Outcome::Changed, "{report:#?}");
    let mut operations = of_cognito(&pool, since).await?;
    operations.sort();
    let once = ["CreateIdentityProvider", "DescribeUserPool", "ListIdentityProviders", "UpdateUserPoolClient"];
    operations.retain(|operation| once.contains(&operation.as_str()));
    assert_eq!(operations, once, "both looked at the pool or wrote to it");
    assert!(is_due(&process).await?, "what the other one was woken up for waits until the run's own time");
    Ok(())
}
