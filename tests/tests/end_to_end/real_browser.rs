//! Signing in to a small application, in headless Chromium, through Cognito.

use anyhow::{Context, Result};
use aws_sdk_cognitoidentityprovider::Client as Cognito;
use causeway_local_cloud::account::Account;
use causeway_local_cloud::chromium::{Window, application};
use causeway_local_cloud::process::free_port;
use serde_json::json;

use crate::pool::Pool;
use crate::tenancy::{Tenancy, text, unique};

/// A connection whose users are of this domain: `WorkOS`'s emulator signs in as `user@<domain>`.
async fn connection(tenancy: &Tenancy, organization: &str, domain: &str) -> Result<String> {
    let body = json!({"organization_id": organization, "name": domain, "domains": [domain]});
    text(&tenancy.workos.call("POST", "/connections", Some(&body)).await?.expect(201)?.json()?, "id")
}

/// A pool whose app client is the application on `port`.
async fn pool_with_application(tenancy: &Tenancy, organizations: &[&str], port: u16) -> Result<Pool> {
    let pool = tenancy.user_pool().await?;
    let client = pool.app_client().await?;
    // The strict front, which alone knows providers by their identifiers, learns of the app client by this.
    let cognito = Cognito::new(&Account::root(&tenancy.cloud.strict_endpoint, &tenancy.account.id).sdk(tenancy.region));
    let request = cognito.update_user_pool_client().user_pool_id(&pool.id).client_id(&pool.app_client);
    let request = request
        .callback_urls(format!("{}/callback", application(port)))
        .set_allowed_o_auth_flows(client.allowed_o_auth_flows)
        .set_allowed_o_auth_scopes(client.allowed_o_auth_scopes)
        .allowed_o_auth_flows_user_pool_client(true);
    request.set_supported_identity_providers(client.supported_identity_providers).send().await?;
    let mut registration = tenancy.registration(&pool, organizations);
    registration["start"] = json!({"login_url": format!("{}/login", application(port))});
    tenancy.post("/user-pools", &registration).await?.expect(201)?;
    pool.deploy_role().await?;
    pool.verified().await?;
    Ok(pool)
}

#[tokio::test]
async fn users_of_two_organizations_and_two_connections_of_one_sign_in_in_a_browser() -> Result<()> {
    let tenancy = Tenancy::new("browser").await?;
    let domains = ["one", "two", "three"].map(|name| format!("{}.example", unique(name)));
    let (acme, globex) = (tenancy.organization().await?, tenancy.organization().await?);
    let mut connections = Vec::new();
    for (organization, domain) in [&acme, &acme, &globex].into_iter().zip(&domains) {
        connections.push(connection(&tenancy, organization, domain).await?);
    }
    let port = free_port()?;
    let pool = pool_with_application(&tenancy, &[&acme, &globex], port).await?;
    for connection in &connections {
        pool.provider_of(connection).await?;
    }
    pool.run().await?;

    // One window serves the application, and each visit has one of its own: a person who has never been here.
    let mut server = Window::open()?;
    let app = server.serves_application(port, &tenancy.cloud.strict_endpoint, &pool.app_client).await?;
    let login = |identifier: &str| format!("{app}/login?idp_identifier={identifier}");
    let tile = format!("{}/start/{}/{}?connection={}", tenancy.cloud.api_url, tenancy.id, pool.id, connections[2]);
    let mut usernames = Vec::new();
    for (start, domain) in [(login(&acme), 0), (login(&connections[1]), 1), (login(&globex), 2), (tile.clone(), 2)] {
        let mut window = Window::open()?;
        window.goes_to(&start).await?;
        usernames.push(signed_in_as(&mut window, &domains[domain]).await.context(start)?);
    }
    let [first, second, third, by_tile] = usernames.as_slice() else { unreachable!("there were four visits") };
    assert_ne!(first, second, "users of two connections of one organization");
    assert_eq!(third, by_tile, "the tile leads to the same user");

    // A code that WorkOS brings unasked signs in nobody: the page asks, and the sign-in begins anew.
    let mut window = Window::open()?;
    window.goes_to(&format!("{tile}&code=of-somebody-else")).await?;
    window.clicks("link", "Continue to localhost").await?;
    signed_in_as(&mut window, &domains[2]).await?;

    // Whoever is sent the address that another one came back to is signed in as nobody.
    let callback = window.requests().await?.into_iter().rfind(|url| url.starts_with(&format!("{app}/callback")));
    let mut window = Window::open()?;
    window.goes_to(&callback.context("nobody came back")?).await?;
    assert_eq!(window.signed_in().await?, json!({"refused": "a sign-in that did not begin here"}));
    Ok(())
}

/// The user name of who is signed in, who has to be the domain's user.
async fn signed_in_as(window: &mut Window, domain: &str) -> Result<String> {
    let shown = window.signed_in().await?;
    assert_eq!(shown["claims"]["email"], format!("user@{domain}"), "{shown:#}");
    text(&shown["claims"], "cognito:username")
}
