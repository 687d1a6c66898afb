//! What a terminal shows differently from a file.

use std::io::IsTerminal as _;
use std::time::Duration;

/// A look of text.
#[derive(Clone, Copy, Debug)]
pub enum Look {
    /// What begins here.
    Heading,
    /// What holds.
    Good,
    /// What failed.
    Bad,
    /// What only some want to read.
    Aside,
}

impl Look {
    fn code(self) -> &'static str {
        match self {
            Self::Heading => "1;36",
            Self::Good => "32",
            Self::Bad => "1;31",
            Self::Aside => "2",
        }
    }
}

/// Whether somebody looks on, so that a line may be drawn again and again.
#[must_use]
pub fn is_watched() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether text has colours: on a terminal, unless `NO_COLOR` is set, and where `CLICOLOR_FORCE` is.
#[must_use]
pub fn has_colours() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !set("NO_COLOR") && (is_watched() || set("CLICOLOR_FORCE"))
}

/// Text as it looks, where there are colours.
#[must_use]
pub fn look(look: Look, text: &str) -> String {
    if has_colours() { format!("\x1b[{}m{text}\x1b[0m", look.code()) } else { text.to_owned() }
}

/// How long something took, for people.
#[must_use]
pub fn duration(took: Duration) -> String {
    let seconds = took.as_secs();
    match seconds {
        0 => format!("{} ms", took.as_millis()),
        1..60 => format!("{seconds} s"),
        _ => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_as_exact_as_people_want_it() {
        assert_eq!(duration(Duration::from_millis(340)), "340 ms");
        assert_eq!(duration(Duration::from_millis(59_900)), "59 s");
        assert_eq!(duration(Duration::from_secs(125)), "2 min 5 s");
    }
}
