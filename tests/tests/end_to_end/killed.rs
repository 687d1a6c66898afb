//! A run whose process is killed between any two of its calls: nobody is locked out meanwhile, and the next run
//! completes what it began.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use causeway_core::secret::SecretHash;
use secrecy::SecretString;

use crate::in_process::{InProcess, now, pass};
use crate::pool::{Pool, client_secret, detail, identifiers, in_line, provider_name};

/// How many pools share the calls among them, each in a thread of its own, since each has a clock of its own.
const SIDE_BY_SIDE: usize = 4;
/// Longer than the window of the guard: each life loses a connection.
const NEXT_LIFE: Duration = Duration::from_hours(25);

#[test]
fn a_run_that_is_killed_between_any_two_calls_locks_nobody_out_and_the_next_one_completes_it() -> Result<()> {
    let killed: Result<Vec<Vec<usize>>> = std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..SIDE_BY_SIDE)
            .map(|first| {
                scope.spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                    runtime.block_on(Box::pin(lives(first)))
                })
            })
            .collect();
        lanes.into_iter().map(|lane| lane.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    let killed = killed?;
    // Up to where the first run came to its end: one with a call that was made again goes on for longer.
    let shortest = killed.iter().filter_map(|lane| lane.last()).min().copied().unwrap_or_default();
    let killed: BTreeSet<usize> = killed.concat().into_iter().filter(|calls| *calls <= shortest).collect();
    assert_eq!(killed, (0..=shortest).collect(), "not every moment was tried");
    // A claim, a provider and an app client take more than twenty.
    assert!(shortest > 20, "{killed:?}");
    Ok(())
}

/// Kills a run after `first` calls, the next after some more, and so on until one comes to its end; gives after how
/// many each was killed.
async fn lives(first: usize) -> Result<Vec<usize>> {
    let (pool, organization, mut connections) = in_line("killed", 3).await?;
    let tenancy = &pool.tenancy;
    let process = InProcess::new(&pool).await?;
    let mut killed = Vec::new();
    for calls in (first..).step_by(SIDE_BY_SIDE) {
        process.settle().await?;
        pass(NEXT_LIFE);
        // Something to create and to wire, to update, and to unwire and delete.
        tenancy.workos.delete_connection(&connections.remove(0)).await?;
        connections.push(tenancy.workos.create_connection(&organization, "new").await?);
        let moved = pool.provider_of(&connections[0]).await?;
        pool.tamper(&moved, "token_url", "https://elsewhere.example/token").await?;

        let at = format!("killed after {calls} calls");
        let report = process.run_for(calls).await.with_context(|| at.clone())?;
        nobody_is_locked_out(&pool, &process).await.with_context(|| at.clone())?;
        process.settle().await.with_context(|| at.clone())?;
        nobody_is_locked_out(&pool, &process).await.with_context(|| at.clone())?;
        let connections: Vec<&str> = connections.iter().map(String::as_str).collect();
        is_in_line(&pool, &connections).await.with_context(|| at)?;
        if let Some(report) = report {
            ensure!(report.failures.is_empty(), "{report:?}");
            return Ok(killed);
        }
        killed.push(calls);
    }
    unreachable!("a run makes a finite number of calls");
}

/// Each provider is claimed and holds a secret that sign-ins accept, and the app client offers no provider that is not
/// there, with which Cognito would refuse every change of it.
async fn nobody_is_locked_out(pool: &Pool, process: &InProcess) -> Result<()> {
    let (names, claims) = (pool.provider_names().await?, process.claims().await?);
    let mut taken = BTreeSet::new();
    for name in &names {
        let provider = pool.provider(name).await?.context("no provider")?;
        let claim = claims.iter().find(|claim| claim.provider_name.as_str() == name);
        let claim = claim.with_context(|| format!("{name} is nobody's"))?;
        let secret = SecretHash::of(&SecretString::from(client_secret(&provider)?));
        ensure!(claim.secrets.accepts(&secret, now()), "sign-ins by {name} are refused: {claim:?}");
        for identifier in identifiers(&provider) {
            ensure!(taken.insert(identifier.clone()), "{identifier} leads to two providers");
        }
    }
    for offered in pool.supported().await? {
        ensure!(offered == "COGNITO" || names.contains(&offered), "{offered} is offered and not there");
    }
    Ok(())
}

async fn is_in_line(pool: &Pool, connections: &[&str]) -> Result<()> {
    let mut expected: Vec<String> = connections.iter().copied().map(provider_name).collect();
    expected.sort();
    ensure!(pool.provider_names().await? == expected, "the pool has not {expected:?}");
    let mut offered = pool.supported().await?;
    offered.retain(|name| name != "COGNITO");
    offered.sort();
    ensure!(offered == expected, "{offered:?} is offered instead of {expected:?}");
    for name in &expected {
        let provider = pool.provider(name).await?.context("no provider")?;
        let token_url = detail(&provider, "token_url")?;
        ensure!(!token_url.contains("elsewhere"), "{name} leads elsewhere");
    }
    Ok(())
}
