//! What a measurement found: tables for who called it, and `target/bench/NAME.json` for everything else.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use causeway_local_cloud::workspace;
use serde_json::{Map, Value, json};

/// A table.
#[derive(Debug)]
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub fn new(head: &[&str]) -> Self {
        Self { head: head.iter().map(|name| (*name).to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The table in Markdown, its columns in line.
    fn shown(&self) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column)).chain(self.head.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        let line = |cells: &[String]| {
            let cells = cells.iter().zip(&widths).map(|(cell, width)| format!(" {cell:<width$} |"));
            format!("|{}\n", cells.collect::<String>())
        };
        let rule: Vec<String> = widths.iter().map(|width| "-".repeat((*width).max(3))).collect();
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        format!("{}{}{rows}", line(&self.head), line(&rule))
    }
}

/// What was to be reached.
#[derive(Debug)]
struct Target {
    what: String,
    measured: String,
    is_met: bool,
}

/// What one measurement found.
#[derive(Debug)]
pub struct Report {
    name: &'static str,
    tables: Vec<Table>,
    targets: Vec<Target>,
    figures: Map<String, Value>,
}

impl Report {
    /// An empty one.
    pub fn new(name: &'static str) -> Self {
        Self { name, tables: Vec::new(), targets: Vec::new(), figures: Map::new() }
    }

    /// Adds a table.
    pub fn table(&mut self, table: Table) {
        self.tables.push(table);
    }

    /// Adds what was to be reached and what was.
    pub fn target(&mut self, what: impl Into<String>, measured: impl Into<String>, is_met: bool) {
        self.targets.push(Target { what: what.into(), measured: measured.into(), is_met });
    }

    /// Adds what programs may want to read.
    pub fn figure(&mut self, name: &str, value: impl Into<Value>) {
        self.figures.insert(name.to_owned(), value.into());
    }

    /// How many targets were missed.
    pub fn missed(&self) -> usize {
        self.targets.iter().filter(|target| !target.is_met).count()
    }

    /// Prints the tables and writes the file, with how long the measuring took.
    pub fn publish(&self, took: Duration) -> Result<()> {
        println!("\n## {}\n", self.name);
        for table in &self.tables {
            println!("{}", table.shown());
        }
        for target in &self.targets {
            let verdict = if target.is_met { "met   " } else { "MISSED" };
            println!("{verdict} {}: {}", target.what, target.measured);
        }
        let file = file(self.name);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        let text = serde_json::to_string_pretty(&self.as_json(took))?;
        std::fs::write(&file, text + "\n").with_context(|| format!("cannot write {}", file.display()))
    }

    fn as_json(&self, took: Duration) -> Value {
        let targets: Vec<Value> = self
            .targets
            .iter()
            .map(|target| json!({"what": target.what, "measured": target.measured, "met": target.is_met}))
            .collect();
        let processors = std::thread::available_parallelism().map_or(0, usize::from);
        json!({
            "name": self.name,
            "date": said_by("date", &["-u", "+%Y-%m-%dT%H:%M:%SZ"]),
            "commit": said_by("git", &["rev-parse", "HEAD"]),
            "took_s": took.as_secs_f64(),
            "machine": {"processors": processors, "architecture": std::env::consts::ARCH},
            "targets": targets,
            "figures": self.figures,
        })
    }
}

/// What a program says in one line; none where it does not, such as git outside a repository.
fn said_by(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).current_dir(workspace::root()).output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| said.trim().to_owned())
}

fn file(name: &str) -> PathBuf {
    workspace::root().join("target/bench").join(name).with_extension("json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_markdown_with_its_columns_in_line() {
        let mut table = Table::new(&["function", "ms"]);
        table.row(["ingest".to_owned(), "12.5 (9 to 20)".to_owned()]);
        let expected = "| function | ms             |\n| -------- | -------------- |\n| ingest   | 12.5 (9 to 20) |\n";
        assert_eq!(table.shown(), expected);
    }

    #[test]
    fn a_missed_target_is_counted_and_written() {
        let mut report = Report::new("none");
        report.target("under 3 MB", "2.9 MB", true);
        report.target("under 15 ms", "16 ms", false);
        assert_eq!(report.missed(), 1);
        let written = report.as_json(Duration::from_millis(1500));
        assert_eq!((&written["targets"][1]["met"], &written["took_s"]), (&json!(false), &json!(1.5)));
    }

    #[test]
    fn a_report_says_of_which_day_it_is_and_what_git_says_of_the_commit_if_anything() {
        let written = Report::new("none").as_json(Duration::ZERO);
        let date = written["date"].as_str().unwrap();
        assert!(date.starts_with("20") && date.len() == "2026-11-27T05:00:00Z".len(), "{date}");
        let is_in_a_repository = workspace::root().join(".git").exists();
        assert_eq!(written["commit"].as_str().map(str::len), is_in_a_repository.then_some(40), "{written}");
        assert_eq!(said_by("git", &["rev-parse", "no such commit"]), None);
    }
}
