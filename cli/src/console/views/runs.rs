//! The runs of a user pool on a time line, and what each did.

use causeway_core::timestamp::Timestamp;
use causeway_page::called;
use maud::{Markup, html};
use serde_json::Value;

use super::{
    frame::{items, moment, said, text},
    plan,
    plot::{Lane, Mark, time_line},
};
use crate::{
    failure::Failure,
    shown::{
        count,
        run::{Failed, Run},
        steps::{Step, summary},
    },
};

/// How runs end, each with the look of its mark.
const OUTCOMES: [(&str, &str, &str); 5] = [
    ("failed", "failed", "is-bad"),
    ("partial", "partial", "is-note"),
    ("out_of_time", "out of time", "is-note"),
    ("changed", "changed something", "is-good"),
    ("no_change", "changed nothing", "is-plain"),
];

/// A list of runs, up to `now`, with the reports of the newest.
pub fn list(answer: &Value, now: Timestamp, reports: usize) -> Result<Markup, Failure> {
    let runs: Vec<Run> = items(answer, "a run")?;
    if runs.is_empty() {
        return Ok(html! { p { "There are none." } });
    }
    let marks = runs.iter().filter_map(|run| {
        let outcome = OUTCOMES.iter().position(|(word, ..)| *word == run.outcome).unwrap_or(0);
        Some(Mark { lane: outcome, at: Timestamp::parse(&run.started_at)? })
    });
    let lanes = OUTCOMES.map(|(_, name, class)| Lane { name: name.to_owned(), class });
    Ok(html! {
        (time_line("runs", &lanes, &marks.collect::<Vec<_>>(), now))
        @for run in runs.iter().take(reports) { (report(run)) }
    })
}

fn report(run: &Run) -> Markup {
    let steps: Vec<&Step> = run.steps.iter().collect();
    let mut parts = Vec::new();
    if !run.steps.is_empty() {
        parts.push(summary(&run.steps));
    }
    if !run.failures.is_empty() {
        parts.push(count(run.failures.len(), "failure", "failures"));
    }
    html! {
        details {
            summary {
                (moment(&run.started_at)) " " span.state { (text(&run.outcome)) }
                @for part in &parts { "; " (part) }
            }
            p { "Run " code { (text(&run.id)) } ", for " (text(&run.cause)) ", took " (run.took()) "." }
            @if !steps.is_empty() { (plan::steps(&steps)) }
            @if !run.failures.is_empty() {
                p { strong { "What failed" } }
                ul { @for failed in run.failures.iter().take(100) { li { (failure(failed)) } } }
            }
            (plan::notes(&run.notes))
            @if run.omitted > 0 { p { (run.omitted) " left out of the report, which would be too large." } }
        }
    }
}

fn failure(failed: &Failed) -> Markup {
    html! {
        strong.removed { (text(&failed.attempted)) }
        @if let Some(id) = &failed.connection_id { " for " (called(&failed.naming, id)) }
        " (" (text(&failed.class)) "): " (said(&failed.message))
    }
}
