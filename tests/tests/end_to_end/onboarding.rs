//! The onboarding page in a browser, from the link to a sign-in, as a tenant's platform engineer goes through it.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::types::AttributeValue;
use causeway_local_cloud::browser::{follow, parameter};
use causeway_local_cloud::chromium::{DESK, PHONE, Window};
use causeway_local_cloud::tenant_role::deploy_stack;
use causeway_local_cloud::workspace;
use serde_json::{Value, json};
use url::Url;

use crate::onboarding_links::{Link, link};
use crate::pool::{Pool, provider_name};
use crate::tenancy::{ACCOUNT, APP_CALLBACK, Tenancy, string, unique};

/// An account that no other test has.
const OWN_ACCOUNT: &str = "444455556666";
/// Has the pictures in the documentation made anew.
const PICTURES_VARIABLE: &str = "UPDATE_PICTURES";

/// Has the pool take the connections of one organization only: the emulated WorkOS keeps those of all tests in
/// one store.
async fn narrow(pool: &Pool, organization: &str) -> Result<()> {
    let cloud = &pool.tenancy.cloud;
    let request = DynamoDb::new(&cloud.integration().sdk(&cloud.region)).update_item();
    let request = request.table_name(&cloud.table_name).condition_expression("attribute_exists(pk)");
    let request = request.key("pk", string(&format!("TENANT#{}", pool.tenancy.id)));
    let request = request.key("sk", string(&format!("POOL#{}", pool.id)));
    let chosen = AttributeValue::L(vec![string(organization)]);
    let request = request.update_expression("SET options.organizations = :chosen");
    request.expression_attribute_values(":chosen", chosen).send().await?;
    Ok(())
}

/// What is asked of every page: that it can be read and used by all, in every look, and that nothing goes wrong.
pub async fn is_fit(window: &mut Window, what: &str) -> Result<()> {
    for (scheme, size) in [("light", PHONE), ("dark", PHONE), ("dark", DESK), ("light", DESK)] {
        window.looks(scheme, size).await?;
        let violations = window.audit().await?;
        ensure!(violations.is_empty(), "{what}, {scheme} at {size:?}: {violations:#?}");
        let overflow = window.does("overflow", &json!({})).await?;
        ensure!(overflow == 0, "{what} is {overflow} pixels too wide at {size:?}");
    }
    let faults = window.faults().await?;
    ensure!(faults.is_empty(), "{what}: {faults:#?}");
    Ok(())
}

/// Makes the picture of this name in the documentation anew, where that is asked for.
pub async fn picture(window: &mut Window, name: &str) -> Result<()> {
    if std::env::var_os(PICTURES_VARIABLE).is_none() {
        return Ok(());
    }
    let file: PathBuf = workspace::root().join(format!("docs/images/{name}.png"));
    window.pictures(&file).await
}

#[tokio::test]
async fn a_platform_engineer_gets_from_the_link_to_a_sign_in_without_help() -> Result<()> {
    let tenancy = Tenancy::without_key("Acme Corp", OWN_ACCOUNT).await?;
    let (organization, connections) = tenancy.organization_with(1).await?;
    // The role's name is the one that the page suggests, and so is the account's only one.
    let pool = Pool { role_name: "CausewayLogin".to_owned(), ..tenancy.user_pool().await? };
    let link = link(&tenancy, &[OWN_ACCOUNT]).await?;
    let mut window = Window::open()?;

    begin(&mut window, &link, &tenancy).await?;
    give_key(&mut window, &tenancy).await?;
    look_at_role(&mut window, &pool).await?;
    see_checks_fail(&mut window, &pool).await?;
    create_role_and_see_checks_pass(&mut window, &pool, &organization).await?;
    offer_and_try_a_sign_in(&mut window, &pool, &connections[0]).await?;

    let origin = Url::parse(&tenancy.cloud.api_url)?.origin().ascii_serialization();
    for request in window.requests().await? {
        ensure!(request.starts_with(&origin), "the page asks {request}");
    }
    Ok(())
}

