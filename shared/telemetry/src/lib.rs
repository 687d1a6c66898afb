//! Logs: one JSON object a line, with the fields of the span around it, and the metrics that lines carry.

mod line;
mod measured;
mod metric;
mod trace;

use causeway_core::shown::shown;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    filter::Targets,
    fmt::format::{Format, JsonFields},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

pub use line::METRICS;
pub use measured::{Measurements, add, call, count, measured};
pub use metric::{Metric, NAMESPACE, Service};
pub use trace::{current_trace_id, trace_header, trace_id};

/// The crates that log at the chosen level. What they depend on logs warnings only: a library's debug
/// output can hold a request, and so a secret.
const OURS: [&str; 7] = ["causeway", "ingest", "onboarding", "reconcile", "schedule", "signin", "tenants"];

/// Starts logging at the level that the environment variable `LOG_LEVEL` names (`error`, `warn`, `info`,
/// `debug`, `trace`), `info` without it. Called once, at start-up; a second call does nothing.
pub fn start() {
    let level = std::env::var("LOG_LEVEL").ok().and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    let targets = OURS.into_iter().fold(Targets::new().with_default(level.min(LevelFilter::WARN)), |targets, name| {
        targets.with_target(name, level)
    });
    // Metrics must not go when somebody wants to read less.
    let targets = targets.with_target(METRICS, LevelFilter::INFO);
    let format =
        Format::default().json().flatten_event(true).with_current_span(true).with_span_list(false).with_target(false);
    let lines = tracing_subscriber::fmt::layer().fmt_fields(JsonFields::new()).event_format(line::Lines(format));
    let _ = tracing_subscriber::registry().with(targets).with(lines).try_init();
    // What a panic says can hold what was worked on; where it was says enough.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a panic");
    }));
}

/// The most characters of a text from outside that a log line has.
const LONGEST_FROM_OUTSIDE: usize = 128;

/// A text that somebody outside wrote, as a log line may have it: cut to 128 characters, with a space for each that
/// controls how a text is shown or where a line ends. Everything from outside passes here before it is logged.
pub fn cut(text: &str) -> String {
    shown(text, Some(' ')).take(LONGEST_FROM_OUTSIDE).collect()
}

/// An error with all its causes on one line; the only place where a chain is written out.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // The AWS SDK repeats a cause in the text of the error above it.
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn a_text_from_outside_is_one_short_line_that_shows_what_it_is() {
        assert_eq!(cut("connection.\u{202e}\u{2028}\r\n\u{200b}x"), "connection.     x");
        assert_eq!(cut(&"ä".repeat(1000)).chars().count(), 128);
        assert_eq!(cut("Zoë \u{1f600}"), "Zoë \u{1f600}");
    }
}
