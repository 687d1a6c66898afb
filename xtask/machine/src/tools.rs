//! The pinned tools: Python environments and folders of npm packages.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::group::Group;
use crate::{browser, progress, workspace};

/// What an installation says that was stopped before its end.
pub const STOPPED: &str = "stopped";

const STAMP: &str = ".installed";
const LOOK: Duration = Duration::from_millis(50);
const LAST_LINES: usize = 25;

/// One of the tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// SAM CLI, cargo-lambda and Zig.
    Sam,
    /// The emulated AWS.
    Ministack,
    /// schemathesis and the parser of Terraform's language.
    Checks,
    /// The emulated `WorkOS`.
    Workos,
    /// What drives a browser, and the `OpenID` relying party.
    Browser,
    /// A browser, where the machine has none.
    Chromium,
}

/// What a tool consists of.
enum Packages {
    /// Of `PyPI`, by a file of requirements with hashes.
    Python(&'static str),
    /// Of npm, by the lock file of a folder, whose other files are put beside it; and what is done then.
    Npm(&'static str, Option<&'static str>),
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what())
    }
}

impl Tool {
    fn what(self) -> &'static str {
        match self {
            Self::Sam => "SAM CLI, cargo-lambda and Zig",
            Self::Ministack => "MiniStack",
            Self::Checks => "schemathesis",
            Self::Workos => "WorkOS's emulator",
            Self::Browser => "what drives the browser",
            Self::Chromium => "Chromium",
        }
    }

    fn packages(self) -> Packages {
        match self {
            Self::Sam => Packages::Python("sam.txt"),
            Self::Ministack => Packages::Python("ministack.txt"),
            Self::Checks => Packages::Python("checks.txt"),
            Self::Workos => Packages::Npm("workos", None),
            Self::Browser => Packages::Npm("browser", None),
            Self::Chromium => Packages::Npm("chromium", Some("unpack.mjs")),
        }
    }

    /// Where it is installed.
    #[must_use]
    pub fn folder(self) -> PathBuf {
        match self {
            Self::Sam => workspace::tools().join("sam"),
            Self::Ministack => workspace::tools().join("ministack"),
            Self::Checks => workspace::tools().join("checks"),
            Self::Workos => workspace::tools().join("workos"),
            Self::Browser => workspace::tools().join("browser"),
            Self::Chromium => browser::folder(),
        }
    }

    /// The files that say what is installed.
    fn files(self) -> Result<Vec<PathBuf>, String> {
        match self.packages() {
            Packages::Python(lock) => Ok(vec![sources().join(lock)]),
            Packages::Npm(folder, _) => {
                let folder = sources().join(folder);
                let entries = std::fs::read_dir(&folder).map_err(|error| cannot("read", &folder, &error))?;
                let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
                files.retain(|file| file.is_file());
                files.sort();
                Ok(files)
            }
        }
    }

    /// What is to be installed, in full: where it is, since environments of Python can't be moved, and its files.
    fn stamp(self) -> Result<Vec<u8>, String> {
        let mut stamp = self.folder().into_os_string().into_encoded_bytes();
        for file in self.files()? {
            stamp.push(b'\n');
            stamp.extend(std::fs::read(&file).map_err(|error| cannot("read", &file, &error))?);
        }
        Ok(stamp)
    }

    /// Whether it is there, as it is pinned.
    pub fn is_installed(self) -> Result<bool, String> {
        let stamp = self.stamp()?;
        Ok(std::fs::read(self.folder().join(STAMP)).is_ok_and(|there| there == stamp))
    }

    /// Installs it where it is missing or out of date. Ends early, and with an error, once `stop` is set.
    pub fn install(self, stop: &AtomicBool) -> Result<(), String> {
        if self.is_installed()? {
            return Ok(());
        }
        let shown = progress::step(&format!("installing {}", self.what()));
        let (folder, stamp) = (self.folder(), self.stamp()?);
        let log = folder.with_extension("log");
        empty(&folder)?;
        match self.packages() {
            Packages::Python(lock) => python(&folder, &sources().join(lock), &log, stop)?,
            Packages::Npm(_, then) => npm(&folder, &self.files()?, then, &log, stop)?,
        }
        // Last: an installation that broke off has no stamp, and is done again.
        let stamped = folder.join(STAMP);
        std::fs::write(&stamped, stamp).map_err(|error| cannot("write", &stamped, &error))?;
        shown.done();
        Ok(())
    }
}

fn python(folder: &Path, lock: &Path, log: &Path, stop: &AtomicBool) -> Result<(), String> {
    run(Command::new("python3").args(["-m", "venv"]).arg(folder), log, stop)?;
    let mut pip = Command::new(folder.join("bin/python"));
    // The lock is complete, and pip's resolver would ask for more than its hashes cover. What is used of it is
    // compiled when it is used, which is little.
    pip.args(["-m", "pip", "install", "--no-deps", "--require-hashes", "--no-compile"])
        .args(["--disable-pip-version-check", "--no-input", "-r"])
        .arg(lock);
    run(&mut pip, log, stop)
}

fn npm(folder: &Path, files: &[PathBuf], then: Option<&str>, log: &Path, stop: &AtomicBool) -> Result<(), String> {
    for file in files {
        let to = folder.join(file.file_name().unwrap_or_default());
        std::fs::copy(file, &to).map_err(|error| cannot("write", &to, &error))?;
    }
    let mut npm = Command::new("npm");
    // Nothing of what the packages would run at installation is needed.
    npm.args(["ci", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund"]).current_dir(folder);
    run(&mut npm, log, stop)?;
    match then {
        Some(script) => run(Command::new("node").arg(script).current_dir(folder), log, stop),
        None => Ok(()),
    }
}

fn run(command: &mut Command, log: &Path, stop: &AtomicBool) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let (out, err) = log_files(log).map_err(|error| cannot("write", log, &error))?;
    command.stdin(Stdio::null()).stdout(out).stderr(err);
    let mut group = Group::start(command).map_err(|error| format!("cannot start {name}: {error}"))?;
    loop {
        if stop.load(Ordering::SeqCst) {
            return Err(STOPPED.to_owned());
        }
        match group.ended() {
            Some(status) if status.success() => return Ok(()),
            Some(status) => {
                return Err(format!("{name} failed ({status}), see {}:\n{}", log.display(), last_lines(log)));
            }
            None => std::thread::sleep(LOOK),
        }
    }
}

fn sources() -> PathBuf {
    workspace::root().join("tests/tools")
}

fn empty(folder: &Path) -> Result<(), String> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(|error| cannot("remove", folder, &error))?;
    }
    std::fs::create_dir_all(folder).map_err(|error| cannot("make", folder, &error))
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> String {
    format!("cannot {what} {}: {error}", path.display())
}

/// A log, twice, made with its folder where it is not there yet.
pub fn log_files(log: &Path) -> std::io::Result<(File, File)> {
    if let Some(folder) = log.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let file = OpenOptions::new().create(true).append(true).open(log)?;
    Ok((file.try_clone()?, file))
}

/// The end of a log, for an error message.
#[must_use]
pub fn last_lines(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}
