//! The drill of `docs/releases.md`: a release that can sign nobody in, and the release before deployed over it.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use causeway_local_cloud::deployment::{Build, STACK};
use causeway_local_cloud::eventually::eventually;
use causeway_local_cloud::page::blocks;
use causeway_local_cloud::workspace;
use serde_json::json;

use crate::relying_party::RelyingParty;
use crate::shell::Shell;
use crate::sign_in::scene;
use crate::tenancy::{SOON, unique};

/// A build like that of the release before, but for `signin`, which ends as soon as it is started.
fn broken(shell: &Shell) -> Result<PathBuf> {
    let (good, broken) = (Build::Quick.folder(), shell.folder().join("next-release"));
    std::fs::create_dir_all(broken.join("SigninFunction"))?;
    for entry in std::fs::read_dir(&good)? {
        let entry = entry?;
        if entry.file_name() != "SigninFunction" {
            symlink(entry.path(), broken.join(entry.file_name()))?;
        }
    }
    let program = broken.join("SigninFunction/bootstrap");
    std::fs::write(&program, "#!/bin/sh\nexit 1\n")?;
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
    Ok(broken)
}

/// The commands that deploy, in a section of a page.
fn deploying(page: &str, section: &str) -> Result<String> {
    let text = std::fs::read_to_string(workspace::root().join("docs").join(page))?;
    let block =
        blocks(&text).into_iter().find(|block| block.section == section && block.commands.contains("sam deploy"));
    let block = block.with_context(|| format!("nothing is deployed in {section}"))?;
    ensure!(block.left_out.is_none(), "{block:?}");
    Ok(block.commands)
}

#[tokio::test]
#[ignore = "deploys the stack again, so that it runs alone: `cargo xtask test` runs it after the others"]
async fn a_release_that_signs_nobody_in_is_taken_back_by_deploying_the_one_before() -> Result<()> {
    let (pool, _, connections) = scene("rollback", 1).await?;
    let party = RelyingParty::of(&pool, &connections[0]).await?;
    let cloud = &pool.tenancy.cloud;
    let shell = Shell::new(cloud, "rollback", &cloud.region, STACK)?;
    shell.has_settings(cloud, "parameter_overrides = [\n  'Canary=\"none\"',\n  'Release=\"\"',\n]")?;
    party.signs_in(&unique("nia@")).await.context("before")?;
    let listed = pool.items("/providers").await?;

    shell.has_build(&broken(&shell)?)?;
    shell.run(&deploying("releases.md", "How a release takes over")?, "y\n").await?;
    let failed = eventually(SOON, "sign-ins fail", async || Ok(party.signs_in(&unique("nia@")).await.err()));
    drop(failed.await?);

    shell.has_build(&Build::Quick.folder())?;
    shell.run(&deploying("releases.md", "Roll back")?, "y\n").await?;
    eventually(SOON, "users sign in again", async || Ok(party.signs_in(&unique("nia@")).await.ok())).await?;
    let run = pool.run().await?;
    assert_eq!((&run["outcome"], &run["failures"]), (&"no_change".into(), &json!([])), "{run:#}");
    assert_eq!(pool.items("/providers").await?, listed);
    Ok(())
}
