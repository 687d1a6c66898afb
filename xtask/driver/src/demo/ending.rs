//! The end of the demo: what was shown, what to try next, and how long it took.

use std::time::Duration;

use anyhow::{Context, Result};
use causeway_machine::progress::say;
use causeway_machine::terminal::{Look, duration, look};
use serde_json::json;

use crate::prepared;
use causeway_local_cloud::demo::{Scene, TENANT_ACCOUNT};

pub async fn show(scene: &Scene<'_>, keep: bool, took: Duration) -> Result<()> {
    say(&format!("\n{}", look(Look::Good, "Every step held.")));
    say("Connections of WorkOS became identity providers of a Cognito user pool, a user signed in by one of them,");
    say("and what must not happen was refused.");
    if keep {
        next(scene).await?;
    } else {
        say("\nThe local cloud stops now; `cargo xtask demo --keep` leaves it running to look around in.");
    }
    let before = prepared();
    say(&format!(
        "\n{} in all: {} to compile, {} to install tools beside it, {} for the cloud and the steps.",
        look(Look::Heading, &duration(took)),
        duration(before.compiling),
        duration(before.installing),
        duration(took.saturating_sub(before.all)),
    ));
    Ok(())
}

/// What can be tried on the cloud that is left running.
async fn next(scene: &Scene<'_>) -> Result<()> {
    let path = format!("/v1/tenants/{}/onboarding-links", scene.tenant_id);
    let made = scene.api.post(&path, &json!({ "account_ids": [TENANT_ACCOUNT] })).await?.expect(201)?.json()?;
    let causeway = std::env::current_exe().context("cannot tell where this program is")?.with_file_name("causeway");
    let (causeway, tenant, pool) = (causeway.display(), &scene.tenant_id, &scene.pool);
    say(&format!("\n{}", look(Look::Heading, "What to try next")));
    say("  The onboarding page, as the tenant's platform engineer sees it:");
    say(&format!("    {}", made["url"].as_str().unwrap_or_default()));
    say("  The operator's command line:");
    say(&format!(
        "    export CAUSEWAY_API_URL={} AWS_REGION={} AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test",
        scene.cloud.api_url, scene.cloud.region
    ));
    say(&format!("    {causeway} tenants list"));
    say(&format!("    {causeway} plan {tenant} {pool}"));
    say(&format!("    {causeway} verify {tenant} {pool}"));
    say("  `cargo xtask down` stops the local cloud.");
    Ok(())
}
