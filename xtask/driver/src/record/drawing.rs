//! A terminal as a picture: lines that appear when they came, and move up once they are too many.

use std::fmt::Write as _;
use std::time::Duration;

/// The rows and columns of the terminal.
const ROWS: usize = 30;
const COLUMNS: usize = 116;
const LINE_HEIGHT: usize = 20;
/// The width of a character of the font, in hundredths of a pixel.
const CHARACTER: usize = 843;
const MARGIN: usize = 16;

const STYLE: &str = "\
rect{fill:#0d1117}text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#e6edf3;white-space:pre}\
.l{opacity:0;animation:a 1ms linear forwards}@keyframes a{to{opacity:1}}\
.b{font-weight:bold}.h{font-weight:bold;fill:#39c5cf}.g{fill:#3fb950}.r{font-weight:bold;fill:#ff7b72}.d{fill:#8b949e}\
@media (prefers-reduced-motion:reduce){.l{animation-delay:0s!important}#s{animation-delay:0s!important;animation-duration:1ms!important}}";

/// A line of the terminal, with its colours, and when it came.
pub struct Line {
    pub at: Duration,
    pub text: String,
}

/// Draws the lines.
pub fn draw(lines: &[Line]) -> String {
    let (width, height) = (COLUMNS * CHARACTER / 100 + 2 * MARGIN, ROWS * LINE_HEIGHT + 2 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\" aria-label=\"cargo xtask demo\">\n<style>{STYLE}{}</style>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\"/>\n\
         <svg x=\"{MARGIN}\" y=\"{MARGIN}\" width=\"{}\" height=\"{}\">\n<g id=\"s\">\n",
        moves(lines),
        width - MARGIN,
        ROWS * LINE_HEIGHT,
    );
    for (row, line) in lines.iter().enumerate() {
        let (y, at) = (row * LINE_HEIGHT + 15, line.at.as_secs_f32());
        // Writing to a text never fails.
        let _ = writeln!(
            svg,
            "<text class=\"l\" style=\"animation-delay:{at:.2}s\" y=\"{y}\">{}</text>",
            spans(&line.text)
        );
    }
    svg.push_str("</g>\n</svg>\n</svg>\n");
    svg
}

/// How the lines move up, each time that one comes for which there is no room.
fn moves(lines: &[Line]) -> String {
    let Some(last) = lines.last() else { return String::new() };
    let whole = last.at.as_secs_f32().max(0.1);
    let mut frames = String::new();
    for (row, line) in lines.iter().enumerate().skip(ROWS) {
        let (up, at) = ((row + 1 - ROWS) * LINE_HEIGHT, line.at.as_secs_f32() / whole * 100.0);
        let _ = write!(frames, "{at:.3}%{{transform:translateY(-{up}px)}}");
    }
    format!("#s{{animation:m {whole:.2}s step-end forwards}}@keyframes m{{{frames}}}")
}

/// A line with its colours as classes.
fn spans(line: &str) -> String {
    let mut spans = String::new();
    let mut left = COLUMNS;
    for (number, part) in line.split("\x1b[").enumerate() {
        let (code, text) = if number == 0 { ("0", part) } else { part.split_once('m').unwrap_or(("0", "")) };
        let shown: String = text.chars().take(left).collect();
        left -= shown.chars().count();
        let shown = shown.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let class = match code {
            "1" => "b",
            "1;36" => "h",
            "32" => "g",
            "1;31" => "r",
            "2" => "d",
            _ => "",
        };
        if class.is_empty() || shown.is_empty() {
            spans.push_str(&shown);
        } else {
            let _ = write!(spans, "<tspan class=\"{class}\">{shown}</tspan>");
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_become_classes_and_markup_is_text() {
        assert_eq!(spans("\x1b[32m✓\x1b[0m a < b"), "<tspan class=\"g\">✓</tspan> a &lt; b");
    }

    #[test]
    fn lines_move_up_once_they_are_too_many() {
        let line = |second| Line { at: Duration::from_secs(second), text: String::new() };
        let few: Vec<Line> = (0..3).map(line).collect();
        assert!(!draw(&few).contains("translateY"));
        let many: Vec<Line> = (0..40).map(line).collect();
        assert!(draw(&many).contains("translateY(-200px)"), "{}", moves(&many));
    }
}
