//! What the parts of a run take, printed at its end.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use causeway_machine::progress::say;
use causeway_machine::terminal::{Look, duration, look};

use crate::{announce, prepared};

/// The parts so far, by name.
#[derive(Debug)]
pub struct Parts {
    begin: Instant,
    /// What passed before this program began.
    before: Duration,
    took: Mutex<Vec<(String, Duration)>>,
}

impl Parts {
    /// Begins, with what the first part of the command has done already.
    pub fn begin() -> Self {
        let before = prepared();
        let took = vec![
            ("driver and functions compiled".to_owned(), before.compiling),
            ("tools installed, beside it".to_owned(), before.installing),
        ];
        Self { begin: Instant::now(), before: before.all, took: Mutex::new(took) }
    }

    /// Does one part.
    pub async fn run<T>(&self, name: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        announce(name);
        let begin = Instant::now();
        let outcome = work.await;
        let took = begin.elapsed();
        let verdict = if outcome.is_ok() { "ok".to_owned() } else { look(Look::Bad, "FAILED") };
        say(&format!("==> {name}: {verdict} after {:.1} s", took.as_secs_f64()));
        self.took.lock().unwrap_or_else(PoisonError::into_inner).push((name.to_owned(), took));
        outcome.with_context(|| name.to_owned())
    }

    /// Shows all of them, and the total.
    pub fn show(&self) {
        say("");
        for (name, took) in self.took.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            say(&format!("{:>14}  {name}", duration(*took)));
        }
        let total = self.before + self.begin.elapsed();
        say(&look(Look::Heading, &format!("{:>14}  in all", duration(total))));
    }
}
