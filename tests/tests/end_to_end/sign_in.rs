//! Signing in: through Cognito as a browser does, and as a relying party of our own that checks more.

use anyhow::{Context, Result};
use aws_sdk_cognitoidentityprovider::types::{AttributeDataType, SchemaAttributeType};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use causeway_core::oidc::envelope::{Key, SignInState};
use causeway_core::timestamp::Timestamp;
use causeway_local_cloud::browser::{SignIn, claims, follow, parameter};
use causeway_local_cloud::eventually::eventually;
use serde_json::{Value, json};
use url::Url;

use crate::pool::{Pool, provider_name};
use crate::relying_party::{RelyingParty, cognito_callback, get};
use crate::tenancy::{APP_CALLBACK, SOON, Tenancy, now_in_millis, text, unique};

/// A pool with one organization's connections, all of them there.
pub async fn scene(name: &str, connections: usize) -> Result<(Pool, String, Vec<String>)> {
    let tenancy = Tenancy::new(name).await?;
    let (organization, connections) = tenancy.organization_with(connections).await?;
    let pool = tenancy.pool(&[&organization]).await?;
    for connection in &connections {
        pool.provider_of(connection).await?;
    }
    // The claims of all of them are held once the run has ended.
    pool.run().await?;
    Ok((pool, organization, connections))
}

#[tokio::test]
async fn a_user_signs_in_through_cognito_and_the_application_gets_the_mapped_claims() -> Result<()> {
    let tenancy = Tenancy::new("sign-in").await?;
    let (organization, connections) = tenancy.organization_with(1).await?;
    let pool = tenancy.user_pool().await?;
    let attribute = SchemaAttributeType::builder().name("org").mutable(true);
    let attribute = attribute.attribute_data_type(AttributeDataType::String).build();
    tenancy.cognito.add_custom_attributes().user_pool_id(&pool.id).custom_attributes(attribute).send().await?;
    let mut registration = tenancy.registration(&pool, &[&organization]);
    registration["attribute_mapping"] = json!({
        "email": "email", "given_name": "given_name", "custom:org": "organization_id",
    });
    tenancy.post("/user-pools", &registration).await?.expect(201)?;
    pool.deploy_role().await?;
    pool.verified().await?;
    pool.provider_of(&connections[0]).await?;
    pool.run().await?;

    let user = format!("{}@acme.example", unique("ann"));
    let provider = provider_name(&connections[0]);
    let sign_in = SignIn {
        cognito: &tenancy.cloud.used_aws_endpoint,
        client_id: &pool.app_client,
        redirect_uri: APP_CALLBACK,
        identity_provider: &provider,
    };
    let visited = sign_in_as(&sign_in, &user).await?;
    let issuer = format!("{}/oidc/{}/{}", tenancy.cloud.api_url, tenancy.id, connections[0]);
    let expected = [
        format!("{}/oauth2/authorize", tenancy.cloud.used_aws_endpoint),
        format!("{issuer}/authorize"),
        format!("{}/sso/authorize", tenancy.cloud.workos_url),
        format!("{}/oidc/{}/callback", tenancy.cloud.api_url, tenancy.id),
        cognito_callback(&pool),
        APP_CALLBACK.to_owned(),
    ];
    let ways: Vec<String> =
        visited.iter().map(|url| url.as_str().split('?').next().unwrap_or_default().to_owned()).collect();
    assert_eq!(ways, expected);

    let callback = visited.last().context("there is always one")?;
    assert_eq!(parameter(callback, "state").as_deref(), Some("the-application's-state"));
    let tokens = sign_in.tokens(callback).await?;
    let claims = claims(&text(&tokens, "id_token")?)?;
    assert_eq!(claims["email"], user, "{claims:#}");
    assert_eq!(claims["given_name"], user.split('@').next().unwrap_or_default(), "{claims:#}");
    assert_eq!(claims["custom:org"], organization, "{claims:#}");
    let username = text(&claims, "cognito:username")?;
    assert!(username.to_lowercase().starts_with(&provider.to_lowercase()), "{username}");
    // WorkOS's own secrets went nowhere near the browser.
    for url in &visited {
        assert!(!url.as_str().contains(&tenancy.workos.api_key), "{url}");
    }
    Ok(())
}

/// Follows a sign-in from Cognito to the application. Cognito passes no `login_hint` on here, so it is added
/// where `WorkOS` asks who somebody is.
pub async fn sign_in_as(sign_in: &SignIn<'_>, user: &str) -> Result<Vec<Url>> {
    let mut visited = follow(sign_in.start()?, &workos_sign_in()?).await?;
    let mut at_workos = visited.pop().context("there is always one")?;
    at_workos.query_pairs_mut().append_pair("login_hint", user);
    visited.extend(follow(at_workos, sign_in.redirect_uri).await?);
    Ok(visited)
}

