//! The main job: a pool's providers are kept equal to the tenant's connections.

use std::time::Duration;

use anyhow::{Context, Result};
use aws_sdk_cognitoidentityprovider::types::IdentityProviderTypeType;
use causeway_local_cloud::eventually::eventually;
use serde_json::{Value, json};

use crate::pool::{client_secret, detail, identifiers, provider_name};
use crate::tenancy::{SOON, Tenancy, now_in_millis, text, unique};

/// How long the schedule may take: the interval of the local cloud, and the queue.
const SCHEDULED: Duration = Duration::from_mins(3);

#[tokio::test]
async fn a_connection_that_exists_already_becomes_a_provider() -> Result<()> {
    let tenancy = Tenancy::new("existing").await?;
    let (organization, connections) = tenancy.organization_with(1).await?;
    let pool = tenancy.pool(&[&organization]).await?;
    let provider = pool.provider_of(&connections[0]).await?;
    let issuer = format!("{}/oidc/{}/{}", tenancy.cloud.api_url, tenancy.id, connections[0]);
    assert_eq!(provider.provider_type, Some(IdentityProviderTypeType::Oidc));
    let mut expected = vec![connections[0].clone(), organization];
    expected.sort();
    assert_eq!(identifiers(&provider), expected);
    for (name, value) in [
        ("client_id", pool.id.clone()),
        ("oidc_issuer", issuer.clone()),
        ("authorize_url", format!("{issuer}/authorize")),
        ("token_url", format!("{issuer}/token")),
        ("attributes_url", format!("{issuer}/userinfo")),
        ("jwks_uri", format!("{issuer}/jwks")),
        ("attributes_request_method", "GET".to_owned()),
    ] {
        assert_eq!(detail(&provider, name)?, value, "{name}");
    }
    assert!(client_secret(&provider)?.len() >= 43, "a client secret has 256 bits");
    let mapping = provider.attribute_mapping.context("no mapping")?;
    assert_eq!(mapping.get("username").map(String::as_str), Some("sub"));
    assert_eq!(mapping.get("email").map(String::as_str), Some("email"));
    Ok(())
}

#[tokio::test]
async fn a_new_connection_arrives_by_the_webhook() -> Result<()> {
    let tenancy = Tenancy { listens: true, ..Tenancy::new("webhook").await? };
    let organization = tenancy.organization().await?;
    let pool = tenancy.pool(&[&organization]).await?;
    // The run that verification asked for is over, and can't be what makes the provider.
    eventually(SOON, "the first run is reported", async || Ok(pool.items("/runs").await?.pop())).await?;
    let mut causes = Vec::new();
    // The schedule may happen to come first, but not each time.
    while causes.len() < 3 && !causes.contains(&json!("webhook")) {
        let connection = tenancy.workos.create_connection(&organization, "new").await?;
        pool.provider_of(&connection).await?;
        let run = eventually(SOON, "the run that made it is reported", async || {
            let runs = pool.items("/runs").await?;
            Ok(runs.into_iter().find(|run| run["steps"].to_string().contains(&connection)))
        });
        causes.push(run.await?["cause"].clone());
    }
    assert!(causes.contains(&json!("webhook")), "{causes:?}");
    tenancy.stop_listening().await
}

