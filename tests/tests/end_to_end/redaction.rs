//! Secrets go in and are used, and none of them is to be found anywhere in clear.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::PoisonError;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::Client as DynamoDb;
use causeway_local_cloud::browser::{follow, parameter};
use causeway_local_cloud::cloud::Cloud;
use serde_json::json;

use crate::pool::client_secret;
use crate::relying_party::{RelyingParty, get};
use crate::tenancy::{Tenancy, cloud, text, unique};

/// Everything that is in the table, as text.
pub async fn table(cloud: &Cloud) -> Result<String> {
    let client = DynamoDb::new(&cloud.integration().sdk(&cloud.region));
    let (mut all, mut start) = (String::new(), None);
    loop {
        let page = client.scan().table_name(&cloud.table_name).set_exclusive_start_key(start).send().await?;
        for item in page.items.unwrap_or_default() {
            writeln!(all, "{item:?}")?;
        }
        start = page.last_evaluated_key;
        if start.is_none() {
            return Ok(all);
        }
    }
}

/// Where a secret is found, of all places that have texts to look at.
fn found(places: &BTreeMap<String, String>, secret: &str) -> Vec<String> {
    places.iter().filter(|(_, text)| text.contains(secret)).map(|(place, _)| place.clone()).collect()
}

#[tokio::test]
async fn no_secret_of_a_tenant_or_a_user_is_in_logs_answers_reports_or_the_table() -> Result<()> {
    let tenancy = Tenancy { listens: true, ..Tenancy::new("redaction").await? };
    let (organization, mut connections) = tenancy.organization_with(1).await?;
    let pool = tenancy.pool(&[&organization]).await?;
    // Every function has something to do with it: this event is for `ingest`.
    connections.push(tenancy.workos.create_connection(&organization, "by webhook").await?);
    pool.settles_on(&[&connections[0], &connections[1]]).await?;
    tenancy.cloud.invoke("schedule", &json!({})).await?;
    pool.run().await?;
    let mut secrets = BTreeMap::new();
    let mut keep = |what: &str, secret: String| secrets.insert(secret, what.to_owned());
    keep("the WorkOS API key", tenancy.workos.api_key.clone());
    keep("the webhook secret", tenancy.webhook_secret().await?);
    keep("the key of sign-in states", tenancy.opened("sign_in_state_key", "sign-in-state", "Signin").await?);
    for connection in &connections {
        keep("a client secret", client_secret(&pool.provider_of(connection).await?)?);
    }

    tenancy.stop_listening().await?;

    // A sign-in, every step of it, and what is refused on the way.
    let party = RelyingParty::of(&pool, &connections[0]).await?;
    let user = unique("private.person@");
    keep("a user's address", user.clone());
    let visited = follow(party.authorize_url(&[("login_hint", &user)])?, &party.redirect_uri).await?;
    for url in &visited {
        for (name, what) in [("code", "a code"), ("state", "a state")] {
            // The relying party's own state is short and of its own making.
            if let Some(value) = parameter(url, name).filter(|value| !value.contains(' ')) {
                keep(what, value);
            }
        }
    }
    let code = parameter(visited.last().context("there is always one")?, "code").context("no code")?;
    party.redeem_with(&code, &[("redirect_uri", "https://elsewhere.example")]).await?.expect(400)?;
    let wrong = unique("wrong-secret-");
    party.redeem_with(&code, &[("client_secret", &wrong)]).await?.expect(401)?;
    keep("a wrong client secret", wrong);
    let tokens = party.redeem(&code).await?.expect(200)?.json()?;
    party.redeem(&code).await?.expect(400)?;
    let access_token = text(&tokens, "access_token")?;
    party.userinfo(&access_token).await?.expect(200)?;
    party.userinfo(&access_token.chars().rev().collect::<String>()).await?.expect(401)?;
    keep("an access token", access_token);
    let id_token = text(&tokens, "id_token")?;
    keep("an ID token", id_token.rsplit('.').next().unwrap_or_default().to_owned());
    get(&format!("{}/authorize?client_secret={}", party.issuer, party.secret)).await?.expect(400)?;

    // What somebody else put in, drift, a change of secrets, and failures of each kind.
    let known = unique("known-to-somebody-");
    let provider = pool.provider_of(&connections[1]).await?;
    pool.tamper(&provider, "client_secret", &known).await?;
    keep("a secret of somebody else's", known);
    pool.run().await?;
    keep("a new client secret", client_secret(&pool.provider_of(&connections[1]).await?)?);
    let refused = Tenancy::with("refused key", &unique("sk_refused_"), &tenancy.account.id, tenancy.region).await?;
    keep("a key that WorkOS refuses", refused.workos.api_key.clone());
    let refused_pool = refused.registered_pool(&[&organization]).await?;
    refused_pool.verify().await?;
    for place in ["name", "workos", "external_id"] {
        let canary = unique("sk_misplaced_");
        let mut body = json!({"name": "a", "workos": {"client_id": "c", "api_key": canary}});
        body[place] = if place == "name" { json!(7) } else { json!(canary) };
        let answer = tenancy.api.post("/v1/tenants", &body).await?.expect(400)?;
        assert!(!answer.text().contains(&canary), "a misplaced key comes back: {}", answer.text());
        keep("a misplaced key", canary);
    }
    pool.shown().await?;
    pool.items("/runs").await?;
    pool.items("/providers").await?;
    pool.plan().await?;
    pool.verify().await?;

    let cloud = cloud()?;
    let mut places: BTreeMap<String, String> = cloud.function_logs();
    for (function, log) in &places {
        assert!(!log.is_empty(), "{function} has no log, so that this shows little");
    }
    let answers =
        [&tenancy, &refused].map(|tenancy| tenancy.answers.lock().unwrap_or_else(PoisonError::into_inner).join("\n"));
    places.insert("answers".to_owned(), answers.join("\n"));
    places.insert("table".to_owned(), table(&cloud).await?);
    assert!(places["table"].contains(&tenancy.id) && places["answers"].contains(&pool.id), "else this shows little");
    for (secret, what) in &secrets {
        assert!(secret.len() >= 8, "{what} is too short to look for");
        let places = found(&places, secret);
        assert!(places.is_empty(), "{what} is in {places:?}: {secret}");
    }
    Ok(())
}