fn workos_sign_in() -> Result<String> {
    Ok(format!("{}/sso/authorize", crate::tenancy::cloud()?.workos_url))
}

#[tokio::test]
async fn a_strict_relying_party_accepts_the_tokens_and_userinfo_says_the_same() -> Result<()> {
    let (pool, organization, connections) = scene("strict", 1).await?;
    let party = RelyingParty::of(&pool, &connections[0]).await?;
    let user = format!("{}@acme.example", unique("bob"));
    let callback = party.signed_in(&user).await?;
    assert_eq!(parameter(&callback, "state").as_deref(), Some("the relying party's state"));
    let answer = party.redeem(&parameter(&callback, "code").context("no code")?).await?.expect(200)?;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let tokens = answer.json()?;
    assert_eq!((&tokens["token_type"], &tokens["scope"]), (&json!("Bearer"), &tokens["scope"]));
    assert!(
        tokens["expires_in"].as_i64().is_some_and(|seconds| (1..=300).contains(&seconds)),
        "{}",
        tokens["expires_in"]
    );

    let claims = party.checked(&text(&tokens, "id_token")?).await?;
    assert_eq!(claims["email"], user);
    // The organization has a verified domain, and it is another one.
    assert_eq!(claims["email_verified"], false, "{claims}");
    assert_eq!(claims["connection_id"], connections[0]);
    assert_eq!(claims["organization_id"], organization);
    let userinfo = party.userinfo(&text(&tokens, "access_token")?).await?.expect(200)?.json()?;
    for (name, value) in userinfo.as_object().context("no claims")? {
        assert_eq!(&claims[name], value, "{name} of /userinfo differs");
    }
    assert_eq!(userinfo["sub"], claims["sub"]);
    Ok(())
}

#[tokio::test]
async fn who_signs_in_again_is_the_same_user_and_another_one_is_not() -> Result<()> {
    let (pool, _, connections) = scene("again", 1).await?;
    let party = RelyingParty::of(&pool, &connections[0]).await?;
    let mut subjects = Vec::new();
    let (carol, dave) = (unique("carol@"), unique("dave@"));
    for user in [&carol, &carol, &dave] {
        let tokens = party.redeem(&party.code(user).await?).await?.expect(200)?.json()?;
        subjects.push(text(&party.checked(&text(&tokens, "id_token")?).await?, "sub")?);
    }
    assert_eq!(subjects[0], subjects[1]);
    assert_ne!(subjects[0], subjects[2]);
    Ok(())
}