#[tokio::test]
async fn the_provider_of_a_deleted_connection_goes_and_no_other() -> Result<()> {
    let tenancy = Tenancy { listens: true, ..Tenancy::new("deleted").await? };
    let (organization, connections) = tenancy.organization_with(3).await?;
    let pool = tenancy.pool(&[&organization]).await?;
    let all: Vec<&str> = connections.iter().map(String::as_str).collect();
    pool.settles_on(&all).await?;
    let before = pool.provider(&provider_name(&connections[2])).await?.context("no provider")?;
    tenancy.workos.delete_connection(&connections[1]).await?;
    pool.settles_on(&[&connections[0], &connections[2]]).await?;
    tenancy.stop_listening().await?;
    pool.run().await?;
    assert_eq!(pool.provider(&provider_name(&connections[2])).await?.context("it is gone")?, before);
    let supported = pool.supported().await?;
    assert!(!supported.contains(&provider_name(&connections[1])), "{supported:?}");
    assert_eq!(pool.items("/providers").await?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn the_schedule_repairs_what_was_changed_behind_causeways_back() -> Result<()> {
    let tenancy = Tenancy::new("drift").await?;
    let (organization, connections) = tenancy.organization_with(2).await?;
    let pool = tenancy.pool(&[&organization]).await?;
    pool.settles_on(&[&connections[0], &connections[1]]).await?;
    pool.drained().await?;
    let good = pool.provider_of(&connections[0]).await?;
    let then = now_in_millis();
    pool.tamper(&good, "token_url", "https://elsewhere.example/token").await?;
    let gone = provider_name(&connections[1]);
    tenancy.cognito.delete_identity_provider().user_pool_id(&pool.id).provider_name(&gone).send().await?;
    eventually(SCHEDULED, "the schedule repairs both providers", async || {
        tenancy.cloud.invoke("schedule", &json!({})).await?;
        let repaired = pool.provider(&provider_name(&connections[0])).await?.context("it is gone")?;
        let is_repaired = detail(&repaired, "token_url")? == detail(&good, "token_url")?;
        Ok((is_repaired && pool.provider(&gone).await?.is_some()).then_some(()))
    })
    .await?;
    let repaired = pool.provider_of(&connections[0]).await?;
    assert_eq!(repaired.provider_details, good.provider_details, "the secret that is ours is kept");
    eventually(SOON, "what was repaired is reported", async || {
        let changes = json!(pool.steps_since(then).await?).to_string();
        Ok((changes.contains("elsewhere.example") && changes.contains("deleted outside")).then_some(()))
    })
    .await
}

#[tokio::test]
async fn a_client_secret_that_is_not_ours_is_replaced_by_a_new_one() -> Result<()> {
    let tenancy = Tenancy::new("secret").await?;
    let (organization, connections) = tenancy.organization_with(1).await?;
    let pool = tenancy.pool(&[&organization]).await?;
    let first = pool.provider_of(&connections[0]).await?;
    pool.run().await?;
    let then = now_in_millis();
    pool.tamper(&first, "client_secret", "known-to-somebody").await?;
    pool.run().await?;
    let steps = json!(pool.steps_since(then).await?);
    assert_eq!(steps[0]["action"], "update", "{steps:#}");
    let now = client_secret(&pool.provider_of(&connections[0]).await?)?;
    assert_ne!(now, "known-to-somebody");
    assert_ne!(now, client_secret(&first)?, "what may have been seen is not used again");
    assert!(!steps.to_string().contains(&now) && !steps.to_string().contains("known-to-somebody"), "{steps:#}");
    Ok(())
}

#[tokio::test]
async fn providers_that_somebody_else_made_are_left_alone_and_reported() -> Result<()> {
    let tenancy = Tenancy::new("foreign").await?;
    let (taken, connections) = tenancy.organization_with(1).await?;
    let (held, others) = tenancy.organization_with(1).await?;
    let pool = tenancy.registered_pool(&[&taken, &held]).await?;
    let (same_name, holder) = (provider_name(&connections[0]), "TenantsOwn");
    for (name, identifier) in [(same_name.as_str(), unique("x")), (holder, held.clone())] {
        let request = tenancy.cognito.create_identity_provider().user_pool_id(&pool.id).provider_name(name);
        let request = request.provider_type(IdentityProviderTypeType::Saml).idp_identifiers(identifier);
        request.provider_details("MetadataURL", "https://idp.example/metadata").send().await?;
    }
    let before = (pool.provider(&same_name).await?, pool.provider(holder).await?);
    pool.deploy_role().await?;
    pool.verified().await?;

    let made = pool.provider_of(&others[0]).await?;
    assert_eq!(identifiers(&made), [others[0].clone()], "the organization's ID is taken");
    let run = pool.run().await?;
    assert_eq!((pool.provider(&same_name).await?, pool.provider(holder).await?), before);
    assert_eq!(pool.supported().await?.iter().filter(|name| **name == same_name || *name == holder).count(), 0);
    let plan = pool.plan().await?;
    assert_eq!(plan["steps"], json!([]), "{plan:#}");
    for report in [&plan, &run] {
        let notes = report["notes"].as_array().context("no notes")?;
        let tells = |name: &str| notes.iter().any(|note| note.to_string().contains(name));
        assert!(tells(&same_name) && tells(holder), "{notes:#?}");
    }
    let health = pool.health("rejected").await?;
    let told = format!("{} {}", text(&health, "message")?, text(&health, "remedy")?);
    assert!(told.contains(&connections[0]) && told.contains("adopt"), "{health}");
    Ok(())
}

#[tokio::test]
async fn only_the_connections_of_the_chosen_organizations_become_providers() -> Result<()> {
    let tenancy = Tenancy::new("filter").await?;
    let (chosen, connections) = tenancy.organization_with(1).await?;
    let (_, others) = tenancy.organization_with(1).await?;
    let pool = tenancy.pool(&[&chosen]).await?;
    pool.settles_on(&[&connections[0]]).await?;
    pool.run().await?;
    assert_eq!(pool.provider_names().await?, [provider_name(&connections[0])]);
    assert!(pool.provider(&provider_name(&others[0])).await?.is_none());
    Ok(())
}

#[tokio::test]
async fn a_pool_in_line_has_nothing_to_do_and_many_wake_ups_leave_no_double() -> Result<()> {
    let tenancy = Tenancy::new("wake-ups").await?;
    let (organization, connections) = tenancy.organization_with(2).await?;
    let pool = tenancy.pool(&[&organization]).await?;
    let wake_up = || async { pool.post("/reconcile", &json!({})).await?.expect(202) };
    futures::try_join!(wake_up(), wake_up(), wake_up(), wake_up())?;
    pool.settles_on(&[&connections[0], &connections[1]]).await?;
    let before = (pool.provider_of(&connections[0]).await?, pool.provider_of(&connections[1]).await?);
    futures::try_join!(wake_up(), wake_up())?;
    let run = pool.run().await?;
    assert_eq!((&run["outcome"], &run["steps"]), (&json!("no_change"), &json!([])), "{run:#}");
    let after = (pool.provider_of(&connections[0]).await?, pool.provider_of(&connections[1]).await?);
    assert_eq!(after, before, "a wake-up without a change wrote something");
    let created = created_in(&pool.items("/runs").await?)?;
    assert_eq!(created.len(), 2, "created more than once: {created:?}");
    let plan = pool.plan().await?;
    assert_eq!(plan["steps"], json!([]), "{plan:#}");
    Ok(())
}

fn created_in(runs: &[Value]) -> Result<Vec<String>> {
    let steps = runs.iter().filter_map(|run| run["steps"].as_array()).flatten();
    steps.filter(|step| step["action"] == "create").map(|step| text(step, "connection_id")).collect()
}

#[tokio::test]
async fn a_dry_run_shows_the_steps_and_changes_nothing_nor_does_the_mode_observe() -> Result<()> {
    let tenancy = Tenancy::new("dry run").await?;
    let (organization, connections) = tenancy.organization_with(1).await?;
    let pool = tenancy.user_pool().await?;
    let mut registration = tenancy.registration(&pool, &[&organization]);
    registration["mode"] = json!("observe");
    tenancy.post("/user-pools", &registration).await?.expect(201)?;
    pool.deploy_role().await?;
    pool.verified().await?;
    let plan = pool.plan().await?;
    let steps = plan["steps"].as_array().context("no steps")?;
    let shown: Vec<(&Value, &Value)> = steps.iter().map(|step| (&step["action"], &step["connection_id"])).collect();
    let connection = json!(connections[0]);
    assert_eq!(shown, [(&json!("create"), &connection), (&json!("wire"), &connection)], "{plan:#}");
    let name = provider_name(&connections[0]);
    assert!(steps.iter().all(|step| step["held"] == false && step["provider_name"] == name), "{plan:#}");
    assert!(!text(&steps[0], "reason")?.is_empty());
    assert!(!plan.to_string().contains("client_secret"), "{plan:#}");
    // Nor does a run of a pool that is only observed.
    let run = pool.run().await?;
    assert_eq!(run["steps"], json!([]), "{run:#}");
    assert_eq!((pool.provider_names().await?, pool.supported().await?), (vec![], vec!["COGNITO".to_owned()]));
    Ok(())
}