/// By keyboard alone, since that is how some use it.
async fn begin(window: &mut Window, link: &Link, tenancy: &Tenancy) -> Result<()> {
    for _ in 0..2 {
        ensure!(window.goes_to(&link.url).await? == 200, "the link does not open");
    }
    window.sees("Acme Corp").await?;
    is_fit(window, "the link").await?;
    window.tabs_to("button", "Begin").await?;
    window.presses("Enter").await?;
    window.arrives(&format!("/onboarding/{}/workos", tenancy.id)).await?;
    let cookies = window.does("cookies", &json!({})).await?;
    let cookie = &cookies[0];
    ensure!(cookie["httpOnly"] == true && cookie["sameSite"] == "Strict", "{cookies}");
    ensure!(cookie["path"].as_str().is_some_and(|path| path.ends_with(&tenancy.id)), "{cookies}");
    Ok(())
}

async fn give_key(window: &mut Window, tenancy: &Tenancy) -> Result<()> {
    const LABEL: &str = "WorkOS API key";
    is_fit(window, "step 1").await?;
    picture(window, "onboarding-1").await?;
    let wrong = unique("sk_wrong_");
    for (key, then) in [(wrong.as_str(), "/workos"), (&tenancy.workos.api_key, "/role")] {
        window.tabs_to("input", LABEL).await?;
        window.does("type", &json!({"text": key})).await?;
        window.tabs_to("button", "Try the key and continue").await?;
        window.presses("Enter").await?;
        if then == "/workos" {
            window.sees("WorkOS refuses the API key").await?;
            is_fit(window, "step 1 with a wrong key").await?;
            ensure!(window.does("value", &json!({"name": LABEL})).await? == "", "the key is shown again");
        }
        window.arrives(then).await?;
    }
    ensure!(!window.text("body").await?.contains(&tenancy.workos.api_key), "the key is shown");
    Ok(())
}

async fn look_at_role(window: &mut Window, pool: &Pool) -> Result<()> {
    is_fit(window, "step 2").await?;
    // The one account that the link is for is filled in.
    ensure!(window.does("value", &json!({"name": "AWS account"})).await? == OWN_ACCOUNT, "no account is suggested");
    window.fills("User pool ID", "no pool").await?;
    window.clicks("button", "Show the role").await?;
    window.sees("Please mend this first").await?;
    is_fit(window, "step 2 with a mistake").await?;
    window.fills("User pool ID", &pool.id).await?;
    ensure!(
        window.does("value", &json!({"name": "Role name"})).await? == pool.role_name.as_str(),
        "no name is suggested"
    );
    window.clicks("button", "Show the role").await?;
    window.sees("Create it in one of these ways").await?;
    picture(window, "onboarding-2").await?;
    for form in ["CloudFormation template", "Terraform", "AWS CLI"] {
        window.does("unfold", &json!({"name": form})).await?;
    }
    is_fit(window, "step 2 with the role").await?;
    for form in ["#cloudformation", "#terraform", "#aws-cli"] {
        ensure!(window.text(form).await?.contains(&pool.tenancy.external_id), "{form} lacks the external ID");
    }
    let launch = window.attributes("a[href*='quickcreate']", "href").await?;
    ensure!(launch.len() == 1 && launch[0].contains(&pool.tenancy.external_id), "no launch link: {launch:?}");
    Ok(())
}

async fn see_checks_fail(window: &mut Window, pool: &Pool) -> Result<()> {
    window.clicks("link", "I have created the role").await?;
    window.sees("Say where the role and the user pool are").await?;
    is_fit(window, "step 3").await?;
    ensure!(window.does("value", &json!({"name": "User pool ID"})).await? == pool.id.as_str(), "asked twice");
    window.clicks("button", "Register the user pool").await?;
    window.sees("One check failed.").await?;
    window.sees("What to do:").await?;
    let remedy = window.text("#remedy-role_assumable").await?;
    let remedy: Value = serde_json::from_str(&remedy).with_context(|| format!("no policy: {remedy}"))?;
    let role = pool.get("/role").await?.expect(200)?.json()?;
    ensure!(remedy == role["trust_policy"], "the remedy is not what helps: {remedy:#}");
    is_fit(window, "step 3 with a failed check").await?;
    picture(window, "onboarding-3").await
}

