//! What this machine has and gets: prerequisites, pinned tools, a browser, process groups, and how a long step is
//! shown. `cargo xtask` begins with this, so that it is small and builds in seconds.
#![cfg(target_os = "linux")]
#![allow(clippy::print_stdout, reason = "what goes on is said to who called")]

pub mod browser;
pub mod group;
pub mod options;
pub mod prerequisites;
pub mod progress;
pub mod terminal;
pub mod tools;
pub mod workspace;
