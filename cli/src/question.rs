//! Asks before something that can't be taken back.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::failure::Failure;

/// Goes on only if the operator says yes: with `--yes`, or when asked. `subject` is what the question is about.
pub fn confirm(subject: &str, question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(Failure::Usage(format!("{question} There is no terminal to ask on: say so with --yes")));
    }
    let failed = |source: io::Error| Failure::Local { what: "can't ask".to_owned(), source: source.into() };
    write!(anstream::stderr(), "{subject}\n{question} [y/N] ").map_err(failed)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    if is_yes(&answer) { Ok(()) } else { Err(Failure::Declined) }
}

fn is_yes(answer: &str) -> bool {
    ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_yes_is_one() {
        assert!(["y\n", "Yes\n", " yes "].into_iter().all(is_yes));
        assert!(!["", "\n", "n\n", "yep", "yes please"].into_iter().any(is_yes));
    }
}
