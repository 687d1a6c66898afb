//! `causeway console` in a browser: who is let in, and what an operator sees there.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use causeway_local_cloud::chromium::{DESK, Window};
use causeway_local_cloud::command_line::CommandLine;
use causeway_local_cloud::eventually::eventually;
use serde_json::{Value, json};
use tokio::process::Child;
use url::Url;

use crate::onboarding::{is_fit, picture};
use crate::policies::document_of;
use crate::pool::Pool;
use crate::relying_party::RelyingParty;
use crate::tenancy::{SOON, Tenancy, text, unique};

/// The command, run by somebody who has these policies of `docs/iam`.
async fn held_by(tenancy: &Tenancy, policies: &[&str]) -> Result<CommandLine> {
    let (cloud, name) = (&tenancy.cloud, unique("console"));
    let user = cloud.integration().create_user(&name, None).await?;
    for policy in policies {
        let document = document_of(cloud, policy)?.to_string();
        let parameters = [("UserName", name.as_str()), ("PolicyName", policy), ("PolicyDocument", &document)];
        cloud.integration().iam()?.call("PutUserPolicy", &parameters).await?;
    }
    Ok(CommandLine::new(cloud, user.credentials()))
}

/// A console that runs, in a window that it let in.
struct Opened {
    _program: Child,
    file: String,
    window: Window,
    /// The address that every page's begins with.
    root: String,
}

impl Opened {
    async fn by(causeway: &CommandLine) -> Result<Self> {
        let (program, file) = causeway.start(&["console", "--no-open"]).await?;
        let mut window = Window::open()?;
        window.does("begin", &json!({"url": format!("file://{file}")})).await?;
        window.sees("wake-ups waiting").await?;
        let here = text(&json!({"here": window.does("here", &json!({})).await?}), "here")?;
        eventually(SOON, "the file is taken away", async || Ok((!Path::new(&file).exists()).then_some(()))).await?;
        Ok(Self { _program: program, file, window, root: here.trim_end_matches('/').to_owned() })
    }

    async fn goes_to(&mut self, path: &str) -> Result<()> {
        let status = self.window.goes_to(&format!("{}/{path}", self.root)).await?;
        ensure!(status == 200, "{path} is answered {status}");
        Ok(())
    }
}

