//! Where the pinned tools are, which `cargo xtask` installs.

use std::path::PathBuf;

use anyhow::{Error, Result, ensure};
pub use causeway_machine::tools::Tool;

/// The tools that every local cloud needs.
#[derive(Clone, Debug)]
pub struct Tools {
    /// The environment of `MiniStack`.
    pub ministack: PathBuf,
    /// The environment of SAM CLI, cargo-lambda and Zig.
    pub sam: PathBuf,
    /// The folder with `WorkOS`'s emulator.
    pub workos: PathBuf,
}

/// Where those are.
pub fn installed() -> Result<Tools> {
    Ok(Tools { ministack: folder(Tool::Ministack)?, sam: folder(Tool::Sam)?, workos: folder(Tool::Workos)? })
}

/// Where a tool is.
pub fn folder(tool: Tool) -> Result<PathBuf> {
    ensure!(tool.is_installed().map_err(Error::msg)?, "{tool} is not installed: `cargo xtask up` installs it");
    Ok(tool.folder())
}
