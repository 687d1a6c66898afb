//! "My login doesn't work": what the user sees, and how an operator finds out why.

use anyhow::{Context, Result, bail, ensure};
use aws_sdk_cognitoidentityprovider::types::OAuthFlowType;
use causeway_local_cloud::browser::SignIn;
use causeway_local_cloud::eventually::eventually;
use serde_json::json;

use super::book::Book;
use super::changes::while_key_is_revoked;
use crate::pool::{Pool, provider_name};
use crate::relying_party::{RelyingParty, get};
use crate::sign_in::{scene, sign_in_as};
use crate::tenancy::{APP_CALLBACK, SOON, Tenancy, next_api_key, unique};

/// Signs in through Cognito, as the application of an app client has it.
async fn signs_in(pool: &Pool, app_client: &str, connection: &str) -> Result<()> {
    let provider = provider_name(connection);
    let sign_in = SignIn {
        cognito: &pool.tenancy.cloud.used_aws_endpoint,
        client_id: app_client,
        redirect_uri: APP_CALLBACK,
        identity_provider: &provider,
    };
    let visited = sign_in_as(&sign_in, &format!("{}@acme.example", unique("nia"))).await?;
    sign_in.tokens(visited.last().context("there is always one")?).await.map(drop)
}

/// What the user sees who can't.
async fn screen(pool: &Pool, app_client: &str, connection: &str) -> Result<String> {
    match signs_in(pool, app_client, connection).await {
        Ok(()) => bail!("the user signed in"),
        Err(error) => Ok(format!("{error:#}")),
    }
}

/// A second application, whose app client nobody has named.
pub async fn app_client(book: Book) -> Result<()> {
    let (pool, organization, connections) = scene("client login", 1).await?;
    let client = another_app_client(&pool).await?;
    let seen = screen(&pool, &client, &connections[0]).await?;
    ensure!(seen.contains("Login option is not available"), "{seen}");

    let second = Pool { app_client: client.clone(), ..pool.clone() };
    let mut operator = book.followed_for(&second, &connections[0], &organization).await?;
    operator.rest().await?;
    signs_in(&pool, &client, &connections[0]).await?;
    operator.is_done()
}

/// An app client that the pool does not name.
pub async fn another_app_client(pool: &Pool) -> Result<String> {
    let cognito = &pool.tenancy.cognito;
    let request = cognito.create_user_pool_client().user_pool_id(&pool.id).client_name("another application");
    let request = request.callback_urls(APP_CALLBACK).allowed_o_auth_flows(OAuthFlowType::Code);
    let request = request.allowed_o_auth_scopes("openid").allowed_o_auth_scopes("email");
    let request = request.allowed_o_auth_scopes("profile").allowed_o_auth_flows_user_pool_client(true);
    let made = request.supported_identity_providers("COGNITO").send().await?.user_pool_client;
    made.and_then(|client| client.client_id).context("no app client")
}

/// A connection of an organization that the pool does not take.
pub async fn organization(book: Book) -> Result<()> {
    let tenancy = Tenancy::new("organization login").await?;
    let organization = tenancy.organization().await?;
    let (other, connections) = tenancy.organization_with(1).await?;
    let pool = tenancy.pool(&[&organization]).await?;
    let seen = screen(&pool, &pool.app_client, &connections[0]).await?;
    ensure!(seen.contains("Login option is not available"), "{seen}");
    let mut operator = book.followed_for(&pool, &connections[0], &other).await?;
    operator.rest().await?;
    signs_in(&pool, &pool.app_client, &connections[0]).await?;
    operator.is_done()
}

/// Somebody switched the sign-ins of the pool off.
pub async fn switched_off(book: Book) -> Result<()> {
    let (pool, organization, connections) = scene("switched off", 1).await?;
    let party = RelyingParty::of(&pool, &connections[0]).await?;
    pool.patch(&json!({"sign_in": "disabled"}), None).await?.expect(200)?;
    let url = party.authorize_url(&[])?;
    let seen = eventually(SOON, "nobody is let in", async || {
        let answer = get(url.as_str()).await?;
        Ok((answer.status == 400).then(|| answer.text()))
    })
    .await?;
    let mut operator = book.followed_for(&pool, &connections[0], &organization).await?;
    ensure!(seen.contains("This sign-in does not exist or is switched off"), "{seen}");
    operator.rest().await?;
    eventually(SOON, "users sign in again", async || Ok(party.signs_in(&unique("nia@")).await.ok())).await?;
    operator.is_done()
}

/// `WorkOS` takes the tenant's key no more.
pub async fn revoked_key(book: Book) -> Result<()> {
    let (pool, organization, connections) = scene("revoked login", 1).await?;
    let party = RelyingParty::of(&pool, &connections[0]).await?;
    while_key_is_revoked(&pool, async {
        let Err(seen) = party.signs_in(&unique("nia@")).await else { bail!("the user signed in") };
        ensure!(format!("{seen:#}").contains("WorkOS does not accept the API key of this tenant"), "{seen:#}");
        let mut operator = book.followed_for(&pool, &connections[0], &organization).await?;
        operator.next().await?;
        operator.next_typing(&format!("{}\n", next_api_key(&pool.tenancy.cloud)?)).await?;
        operator.rest().await?;
        eventually(SOON, "users sign in again", async || Ok(party.signs_in(&unique("nia@")).await.ok())).await?;
        operator.is_done()
    })
    .await
}

/// Somebody with access to the pool replaced a provider's client secret.
pub async fn client_secret_of_somebody(pool: &Pool, connection: &str) -> Result<()> {
    let provider = pool.provider_of(connection).await?;
    pool.tamper(&provider, "client_secret", "made-by-hand").await
}

/// A client secret that Causeway did not make.
pub async fn client_secret(book: Book) -> Result<()> {
    let (pool, organization, connections) = scene("secret login", 1).await?;
    // A run that comes in between mends it.
    eventually(SOON, "the user can't sign in", async || {
        client_secret_of_somebody(&pool, &connections[0]).await?;
        Ok(screen(&pool, &pool.app_client, &connections[0]).await.ok())
    })
    .await?;
    let mut operator = book.followed_for(&pool, &connections[0], &organization).await?;
    operator.rest().await?;
    eventually(SOON, "users sign in again", async || Ok(signs_in(&pool, &pool.app_client, &connections[0]).await.ok()))
        .await?;
    let now = crate::pool::client_secret(&pool.provider_of(&connections[0]).await?)?;
    ensure!(now != "made-by-hand", "it is still there");
    operator.is_done()
}
