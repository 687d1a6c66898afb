//! The commands of the project: `cargo xtask COMMAND`.
//!
//! This part is small, so that it speaks within seconds. It looks at what the machine has, installs the pinned tools
//! beside the compiler's work, and then becomes the second part, the package `driver`, which does the rest.

#[cfg(target_os = "linux")]
mod prepare;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    prepare::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!(
        "Causeway's local cloud runs on Linux only (x86_64 or arm64), not on macOS or Windows: \
         run this on a Linux machine, in a virtual machine or in a container."
    );
    ExitCode::from(2)
}
