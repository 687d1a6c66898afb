//! WorkOS: what Causeway has registered there, and what its API does.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use causeway_local_cloud::browser::parameter;
use causeway_local_cloud::eventually::eventually;
use causeway_local_cloud::process::free_port;
use serde_json::{Value, json};
use url::Url;

use super::signin::window;
use crate::finding::Finding;
use crate::ledger::Thing;
use crate::scene::text;
use crate::world::World;

const SOON: Duration = Duration::from_mins(2);
/// More pages than any staging environment has of what is listed here.
const MOST_PAGES: usize = 200;

pub(super) async fn redirect_uri(world: &mut World) -> Result<Finding> {
    let tenant = world.set_scene()?.tenant_id.clone();
    let answer = world.workos.call("GET", "/user_management/redirect_uris?limit=100", None).await?;
    if answer.status == 404 {
        let uri = format!("{}/oidc/{tenant}/callback", world.deployed()?.api_url);
        let again = world.workos.call("POST", "/user_management/redirect_uris", Some(&json!({"uri": uri}))).await?;
        let seen = format!("no call lists them; registered once more it is answered {}", again.status);
        return Ok(Finding::of(again.status == 422 || again.status == 409, seen));
    }
    let list = answer.expect(200)?.json()?;
    let ours = list["data"].as_array().into_iter().flatten();
    let ours = ours.filter(|uri| uri.to_string().contains(&format!("/oidc/{tenant}/callback"))).count();
    Ok(Finding::of(ours == 1, format!("listed {ours} times")))
}

pub(super) async fn webhook_endpoint(world: &mut World) -> Result<Finding> {
    let tenant = world.set_scene()?.tenant_id.clone();
    let endpoints = world.workos.webhook_endpoints().await?;
    let ours: Vec<&Value> = endpoints.iter().filter(|endpoint| endpoint.to_string().contains(&tenant)).collect();
    Ok(Finding::of(ours.len() == 1, format!("{} of {} endpoints are this tenant's", ours.len(), endpoints.len())))
}

pub(super) async fn event(world: &mut World) -> Result<Finding> {
    let (api, path) = (world.operator().await?, world.set_scene()?.path());
    let known = runs(&api.get(&format!("{path}/runs")).await?.expect(200)?.json()?);
    let begin = std::time::Instant::now();
    let organization = world.make_organization("event").await?;
    // WorkOS itself has no call that makes a connection; its emulator has, and sends events of nothing else.
    let body = json!({"organization_id": organization, "name": world.name("event")});
    let made = world.workos.call("POST", "/connections", Some(&body)).await?;
    let caused = if made.status == 201 { "a connection was made" } else { "an organization was made" };
    let run = eventually(SOON, "a run by a webhook", async || {
        let list = api.get(&format!("{path}/runs")).await?.expect(200)?.json()?;
        let items = list["items"].as_array().cloned().unwrap_or_default();
        let is_new = |run: &Value| !known.contains(&run["id"].to_string()) && run["cause"] == "webhook";
        Ok(items.into_iter().find(is_new))
    })
    .await?;
    let seen = format!(
        "{caused}; a run by its webhook had ended after {} ms: {}",
        begin.elapsed().as_millis(),
        run["outcome"]
    );
    Ok(Finding::of(true, seen))
}

fn runs(list: &Value) -> BTreeSet<String> {
    list["items"].as_array().into_iter().flatten().map(|run| run["id"].to_string()).collect()
}

/// A page of organizations, the newest first, and the cursor of the next.
async fn page(world: &World, limit: usize, after: Option<&str>) -> Result<(Vec<String>, Option<String>)> {
    let after = after.map(|after| format!("&after={after}")).unwrap_or_default();
    let path = format!("/organizations?limit={limit}&order=desc{after}");
    let page = world.workos.call("GET", &path, None).await?.expect(200)?.json()?;
    let ids = page["data"].as_array().into_iter().flatten().map(|item| text(item, "id")).collect::<Result<_>>()?;
    Ok((ids, page["list_metadata"]["after"].as_str().map(str::to_owned)))
}

pub(super) async fn paging(world: &mut World) -> Result<Finding> {
    const LIMIT: usize = 10;
    let mut ours = Vec::new();
    for what in ["page-a", "page-b", "page-c"] {
        ours.push(world.make_organization(what).await?);
    }
    let (mut seen, mut pages, mut after) = (Vec::new(), 0, None);
    loop {
        let (ids, next) = page(world, LIMIT, after.as_deref()).await?;
        seen.extend(ids);
        pages += 1;
        after = next;
        if after.is_none() || pages >= MOST_PAGES {
            break;
        }
    }
    let once: BTreeSet<&String> = seen.iter().collect();
    let complete = ours.iter().all(|id| once.contains(id)) && after.is_none();
    let told = format!("{pages} pages with {} organizations, {} of them different", seen.len(), once.len());
    Ok(Finding::of(complete && once.len() == seen.len(), told))
}

