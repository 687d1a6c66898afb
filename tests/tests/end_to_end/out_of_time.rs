//! A run whose time is over ends cleanly, and the next one goes on where it stopped.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use causeway_core::run::{Outcome, RunReport};
use causeway_local_cloud::front::control::now as front_now;
use causeway_local_cloud::front::record::Call;

use crate::in_process::{InProcess, each_call_takes, now, pass};
use crate::pool::{Pool, identifiers, in_line, provider_name};

const FEW: usize = 6;
/// More than are asked for at once.
const MANY: usize = 9;
const MINUTE: Duration = Duration::from_mins(1);

struct Scene {
    organization: String,
    connections: Vec<String>,
    pool: Pool,
    process: InProcess,
}

impl Scene {
    /// A pool in line whose runs take a minute for each call.
    async fn new(name: &str, connections: usize) -> Result<Self> {
        let (pool, organization, connections) = Box::pin(in_line(name, connections)).await?;
        let process = InProcess::new(&pool).await?;
        process.settle().await?;
        each_call_takes(MINUTE);
        Ok(Self { organization, connections, pool, process })
    }

    /// Has every provider move in Cognito, which has it described before anything is planned.
    async fn move_all(&self) -> Result<()> {
        for connection in &self.connections {
            let provider = self.pool.provider_of(connection).await?;
            self.pool.tamper(&provider, "authorize_scopes", "openid email profile").await?;
        }
        Ok(())
    }

    /// How many providers have the organization's ID.
    async fn holders(&self) -> Result<usize> {
        let mut holders = 0;
        for name in self.pool.provider_names().await? {
            let provider = self.pool.provider(&name).await?.context("no provider")?;
            holders += usize::from(identifiers(&provider).contains(&self.organization));
        }
        Ok(holders)
    }

    /// Runs the pool, so many minutes each time, until one has enough; gives what all of them reported.
    async fn runs_of(&self, minutes: u32) -> Result<Vec<RunReport>> {
        let mut reports = Vec::new();
        for _ in 0..4 * FEW {
            pass(Duration::from_hours(2));
            let report = self.process.run_within(minutes * MINUTE).await?;
            ensure!(report.failures.iter().all(|failure| failure.message.contains("the time ran out")), "{report:#?}");
            let is_over = report.outcome != Outcome::OutOfTime;
            if !is_over {
                let due = self.process.stored().await?.due_at.context("the pool is never due")?;
                ensure!(due <= now(), "the rest waits until {due}");
            }
            reports.push(report);
            if is_over {
                return Ok(reports);
            }
        }
        anyhow::bail!("no run had enough: {reports:#?}")
    }
}

#[tokio::test]
async fn steps_that_time_was_too_short_for_are_done_by_the_next_run_and_none_twice() -> Result<()> {
    let scene = Scene::new("steps", FEW).await?;
    let mut expected = BTreeSet::new();
    for number in 0..FEW {
        let name = format!("late{number}");
        let made = scene.pool.tenancy.workos.create_connection(&scene.organization, &name).await?;
        expected.insert(provider_name(&made));
    }
    // Enough for the look and for one or two of the creates, three calls each.
    let reports = scene.runs_of(14).await?;
    let steps: Vec<String> = reports
        .iter()
        .flat_map(|report| &report.steps)
        .filter(|step| step.action.name() == "create")
        .map(|step| step.provider_name.to_string())
        .collect();
    assert!(reports.len() > 2, "it was all done at once: {reports:#?}");
    assert_eq!(steps.len(), expected.len(), "a provider was made twice: {steps:?}");
    assert_eq!(steps.into_iter().collect::<BTreeSet<_>>(), expected);
    Ok(())
}

#[tokio::test]
async fn a_pool_for_which_the_usual_time_was_too_short_has_the_longest_in_its_next_run() -> Result<()> {
    let scene = Scene::new("longest", MANY).await?;
    scene.move_all().await?;
    let mut outcomes = Vec::new();
    for _ in 0..2 {
        pass(Duration::from_hours(2));
        outcomes.push(scene.process.run_within_either(11 * MINUTE, 60 * MINUTE).await?.outcome);
    }
    assert_eq!(outcomes[0], Outcome::OutOfTime);
    assert!(outcomes[1] == Outcome::Changed || outcomes[1] == Outcome::NoChange, "{outcomes:?}");
    Ok(())
}