async fn create_role_and_see_checks_pass(window: &mut Window, pool: &Pool, organization: &str) -> Result<()> {
    window.clicks("link", "Show the role again").await?;
    window.does("unfold", &json!({"name": "CloudFormation template"})).await?;
    let template = window.text("#cloudformation").await?;
    deploy_stack(&pool.tenancy.account, pool.tenancy.region, &pool.role_name, &template, &[]).await?;
    narrow(pool, organization).await?;
    window.clicks("link", "I have created the role").await?;
    window.clicks("link", &pool.id).await?;
    window.clicks("button", "Run the checks again").await?;
    window.sees("All checks passed.").await?;
    pool.tenancy.stop_listening().await?;
    ensure!(window.text("#checks").await?.matches("Passed").count() >= 8, "the checks are not shown");
    is_fit(window, "step 3 when all has passed").await?;
    ensure!(pool.shown().await?["status"] == "active", "the pool is not active");
    window.clicks("link", "Continue").await
}

/// Makes an app client that signs nobody in.
async fn server(pool: &Pool) -> Result<String> {
    let request = pool.tenancy.cognito.create_user_pool_client().user_pool_id(&pool.id).client_name("server");
    let client = request.send().await?.user_pool_client;
    client.and_then(|client| client.client_id).context("no app client was made")
}

async fn offer_and_try_a_sign_in(window: &mut Window, pool: &Pool, connection: &str) -> Result<()> {
    let provider = provider_name(connection);
    is_fit(window, "step 4").await?;
    let wrong = server(pool).await?;
    window.clicks("button", "Look for app clients again").await?;
    window.sees(&wrong).await?;
    for (client, chosen) in [(&wrong, true), (&wrong, false), (&pool.app_client, true)] {
        let name = format!("{} {client}", if *client == wrong { "server" } else { "application" });
        window.does("check", &json!({"name": name, "checked": chosen})).await?;
        if *client == wrong && chosen {
            window.clicks("button", "Save the app clients").await?;
            window.sees("does not use the authorization code flow").await?;
            is_fit(window, "step 4 with a mistake").await?;
        }
    }
    window.clicks("button", "Save the app clients").await?;
    // Nobody reloads the page: what runs do shows by itself.
    let name = "Sign in with \"";
    window.does("sees", &json!({"text": name, "within": 90_000})).await?;
    window.sees("ready").await?;
    window.sees(&provider).await?;
    window.sees(&connection[connection.len() - 6..]).await?;
    is_fit(window, "step 4 with a provider").await?;
    picture(window, "onboarding-4").await?;

    let links = window.attributes("#sign-ins a[href*='/oauth2/authorize']", "href").await?;
    ensure!(links.len() == 1, "not one sign-in link: {links:?}");
    let visited = follow(Url::parse(&links[0])?, APP_CALLBACK).await?;
    let arrived = visited.last().context("there is always one")?;
    ensure!(parameter(arrived, "code").is_some(), "nobody was signed in: {arrived}");
    Ok(())
}

#[tokio::test]
async fn a_form_on_another_site_changes_nothing_in_the_browser_that_has_the_session() -> Result<()> {
    let tenancy = Tenancy::new("Acme Corp").await?;
    let pool = tenancy.user_pool().await?;
    let link = link(&tenancy, &[ACCOUNT]).await?;
    let mut window = Window::open()?;
    window.goes_to(&link.url).await?;
    window.clicks("button", "Begin").await?;
    window.arrives("/role").await?;
    let here = window.does("here", &json!({})).await?;
    let action = here.as_str().context("no address")?.replace("/role", "/check");
    let form = format!(
        "<!DOCTYPE html><title>Win</title><form method=post action='{action}'>\
         <input name=account_id value='{ACCOUNT}'><input name=user_pool_id value='{}'>\
         <input name=role_name value='{}'><button>Win a prize</button></form>",
        pool.id, pool.role_name
    );
    let elsewhere = "http://elsewhere.localhost/";
    window.does("pretend", &json!({"url": elsewhere, "html": form})).await?;
    window.goes_to(elsewhere).await?;
    window.clicks("button", "Win a prize").await?;
    window.sees("Nothing was changed").await?;
    let list = tenancy.get("/user-pools").await?.expect(200)?.json()?;
    assert_eq!(list["items"], json!([]), "the form was taken");
    Ok(())
}