pub(super) async fn deleted_cursor(world: &mut World) -> Result<Finding> {
    for what in ["cursor-a", "cursor-b", "cursor-c"] {
        world.make_organization(what).await?;
    }
    let (newest, _) = page(world, 3, None).await?;
    let [first, cursor, last] = newest.as_slice() else {
        return Ok(Finding::cannot_tell(format!("the newest organizations are not those that were made: {newest:?}")));
    };
    let path = format!("/organizations/{cursor}");
    world.workos.call("DELETE", &path, None).await?.expect(204)?;
    let query = format!("/organizations?limit=1&order=desc&after={cursor}");
    let answer = world.workos.call("GET", &query, None).await?;
    let told = answer.json().ok().and_then(|page| page["data"][0]["id"].as_str().map(str::to_owned));
    let seen = match &told {
        Some(id) if id == last => "it goes on behind it".to_owned(),
        Some(id) if id == first => "it begins again".to_owned(),
        other => format!("it answers {} with {other:?}", answer.status),
    };
    Ok(Finding::of(told.as_ref() == Some(last), seen))
}

/// Where a browser is sent to sign in by this connection, without Cognito and Causeway.
fn authorize(world: &World, redirect_uri: &str, more: &[(&str, &str)]) -> Result<Url> {
    let connection = &world.set_scene()?.connection;
    let query = [
        ("client_id", world.workos_client_id.as_str()),
        ("redirect_uri", redirect_uri),
        ("response_type", "code"),
        ("connection", connection),
        ("state", "accept"),
    ];
    let query: Vec<_> = query.iter().chain(more).collect();
    Ok(Url::parse_with_params(&format!("{}/sso/authorize", world.workos.url), query)?)
}

pub(super) async fn nonce(world: &mut World) -> Result<Finding> {
    let callback = format!("{}/oidc/{}/callback", world.deployed()?.api_url, world.set_scene()?.tenant_id);
    let url = authorize(world, &callback, &[("nonce", "accept-nonce")])?;
    let answer = causeway_local_cloud::signed_http::plain_client()?.get(url).send().await?;
    let to = answer.headers().get("location").and_then(|to| to.to_str().ok()).unwrap_or_default().to_owned();
    let is_error = Url::parse(&to).ok().and_then(|to| parameter(&to, "error"));
    let seen =
        format!("answered {}, {}", answer.status().as_u16(), is_error.clone().unwrap_or("without an error".to_owned()));
    Ok(Finding::of(answer.status().is_redirection() && is_error.is_none(), seen))
}

pub(super) async fn pkce(world: &mut World) -> Result<Finding> {
    let port = free_port()?;
    let uri = format!("http://localhost:{port}/callback");
    world.ledger.makes(Thing::RedirectUri { containing: uri.clone() })?;
    let made = world.workos.call("POST", "/user_management/redirect_uris", Some(&json!({"uri": uri}))).await?;
    if made.status != 201 {
        return Ok(Finding::cannot_tell(format!("WorkOS takes no callback for this: {}", made.status)));
    }
    // The challenge of RFC 7636, appendix B. What is sent is another verifier.
    let challenge =
        [("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"), ("code_challenge_method", "S256")];
    let start = authorize(world, &uri, &challenge)?;
    let mut window = window(world)?;
    window.serves_application(port, "http://localhost:9", "none").await?;
    window.goes_to(start.as_str()).await?;
    super::signin::comes_back(&mut window).await?;
    let callback =
        window.requests().await?.into_iter().rfind(|url| url.starts_with(&uri)).context("nobody came back")?;
    let code = parameter(&Url::parse(&callback)?, "code").context("no code came back")?;
    world.redaction.hides(&code, "(code)");
    let (id, key) = (world.workos_client_id.as_str(), world.workos.api_key.as_str());
    let body = json!({
        "client_id": id, "client_secret": key, "grant_type": "authorization_code", "code": code,
        "code_verifier": "another-verifier-than-the-one-of-the-challenge",
    });
    let answer = world.workos.call("POST", "/sso/token", Some(&body)).await?;
    Ok(Finding::of(answer.status >= 400, format!("/sso/token with another verifier: {}", answer.status)))
}
