//! Colours, which are left out where the output is no terminal or `NO_COLOR` is set.

use anstyle::{AnsiColor, Color, Style};

const fn coloured(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(Color::Ansi(colour)))
}

/// Comes to be.
pub const ADDED: Style = coloured(AnsiColor::Green);
/// Goes.
pub const REMOVED: Style = coloured(AnsiColor::Red);
/// Changes, or waits for somebody.
pub const CHANGED: Style = coloured(AnsiColor::Yellow);
/// What the eye looks for.
pub const STRONG: Style = Style::new().bold();
