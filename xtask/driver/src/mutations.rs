//! Mutation tests: whether the tests of `core` and the simulation notice when plan, guard or signature check do something else.
//!
//! `.cargo/mutants.toml` says what is mutated, and names what is left out with its reason.

use std::process::Command;

use anyhow::{Context, Result};
use causeway_local_cloud::process::run_shown;
use causeway_local_cloud::workspace;

const VERSION: &str = "27.1.0";
/// How many lives of a user pool show that a mutant is none: the tables find most, these what is left.
const LIVES: &str = "300";

/// Fails where a mutant survives.
pub async fn run() -> Result<()> {
    let folder = workspace::tools().join(format!("cargo-mutants-{VERSION}"));
    let program = folder.join("bin/cargo-mutants");
    if !program.is_file() {
        let mut install = Command::new("cargo");
        install.args(["install", "cargo-mutants", "--version", VERSION, "--locked", "--root"]).arg(&folder);
        run_shown("cargo install cargo-mutants", &mut install).await?;
    }
    let mut mutants = Command::new(program);
    mutants
        .args(["mutants", "--package", "causeway-core", "--no-shuffle", "--colors", "never"])
        // The lives are lived through the reconciler.
        .args(["--test-package", "causeway-core,causeway-reconciler", "--output"])
        .arg(workspace::local())
        .env("PROPTEST_CASES", LIVES)
        .current_dir(workspace::root());
    let outcome = run_shown("cargo mutants", &mut mutants).await;
    outcome.with_context(|| format!("the survivors are in {}/mutants.out/missed.txt", workspace::local().display()))
}
