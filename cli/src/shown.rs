//! The API's answers as text for people. Pure: what is shown depends on the answer alone.

pub mod adoption;
pub mod audit;
pub mod checks;
#[cfg(test)]
mod golden_tests;
pub mod health;
pub mod link;
pub mod lists;
pub mod moving;
#[cfg(test)]
mod names_tests;
pub mod pool;
pub mod run;
pub mod status;
pub mod steps;
mod style;
mod table;
pub mod tenant;

use causeway_core::shown::shown;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::Failure;

/// Calls of the API in its own texts, each with what to type for it.
const COMMANDS: [(&str, &str); 8] = [
    ("`reconcile` with `dry_run`", "`causeway plan`"),
    ("`POST .../refusals`", "`causeway refuse`"),
    ("`DELETE .../refusals/{connection_id}`", "`causeway let-go`"),
    ("`POST .../admission`", "`causeway pools admit`"),
    ("`POST .../reconcile`", "`causeway reconcile`"),
    ("`POST .../adopt`", "`causeway adopt`"),
    ("`GET .../role`", "`causeway role`"),
    ("send the `DELETE` again", "send the removal again (`causeway pools remove`)"),
];

/// What to do, in commands of this command line and not in calls of the API.
pub fn in_commands(remedy: &str) -> String {
    let text = COMMANDS.iter().fold(remedy.to_owned(), |text, (call, command)| text.replace(call, command));
    let text = text.replace("Run `verify`", "Run `causeway verify`").replace("call `verify`", "run `causeway verify`");
    text.replace("ask for a reconcile", "ask for a run (`causeway reconcile`)")
}

/// Reads an answer for showing it: what it has more than is shown is of no interest, and no text in it
/// controls the terminal.
pub fn read<T: DeserializeOwned>(answer: &Value, what: &str) -> Result<T, Failure> {
    T::deserialize(printable(answer)).map_err(|source| Failure::Unreadable { call: what.to_owned(), source })
}

/// What of a list stands in the table and can't be read; nothing where all can.
pub fn unreadable(list: &Value) -> String {
    let items = printable(&list["unreadable"]);
    let lines = items.as_array().into_iter().flatten().map(|item| {
        let member = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
        format!("\nCan't be read: {}\n  {}\n", member("item"), member("message"))
    });
    lines.collect()
}

/// Names and messages come from WorkOS and from tenants. Where a line ends is the API's to say.
fn printable(value: &Value) -> Value {
    match value {
        Value::String(text) => {
            let lines: Vec<String> = text.split('\n').map(|line| shown(line, Some('\u{fffd}')).collect()).collect();
            Value::String(lines.join("\n"))
        }
        Value::Array(items) => items.iter().map(printable).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), printable(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

/// A time of the API's to the second, as `2026-11-22 12:00:05Z`.
pub fn time(text: &str) -> String {
    match text.split_once('.') {
        Some((seconds, _)) if text.ends_with('Z') => format!("{}Z", seconds.replace('T', " ")),
        _ => text.to_owned(),
    }
}

/// A time of the API's to the minute, as `2026-11-22 12:00Z`.
pub fn minute(text: &str) -> String {
    let time = time(text);
    match time.rsplit_once(':') {
        Some((minutes, seconds)) if seconds.ends_with('Z') => format!("{minutes}Z"),
        _ => time,
    }
}

/// The day of a time of the API's.
pub fn day(text: &str) -> String {
    text.split('T').next().unwrap_or_default().to_owned()
}

fn optional_time(text: Option<&str>) -> String {
    text.map_or_else(|| "-".to_owned(), time)
}

/// A text in lines of `width` characters at most where its words are short enough, each with `indent` before it.
pub fn wrapped(text: &str, width: usize, indent: &str) -> String {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = indent.to_owned();
        for word in paragraph.split(' ').filter(|word| !word.is_empty()) {
            let is_first = line.len() == indent.len();
            if !is_first && line.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::replace(&mut line, format!("{indent}{word}")));
                continue;
            }
            if !is_first {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    // The last line ends, too.
    lines.push(String::new());
    lines.join("\n")
}

/// `1 step`, `2 steps`.
pub fn count(number: usize, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_text_of_an_answer_controls_the_terminal() {
        let shown: Value = read(&json!({"name": ["a\u{1b}[2Jb\r\nc", "a\u{202e}\u{2028}b"]}), "a test").unwrap();
        assert_eq!(shown, json!({"name": ["a\u{fffd}[2Jb\u{fffd}\nc", "a\u{fffd}\u{fffd}b"]}));
        let piled: Value = read(&json!({"name": format!("a{}", "\u{301}".repeat(50))}), "a test").unwrap();
        assert_eq!(piled["name"].as_str().unwrap().chars().count(), 5, "no pile of marks reaches into other lines");
    }

    #[test]
    fn what_the_api_says_to_do_names_no_call_once_it_is_shown() {
        const SOURCES: [&str; 6] = [
            include_str!("../../shared/core/src/health.rs"),
            include_str!("../../shared/core/src/trouble.rs"),
            include_str!("../../shared/core/src/plan.rs"),
            include_str!("../../shared/core/src/guard.rs"),
            include_str!("../../shared/reconciler/src/ending.rs"),
            include_str!("../../shared/tenancy/src/verify.rs"),
        ];
        let mut found = 0;
        for line in SOURCES.iter().flat_map(|source| source.lines()).filter(|line| !line.trim().starts_with("//")) {
            let shown = in_commands(line);
            found += usize::from(shown != line);
            let calls = ["`GET ", "`POST ", "`PATCH ", "`DELETE", "`dry_run`"];
            assert!(calls.iter().all(|call| !shown.contains(call)), "{shown}");
        }
        assert!(found > 7, "{found} lines tell of commands");
    }

    #[test]
    fn a_time_is_shown_to_the_second() {
        assert_eq!(time("2026-11-22T12:00:05.123Z"), "2026-11-22 12:00:05Z");
        assert_eq!(minute("2026-11-22T12:00:05.123Z"), "2026-11-22 12:00Z");
        assert_eq!((time("soon"), minute("soon")), ("soon".to_owned(), "soon".to_owned()));
    }
}
