//! App clients: providers are added to what a client has, and nothing else of it changes.

use std::collections::HashMap;

use anyhow::{Context, Result};
use aws_sdk_cognitoidentityprovider::types::IdentityProviderTypeType;
use causeway_local_cloud::eventually::eventually;
use causeway_local_cloud::front::control::now;
use serde_json::json;

use crate::pool::{Pool, provider_name};
use crate::status::needs;
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
async fn a_member_of_an_app_client_that_nobody_knows_yet_is_sent_back_and_stops_no_wiring() -> Result<()> {
    let tenancy = Tenancy::new("members of the future").await?;
    let (organization, connections) = tenancy.organization_with(1).await?;
    let then = now();
    let pool = tenancy.pool(&[&organization]).await?;
    offers(&pool, &["COGNITO", &provider_name(&connections[0])]).await?;
    // A call is on record once it is answered, which is after what it did can be seen.
    let passed_over = eventually(SOON, "what was passed over is on record", async || {
        let calls = tenancy.cloud.front()?.calls(then, &pool.id).await?;
        let updates = calls.iter().filter(|call| call.operation == "UpdateUserPoolClient" && call.refused.is_none());
        let named: Vec<_> = updates.map(|call| call.passed_over.clone()).filter(|names| !names.is_empty()).collect();
        Ok((!named.is_empty()).then_some(named))
    })
    .await?;
    assert!(passed_over.iter().all(|names| *names == ["OfTheFuture"]), "{passed_over:?}");
    pool.health("ok").await.map(drop)
}

#[tokio::test]
async fn an_app_client_that_is_named_and_not_there_is_refused_and_later_makes_the_pool_unwell() -> Result<()> {
    let tenancy = Tenancy::new("no app client").await?;
    let (organization, _) = tenancy.organization_with(1).await?;
    let pool = tenancy.pool(&[&organization]).await?;
    let both = json!({"app_clients": [pool.app_client, "nosuchclient"]});
    let refused = pool.patch(&both, None).await?.expect(400)?.json()?;
    assert!(refused.to_string().contains("nosuchclient"), "{refused:#}");
    let request = tenancy.cognito.delete_user_pool_client().user_pool_id(&pool.id).client_id(&pool.app_client);
    request.send().await?;
    pool.run().await?;
    let health = pool.health("rejected").await?;
    assert!(health.to_string().contains(&pool.app_client), "{health:#}");
    let need = needs(&pool, "rejected").await?;
    assert_eq!(need["missing_app_clients"], json!([pool.app_client]), "{need:#}");
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
    pool.offer(&["COGNITO"]).await?;
    pool.run().await?;
    let steps = pool.steps_since(then).await?;
    assert!(steps.len() == 1 && steps[0]["action"] == "wire", "{steps:#?}");
    offers(&pool, &["COGNITO", &name]).await
}

#[tokio::test]
async fn a_pool_that_names_all_app_clients_wires_each_also_those_made_later() -> Result<()> {
    let tenancy = Tenancy::new("all app clients").await?;
    let (organization, connections) = tenancy.organization_with(1).await?;
    let pool = tenancy.user_pool().await?;
    let mut registration = tenancy.registration(&pool, &[&organization]);
    registration["app_clients"] = json!("all");
    let registered = tenancy.post("/user-pools", &registration).await?.expect(201)?.json()?;
    assert_eq!(registered["app_clients"], "all", "{registered:#}");
    pool.deploy_role().await?;
    pool.verified().await?;
    let name = provider_name(&connections[0]);
    offers(&pool, &["COGNITO", &name]).await?;

    let request = tenancy.cognito.create_user_pool_client().user_pool_id(&pool.id).client_name("later");
    let later = request.supported_identity_providers("COGNITO").send().await?.user_pool_client;
    let app_client = later.and_then(|client| client.client_id).context("no app client was made")?;
    let later = Pool { app_client, ..pool.clone() };
    pool.run().await?;
    offers(&later, &["COGNITO", &name]).await?;
    tenancy.workos.delete_connection(&connections[0]).await?;
    pool.run().await?;
    offers(&pool, &["COGNITO"]).await?;
    offers(&later, &["COGNITO"]).await
}

#[tokio::test]
async fn an_app_client_that_registered_itself_is_none_of_all_and_is_given_the_providers_where_it_is_named() -> Result<()>
{
    let tenancy = Tenancy::new("registered itself").await?;
    let (organization, connections) = tenancy.organization_with(1).await?;
    let pool = tenancy.user_pool().await?;
    let request = tenancy.cognito.create_user_pool_client().user_pool_id(&pool.id);
    let request = request.client_name("registered-itself-1").supported_identity_providers("COGNITO");
    let stranger = request.send().await?.user_pool_client.and_then(|client| client.client_id);
    let stranger = Pool { app_client: stranger.context("no app client was made")?, ..pool.clone() };
    let mut registration = tenancy.registration(&pool, &[&organization]);
    registration["app_clients"] = json!("all");
    tenancy.post("/user-pools", &registration).await?.expect(201)?;
    pool.deploy_role().await?;
    pool.verified().await?;
    let name = provider_name(&connections[0]);
    offers(&pool, &["COGNITO", &name]).await?;
    let plan = pool.plan().await?;
    assert_eq!(plan["steps"], json!([]), "{plan:#}");
    offers(&stranger, &["COGNITO"]).await?;

    pool.patch(&json!({ "app_clients": [stranger.app_client] }), None).await?.expect(200)?;
    pool.run().await?;
    offers(&stranger, &["COGNITO", &name]).await
}

