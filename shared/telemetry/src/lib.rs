//! Logs: one JSON object a line, with the fields of the spans around it.

use tracing::level_filters::LevelFilter;

/// Starts logging at the level that the environment variable `LOG_LEVEL` names (`error`, `warn`, `info`,
/// `debug`, `trace`), `info` without it. Called once, at start-up; a second call does nothing.
pub fn start() {
    let level = std::env::var("LOG_LEVEL").ok().and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_max_level(level)
        .with_target(false)
        .try_init();
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