#[tokio::test]
async fn a_sealed_secret_opens_for_its_own_tenant_and_purpose_and_function_only() -> Result<()> {
    let (one, mut other) = (Tenancy::new("one").await?, Tenancy::new("other").await?);
    assert_eq!(one.opened("workos_api_key", "workos-api-key", "Reconcile").await?, one.workos.api_key);
    for (attribute, purpose, function) in [
        ("workos_api_key", "sign-in-state", "Signin"),
        ("workos_api_key", "workos-api-key", "Ingest"),
        ("sign_in_state_key", "sign-in-state", "Reconcile"),
        ("sign_in_state_key", "sign-in-state", "Tenants"),
    ] {
        let opened = one.opened(attribute, purpose, function).await;
        assert!(opened.is_err(), "{function} opened {attribute} as {purpose}");
    }
    // As if the one's ciphertext lay in the other's item.
    let cloud = &one.cloud;
    let client = DynamoDb::new(&cloud.integration().sdk(&cloud.region));
    let key = |tenant: &str| {
        let text = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
        [("pk".to_owned(), text(&format!("TENANT#{tenant}"))), ("sk".to_owned(), text("TENANT"))].into()
    };
    let item = client.get_item().table_name(&cloud.table_name).set_key(Some(key(&one.id))).send().await?;
    let sealed = item.item.and_then(|item| item.get("workos_api_key").cloned()).context("nothing sealed")?;
    let request = client.update_item().table_name(&cloud.table_name).set_key(Some(key(&other.id)));
    let request =
        request.update_expression("SET workos_api_key = :sealed").expression_attribute_values(":sealed", sealed);
    request.send().await?;
    assert!(other.opened("workos_api_key", "workos-api-key", "Reconcile").await.is_err());
    other.id.clone_from(&one.id);
    assert!(other.opened("workos_api_key", "workos-api-key", "Reconcile").await.is_ok());
    Ok(())
}