#[tokio::test]
async fn a_sign_in_that_succeeded_is_listed_with_its_connection_and_without_its_user() -> Result<()> {
    let (pool, _, connections) = scene("listed", 2).await?;
    let party = RelyingParty::of(&pool, &connections[0]).await?;
    let user = unique("fay");
    // No sign-in waits long for its entry, so that one can be missing where the machine is busy.
    let listed = eventually(SOON, "a sign-in is listed as one that succeeded", async || {
        party.signs_in(&format!("{user}@acme.example")).await?;
        let listed = pool.items("/sign-ins").await?;
        Ok(listed.iter().any(|entry| entry["outcome"] == "signed_in").then_some(listed))
    })
    .await?;
    for entry in &listed {
        assert_eq!((&entry["connection_id"], &entry["error"]), (&json!(connections[0]), &Value::Null), "{entry}");
    }
    assert!(!json!(listed).to_string().contains(&user), "{listed:?}");
    for (connection, has_any) in [(&connections[0], true), (&connections[1], false)] {
        let of_it = pool.items(&format!("/sign-ins?connection_id={connection}")).await?;
        assert_eq!(!of_it.is_empty(), has_any, "{connection}: {of_it:?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_address_in_a_verified_domain_of_the_organization_is_verified() -> Result<()> {
    let tenancy = Tenancy::new("verified").await?;
    let domain = format!("{}.example", unique("v"));
    let organization = tenancy.workos.create_organization("verified", &[&domain]).await?;
    let connection = tenancy.workos.create_connection(&organization, "c").await?;
    let pool = tenancy.pool(&[&organization]).await?;
    pool.provider_of(&connection).await?;
    pool.run().await?;
    let party = RelyingParty::of(&pool, &connection).await?;
    for (user, verified) in [
        (format!("erin@{}", domain.to_uppercase()), true),
        (format!("erin@{domain}.attacker.example"), false),
        (format!("erin@{domain}@attacker.example"), false),
    ] {
        let tokens = party.redeem(&party.code(&user).await?).await?.expect(200)?.json()?;
        let claims = party.checked(&text(&tokens, "id_token")?).await?;
        assert_eq!(claims["email_verified"], verified, "{user}");
    }
    Ok(())
}

#[tokio::test]
async fn a_domain_that_is_verified_later_counts_after_a_look_and_one_that_is_taken_away_no_more() -> Result<()> {
    let (pool, organization, connections) = scene("domains", 1).await?;
    let party = RelyingParty::of(&pool, &connections[0]).await?;
    let domain = format!("{}.example", unique("w"));
    let user = format!("gil@{domain}");
    assert_eq!(party.signs_in(&user).await?["email_verified"], false);
    for (domains, is_verified) in [(json!([{"domain": domain, "state": "verified"}]), true), (json!([]), false)] {
        let path = format!("/organizations/{organization}");
        let changed = json!({"domain_data": domains});
        pool.tenancy.workos.call("PUT", &path, Some(&changed)).await?.expect(200)?;
        pool.run().await?;
        // An instance knows the claim for a minute.
        eventually(SOON, &format!("the address is verified: {is_verified}"), async || {
            Ok((party.signs_in(&user).await?["email_verified"] == is_verified).then_some(()))
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn authorize_sends_nobody_on_where_something_is_wrong() -> Result<()> {
    let (pool, _, connections) = scene("authorize", 1).await?;
    let party = RelyingParty::of(&pool, &connections[0]).await?;
    let other = pool.tenancy.registered_pool(&["org_01NONE"]).await?;
    let longer = format!("{}/more", party.redirect_uri);
    let with_query = format!("{}?next=x", party.redirect_uri);
    let elsewhere = party.redirect_uri.replace("localhost", "attacker.example");
    for changes in [
        [("redirect_uri", elsewhere.as_str())],
        [("redirect_uri", &longer)],
        [("redirect_uri", &with_query)],
        [("redirect_uri", "https://attacker.example/oauth2/idpresponse")],
        [("redirect_uri", "")],
        [("client_id", "eu-west-1_Unknown12")],
        [("client_id", &other.id)],
        [("client_id", "")],
        [("response_type", "token")],
        [("scope", "profile")],
    ] {
        let answer = get(party.authorize_url(&changes)?.as_str()).await?;
        assert_eq!(answer.status, 400, "{changes:?}: {}", answer.text());
        assert_eq!(answer.header("location"), None, "{changes:?}");
    }
    let good = party.authorize_url(&[])?;
    let twice = format!("{good}&redirect_uri=https%3A%2F%2Fattacker.example");
    assert_eq!(get(&twice).await?.status, 400);
    // Connections and tenants that are none.
    let unknown = good.as_str().replacen(&connections[0], "conn_01E4ZCR3C56J083X43JQXF3JK5", 1);
    assert_eq!(get(&unknown).await?.status, 400);
    let malformed = good.as_str().replacen(&connections[0], "conn.1", 1);
    assert_eq!(get(&malformed).await?.status, 404);
    assert_eq!(get(good.as_str()).await?.status, 302, "else this shows little");
    Ok(())
}

#[tokio::test]
async fn the_callback_of_a_pool_with_a_domain_is_that_domains() -> Result<()> {
    let tenancy = Tenancy::new("domain").await?;
    let (organization, connections) = tenancy.organization_with(1).await?;
    let pool = tenancy.registered_pool(&[&organization]).await?;
    let domain = unique("causeway-");
    tenancy.cognito.create_user_pool_domain().user_pool_id(&pool.id).domain(&domain).send().await?;
    pool.deploy_role().await?;
    pool.verified().await?;
    pool.provider_of(&connections[0]).await?;
    pool.run().await?;
    let party = RelyingParty::of(&pool, &connections[0]).await?;
    let callback = format!("https://{domain}.auth.{}.amazoncognito.com/oauth2/idpresponse", tenancy.region);
    let answer = get(party.authorize_url(&[("redirect_uri", &callback)])?.as_str()).await?;
    assert_eq!(answer.status, 302, "{}", answer.text());
    let answer = get(party.authorize_url(&[])?.as_str()).await?;
    assert_eq!(answer.status, 400, "the callback of pools without a domain is good for this one");
    Ok(())
}

/// Where `WorkOS` is asked to sign somebody in, with the state that comes back from there.
async fn on_the_way(party: &RelyingParty) -> Result<(Url, String)> {
    let answer = get(party.authorize_url(&[])?.as_str()).await?.expect(302)?;
    let at_workos = Url::parse(answer.header("location").context("no location")?)?;
    let state = parameter(&at_workos, "state").context("no state")?;
    Ok((at_workos, state))
}

fn callback(pool: &Pool, parameters: &[(&str, &str)]) -> Result<Url> {
    let url = format!("{}/oidc/{}/callback", pool.tenancy.cloud.api_url, pool.tenancy.id);
    Ok(Url::parse_with_params(&url, parameters)?)
}

#[tokio::test]
async fn an_error_of_workos_reaches_cognito_as_an_oauth_error_with_its_state() -> Result<()> {
    let (pool, _, connections) = scene("error", 1).await?;
    let party = RelyingParty::of(&pool, &connections[0]).await?;
    for (error, description, becomes) in [
        ("access_denied", "The user said no", "access_denied"),
        ("signin_consent_denied", "Consent was not given", "access_denied"),
        ("server_error", "", "server_error"),
    ] {
        let (_, state) = on_the_way(&party).await?;
        let back = callback(&pool, &[("error", error), ("error_description", description), ("state", &state)])?;
        let answer = get(back.as_str()).await?.expect(302)?;
        let location = Url::parse(answer.header("location").context("no location")?)?;
        assert!(location.as_str().starts_with(&party.redirect_uri), "{location}");
        assert_eq!(parameter(&location, "error").as_deref(), Some(becomes));
        assert!(parameter(&location, "error_description").is_some_and(|text| text.contains(description)), "{location}");
        assert_eq!(parameter(&location, "state").as_deref(), Some("the relying party's state"));
        assert_eq!(parameter(&location, "code"), None);
    }
    Ok(())
}

#[tokio::test]
async fn a_sign_in_with_another_connection_than_was_asked_for_is_refused() -> Result<()> {
    let (pool, _, connections) = scene("swapped", 2).await?;
    let party = RelyingParty::of(&pool, &connections[0]).await?;
    let (at_workos, _) = on_the_way(&party).await?;
    // The browser is the user's: who may use the second connection asks WorkOS for that one instead.
    let swapped = Url::parse(&at_workos.as_str().replacen(&connections[0], &connections[1], 1))?;
    let visited = follow(swapped, &party.redirect_uri).await?;
    let location = visited.last().context("there is always one")?;
    assert_eq!(parameter(location, "error").as_deref(), Some("access_denied"), "{location}");
    assert_eq!(parameter(location, "code"), None);
    Ok(())
}

#[tokio::test]
async fn a_state_that_is_not_ours_not_this_tenants_or_too_old_leads_nowhere() -> Result<()> {
    let (pool, _, connections) = scene("state", 1).await?;
    let (other_pool, _, others) = scene("other state", 1).await?;
    let party = RelyingParty::of(&pool, &connections[0]).await?;
    let (_, good) = on_the_way(&party).await?;
    let (_, foreign) = on_the_way(&RelyingParty::of(&other_pool, &others[0]).await?).await?;
    let changed: String = good
        .chars()
        .rev()
        .enumerate()
        .map(|(n, c)| if n == 20 { if c == 'A' { 'B' } else { 'A' } } else { c })
        .collect();
    let changed: String = changed.chars().rev().collect();
    // Sealed as Causeway does it, and eleven minutes ago.
    let key = pool.tenancy.opened("sign_in_state_key", "sign-in-state", "Signin").await?;
    let key = Key::new(URL_SAFE_NO_PAD.decode(key)?.try_into().ok().context("a key has 32 bytes")?);
    let old = |minutes: i64| -> Result<String> {
        let at = i64::try_from(now_in_millis())? - minutes * 60_000;
        let state = SignInState {
            user_pool_id: pool.id.parse()?,
            connection_id: connections[0].parse()?,
            redirect_uri: party.redirect_uri.clone(),
            state: None,
            nonce: None,
            prompts: false,
            max_age: None,
            verifier: None,
            at: Timestamp::from_millis(at),
        };
        state.seal(&key, &pool.tenancy.id.parse()?, [7; 12]).map_err(Into::into)
    };
    for (what, state) in [
        ("changed", changed.as_str()),
        ("another tenant's", &foreign),
        ("made up", "state"),
        ("empty", ""),
        ("too old", &old(11)?),
    ] {
        let answer = get(callback(&pool, &[("code", "any"), ("state", state)])?.as_str()).await?;
        assert_eq!(answer.status, 400, "{what}: {}", answer.text());
        assert_eq!(answer.header("location"), None, "{what}");
    }
    // Nine minutes are few enough, so it was not the sealing.
    let answer = get(callback(&pool, &[("error", "access_denied"), ("state", &old(9)?)])?.as_str()).await?;
    assert_eq!(answer.status, 302, "{}", answer.text());
    Ok(())
}
