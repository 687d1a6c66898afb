//! Adoption: a provider that somebody else made becomes Causeway's, under its own name, and no other does.

use std::collections::HashMap;

use anyhow::{Context, Result};
use aws_sdk_cognitoidentityprovider::Client as Cognito;
use aws_sdk_cognitoidentityprovider::types::{IdentityProviderType, IdentityProviderTypeType};
use causeway_local_cloud::front::faults::Faults;
use causeway_local_cloud::signed_http::Answer;
use serde_json::{Value, json};

use crate::pool::{Pool, detail, identifiers};
use crate::relying_party::RelyingParty;
use crate::tenancy::{Tenancy, text, unique};

const THEIR_ISSUER: &str = "https://idp.example.com";

/// A provider of the tenant's own, with these identifiers, in the app client.
pub async fn add_theirs(pool: &Pool, name: &str, kind: IdentityProviderTypeType, identifiers: &[&str]) -> Result<()> {
    add_by(&pool.tenancy.cognito, pool, name, kind, identifiers).await
}

/// Makes a provider as `cognito` lets it, and offers it.
async fn add_by(
    cognito: &Cognito,
    pool: &Pool,
    name: &str,
    kind: IdentityProviderTypeType,
    identifiers: &[&str],
) -> Result<()> {
    let mut details = HashMap::from([
        ("client_id".to_owned(), "theirs".to_owned()),
        ("client_secret".to_owned(), "theirs".to_owned()),
        ("oidc_issuer".to_owned(), THEIR_ISSUER.to_owned()),
        ("authorize_scopes".to_owned(), "openid".to_owned()),
        ("attributes_request_method".to_owned(), "GET".to_owned()),
    ]);
    if kind == IdentityProviderTypeType::Saml {
        details = HashMap::from([("MetadataURL".to_owned(), format!("{THEIR_ISSUER}/metadata"))]);
    }
    let request = cognito.create_identity_provider().user_pool_id(&pool.id).provider_name(name).provider_type(kind);
    let identifiers = identifiers.iter().map(|text| (*text).to_owned()).collect();
    request.set_provider_details(Some(details)).set_idp_identifiers(Some(identifiers)).send().await?;
    pool.offer(&["COGNITO", name]).await
}

async fn adopt(pool: &Pool, body: &Value) -> Result<Answer> {
    pool.post("/adopt", body).await
}

async fn theirs(pool: &Pool) -> Result<IdentityProviderType> {
    pool.provider("Theirs").await?.context("the provider is gone")
}

pub async fn set_mode(pool: &Pool, mode: &str) -> Result<()> {
    let path = format!("/v1/tenants/{}/user-pools/{}", pool.tenancy.id, pool.id);
    let headers = [("content-type", "application/json")];
    let body = json!({"mode": mode}).to_string();
    pool.tenancy.api.send("PATCH", &path, &headers, body.as_bytes()).await?.expect(200).map(drop)
}

/// A verified pool in the mode `observe`, with a connection whose ID a provider of the tenant's own carries.
pub async fn scene(name: &str) -> Result<(Pool, String)> {
    let tenancy = Tenancy::new(name).await?;
    let (organization, connections) = tenancy.organization_with(1).await?;
    let pool = tenancy.user_pool().await?;
    let mut registration = tenancy.registration(&pool, &[&organization]);
    registration["mode"] = json!("observe");
    tenancy.post("/user-pools", &registration).await?.expect(201)?;
    add_theirs(&pool, "Theirs", IdentityProviderTypeType::Oidc, &[&connections[0]]).await?;
    pool.deploy_role().await?;
    pool.verified().await?;
    pool.run().await?;
    Ok((pool, connections[0].clone()))
}

