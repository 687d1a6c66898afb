//! The log of what was changed over the API.

use maud::{Markup, html};
use serde_json::Value;

use super::frame::{items, moment, said, table};
use crate::{
    failure::Failure,
    shown::{audit::sentence, lists::Record},
};

/// All changes of a page.
pub fn all(answer: &Value) -> Result<Markup, Failure> {
    Ok(listed(&items(answer, "an audit record")?))
}

/// Those of one user pool.
pub fn of_pool(answer: &Value, user_pool: &str) -> Result<Markup, Failure> {
    let mut records: Vec<Record> = items(answer, "an audit record")?;
    records.retain(|record| record.user_pool_id.as_deref() == Some(user_pool));
    Ok(listed(&records))
}

fn listed(records: &[Record]) -> Markup {
    let rows: Vec<Markup> = records.iter().map(row).collect();
    table("Changes", &["When", "What"], &rows)
}

fn row(record: &Record) -> Markup {
    html! {
        tr {
            th scope="row" { (moment(&record.at)) }
            td { (said(&sentence(record))) }
        }
    }
}
