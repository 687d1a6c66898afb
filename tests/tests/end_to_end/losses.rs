//! What the guard counts and holds stands on record: from run to run, and where a run is killed. An approval is for its
//! steps, however many runs they take.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use causeway_core::run::{Outcome, RunReport};

use crate::in_process::{InProcess, each_call_takes, pass};
use crate::pool::{Pool, in_line, provider_name};

/// Up to so many losses a day are let through, where they are not all.
const LET_THROUGH: usize = 5;
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// What takes a way to sign in away, of the steps that were done or that were held back.
fn taking(report: &RunReport, held: bool) -> Vec<&'static str> {
    let steps = report.steps.iter().filter(|step| step.takes_away && step.held == held);
    steps.map(|step| step.action.name()).collect()
}

/// Whether users can sign in by a provider.
async fn is_whole(pool: &Pool, name: &str) -> Result<bool> {
    let is_offered = pool.supported().await?.iter().any(|offered| offered == name);
    Ok(is_offered && pool.provider(name).await?.is_some())
}

#[tokio::test]
async fn connections_that_go_one_by_one_in_a_day_are_held_back_once_they_are_many_together() -> Result<()> {
    let (pool, _, connections) = in_line("one by one", LET_THROUGH + 3).await?;
    let process = InProcess::new(&pool).await?;
    process.settle().await?;
    for gone in &connections[..LET_THROUGH] {
        pass(HOUR);
        pool.tenancy.workos.delete_connection(gone).await?;
        let report = process.run_within(HOUR).await?;
        assert_eq!(taking(&report, false), ["unwire", "delete"], "{report:#?}");
    }
    let (last, left) = (&connections[LET_THROUGH], &connections[LET_THROUGH + 1..]);
    pool.tenancy.workos.delete_connection(last).await?;
    for _ in 0..2 {
        pass(HOUR);
        let report = process.run_within(HOUR).await?;
        let shown = (report.outcome, taking(&report, true), taking(&report, false));
        assert_eq!(shown, (Outcome::Partial, vec!["unwire", "delete"], vec![]), "{report:#?}");
    }
    assert!(is_whole(&pool, &provider_name(last)).await?, "the sixth in a day was let through");

    // However long nobody says anything, it is held; who leaves in the days after is not.
    pass(2 * DAY);
    let (leaver, left) = left.split_first().context("nobody is left")?;
    pool.tenancy.workos.delete_connection(leaver).await?;
    let report = process.run_within(HOUR).await?;
    let shown = (report.outcome, taking(&report, true), taking(&report, false));
    assert_eq!(shown, (Outcome::Partial, vec!["unwire", "delete"], vec!["unwire", "delete"]), "{report:#?}");
    assert!(is_whole(&pool, &provider_name(last)).await?, "waiting was taken for consent");
    process.approve().await?;
    let report = process.run_within(HOUR).await?;
    assert_eq!((report.outcome, taking(&report, true)), (Outcome::Changed, vec![]), "{report:#?}");
    pool.settles_on(&left.iter().map(String::as_str).collect::<Vec<_>>()).await
}

#[tokio::test]
async fn what_a_killed_run_has_taken_away_is_counted_and_so_the_last_connection_is_held_back() -> Result<()> {
    let (pool, _, connections) = in_line("counted", 2).await?;
    let process = InProcess::new(&pool).await?;
    process.settle().await?;
    let (gone, kept) = (&connections[0], &connections[1]);
    pool.tenancy.workos.delete_connection(gone).await?;
    let (mut announced, mut taken) = (0, 0);
    let mut failures = Vec::new();
    // Each run goes on where the one before was killed. What comes before the fifth call is no step.
    for calls in 4..60 {
        pass(HOUR + MINUTE);
        let report = process.run_for(calls).await?;
        let losses = process.stored().await?.run.losses;
        ensure!(losses.iter().all(|loss| loss.connection_id.as_str() == gone) && losses.len() <= 1, "{losses:?}");
        let is_whole = is_whole(&pool, &provider_name(gone)).await?;
        ensure!(
            is_whole || losses.len() == 1,
            "killed after {calls} calls, a run had taken away what it did not count"
        );
        // One that failed was not killed, and the next one goes on from there too.
        if let Some(report) = report {
            if report.failures.is_empty() {
                break;
            }
            failures.extend(report.failures);
        }
        announced += usize::from(is_whole && losses.len() == 1);
        taken += usize::from(!is_whole);
    }
    assert!(
        announced > 0 && taken > 0,
        "no run was killed {announced} before and {taken} after it took away: {failures:#?}"
    );
    pool.settles_on(&[kept]).await?;

    pass(HOUR);
    pool.tenancy.workos.delete_connection(kept).await?;
    let report = process.run_within(HOUR).await?;
    assert_eq!((report.outcome, taking(&report, false)), (Outcome::Partial, vec![]), "{report:#?}");
    assert!(is_whole(&pool, &provider_name(kept)).await?, "all of them went in a day, and nobody was asked");
    Ok(())
}

#[tokio::test]
async fn what_an_approved_run_has_no_time_for_is_done_by_the_next_and_then_the_approval_is_over() -> Result<()> {
    let (pool, _, connections) = in_line("approved", 4).await?;
    let process = InProcess::new(&pool).await?;
    process.settle().await?;
    futures::future::try_join_all(connections.iter().map(|id| pool.tenancy.workos.delete_connection(id))).await?;
    let held = process.run_within(HOUR).await?;
    assert_eq!((held.outcome, taking(&held, false)), (Outcome::Partial, vec![]), "{held:#?}");
    process.approve().await?;

    // Enough for the look, for the app client, and for one or two of the deletes.
    each_call_takes(MINUTE);
    let approved = process.run_within(14 * MINUTE).await?;
    each_call_takes(Duration::ZERO);
    assert_eq!(approved.outcome, Outcome::OutOfTime, "{approved:#?}");
    let left = pool.provider_names().await?;
    assert!((1..connections.len()).contains(&left.len()), "{left:?} are left: {approved:#?}");
    pass(20 * HOUR);
    let rest = process.run_within(HOUR).await?;
    assert_eq!((rest.outcome, taking(&rest, false)), (Outcome::Changed, vec!["delete"; left.len()]), "{rest:#?}");
    pool.settles_on(&[]).await?;
    process.run_within(HOUR).await?;
    let stored = process.stored().await?;
    ensure!(
        stored.decisions.approvals.is_empty() && stored.held.is_empty(),
        "{:?} {:?}",
        stored.decisions,
        stored.held
    );
    ensure!(stored.run.losses.is_empty(), "what was approved was counted: {:?}", stored.run.losses);
    Ok(())
}

#[tokio::test]
async fn a_decision_that_is_written_twice_as_its_answer_was_lost_is_no_conflict_and_one_on_a_stale_copy_is()
-> Result<()> {
    let (pool, _, _) = in_line("decisions", 1).await?;
    let process = InProcess::new(&pool).await?;
    let (store, before) = (process.store(), process.stored().await?);
    for number in [1, 2] {
        let read = process.stored().await?.decisions;
        for _ in 0..2 {
            store.decide(&before, &read, number).await?;
        }
        let written = process.stored().await?.decisions;
        ensure!(written.version == read.version + 1, "it was written twice: {written:?}");
        let stale = store.decide(&before, &read, 3).await;
        ensure!(stale.as_ref().is_err_and(causeway_store::StoreError::is_conflict), "{stale:?}");
    }
    Ok(())
}