#[tokio::test]
async fn an_adopted_provider_keeps_its_name_and_signs_in_by_the_id_that_was_chosen() -> Result<()> {
    let (pool, connection) = scene("adopted").await?;
    let before = theirs(&pool).await?;
    let issuer = format!("{}/oidc/{}/{connection}", pool.tenancy.cloud.api_url, pool.tenancy.id);
    let asked = json!({"provider_name": "Theirs", "subject": "idp_id", "dry_run": true});
    let planned = adopt(&pool, &asked).await?.expect(200)?.json()?;
    assert_eq!(planned["issuer"], json!({"before": THEIR_ISSUER, "after": issuer}), "{planned:#}");
    assert_eq!((&planned["adopted"], &planned["connection_id"]), (&json!(false), &json!(connection)), "{planned:#}");
    assert!(!planned.to_string().contains("secret"), "{planned:#}");
    assert!(theirs(&pool).await? == before, "a dry run changed the provider");
    assert!(pool.items("/providers").await?.is_empty());

    let adopted = adopt(&pool, &json!({"provider_name": "Theirs", "subject": "idp_id"})).await?.expect(200)?.json()?;
    assert_eq!((&adopted["adopted"], &adopted["subject"]), (&json!(true), &json!("idp_id")), "{adopted:#}");
    let after = theirs(&pool).await?;
    assert_eq!(detail(&after, "oidc_issuer")?, issuer);
    assert!(identifiers(&after).contains(&connection));
    let providers = pool.items("/providers").await?;
    assert_eq!((providers.len(), text(&providers[0], "provider_name")?), (1, "Theirs".to_owned()));

    // From here on it is one of Causeway's like any other, and no second one is made.
    set_mode(&pool, "sync").await?;
    pool.run().await?;
    assert_eq!(pool.provider_names().await?, ["Theirs"]);
    assert!(pool.supported().await?.contains(&"Theirs".to_owned()));
    assert_eq!(pool.plan().await?["steps"], json!([]));
    pool.tamper(&theirs(&pool).await?, "token_url", "https://elsewhere.example.com").await?;
    pool.run().await?;
    assert_eq!(detail(&theirs(&pool).await?, "token_url")?, format!("{issuer}/token"));

    let party = RelyingParty::with(&pool, &connection, &theirs(&pool).await?).await?;
    let user = format!("{}@acme.example", unique("ann"));
    let code = party.code(&user).await?;
    let tokens = party.redeem(&code).await?.expect(200)?.json()?;
    let claims = party.checked(&text(&tokens, "id_token")?).await?;
    assert_eq!(claims["sub"], claims["idp_id"], "{claims}");
    assert!(claims["sub"].is_string(), "{claims}");
    Ok(())
}

#[tokio::test]
async fn what_can_not_be_adopted_is_left_alone_and_said_why() -> Result<()> {
    let (pool, connection) = scene("not adopted").await?;
    let other = pool.tenancy.organization().await?;
    let foreign = pool.tenancy.workos.create_connection(&other, "foreign").await?;
    add_theirs(&pool, "Saml", IdentityProviderTypeType::Saml, &[]).await?;
    add_theirs(&pool, "Bare", IdentityProviderTypeType::Oidc, &[]).await?;
    let before = (theirs(&pool).await?, pool.provider("Saml").await?, pool.provider("Bare").await?);
    for (body, status, field) in [
        (json!({"provider_name": "None"}), 400, "provider_name"),
        (json!({"provider_name": "soft\u{ad}hyphen"}), 400, "provider_name"),
        (json!({"provider_name": "Saml", "connection_id": connection}), 400, "provider_name"),
        (json!({"provider_name": "Bare"}), 400, "connection_id"),
        (json!({"provider_name": "Bare", "connection_id": foreign}), 400, "connection_id"),
        (json!({"provider_name": "Theirs", "subject": "email"}), 400, "subject"),
        (json!({"connection_id": connection}), 400, "(body)"),
    ] {
        let refused = adopt(&pool, &body).await?.expect(status)?.json()?;
        assert_eq!(refused["field"], field, "{body}: {refused}");
    }
    // Another tenant does not get at it by the same request.
    let stranger = Pool { tenancy: Tenancy::new("adopts").await?, ..pool.clone() };
    assert_eq!(adopt(&stranger, &json!({"provider_name": "Theirs"})).await?.status, 404);
    let after = (theirs(&pool).await?, pool.provider("Saml").await?, pool.provider("Bare").await?);
    assert!(after == before, "a provider was changed by a refused adoption");
    assert!(pool.items("/providers").await?.is_empty());

    adopt(&pool, &json!({"provider_name": "Theirs"})).await?.expect(200)?;
    let again = adopt(&pool, &json!({"provider_name": "Theirs"})).await?;
    assert!(again.status == 409 && again.text().contains("Causeway's already"), "{}", again.text());
    let second = adopt(&pool, &json!({"provider_name": "Bare", "connection_id": connection})).await?;
    assert!(second.status == 409 && second.text().contains("Theirs"), "{}", second.text());
    Ok(())
}

