//! Sign-ins in a browser, through Cognito's own pages.

use std::time::Duration;

use anyhow::{Context, Result};
use causeway_local_cloud::browser::parameter;
use causeway_local_cloud::chromium::Window;
use causeway_local_cloud::eventually::eventually;
use causeway_machine::progress::say;
use serde_json::{Value, json};
use url::Url;

use super::outside::logged;
use crate::aws::COGNITO;
use crate::finding::Finding;
use crate::scene::make_app_client;
use crate::world::World;

/// How long somebody may take who signs in by hand.
const BY_HAND: Duration = Duration::from_mins(5);
/// What the application tells of who signs in.
const HINT: &str = "hint@causeway-accept.example";

/// A window: on AWS one that a person sees, who fills in the pages of the Test Identity Provider.
pub(super) fn window(world: &World) -> Result<Window> {
    if world.local.is_some() { Window::open() } else { Window::open_for_a_person() }
}

/// Waits until the application shows what came of a sign-in.
pub(super) async fn comes_back(window: &mut Window) -> Result<Value> {
    eventually(BY_HAND, "somebody has signed in", async || window.signed_in().await.map(Some)).await
}

/// Signs somebody in to an app client, and gives what the application shows.
async fn signs_in(world: &mut World, client: &str, asked: &str) -> Result<Value> {
    let scene = world.set_scene()?.clone();
    if world.local.is_none() {
        say(&format!("A browser opens. Sign in with the Test Identity Provider of WorkOS: {asked}."));
    }
    let mut window = window(world)?;
    let application = window.serves_application(scene.port, &world.hosted(&scene.pool_domain), client).await?;
    let login = format!("{application}/login?identity_provider={}&login_hint={HINT}", scene.provider());
    // What the first page answers is no matter of the application's.
    window.goes_to(&login).await?;
    let shown = comes_back(&mut window).await?;
    let visited = window.requests().await?;
    if let Some(scene) = &mut world.scene {
        scene.visited = visited;
    }
    Ok(shown)
}

/// Has the identity provider give these groups. Where a person signs in, the person is asked to.
async fn signs_in_with_groups(world: &mut World, groups: &Value) -> Result<Value> {
    if world.local.is_some() {
        let user = format!("user@{}.example", world.run());
        world.workos.changes_profile(&user, &json!({"groups": groups})).await?;
    }
    let asked = if groups.is_null() { "as the same user, without groups" } else { "as any user, with a group" };
    let client = world.set_scene()?.app_client.clone();
    signs_in(world, &client, asked).await
}

pub(super) async fn sign_in(world: &mut World) -> Result<Finding> {
    let shown = signs_in_with_groups(world, &json!(["accept"])).await?;
    let claims = &shown["claims"];
    let named: Vec<&String> = claims.as_object().into_iter().flat_map(|claims| claims.keys()).collect();
    let provider = world.set_scene()?.provider();
    let is_of_provider = claims["cognito:username"]
        .as_str()
        .is_some_and(|name| name.to_lowercase().starts_with(&format!("{}_", provider.to_lowercase())));
    let seen = format!(
        "the ID token has {named:?}{}",
        shown["refused"].as_str().map(|why| format!("; refused: {why}")).unwrap_or_default()
    );
    Ok(Finding::of(claims["email"].is_string(), seen)
        .with(Finding::of(is_of_provider, "the user is named after the provider")))
}

/// What Cognito asked `/authorize` of Causeway for in the last sign-in.
fn asked_by_cognito(world: &World) -> Result<Url> {
    let base = world.domain.clone().unwrap_or(world.deployed()?.api_url.clone());
    let visited = &world.set_scene()?.visited;
    let url = visited.iter().find(|url| url.starts_with(&base) && url.contains("/authorize?"));
    Ok(Url::parse(url.context("nobody was sent to /authorize: the sign-in before did not come that far")?)?)
}

fn names_of(url: &Url) -> Vec<String> {
    url.query_pairs().map(|(name, _)| name.into_owned()).collect()
}

pub(super) fn nonce(world: &mut World) -> Result<Finding> {
    let url = asked_by_cognito(world)?;
    Ok(Finding::of(parameter(&url, "nonce").is_some(), format!("Cognito sends {:?}", names_of(&url))))
}

pub(super) fn login_hint(world: &mut World) -> Result<Finding> {
    let url = asked_by_cognito(world)?;
    let seen = format!("login_hint is {:?}", parameter(&url, "login_hint"));
    Ok(Finding::of(parameter(&url, "login_hint").as_deref() == Some(HINT), seen))
}

/// How long the answers of /token took lately, in milliseconds, and how many there were.
pub(super) async fn token_times(world: &World, minutes: u64) -> Result<Vec<f64>> {
    eventually(BY_HAND, "the sign-in is in the log", async || {
        let lines = logged(world, "signin", "TokenTime", minutes).await?;
        let lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let times: Vec<f64> = lines.filter_map(|line| find_number(&line, "TokenTime")).collect();
        Ok((!times.is_empty()).then_some(times))
    })
    .await
}

/// The number of that name, wherever in a line it stands.
fn find_number(line: &Value, name: &str) -> Option<f64> {
    match line {
        Value::Object(members) => members
            .get(name)
            .and_then(Value::as_f64)
            .or_else(|| members.values().find_map(|value| find_number(value, name))),
        Value::Array(items) => items.iter().find_map(|item| find_number(item, name)),
        _ => None,
    }
}

pub(super) async fn token_time(world: &mut World) -> Result<Finding> {
    let times = token_times(world, 30).await?;
    let longest = times.iter().copied().fold(0.0, f64::max);
    let seen = format!("{} answers, the longest after {longest:.0} ms; the sign-ins before came of them", times.len());
    Ok(Finding::of(longest < 2_000.0, seen).and("how long Cognito would have waited, no answer shows"))
}

pub(super) async fn groups_go(world: &mut World) -> Result<Finding> {
    let shown = signs_in_with_groups(world, &Value::Null).await?;
    let claims = &shown["claims"];
    let seen = format!("custom:groups is {} then", claims["custom:groups"]);
    Ok(Finding::of(claims["email"].is_string() && claims["custom:groups"] == "[]", seen))
}

pub(super) async fn narrow_client(world: &mut World) -> Result<Finding> {
    let scene = world.set_scene()?.clone();
    let more = json!({
        "WriteAttributes": ["email"], "ClientName": "narrow",
        "SupportedIdentityProviders": ["COGNITO", scene.provider()],
    });
    let client = make_app_client(&world.tenant, &scene.pool, scene.port, &more).await?;
    let shown = signs_in(world, &client, "as any user").await;
    let body = json!({"UserPoolId": scene.pool, "ClientId": client});
    world.tenant.json(COGNITO, "DeleteUserPoolClient", &body).await?;
    let shown = shown?;
    Ok(Finding::of(shown["claims"].is_null(), format!("the application is told: {}", shown["refused"])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_found_wherever_it_stands_in_a_line() {
        let line = json!({"_aws": {"CloudWatchMetrics": [{"Metrics": [{"Name": "TokenTime"}]}]}, "fields": {"TokenTime": 81.5}});
        assert_eq!(find_number(&line, "TokenTime"), Some(81.5));
        assert_eq!(find_number(&json!({"a": [1]}), "TokenTime"), None);
    }
}
