//! The browser that tests and demo drive.

use std::path::PathBuf;

use crate::{prerequisites, workspace};

/// Names the browser, where it is not one of those that are looked for.
pub const VARIABLE: &str = "CHROMIUM";

/// Those that a machine may have.
const KNOWN: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// A browser, and what it needs around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Browser {
    /// The program.
    pub program: PathBuf,
    /// The folder of the libraries that came with it.
    pub libraries: Option<PathBuf>,
}

/// The machine's browser: what `CHROMIUM` names, else the first that is found. An error is one sentence.
pub fn of_machine() -> Result<Option<Browser>, String> {
    let runs = |program: &str| prerequisites::output(program, &["--version"]).is_some();
    let browser = |program: &str| Browser { program: PathBuf::from(program), libraries: None };
    if let Ok(named) = std::env::var(VARIABLE) {
        let found = runs(&named).then(|| Some(browser(&named)));
        return found.ok_or_else(|| format!("{VARIABLE} names {named}, which does not run"));
    }
    Ok(KNOWN.into_iter().find(|program| runs(program)).map(browser))
}

/// Where the browser is that is installed with the other tools.
#[must_use]
pub fn folder() -> PathBuf {
    workspace::tools().join("chromium")
}

/// Whether there is one to install for this machine's processor.
#[must_use]
pub fn can_be_installed() -> bool {
    cfg!(target_arch = "x86_64")
}

/// The machine's browser, else the installed one. An error is one sentence.
pub fn find() -> Result<Browser, String> {
    if let Some(browser) = of_machine()? {
        return Ok(browser);
    }
    let folder = folder();
    let (program, libraries) = (folder.join("browser/chromium"), folder.join("browser/lib"));
    let found = program.is_file().then_some(Browser { program, libraries: Some(libraries) });
    found.ok_or_else(|| "there is no Chromium here yet: `cargo xtask up` installs one".to_owned())
}
