//! Where things are in the working copy.

use std::path::{Path, PathBuf};

/// The working copy's root.
#[must_use]
pub fn root() -> PathBuf {
    // This crate is two folders below it.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.unwrap_or(Path::new(".")).to_path_buf()
}

/// Everything that is made here and can be deleted at any time.
#[must_use]
pub fn local() -> PathBuf {
    root().join(".local")
}

/// Where the pinned tools are installed.
#[must_use]
pub fn tools() -> PathBuf {
    local().join("tools")
}

/// Where cargo builds.
#[must_use]
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder))
}
