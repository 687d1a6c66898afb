//! What a cloud leaves in its folder: the file that describes it, and the processes that it consists of.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::process::Recorded;

/// The file that describes the cloud of that folder.
#[must_use]
pub fn cloud_file(home: &Path) -> PathBuf {
    home.join("cloud.json")
}

/// The processes of the cloud of that folder that still run, for people.
pub(super) fn running_in(home: &Path) -> Option<Vec<String>> {
    let running: Vec<_> = recorded_in(home)
        .into_iter()
        .filter(Recorded::is_running)
        .map(|process| format!("{} as process {}", process.name, process.pid))
        .collect();
    (!running.is_empty()).then_some(running)
}

/// The processes of the cloud of that folder, in the order in which they were started.
pub(super) fn recorded_in(home: &Path) -> Vec<Recorded> {
    let text = std::fs::read(processes_file(home)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// Removes everything that only a running cloud has.
pub(super) fn forget(home: &Path) {
    for file in [processes_file(home), cloud_file(home)] {
        let _ = std::fs::remove_file(file);
    }
    let _ = std::fs::remove_dir_all(home.join("state"));
}

/// The file of the processes.
pub(super) fn processes_file(home: &Path) -> PathBuf {
    home.join("processes.json")
}

/// Writes a file of the folder.
pub(super) fn write(file: &Path, value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    // Whole or not at all: others wait for this file.
    let half = file.with_extension("json.new");
    std::fs::write(&half, text)
        .and_then(|()| std::fs::rename(&half, file))
        .with_context(|| format!("cannot write {}", file.display()))
}
