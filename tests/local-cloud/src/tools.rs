//! The pinned tools: Python environments and folders of npm packages.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::process::run;
use crate::{prerequisites, workspace};

/// Told of each long step as it begins.
pub type Progress<'a> = &'a (dyn Fn(&str) + Sync);

const STAMP: &str = ".installed";

/// Where the installed tools are.
#[derive(Clone, Debug)]
pub struct Tools {
    /// The environment of `MiniStack`.
    pub ministack: PathBuf,
    /// The environment of SAM CLI, cargo-lambda and Zig.
    pub sam: PathBuf,
    /// The folder with `WorkOS`'s emulator.
    pub workos: PathBuf,
}

/// Installs whatever is missing or out of date.
pub async fn install(progress: Progress<'_>) -> Result<Tools> {
    prerequisites::check()?;
    let tools = Tools {
        ministack: workspace::tools().join("ministack"),
        sam: workspace::tools().join("sam"),
        workos: workspace::tools().join("workos"),
    };
    python(&tools.ministack, "ministack.txt", progress, "MiniStack").await?;
    python(&tools.sam, "sam.txt", progress, "SAM CLI, cargo-lambda and Zig").await?;
    npm(&tools.workos, "workos", "WorkOS's emulator", progress).await?;
    Ok(tools)
}

/// Installs what drives a browser, and the `OpenID` relying party, for `node` scripts of `tests/tools/browser`,
/// and gives the folder that they run in. The browser itself is a prerequisite: [`prerequisites::browser`].
pub async fn install_browser(progress: Progress<'_>) -> Result<PathBuf> {
    let target = workspace::tools().join("browser");
    npm(&target, "browser", "what drives the browser", progress).await?;
    Ok(target)
}

/// Installs schemathesis and the parser of Terraform's language, and gives their Python environment.
pub async fn install_checks(progress: Progress<'_>) -> Result<PathBuf> {
    let target = workspace::tools().join("checks");
    python(&target, "checks.txt", progress, "schemathesis and the Terraform parser").await?;
    Ok(target)
}

async fn python(target: &Path, lock: &str, progress: Progress<'_>, what: &str) -> Result<()> {
    let lock = sources().join(lock);
    let fingerprint = fingerprint(std::slice::from_ref(&lock))?;
    if installed(target, &fingerprint) {
        return Ok(());
    }
    progress(&format!("installing {what} (about half a minute)"));
    empty(target)?;
    let log = log_of(target);
    run("python3 -m venv", Command::new("python3").args(["-m", "venv"]).arg(target), &log).await?;
    let mut pip = Command::new(target.join("bin/python"));
    // The lock is complete, and pip's resolver would ask for more than its hashes cover.
    pip.args(["-m", "pip", "install", "--no-deps", "--require-hashes"])
        .args(["--disable-pip-version-check", "--no-input", "-r"])
        .arg(&lock);
    run("pip install", &mut pip, &log).await?;
    finish(target, &fingerprint)
}

/// Installs the npm packages that the lock file of `tests/tools/FOLDER` names, beside the folder's own files.
async fn npm(target: &Path, folder: &str, what: &str, progress: Progress<'_>) -> Result<()> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(sources().join(folder))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<_>>()?;
    files.retain(|file| file.is_file());
    files.sort();
    let fingerprint = fingerprint(&files)?;
    if installed(target, &fingerprint) {
        return Ok(());
    }
    progress(&format!("installing {what} (about a quarter of a minute)"));
    empty(target)?;
    for file in &files {
        let name = file.file_name().context("a file has a name")?;
        std::fs::copy(file, target.join(name))?;
    }
    let mut npm = Command::new("npm");
    // Nothing of what the packages would run at installation is needed.
    npm.args(["ci", "--ignore-scripts", "--omit=optional"]).args(["--no-audit", "--no-fund"]).current_dir(target);
    run("npm ci", &mut npm, &log_of(target)).await?;
    finish(target, &fingerprint)
}

fn sources() -> PathBuf {
    workspace::root().join("tests/tools")
}

fn log_of(target: &Path) -> PathBuf {
    target.with_extension("log")
}

fn fingerprint(files: &[PathBuf]) -> Result<String> {
    let mut hash = Sha256::new();
    for file in files {
        hash.update(std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?);
    }
    Ok(hex::encode(hash.finalize()))
}

fn installed(target: &Path, fingerprint: &str) -> bool {
    std::fs::read_to_string(target.join(STAMP)).is_ok_and(|stamp| stamp == fingerprint)
}

fn empty(target: &Path) -> Result<()> {
    if target.exists() {
        std::fs::remove_dir_all(target)?;
    }
    std::fs::create_dir_all(target).with_context(|| format!("cannot make {}", target.display()))
}

/// Written last: an installation that broke off has no stamp, and is done again.
fn finish(target: &Path, fingerprint: &str) -> Result<()> {
    Ok(std::fs::write(target.join(STAMP), fingerprint)?)
}