/// A user pool from which customers are about to lose their sign-in, whose names are what customers may choose.
async fn about_to_lose() -> Result<(Pool, Vec<String>)> {
    let tenancy = Tenancy::new("Example").await?;
    let (mut organizations, mut connections) = (Vec::new(), Vec::new());
    for name in ["Initech", "Contoso", "Globex \u{202e}</td><script>alert(1)</script>", "שלום"] {
        let domain = format!("{}.example", unique("console"));
        let organization = tenancy.workos.create_organization(name, &[&domain]).await?;
        connections.push(tenancy.workos.create_connection(&organization, name).await?);
        organizations.push(organization);
    }
    let pool = tenancy.pool(&organizations.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    pool.settles_on(&connections.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    let party = RelyingParty::of(&pool, &connections[3]).await?;
    for _ in 0..3 {
        party.signs_in(&format!("{}@acme.example", unique("ann"))).await?;
    }
    party.signed_in(&format!("{}@acme.example", unique("bob"))).await?;
    for connection in &connections {
        tenancy.workos.delete_connection(connection).await?;
    }
    pool.run().await?;
    pool.health("held").await?;
    Ok((pool, connections))
}

#[tokio::test]
async fn an_operator_sees_who_would_lose_sign_in_and_what_to_type() -> Result<()> {
    let (pool, connections) = about_to_lose().await?;
    let tenancy = &pool.tenancy;
    // One that its tenant has to mend.
    tenancy.registered_pool(&["org_01NONE"]).await?;
    let mut console = Opened::by(&held_by(tenancy, &["read", "operate"]).await?).await?;
    is_fit(&mut console.window, "the fleet").await?;
    console.window.looks("light", DESK).await?;
    picture(&mut console.window, "console-fleet").await?;

    // By keyboard alone, since that is how some use it.
    console.window.tabs_to("a", "Tenants").await?;
    console.window.presses("Enter").await?;
    console.window.sees("Registered").await?;
    is_fit(&mut console.window, "the tenants").await?;
    console.goes_to(&format!("tenants/{}", tenancy.id)).await?;
    is_fit(&mut console.window, "a tenant").await?;
    let of_pool = format!("tenants/{}/pools/{}", tenancy.id, pool.id);
    let name = text(&pool.shown().await?, "name")?;
    console.window.clicks("link", &format!("\"{name}\"")).await?;
    console.window.arrives(&of_pool).await?;
    console.window.sees("4 customers lose sign-in:").await?;
    is_fit(&mut console.window, "a user pool").await?;
    console.window.looks("light", DESK).await?;
    picture(&mut console.window, "console-pool").await?;

    let plan = pool.plan().await?;
    let command = format!("causeway approve {} {} --hash {}", tenancy.id, pool.id, text(&plan, "hash")?);
    ensure!(console.window.text("#approve").await? == command, "{}", console.window.text("#approve").await?);
    let page = console.window.text("main").await?;
    for shown in ["\"Initech\"", "\"Contoso\"", "\"Globex </td><script>alert(1)", "\"שלום\"", "signed in"] {
        ensure!(page.contains(shown), "{shown} is not shown: {page}");
    }
    ensure!(connections.iter().all(|id| page.contains(id.as_str())) && !page.contains('\u{202e}'), "{page}");
    for part in ["plan", "providers", "runs", "sign-ins"] {
        console.goes_to(&format!("{of_pool}/{part}")).await?;
        is_fit(&mut console.window, part).await?;
    }
    console.goes_to(&format!("tenants/{}/changes", tenancy.id)).await?;
    is_fit(&mut console.window, "the changes").await?;

    let origin = Url::parse(&console.root)?.origin().ascii_serialization();
    for request in console.window.requests().await? {
        ensure!(request.starts_with(&origin) || request.starts_with("file:///"), "the console asks {request}");
    }
    let cookies = console.window.does("cookies", &json!({})).await?;
    let cookie = &cookies[0];
    ensure!(cookie["httpOnly"] == true && cookie["sameSite"] == "Strict", "{cookies}");
    ensure!(cookie["path"].as_str().is_some_and(|path| console.root.ends_with(path) && path.len() > 40), "{cookies}");
    Ok(())
}

#[tokio::test]
async fn who_may_only_read_sees_all_but_the_plan_and_who_may_not_gets_no_console() -> Result<()> {
    let (pool, _) = about_to_lose().await?;
    let refused = held_by(&pool.tenancy, &["approve"]).await?.run(&["console", "--no-open"]).await?;
    ensure!(refused.code == 4 && refused.stdout.is_empty(), "{refused:?}");
    let mut console = Opened::by(&held_by(&pool.tenancy, &["read"]).await?).await?;
    console.goes_to(&format!("tenants/{}/pools/{}", pool.tenancy.id, pool.id)).await?;
    let page = console.window.text("main").await?;
    ensure!(page.matches("This could not be read").count() == 1 && page.contains("answered 403"), "{page}");
    ensure!(page.contains("\"Initech\""), "{page}");
    is_fit(&mut console.window, "a user pool without its plan").await
}

#[tokio::test]
async fn the_console_opens_for_no_other_browser_site_or_name_and_no_second_time() -> Result<()> {
    let tenancy = Tenancy::new("console doors").await?;
    let mut console = Opened::by(&held_by(&tenancy, &["read"]).await?).await?;
    let (root, file) = (console.root.clone(), console.file.clone());
    // Another browser, which knows every address.
    let mut other = Window::open()?;
    ensure!(other.goes_to(&format!("{root}/")).await? == 404, "another browser is let in");
    other.sees("this browser was not let in").await?;
    is_fit(&mut other, "a refusal").await?;
    // The file is gone, and so is its folder.
    ensure!(!Path::new(&file).exists() && !Path::new(&file).parent().context("no folder")?.exists(), "{file}");

    // By other names of this machine, as a name that is bound anew would lead to it.
    let port = Url::parse(&root)?.port().context("no port")?;
    let path = Url::parse(&root)?.path().to_owned();
    for name in ["localhost", "elsewhere.localhost"] {
        let status = console.window.goes_to(&format!("http://{name}:{port}{path}/")).await?;
        ensure!(status == 421, "{name} is answered {status}");
    }
    // From another site, in the browser that is in: by a link, and by a form with whatever token.
    let elsewhere = "http://elsewhere.localhost/";
    let html = format!(
        "<!DOCTYPE html><title>Win</title><a href='{root}/'>Win a prize</a>\
         <form method=post action='http://127.0.0.1:{port}/enter'><input name=token value='A'><button>Take it</button></form>"
    );
    console.window.does("pretend", &json!({"url": elsewhere, "html": html})).await?;
    for (role, name) in [("link", "Win a prize"), ("button", "Take it")] {
        console.window.goes_to(elsewhere).await?;
        console.window.clicks(role, name).await?;
        console.window.sees("not opened from another page").await?;
    }
    // It goes on for who is in.
    let status: Value = console.window.goes_to(&format!("{root}/")).await?;
    ensure!(status == 200, "{status}");
    Ok(())
}