#[tokio::test]
async fn an_app_client_that_is_not_named_is_never_written() -> Result<()> {
    let tenancy = Tenancy::new("not named").await?;
    let (organization, connections) = tenancy.organization_with(1).await?;
    let pool = tenancy.registered_pool(&[&organization]).await?;
    let request = tenancy.cognito.create_user_pool_client().user_pool_id(&pool.id).client_name("other");
    let other = request.supported_identity_providers("COGNITO").send().await?.user_pool_client;
    let app_client = other.and_then(|client| client.client_id).context("no app client was made")?;
    let other = Pool { app_client, ..pool.clone() };
    let before = other.app_client().await?;
    pool.deploy_role().await?;
    pool.verified().await?;
    offers(&pool, &["COGNITO", &provider_name(&connections[0])]).await?;
    assert!(other.app_client().await? == before, "an app client that nobody named was written");
    Ok(())
}

/// Has an app client name a provider that is not there, as Cognito leaves it when a provider is deleted that is still
/// offered: every change of the app client is refused then.
async fn leave_a_name_behind(pool: &Pool) -> Result<()> {
    let mut offered = pool.supported().await?;
    offered.push("Theirs".to_owned());
    let request = pool.tenancy.cognito.create_identity_provider().user_pool_id(&pool.id).provider_name("Theirs");
    let details = HashMap::from([("MetadataURL".to_owned(), "https://theirs.example/metadata".to_owned())]);
    let request = request.provider_type(IdentityProviderTypeType::Saml).set_provider_details(Some(details));
    request.send().await?;
    pool.offer(&offered.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    let request = pool.tenancy.cognito.delete_identity_provider().user_pool_id(&pool.id).provider_name("Theirs");
    request.send().await?;
    assert_eq!(pool.supported().await?.len(), offered.len(), "else this shows little");
    Ok(())
}

#[tokio::test]
async fn an_app_client_that_can_not_be_written_keeps_no_other_one_from_being_brought_in_line() -> Result<()> {
    let tenancy = Tenancy::new("one unwritable").await?;
    let (organization, connections) = tenancy.organization_with(3).await?;
    let pool = tenancy.user_pool().await?;
    let request = tenancy.cognito.create_user_pool_client().user_pool_id(&pool.id).client_name("other");
    let other = request.supported_identity_providers("COGNITO").send().await?.user_pool_client;
    let app_client = other.and_then(|client| client.client_id).context("no app client was made")?;
    let mut both = [pool.clone(), Pool { app_client, ..pool.clone() }];
    // The one that is written first.
    both.sort_by(|one, other| one.app_client.cmp(&other.app_client));
    let [broken, healthy] = both;
    let mut registration = tenancy.registration(&pool, &[&organization]);
    registration["app_clients"] = json!("all");
    tenancy.post("/user-pools", &registration).await?.expect(201)?;
    pool.deploy_role().await?;
    pool.verified().await?;
    let [gone, first, second] = [0, 1, 2].map(|number| provider_name(&connections[number]));
    offers(&broken, &["COGNITO", &gone, &first, &second]).await?;
    pool.drained().await?;

    leave_a_name_behind(&broken).await?;
    tenancy.workos.delete_connection(&connections[0]).await?;
    let new = tenancy.workos.create_connection(&organization, "new").await?;
    let run = pool.run().await?;
    assert_eq!(run["outcome"], "partial", "{run:#}");
    offers(&healthy, &["COGNITO", &first, &second, &provider_name(&new)]).await?;
    assert!(pool.provider_names().await?.contains(&gone), "one that an app client still names is deleted");
    let failures = run["failures"].as_array().context("no failures")?;
    assert!(!failures.is_empty(), "{run:#}");
    for failure in failures {
        assert!(failure["attempted"].to_string().contains(&broken.app_client), "{failure:#}");
    }
    for shown in pool.items("/providers").await? {
        let is_done = shown["provider_name"] == first || shown["provider_name"] == second;
        assert_eq!(shown["in_sync"], is_done, "{shown:#}");
    }

    broken.offer(&["COGNITO", &gone, &first, &second]).await?;
    pool.run().await?;
    offers(&broken, &["COGNITO", &first, &second, &provider_name(&new)]).await?;
    pool.settles_on(&[&connections[1], &connections[2], &new]).await?;
    pool.health("ok").await.map(drop)
}
