//! The demo's scenes: the main job, step by step, on a local cloud that runs. Each step ends the demo if it does not hold.

mod onboarding;
mod refusals;
mod scene;
mod shown;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use causeway_machine::progress::step;
use causeway_machine::terminal::duration;
use serde_json::{Value, json};

use self::scene::{Provider, provider_name, text};
pub use self::scene::{Scene, TENANT_ACCOUNT};
pub use self::shown::{fact, heading};
use self::shown::{held, hop};
use crate::chromium::Window;
use crate::cloud::Cloud;
use crate::eventually::eventually;

/// How long anything that a wake-up leads to may take.
const SOON: Duration = Duration::from_mins(2);
/// How long the schedule may take.
const SCHEDULED: Duration = Duration::from_mins(2);

/// Plays every scene after the start of the cloud, from the second on.
///
/// # Errors
///
/// Fails at the first step that does not hold, and says which.
pub async fn play(cloud: &Cloud) -> Result<Scene<'_>> {
    heading(2, "A tenant, in account 222222222222, has a user pool and an app client");
    let mut scene = Scene::set(cloud).await?;
    fact("user pool", &format!("{} (Causeway's stack is in {})", scene.pool, cloud.region));
    fact("app client", &scene.app_client);

    heading(3, "The operator registers the tenant and sends a link; the tenant goes through the onboarding page");
    onboarding::show(&mut scene).await?;

    heading(4, "The connection that WorkOS has already becomes an identity provider");
    show(&scene.provider_of(&scene.connections[0], SOON).await?);

    heading(5, "A connection is added in WorkOS and arrives through its webhook");
    add_connection(&mut scene).await?;

    heading(6, "In a browser, a user signs in to an application by the organization's ID, through Cognito");
    sign_in(&scene).await?;

    heading(7, "A provider is changed behind Causeway's back, and the schedule repairs it");
    repair(&scene).await?;

    heading(8, "A connection is deleted: its provider goes, and only that one");
    delete_connection(&scene).await?;

    heading(9, "What must fail, fails");
    refusals::show(&scene).await?;

    heading(10, "The providers that Causeway keeps");
    scene.table().await?;
    Ok(scene)
}

fn show(provider: &Provider) {
    fact("provider", &provider.name);
    fact("identifiers", &provider.identifiers.join(", "));
    fact("issuer", provider.details.get("oidc_issuer").map_or("", String::as_str));
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
    show(&provider);
    // The schedule may happen to come first.
    held(&format!("{} ms from WorkOS to Cognito, by the {cause}", took.as_millis()));
    scene.connections.push(connection);
    Ok(())
}

async fn sign_in(scene: &Scene<'_>) -> Result<()> {
    let signing_in = step("signing in");
    let mut window = Window::open()?;
    let (port, cognito) = (scene.application_port, &scene.cloud.strict_endpoint);
    let application = window.serves_application(port, cognito, &scene.app_client).await?;
    window.goes_to(&format!("{application}/login?idp_identifier={}", scene.organizations[0])).await?;
    let shown = window.signed_in().await?;
    let requests = window.requests().await?;
    drop(signing_in);
    for url in requests {
        causeway_machine::progress::say(&hop(scene.cloud, &application, &url));
    }
    let claims = &shown["claims"];
    let user = format!("user@{}", scene::DOMAIN);
    ensure!(claims["email"] == user.as_str(), "the application's ID token is not that of {user}: {shown}");
    held("the application gets an ID token of Cognito's, with these claims among others:");
    for (name, value) in claims_of_interest(claims) {
        fact(name, &value);
    }
    Ok(())
}

/// The claims that say who signed in, and by which provider.
fn claims_of_interest(claims: &Value) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    for name in ["email", "name", "given_name", "family_name", "cognito:username", "sub", "iss"] {
        if let Some(value) = claims[name].as_str() {
            found.push((name, value.to_owned()));
        }
    }
    found.truncate(5);
    found
}

async fn repair(scene: &Scene<'_>) -> Result<()> {
    let connection = &scene.connections[0];
    let before = scene.provider_of(connection, SOON).await?;
    scene.break_provider(&before).await?;
    fact("provider", &format!("{}: its token_url is https://elsewhere.example/token now", before.name));
    let waiting = step("waiting for the schedule");
    let begin = Instant::now();
    eventually(SCHEDULED, "the schedule repairs the provider", async || {
        let now = scene.provider_of(connection, SOON).await?;
        Ok((now.details.get("token_url") == before.details.get("token_url")).then_some(()))
    })
    .await?;
    drop(waiting);
    held(&format!("repaired after {} (the schedule ticks every few seconds here)", duration(begin.elapsed())));
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
    fact("gone", &gone_name);
    fact("there", &format!("{} and {}, which the tenant made itself", provider_name(kept), scene::FOREIGN));
    Ok(())
}
