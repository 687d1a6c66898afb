//! What is going on, and for how long: a line that turns on a terminal, plain lines elsewhere.
//!
//! A few lines of our own, since they are the first that is built.

use std::io::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::terminal::{Look, duration, is_watched, look};

/// How often the line on a terminal is drawn.
const DRAWN_EVERY: Duration = Duration::from_millis(120);
/// How long nobody may wonder whether anything still happens, where there is no such line.
const REMINDED_EVERY: Duration = Duration::from_secs(30);
const TURNING: [&str; 8] = ["⠋", "⠙", "⠸", "⠴", "⠦", "⠧", "⠇", "⠏"];
const WIDTH: usize = 78;

static SHOWN: Mutex<Shown> =
    Mutex::new(Shown { steps: Vec::new(), begun: 0, hidden: 0, turn: 0, is_drawn: false, has_ticker: false });

struct Shown {
    steps: Vec<Running>,
    begun: u64,
    hidden: u32,
    turn: usize,
    is_drawn: bool,
    has_ticker: bool,
}

struct Running {
    id: u64,
    what: String,
    detail: String,
    begin: Instant,
    reminded: Instant,
}

/// A step that is shown until it is done, or dropped because it failed.
#[derive(Debug)]
pub struct Step {
    id: u64,
    begin: Instant,
}

/// Shows that a step begins.
#[must_use]
pub fn step(what: &str) -> Step {
    let begin = Instant::now();
    let mut shown = shown();
    shown.begun += 1;
    let id = shown.begun;
    if !is_watched() {
        shown.print(&format!("==> {what}"));
    }
    shown.steps.push(Running { id, what: what.to_owned(), detail: String::new(), begin, reminded: begin });
    if !shown.has_ticker {
        shown.has_ticker = true;
        std::thread::spawn(tick);
    }
    shown.draw();
    Step { id, begin }
}

impl Step {
    /// How far it is.
    pub fn is_at(&self, detail: String) {
        if let Some(step) = shown().steps.iter_mut().find(|step| step.id == self.id) {
            step.detail = detail;
        }
    }

    /// It is done, and gives how long it took.
    pub fn done(self) -> Duration {
        let took = self.begin.elapsed();
        let mut shown = shown();
        if let Some(at) = shown.steps.iter().position(|step| step.id == self.id) {
            let step = shown.steps.remove(at);
            if is_watched() {
                shown.print(&format!("{} {}  {}", look(Look::Good, "✓"), step.what, aside(took)));
            } else if took >= Duration::from_secs(1) {
                shown.print(&format!("    {}: {}", step.what, duration(took)));
            }
        }
        took
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        let mut shown = shown();
        shown.steps.retain(|step| step.id != self.id);
        shown.clear();
    }
}

/// Prints a line, above what is going on.
pub fn say(line: &str) {
    let mut shown = shown();
    shown.print(line);
    shown.draw();
}

/// While this lives, others have the terminal to themselves.
#[derive(Debug)]
pub struct Hidden(());

/// Hides what is going on.
#[must_use]
pub fn hide() -> Hidden {
    let mut shown = shown();
    shown.clear();
    shown.hidden += 1;
    Hidden(())
}

impl Drop for Hidden {
    fn drop(&mut self) {
        shown().hidden -= 1;
    }
}

fn shown() -> MutexGuard<'static, Shown> {
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn tick() {
    loop {
        std::thread::sleep(DRAWN_EVERY);
        let mut shown = shown();
        shown.turn += 1;
        shown.draw();
        shown.remind();
    }
}

fn aside(took: Duration) -> String {
    look(Look::Aside, &duration(took))
}

impl Shown {
    fn print(&mut self, line: &str) {
        self.clear();
        // A reader that has gone is no reason to stop.
        let _ = writeln!(std::io::stdout(), "{line}");
    }

    fn clear(&mut self) {
        if self.is_drawn {
            self.is_drawn = false;
            let mut out = std::io::stdout();
            let _ = write!(out, "\r\x1b[2K").and_then(|()| out.flush());
        }
    }

    fn draw(&mut self) {
        if self.steps.is_empty() || self.hidden > 0 || !is_watched() {
            return;
        }
        let steps: Vec<String> = self.steps.iter().map(Running::line).collect();
        let line: String = steps.join(" · ").chars().take(WIDTH).collect();
        let turning = TURNING[self.turn % TURNING.len()];
        let mut out = std::io::stdout();
        let _ = write!(out, "\r\x1b[2K{turning} {line}").and_then(|()| out.flush());
        self.is_drawn = true;
    }

    fn remind(&mut self) {
        if is_watched() || self.hidden > 0 {
            return;
        }
        let due = self.steps.iter_mut().filter(|step| step.reminded.elapsed() >= REMINDED_EVERY);
        let lines: Vec<String> = due
            .map(|step| {
                step.reminded = Instant::now();
                format!("    still {}", step.line())
            })
            .collect();
        for line in lines {
            self.print(&line);
        }
    }
}

impl Running {
    fn line(&self) -> String {
        let took = self.begin.elapsed().as_secs();
        let detail = if self.detail.is_empty() { String::new() } else { format!(" {}", self.detail) };
        format!("{}{detail} {}:{:02}", self.what, took / 60, took % 60)
    }
}