#[tokio::test]
async fn a_full_pass_leaves_time_for_steps_and_describes_each_provider_once_over_several_runs() -> Result<()> {
    let scene = Scene::new("full pass", MANY).await?;
    pass(Duration::from_hours(27));
    scene.pool.tenancy.workos.create_connection(&scene.organization, "new").await?;
    let (front, since) = (scene.pool.tenancy.cloud.front()?, front_now());
    let first = scene.process.run_within(17 * MINUTE).await?;
    assert!(first.steps.iter().any(|step| step.action.name() == "create"), "nothing but the full pass: {first:#?}");
    let mut runs = 1;
    while scene.process.stored().await?.run.full_pass_due_at <= now() {
        ensure!(runs <= 2 * MANY, "the full pass never ends");
        pass(Duration::from_hours(2));
        scene.process.run_within(17 * MINUTE).await?;
        runs += 1;
    }
    assert!(runs > 1, "it was all described at once");
    for connection in &scene.connections {
        let calls = front.calls(since, &provider_name(connection)).await?;
        // Those that the account's rate, which all tests share, let through.
        let is_one = |call: &&Call| call.operation == "DescribeIdentityProvider" && call.status == 200;
        let described = calls.iter().filter(is_one).count();
        assert_eq!(described, 1, "{connection}: {calls:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn whenever_time_is_over_an_organizations_id_is_on_one_of_its_providers() -> Result<()> {
    let mut scene = Scene::new("freed", FEW).await?;
    let mut reports = Vec::new();
    for minutes in 8..=20 {
        each_call_takes(Duration::ZERO);
        // Longer than the window of the guard: each time a connection is lost.
        pass(Duration::from_hours(25));
        scene.process.settle().await?;
        each_call_takes(MINUTE);
        // The oldest has the ID, and the next one takes it.
        scene.pool.tenancy.workos.delete_connection(&scene.connections.remove(0)).await?;
        scene.connections.push(scene.pool.tenancy.workos.create_connection(&scene.organization, "new").await?);
        pass(Duration::from_hours(2));
        let report = scene.process.run_within(minutes * MINUTE).await?;
        ensure!(scene.holders().await? == 1, "after {minutes} minutes it is on nobody: {report:#?}");
        reports.push(report);
    }
    let updates = |report: &RunReport| report.steps.iter().filter(|step| step.action.name() == "update").count();
    let moved = reports.iter().map(updates);
    assert!(moved.clone().min() == Some(0) && moved.max() >= Some(2), "not every moment was tried: {reports:#?}");
    Ok(())
}

#[tokio::test]
async fn where_time_is_too_short_for_a_plan_what_the_last_run_held_back_is_shown_and_can_be_approved() -> Result<()> {
    let scene = Scene::new("too short", MANY).await?;
    scene.move_all().await?;
    assert!(scene.process.planned_within(8 * MINUTE).await.is_err(), "the last run held nothing back");
    scene.runs_of(60).await?;
    for connection in &scene.connections {
        scene.pool.tenancy.workos.delete_connection(connection).await?;
    }
    pass(Duration::from_hours(2));
    let run = scene.process.run_within(60 * MINUTE).await?;
    let complete = scene.process.planned_within(60 * MINUTE).await?;
    assert_eq!(run.held().count(), 2 * MANY, "{run:#?}");
    scene.move_all().await?;
    let shown = scene.process.planned_within(8 * MINUTE).await?;
    assert_eq!(shown.hash, complete.hash, "it is approved by another hash than the run goes by");
    assert!(shown.steps.len() == 2 * MANY && shown.steps.iter().all(|step| step.held), "{shown:#?}");
    assert!(shown.notes.iter().any(|note| note.message.contains(&run.id)), "nothing says whose steps these are");
    Ok(())
}
