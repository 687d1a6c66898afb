//! What the machine must have before anything can be installed.

use std::process::{Command, Stdio};

use crate::browser;

/// What has to be installed by hand: how it is named, and Debian's package.
struct Missing {
    what: &'static str,
    package: &'static str,
}

/// Checks what a local cloud needs, and names everything that is missing at once, with the line that installs it.
pub fn check(with_browser: bool) -> Result<(), String> {
    let mut lines = Vec::new();
    let missing = missing();
    lines.extend(missing.iter().map(|missing| format!("  - {}", missing.what)));
    let mut packages: Vec<&str> = missing.iter().map(|missing| missing.package).collect();
    if with_browser {
        match browser::of_machine() {
            Err(problem) => lines.push(format!("  - a browser: {problem}")),
            Ok(None) if !browser::can_be_installed() => {
                lines.push("  - Chromium, which no package of npm has for this processor".to_owned());
                packages.push("chromium");
            }
            Ok(_) => {}
        }
    }
    if lines.is_empty() {
        return Ok(());
    }
    packages.dedup();
    let install = if packages.is_empty() {
        String::new()
    } else {
        format!("\nOn Debian 13 this installs it:\n  sudo apt-get install {}", packages.join(" "))
    };
    Err(format!("this machine lacks\n{}{install}", lines.join("\n")))
}

fn missing() -> Vec<Missing> {
    let mut missing = Vec::new();
    let mut lacks = |what, package| missing.push(Missing { what, package });
    if output("cc", &["--version"]).is_none() {
        lacks("a C compiler as cc", "build-essential");
    }
    if output("git", &["--version"]).is_none() {
        lacks("git", "git");
    }
    if !output("python3", &["--version"]).is_some_and(|text| at_least(&text, (3, 11))) {
        lacks("Python 3.11 or later as python3", "python3");
        lacks("Python's venv", "python3-venv");
    } else if output("python3", &["-c", "import venv, ensurepip"]).is_none() {
        lacks("Python's venv", "python3-venv");
    }
    if !output("node", &["--version"]).is_some_and(|text| at_least(&text, (20, 0))) {
        lacks("Node.js 20 or later as node", "nodejs");
    }
    if output("npm", &["--version"]).is_none() {
        lacks("npm", "npm");
    }
    missing
}

/// What a program prints, if it runs and succeeds.
#[must_use]
pub fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
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
