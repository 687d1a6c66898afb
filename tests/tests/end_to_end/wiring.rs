//! App clients: providers are added to what a client has, and nothing else of it changes.

use anyhow::Result;
use causeway_tests::eventually::eventually;

use crate::pool::{Pool, provider_name};
use crate::tenancy::{SOON, Tenancy, now_in_millis};

async fn offers(pool: &Pool, names: &[&str]) -> Result<()> {
    let mut expected: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    expected.sort();
    eventually(SOON, &format!("the app client offers {expected:?}"), async || {
        let mut offered = pool.supported().await?;
        offered.sort();
        Ok((offered == expected).then_some(()))
    })
    .await
}

#[tokio::test]
async fn wiring_changes_the_providers_of_an_app_client_and_nothing_else() -> Result<()> {
    let tenancy = Tenancy::new("wiring").await?;
    let (organization, connections) = tenancy.organization_with(1).await?;
    let pool = tenancy.registered_pool(&[&organization]).await?;
    let mut before = pool.app_client().await?;
    pool.deploy_role().await?;
    pool.verified().await?;
    offers(&pool, &["COGNITO", &provider_name(&connections[0])]).await?;
    let after = pool.app_client().await?;
    assert_eq!((before.access_token_validity, before.refresh_token_validity), (Some(17), 3), "else this shows little");
    before.supported_identity_providers.clone_from(&after.supported_identity_providers);
    before.last_modified_date = after.last_modified_date;
    assert!(before == after, "more than the providers changed: {before:?} {after:?}");
    Ok(())
}

#[tokio::test]
async fn a_provider_leaves_the_app_client_before_it_is_deleted() -> Result<()> {
    let tenancy = Tenancy::new("unwiring").await?;
    let (organization, connections) = tenancy.organization_with(2).await?;
    let pool = tenancy.pool(&[&organization]).await?;
    let names = [provider_name(&connections[0]), provider_name(&connections[1])];
    offers(&pool, &["COGNITO", &names[0], &names[1]]).await?;
    pool.run().await?;
    let then = now_in_millis();
    tenancy.workos.delete_connection(&connections[0]).await?;
    pool.run().await?;
    let steps = pool.steps_since(then).await?;
    let position = |action: &str| steps.iter().position(|step| step["action"] == action);
    assert!(position("unwire") < position("delete") && position("unwire").is_some(), "{steps:#?}");
    offers(&pool, &["COGNITO", &names[1]]).await
}

#[tokio::test]
async fn what_somebody_took_out_of_the_app_client_comes_back() -> Result<()> {
    let tenancy = Tenancy::new("rewiring").await?;
    let (organization, connections) = tenancy.organization_with(1).await?;
    let pool = tenancy.pool(&[&organization]).await?;
    let name = provider_name(&connections[0]);
    offers(&pool, &["COGNITO", &name]).await?;
    pool.run().await?;
    let then = now_in_millis();
    // As a deployment of the tenant's own does, which knows nothing of the provider.
    let request = tenancy.cognito.update_user_pool_client().user_pool_id(&pool.id).client_id(&pool.app_client);
    request.supported_identity_providers("COGNITO").send().await?;
    pool.run().await?;
    let steps = pool.steps_since(then).await?;
    assert!(steps.len() == 1 && steps[0]["action"] == "wire", "{steps:#?}");
    offers(&pool, &["COGNITO", &name]).await
}
