//! What a command prints: its result to standard output, everything else to standard error.

use std::{
    io::{self, IsTerminal, Write},
    process,
    time::{SystemTime, UNIX_EPOCH},
};

use anstyle::{AnsiColor, Style};
use serde_json::Value;

use causeway_core::timestamp::Timestamp;

use crate::{failure::Failure, shown};

/// The columns of a table that is not shown on a terminal.
const USUAL_WIDTH: u16 = 120;

/// How a command speaks.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
    /// Whether somebody watches.
    shows_progress: bool,
    /// Whether the result goes to a terminal.
    is_terminal: bool,
    width: u16,
}

impl Output {
    /// For people, or as JSON.
    pub fn new(json: bool) -> Self {
        let terminal = terminal_size::terminal_size_of(io::stdout());
        Self {
            json,
            shows_progress: io::stderr().is_terminal(),
            is_terminal: io::stdout().is_terminal(),
            width: terminal.map_or(USUAL_WIDTH, |(terminal_size::Width(columns), _)| columns.max(60)),
        }
    }

    /// Shows an answer: the API's own JSON, or the text that is made of it for people.
    pub fn show(self, answer: &Value, text: impl FnOnce() -> Result<String, Failure>) -> Result<(), Failure> {
        if self.json {
            let json = serde_json::to_string_pretty(answer)
                .map_err(|source| Failure::Unreadable { call: "the answer".to_owned(), source })?;
            return print(&format!("{json}\n"));
        }
        print(&text()?)
    }

    /// Shows an answer once more, after `before`. On a terminal it takes the place of what is there. Elsewhere it follows it,
    /// under the time and only where it has changed; as JSON each is one line.
    pub fn show_again(
        self,
        answer: &Value,
        before: &Value,
        text: impl FnOnce() -> Result<String, Failure>,
    ) -> Result<(), Failure> {
        if self.is_terminal && !self.json {
            return print(&format!("\x1b[H\x1b[2J{}", text()?));
        }
        if answer == before {
            return Ok(());
        }
        if self.json {
            return print(&format!("{answer}\n"));
        }
        print(&format!("{}\n{}\n", shown::time(&now().to_string()), text()?))
    }

    /// Says something to people only; scripts have the result.
    pub fn remark(self, text: &str) {
        if !self.json {
            // A remark that can't be shown changes nothing of what was done.
            let _ = writeln!(anstream::stderr(), "{text}");
        }
    }

    /// Shows how far it is, in one line that the next one replaces; on a terminal only.
    pub fn progress(self, text: &str) {
        if self.shows_progress {
            let _ = write!(io::stderr(), "\r\x1b[2K{text}");
        }
    }

    /// Removes the line of [`Output::progress`].
    pub fn end_of_progress(self) {
        self.progress("");
    }

    /// Says why it was not done.
    pub fn failure(self, failure: &Failure) {
        self.end_of_progress();
        let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
        let _ = if self.json {
            writeln!(io::stderr(), "{}", failure.to_json())
        } else {
            writeln!(anstream::stderr(), "{red}error:{red:#} {}", failure.text())
        };
    }

    /// How many columns a table may take.
    pub fn width(self) -> u16 {
        self.width
    }
}

/// The time by this machine's clock.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or_default())
}

/// Prints to standard output.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = anstream::stdout();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        // Whoever read has seen enough, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => process::exit(0),
        Err(error) => Err(Failure::output(error)),
    }
}
