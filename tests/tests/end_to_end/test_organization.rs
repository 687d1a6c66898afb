//! WorkOS's Test Organization: a newcomer's first sign-in, and nobody's by accident.

use anyhow::{Context, Result, ensure};
use causeway_core::id::ProviderName;
use causeway_local_cloud::browser::{SignIn, claims};
use causeway_local_cloud::workos::{TEST_CONNECTION, TEST_ORGANIZATION};
use serde_json::json;

use crate::pool::identifiers;
use crate::relying_party::RelyingParty;
use crate::sign_in::sign_in_as;
use crate::tenancy::{APP_CALLBACK, Tenancy, check, text, unique};

#[tokio::test]
async fn a_newcomer_signs_in_through_the_test_organization_where_the_pool_names_it_and_nobody_is_verified() -> Result<()>
{
    let tenancy = Tenancy::new("newcomer").await?;
    tenancy.workos.shows_test_organization().await?;
    let (organization, connections) = tenancy.organization_with(1).await?;
    let name = ProviderName::for_connection(&TEST_CONNECTION.parse()?).to_string();

    // Who does not name it does not get it.
    let careful = tenancy.pool(&[&organization]).await?;
    careful.settles_on(&[&connections[0]]).await?;
    careful.drained().await?;
    careful.settles_on(&[&connections[0]]).await?;

    let pool = tenancy.registered_pool(&[TEST_ORGANIZATION]).await?;
    pool.deploy_role().await?;
    let verified = pool.verify().await?;
    assert_eq!(verified["status"], "active", "{verified:#}");
    let warning = check(&verified, "test_organization")?;
    assert_eq!(warning["outcome"], "warn", "{verified:#}");
    pool.run().await?;
    let provider = pool.provider(&name).await?.context("no provider was made")?;
    assert_eq!(pool.provider_names().await?, std::slice::from_ref(&name));
    // Its domain is verified, and stands for nobody.
    assert_eq!(identifiers(&provider), [TEST_CONNECTION, TEST_ORGANIZATION]);
    let health = pool.shown().await?["health"].clone();
    assert_eq!((&health["state"], &health["message"]), (&json!("ok"), &warning["message"]), "{health:#}");

    let user = format!("{}@example.com", unique("new"));
    let sign_in = SignIn {
        cognito: &tenancy.cloud.used_aws_endpoint,
        client_id: &pool.app_client,
        redirect_uri: APP_CALLBACK,
        identity_provider: &name,
    };
    let visited = sign_in_as(&sign_in, &user).await?;
    let tokens = sign_in.tokens(visited.last().context("there is always one")?).await?;
    let of_cognito = claims(&text(&tokens, "id_token")?)?;
    assert_eq!(of_cognito["email"], user, "{of_cognito:#}");

    let claims = RelyingParty::with(&pool, TEST_CONNECTION, &provider).await?.signs_in(&user).await?;
    assert_eq!((&claims["email"], &claims["email_verified"]), (&json!(user), &json!(false)), "{claims:#}");

    // Once it is taken out, its provider goes and so does the warning.
    pool.patch(&json!({"organizations": [organization]}), None).await?.expect(200)?;
    pool.settles_on(&[&connections[0]]).await?;
    pool.run().await?;
    let health = pool.shown().await?["health"].clone();
    ensure!(health["message"] == "", "{health:#}");
    Ok(())
}