#[tokio::test]
async fn a_provider_whose_name_has_spaces_is_left_alone_and_keeps_the_pool_from_nothing() -> Result<()> {
    let tenancy = Tenancy::new("spaces").await?;
    let (organization, connections) = tenancy.organization_with(1).await?;
    let pool = tenancy.registered_pool(&[&organization]).await?;
    // `CreateIdentityProvider` takes no such name any more. A pool can have one from when it did.
    let then = Cognito::new(&tenancy.cloud.account(&tenancy.account.id).sdk(tenancy.region));
    add_by(&then, &pool, "My Okta", IdentityProviderTypeType::Saml, &["spaced.example"]).await?;
    let before = pool.provider("My Okta").await?.context("the provider is gone")?;
    pool.deploy_role().await?;
    pool.verified().await?;
    let made = pool.provider_of(&connections[0]).await?.provider_name.context("no name")?;
    pool.drained().await?;

    assert_eq!(pool.shown().await?["health"]["state"], "ok");
    let mut supported = pool.supported().await?;
    supported.sort();
    assert_eq!(supported, ["COGNITO", "My Okta", made.as_str()]);
    assert!(pool.provider("My Okta").await?.as_ref() == Some(&before), "the tenant's own provider was changed");
    let refused = adopt(&pool, &json!({"provider_name": "My Okta", "connection_id": connections[0]})).await?;
    assert!(refused.status == 400 && refused.text().contains("SAML"), "{}", refused.text());
    Ok(())
}

#[tokio::test]
async fn an_adoption_that_cognito_refuses_leaves_the_provider_as_it_was_and_is_made_later() -> Result<()> {
    let (pool, connection) = scene("refused adoption").await?;
    let before = theirs(&pool).await?;
    // Nothing but the write has the new issuer in it: all else goes on as usual.
    let issuer = format!("{}/oidc/{}/{connection}", pool.tenancy.cloud.api_url, pool.tenancy.id);
    let (front, asked) = (pool.tenancy.cloud.front()?, json!({"provider_name": "Theirs"}));
    let throttled =
        Faults { service: "cognito-idp".to_owned(), containing: vec![issuer], throttles: 1.0, ..Faults::default() };
    front.set_faults(&pool.id, Some(throttled)).await?;
    let refused = adopt(&pool, &asked).await;
    front.set_faults(&pool.id, None).await?;
    let refused = refused?;
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.text().contains("UpdateIdentityProvider"), "{}", refused.text());
    assert!(theirs(&pool).await? == before, "the provider was changed");
    assert!(pool.items("/providers").await?.is_empty(), "it is claimed all the same");
    pool.run().await?;
    assert!(theirs(&pool).await? == before, "a run carried on with what was refused");

    let adopted = adopt(&pool, &asked).await?.expect(200)?.json()?;
    assert_eq!(adopted["adopted"], true, "{adopted:#}");
    assert_eq!(pool.items("/providers").await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_pool_that_is_not_verified_adopts_nothing() -> Result<()> {
    let tenancy = Tenancy::new("pending adoption").await?;
    let pool = tenancy.registered_pool(&["org_01NONE"]).await?;
    assert_eq!(adopt(&pool, &json!({"provider_name": "Theirs"})).await?.status, 409);
    Ok(())
}
