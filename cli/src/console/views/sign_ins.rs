//! What sign-ins came to. Nothing in it tells who signed in.

use std::collections::BTreeMap;

use causeway_core::timestamp::Timestamp;
use causeway_page::called;
use maud::{Markup, html};
use serde_json::Value;

use super::{
    frame::{items, moment, said, table, text},
    plot::{Lane, Mark, columns},
};
use crate::{failure::Failure, shown::lists::SignIn};

/// What sign-ins come to, each with the look of its columns.
const OUTCOMES: [(&str, &str, &str); 4] = [
    ("signed_in", "signed in", "is-good"),
    ("returned", "came back, tokens not fetched", "is-plain"),
    ("refused", "refused", "is-note"),
    ("failed", "failed", "is-bad"),
];

/// The last sign-ins by what they came to, up to `now`, and what to do about those that failed.
pub fn plot(answer: &Value, now: Timestamp) -> Result<Markup, Failure> {
    let sign_ins: Vec<SignIn> = items(answer, "a sign-in")?;
    if sign_ins.is_empty() {
        return Ok(html! { p { "There are none." } });
    }
    let marks = sign_ins.iter().filter_map(|sign_in| {
        let outcome = OUTCOMES.iter().position(|(word, ..)| *word == sign_in.outcome).unwrap_or(OUTCOMES.len() - 1);
        Some(Mark { lane: outcome, at: Timestamp::parse(&sign_in.at)? })
    });
    let lanes = OUTCOMES.map(|(_, name, class)| Lane { name: name.to_owned(), class });
    Ok(html! {
        (columns("sign-ins", &lanes, &marks.collect::<Vec<_>>(), now))
        (errors(&sign_ins))
    })
}

/// The errors, the most frequent first.
fn errors(sign_ins: &[SignIn]) -> Markup {
    let mut by_code = BTreeMap::<&str, (usize, &str)>::new();
    for error in sign_ins.iter().filter_map(|sign_in| sign_in.error.as_ref()) {
        by_code.entry(&error.code).or_insert((0, &error.message)).0 += 1;
    }
    let mut errors: Vec<(&str, (usize, &str))> = by_code.into_iter().collect();
    errors.sort_by_key(|(_, (times, _))| std::cmp::Reverse(*times));
    html! {
        @if !errors.is_empty() {
            p { strong { "Why some were not let in" } }
            dl.facts {
                @for (code, (times, message)) in errors {
                    dt { (times) " × " (text(code)) } dd { (said(message)) }
                }
            }
        }
    }
}

/// A list of sign-ins.
pub fn list(answer: &Value) -> Result<Markup, Failure> {
    let sign_ins: Vec<SignIn> = items(answer, "a sign-in")?;
    let rows: Vec<Markup> = sign_ins.iter().map(row).collect();
    Ok(html! {
        (table("Sign-ins", &["When", "Connection", "Outcome", "Error"], &rows))
        (errors(&sign_ins))
    })
}

fn row(sign_in: &SignIn) -> Markup {
    html! {
        tr {
            th scope="row" { (moment(&sign_in.at)) }
            td { (called(&sign_in.naming, &sign_in.connection_id)) br; code { (text(&sign_in.connection_id)) } }
            td { (text(&sign_in.outcome)) }
            td { (sign_in.error.as_ref().map_or_else(|| "–".to_owned(), |error| text(&error.code))) }
        }
    }
}
