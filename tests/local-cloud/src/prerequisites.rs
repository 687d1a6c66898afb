//! What the machine must have before anything can be installed.

use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Checks what a local cloud needs, and names everything that is missing at once.
pub fn check() -> Result<()> {
    report(&missing())
}

/// Checks what a local cloud with a browser needs, and names everything that is missing at once.
pub fn check_with_browser() -> Result<()> {
    let mut missing = missing();
    missing.extend(browser().err().map(|error| error.to_string()));
    report(&missing)
}

fn report(missing: &[String]) -> Result<()> {
    ensure!(missing.is_empty(), "this machine lacks:\n  - {}", missing.join("\n  - "));
    Ok(())
}

fn missing() -> Vec<String> {
    let mut missing = Vec::new();
    for (program, what) in [
        ("cargo", "cargo, by rustup (https://rustup.rs)"),
        ("cc", "a C compiler (Debian: build-essential)"),
        ("git", "git"),
        ("npm", "npm (Debian: npm)"),
    ] {
        if output(program, &["--version"]).is_none() {
            missing.push(what.to_owned());
        }
    }
    if !output("python3", &["--version"]).is_some_and(|text| at_least(&text, (3, 11))) {
        missing.push("Python 3.11 or later as python3".to_owned());
    } else if output("python3", &["-c", "import venv, ensurepip"]).is_none() {
        missing.push("Python's venv (Debian: python3-venv)".to_owned());
    }
    if !output("node", &["--version"]).is_some_and(|text| at_least(&text, (20, 0))) {
        missing.push("Node.js 20 or later as node".to_owned());
    }
    missing
}

/// The browser that the tests drive: what `CHROMIUM` names, else the first that is found.
pub fn browser() -> Result<String> {
    let named = std::env::var("CHROMIUM").ok();
    let known = ["chromium", "chromium-browser", "google-chrome"].map(str::to_owned);
    let found = named.into_iter().chain(known).find(|program| output(program, &["--version"]).is_some());
    found.context("Chromium (Debian: chromium), or CHROMIUM names a program that does not run")
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn at_least(version: &str, least: (u32, u32)) -> bool {
    let digits = version.trim_start_matches(|c: char| !c.is_ascii_digit());
    let mut parts = digits.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= least
}

#[cfg(test)]
mod tests {
    use super::at_least;

    #[test]
    fn versions_compare_by_number() {
        assert!(at_least("Python 3.11.7\n", (3, 11)));
        assert!(!at_least("Python 3.9.2", (3, 11)));
        assert!(at_least("v20.20.2", (20, 0)));
        assert!(!at_least("v18.19.0", (20, 0)));
        assert!(!at_least("", (20, 0)));
    }
}
