//! `cargo xtask demo`: the main job, step by step. Each step ends the demo if it does not hold.

mod onboarding;
mod refusals;
mod scene;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use causeway_local_cloud::chromium::Window;
use causeway_local_cloud::cloud::{Cloud, Settings};
use causeway_local_cloud::eventually::eventually;
use serde_json::json;

use self::scene::{Scene, provider_name, text};
use crate::with_front;

/// How long anything that a wake-up leads to may take.
const SOON: Duration = Duration::from_secs(30);
/// How long the schedule may take: the interval of the local cloud, and a minute to the next tick.
const SCHEDULED: Duration = Duration::from_mins(3);

/// Starts a local cloud, runs every step on it, and stops it.
pub async fn run(keep: bool) -> Result<()> {
    heading(1, "The local cloud starts, and template.yaml is deployed into account 111111111111");
    let started = Cloud::start(&with_front(Settings { strict: true, ..Settings::default() })?).await?;
    let cloud = started.cloud()?;
    println!("    Causeway answers at {}", cloud.api_url);
    steps(cloud).await?;
    if keep {
        println!("\nThe local cloud keeps running; `cargo xtask down` stops it.");
        started.detach();
    }
    Ok(())
}

async fn steps(cloud: &Cloud) -> Result<()> {
    heading(2, "The tenant, in account 222222222222, has a user pool and an app client");
    let mut scene = Scene::set(cloud).await?;
    println!("    user pool   {} (Causeway's stack is in {})", scene.pool, cloud.region);
    println!("    app client  {}", scene.app_client);

    heading(3, "The operator registers the tenant and sends a link; the tenant goes through the onboarding page");
    onboarding::show(&mut scene).await?;

    heading(4, "The connection that WorkOS has already becomes an identity provider");
    let provider = scene.provider_of(&scene.connections[0], SOON).await?;
    provider.show();

    heading(5, "A connection is added in WorkOS and arrives through its webhook");
    add_connection(&mut scene).await?;

    heading(6, "In Chromium, a user signs in to an application by the organization's ID, through Cognito");
    sign_in(&scene).await?;

    heading(7, "A provider is changed behind Causeway's back, and the schedule repairs it");
    repair(&scene).await?;

    heading(8, "A connection is deleted: its provider goes, and only that one");
    delete_connection(&scene).await?;

    heading(9, "What must fail, fails");
    refusals::show(&scene).await?;

    heading(10, "The providers that Causeway keeps");
    scene.table().await?;
    println!("\nEvery step held.");
    Ok(())
}

fn heading(number: u32, what: &str) {
    println!("\n{number:>2}. {what}");
}

async fn add_connection(scene: &mut Scene<'_>) -> Result<()> {
    let begin = Instant::now();
    let connection = scene.workos.create_connection(&scene.organizations[1], "Globex").await?;
    let provider = scene.provider_of(&connection, SOON).await?;
    let took = begin.elapsed();
    // A run is recorded when it has ended, a moment after its last step.
    let cause = eventually(SOON, "the run is recorded", async || {
        let runs = scene.call("GET", "/runs", &json!(null), 200).await?;
        let run = runs["items"].as_array().into_iter().flatten().find(|run| run.to_string().contains(&connection));
        Ok(run.map(|run| text(run, "cause").to_owned()))
    })
    .await?;
    provider.show();
    // The schedule may happen to come first.
    println!("    {} ms from WorkOS to Cognito, by the {cause}", took.as_millis());
    scene.connections.push(connection);
    Ok(())
}

async fn sign_in(scene: &Scene<'_>) -> Result<()> {
    let mut window = Window::open()?;
    let (port, cognito) = (scene.application_port, &scene.cloud.strict_endpoint);
    let application = window.serves_application(port, cognito, &scene.app_client).await?;
    window.goes_to(&format!("{application}/login?idp_identifier={}", scene.organizations[0])).await?;
    let shown = window.signed_in().await?;
    let claims = &shown["claims"];
    for url in window.requests().await? {
        println!("    -> {}", url.split('?').next().unwrap_or_default());
    }
    let user = format!("user@{}", scene::DOMAIN);
    ensure!(claims["email"] == user.as_str(), "the application's ID token is not that of {user}: {shown}");
    println!("    the claims of the ID token that the application gets:");
    for line in format!("{claims:#}").lines() {
        println!("      {line}");
    }
    Ok(())
}

async fn repair(scene: &Scene<'_>) -> Result<()> {
    let connection = &scene.connections[0];
    let before = scene.provider_of(connection, SOON).await?;
    scene.break_provider(&before).await?;
    println!("    {} now points at https://elsewhere.example/token", before.name);
    let begin = Instant::now();
    eventually(SCHEDULED, "the schedule repairs the provider", async || {
        let now = scene.provider_of(connection, SOON).await?;
        Ok((now.details.get("token_url") == before.details.get("token_url")).then_some(()))
    })
    .await?;
    println!("    repaired after {} s", begin.elapsed().as_secs());
    Ok(())
}

async fn delete_connection(scene: &Scene<'_>) -> Result<()> {
    let (kept, gone) = (&scene.connections[0], &scene.connections[1]);
    let names = scene.provider_names().await?;
    scene.workos.delete_connection(gone).await?;
    let gone_name = provider_name(gone);
    eventually(SOON, "the provider of the deleted connection goes", async || {
        Ok((!scene.provider_names().await?.contains(&gone_name)).then_some(()))
    })
    .await?;
    let left = scene.provider_names().await?;
    let expected: Vec<String> = names.into_iter().filter(|name| *name != gone_name).collect();
    ensure!(left == expected, "more than one provider went: {left:?}, expected {expected:?}");
    println!("    {gone_name} is gone; {} and the foreign provider {} are there", provider_name(kept), scene::FOREIGN);
    Ok(())
}
