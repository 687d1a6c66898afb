//! `causeway reconcile`, and waiting for the run that it caused.

use clap::Args;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use ulid::Ulid;

use crate::{
    api,
    arguments::PoolArguments,
    commands::Session,
    failure::{Ending, Failure},
    shown::{self, pool::Standing, run::Run},
    waiting::{self, Seen, WaitArguments},
};

/// How many reports are looked through for the one of a run that has just ended.
const RECENT: u32 = 20;

/// `causeway reconcile`.
#[derive(Debug, Args)]
pub struct Reconcile {
    #[command(flatten)]
    pub pool: PoolArguments,
    #[command(flatten)]
    wait: WaitArguments,
}

impl Reconcile {
    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        let answer = session.api.post(&format!("{}/reconcile", self.pool.path()), json!({})).await?.body;
        if self.wait.wait {
            return show_run_after(session, &self.pool, &answer, self.wait).await;
        }
        session.output.show(&answer, || Ok("A run is on its way.\n".to_owned()))?;
        Ok(Ending::Done)
    }
}

/// Waits for the run that a wake-up caused, and shows its report. Several wake-ups can be one run, and a run
/// that was under way when the wake-up came is not the one: it may have looked before.
pub async fn show_run_after(
    session: &Session,
    pool: &PoolArguments,
    woken: &Value,
    wait: WaitArguments,
) -> Result<Ending, Failure> {
    let asked = woken["requested_at"].as_str().and_then(millis).ok_or_else(|| {
        Failure::Usage(
            "the deployment does not say when the run was asked for: it is older than this command".to_owned(),
        )
    })?;
    let (last, standing) = waiting::until(wait, "waiting for the run", session.output, async || {
        let answer = session.api.get(&pool.path()).await?.body;
        let last = shown::pool::last_run(&answer)?.filter(|run| began(&run.id).is_some_and(|began| began >= asked));
        let standing = Standing::of(&answer)?;
        Ok(match last {
            Some(run) => Seen::Ended((run, standing)),
            None => Seen::GoesOn(standing.text()),
        })
    })
    .await?;
    let reports = session.api.list(&format!("{}/runs", pool.path()), Some(RECENT)).await?;
    let Some(report) = first_since(api::items(&reports), asked) else {
        // Only a scheduled run that changes nothing leaves no report.
        let answer = json!({ "id": last.id, "outcome": last.outcome });
        let is_unfinished = is_unfinished(&last.outcome);
        let to_do = if is_unfinished { standing.to_do() } else { String::new() };
        session.output.show(&answer, || Ok(format!("Run {}: {}.\n{to_do}", last.id, last.outcome)))?;
        return Ok(Ending::needs_somebody(is_unfinished));
    };
    let run = Run::read(report)?;
    let is_unfinished = is_unfinished(run.outcome());
    let to_do = if is_unfinished { standing.to_do() } else { String::new() };
    session.output.show(report, || Ok(format!("{}{to_do}", run.text())))?;
    Ok(Ending::needs_somebody(is_unfinished))
}

/// Of reports, the newest first, the first of a run that began then or later.
fn first_since(reports: &[Value], asked: u64) -> Option<&Value> {
    let is_since = |report: &&Value| report["id"].as_str().and_then(began).is_some_and(|began| began >= asked);
    reports.iter().rfind(is_since)
}

/// Whether a run left something for somebody to look at.
fn is_unfinished(outcome: &str) -> bool {
    !["no_change", "changed"].contains(&outcome)
}

/// When a run began, in milliseconds since 1970: its ID is a ULID.
fn began(run_id: &str) -> Option<u64> {
    Ulid::from_string(run_id).ok().map(|id| id.timestamp_ms())
}

fn millis(time: &str) -> Option<u64> {
    let moment = OffsetDateTime::parse(time, &Rfc3339).ok()?;
    u64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(millis: u64) -> String {
        Ulid::from_parts(millis, 7).to_string()
    }

    #[test]
    fn the_run_that_was_caused_is_the_first_that_began_after_it_was_asked_for() {
        let asked = millis("2026-11-22T12:00:00.500Z").unwrap();
        let reports = [2000, 800, 1, 0].map(|later| json!({ "id": id(asked + later) }));
        let before = json!({ "id": id(asked - 1) });
        let all: Vec<Value> = reports.iter().cloned().chain([before.clone()]).collect();
        assert_eq!(first_since(&all, asked), Some(&reports[3]));
        assert_eq!(first_since(&[before], asked), None);
    }

    #[test]
    fn a_run_that_left_something_undone_needs_somebody() {
        assert!(!is_unfinished("changed") && !is_unfinished("no_change"));
        assert!(["partial", "failed", "out_of_time", "something_new"].into_iter().all(is_unfinished));
    }
}
