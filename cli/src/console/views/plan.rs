//! A plan, and the steps of a run, as a diff that reads from top to bottom.

use causeway_page::{called, copyable};
use maud::{Markup, html};
use serde_json::Value;

use super::frame::{said, section as framed, text};
use crate::{
    console::place::PoolId,
    failure::Failure,
    shown::steps::{Change, Note, Plan, Step, summary},
};

/// The most steps and notes that a page shows; the command line shows all.
const MOST_SHOWN: usize = 300;

/// What a run would do now: first what it means, then what waits for a decision, then what it would do by itself.
pub fn section(pool: &PoolId, answer: Result<Value, Failure>) -> Markup {
    let plan = answer.and_then(|answer| Plan::read(&answer));
    framed("plan", "The plan", plan.map(|plan| planned(pool, &plan)))
}

fn planned(pool: &PoolId, plan: &Plan) -> Markup {
    let (held, free): (Vec<&Step>, Vec<&Step>) = plan.steps.iter().partition(|step| step.held);
    let PoolId { tenant, user_pool } = pool;
    html! {
        @if plan.steps.is_empty() {
            p { "Nothing to do: the user pool is in line." }
        } @else {
            p.meaning { (said(&plan.summary)) }
            p { (summary(&plan.steps)) "." }
        }
        @if !held.is_empty() {
            h3 { "Held back, until somebody approves or refuses it" }
            (steps(&held))
            p { "Let it through, if it is meant:" }
            (copyable("approve", "the command that approves what is held back",
                &format!("causeway approve {tenant} {user_pool} --hash {}", text(&plan.hash))))
            p { "Or keep a connection as it is:" }
            (copyable("refuse", "the command that refuses it",
                &format!("causeway refuse {tenant} {user_pool} --connection ID --reason TEXT")))
        }
        @if !free.is_empty() {
            h3 { "What a run does by itself" }
            (steps(&free))
        }
        (notes(&plan.notes))
    }
}

/// Steps in their order.
pub fn steps(steps: &[&Step]) -> Markup {
    html! {
        ol.plan { @for step in steps.iter().take(MOST_SHOWN) { (of_step(step)) } }
        (left_out(steps.len()))
    }
}

fn of_step(step: &Step) -> Markup {
    let (class, mark) = match step.action.as_str() {
        "create" | "wire" => ("added", "+"),
        "unwire" | "delete" | "forget" => ("removed", "-"),
        _ => ("changed", "~"),
    };
    html! {
        li {
            p { span class=(class) { span aria-hidden="true" { (mark) " " } strong { (text(&step.action)) } } " "
                @if let Some(id) = step.connection_id.as_deref().filter(|_| step.naming.is_named()) {
                    (called(&step.naming, id)) " "
                }
                code { (text(&step.provider_name)) }
                @if let Some(client) = &step.app_client_id { " in the app client " code { (text(client)) } }
                @if step.held { " " strong.held { "held back" } }
            }
            p.reason { (said(&step.reason)) }
            @if !step.changes.is_empty() {
                ul.diff { @for change in step.changes.iter().take(MOST_SHOWN) { li { (of_change(change)) } } }
            }
        }
    }
}

fn of_change(change: &Change) -> Markup {
    html! {
        span.field-name { (text(&change.field)) }
        @if let Some(before) = &change.before { " " del { span aria-hidden="true" { "- " } (text(before)) } }
        @if let Some(after) = &change.after { " " ins { span aria-hidden="true" { "+ " } (text(after)) } }
    }
}

/// What was left out, and why.
pub fn notes(notes: &[Note]) -> Markup {
    html! {
        @if !notes.is_empty() {
            p { strong { "Notes" } }
            ul {
                @for note in notes.iter().take(MOST_SHOWN) {
                    li {
                        @match (&note.connection_id, &note.provider_name) {
                            (Some(id), _) => { (called(&note.naming, id)) ": " },
                            (None, Some(provider)) => { code { (text(provider)) } ": " },
                            (None, None) => {},
                        }
                        (said(&note.message))
                    }
                }
            }
            (left_out(notes.len()))
        }
    }
}

fn left_out(all: usize) -> Markup {
    let more = all.saturating_sub(MOST_SHOWN);
    html! { @if more > 0 { p { "And " (more) " more, which the command line shows." } } }
}
