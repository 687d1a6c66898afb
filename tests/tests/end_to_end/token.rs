//! `/token` and `/userinfo`: a code is good once, soon, for whom it was made, and nowhere else.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::types::AttributeValue;
use causeway_local_cloud::browser::{form, parameter, post_form};
use causeway_local_cloud::signed_http::{Answer, plain_client};
use sha2::{Digest, Sha256};

use crate::relying_party::{RelyingParty, get, read};
use crate::sign_in::scene;
use crate::tenancy::{text, unique};

/// Makes sure that an answer is this OAuth error, and that nobody keeps it.
fn refused(answer: &Answer, status: u16, error: &str, what: &str) -> Result<()> {
    assert_eq!(answer.status, status, "{what}: {}", answer.text());
    assert_eq!(answer.json()?["error"], error, "{what}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
    Ok(())
}

#[tokio::test]
async fn a_code_is_good_once() -> Result<()> {
    let (pool, _, connections) = scene("once", 1).await?;
    let party = RelyingParty::of(&pool, &connections[0]).await?;
    let code = party.code(&unique("ann@")).await?;
    let (one, other) = futures::try_join!(party.redeem(&code), party.redeem(&code))?;
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400], "of two at once one gets it");
    refused(&party.redeem(&code).await?, 400, "invalid_grant", "once more")
}

#[tokio::test]
async fn a_code_is_of_no_use_to_another_connection_pool_or_tenant() -> Result<()> {
    let (pool, organization, connections) = scene("own", 2).await?;
    let party = RelyingParty::of(&pool, &connections[0]).await?;
    let second_pool = pool.tenancy.pool(&[&organization]).await?;
    second_pool.provider_of(&connections[0]).await?;
    second_pool.run().await?;
    // Another tenant with the same WorkOS environment, so that even the connection is the same.
    let tenant = crate::tenancy::Tenancy::new("other").await?;
    let foreign_pool = tenant.pool(&[&organization]).await?;
    foreign_pool.provider_of(&connections[0]).await?;
    foreign_pool.run().await?;

    let code = party.code(&unique("ann@")).await?;
    for (what, other) in [
        ("another connection", RelyingParty::of(&pool, &connections[1]).await?),
        ("another pool", RelyingParty::of(&second_pool, &connections[0]).await?),
        ("another tenant", RelyingParty::of(&foreign_pool, &connections[0]).await?),
    ] {
        refused(&other.redeem(&code).await?, 400, "invalid_grant", what)?;
        let own = other.redeem(&other.code(&unique("bob@")).await?).await?;
        assert_eq!(own.status, 200, "{what} can't redeem its own: {}", own.text());
        // Nor is a secret of one good for another.
        let swapped = party.redeem_with(&code, &[("client_secret", &other.secret)]).await?;
        refused(&swapped, 401, "invalid_client", what)?;
    }
    assert_eq!(party.redeem(&code).await?.status, 200, "the code was good, and no refusal spent it");
    Ok(())
}

#[tokio::test]
async fn a_request_that_is_not_cognitos_is_refused_and_does_not_spend_the_code() -> Result<()> {
    let (pool, _, connections) = scene("request", 1).await?;
    let party = RelyingParty::of(&pool, &connections[0]).await?;
    let code = party.code(&unique("ann@")).await?;
    let other_uri = format!("{}/", party.redirect_uri);
    for (changes, status, error) in [
        ([("client_secret", "wrong")], 401, "invalid_client"),
        ([("client_secret", "")], 401, "invalid_client"),
        ([("client_id", "eu-west-1_Unknown12")], 400, "invalid_grant"),
        ([("client_id", "")], 400, "invalid_request"),
        ([("redirect_uri", other_uri.as_str())], 400, "invalid_grant"),
        ([("redirect_uri", "https://attacker.example/oauth2/idpresponse")], 400, "invalid_grant"),
        ([("redirect_uri", "")], 400, "invalid_request"),
        ([("code", "")], 400, "invalid_request"),
        ([("code", "made-up")], 400, "invalid_grant"),
        ([("grant_type", "client_credentials")], 400, "unsupported_grant_type"),
        ([("grant_type", "refresh_token")], 400, "unsupported_grant_type"),
    ] {
        let answer = party.redeem_with(&code, &changes).await?;
        refused(&answer, status, error, &format!("{changes:?}"))?;
        assert!(!answer.text().contains(&party.secret), "{changes:?}: {}", answer.text());
    }
    let doubled = format!("{}&code=made-up", form(&party.grant(&code)));
    refused(&post_form(&party.token_endpoint()?, &doubled).await?, 400, "invalid_request", "two codes")?;

    // A secret belongs into the body.
    let fields = party.grant(&code);
    let in_query = format!("{}?{}", party.token_endpoint()?, form(&fields));
    refused(&post_form(&in_query, "").await?, 400, "invalid_request", "in the query")?;
    refused(&post_form(&in_query, &form(&fields)).await?, 400, "invalid_request", "in query and body")?;
    let without: Vec<_> = fields.iter().copied().filter(|(name, _)| *name != "client_secret").collect();
    let request = plain_client()?.post(party.token_endpoint()?).basic_auth(&party.client_id, Some(&party.secret));
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(form(&without));
    refused(&read(request.send().await?).await?, 401, "invalid_client", "basic authentication")?;
    let as_json: serde_json::Map<_, _> =
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
    let request = plain_client()?.post(party.token_endpoint()?).json(&as_json);
    refused(&read(request.send().await?).await?, 400, "invalid_request", "JSON")?;
    assert_eq!(get(&in_query).await?.status, 404, "GET is no route");

    assert_eq!(party.redeem(&code).await?.status, 200, "the code was good, and no refusal spent it");
    Ok(())
}

#[tokio::test]
async fn a_code_of_workos_s_is_none_of_ours() -> Result<()> {
    let (pool, _, connections) = scene("workos code", 1).await?;
    let party = RelyingParty::of(&pool, &connections[0]).await?;
    let at_us = get(party.authorize_url(&[])?.as_str()).await?.expect(302)?;
    let at_workos = get(at_us.header("location").context("no location")?).await?.expect(302)?;
    let back: url::Url = at_workos.header("location").context("no location")?.parse()?;
    let code = parameter(&back, "code").context("no code")?;
    refused(&party.redeem(&code).await?, 400, "invalid_grant", "WorkOS's code")?;
    // Redeemed at the callback it is good once.
    let first = get(back.as_str()).await?.expect(302)?;
    assert!(first.header("location").is_some_and(|to| to.contains("code=")), "{:?}", first.header("location"));
    let again = get(back.as_str()).await?.expect(302)?;
    let to: url::Url = again.header("location").context("no location")?.parse()?;
    assert_eq!((parameter(&to, "code"), parameter(&to, "error").as_deref()), (None, Some("access_denied")), "{to}");
    Ok(())
}

#[tokio::test]
async fn a_code_that_has_ended_is_refused_although_the_table_still_has_it() -> Result<()> {
    let (pool, _, connections) = scene("ended", 1).await?;
    let party = RelyingParty::of(&pool, &connections[0]).await?;
    let code = party.code(&unique("ann@")).await?;
    let cloud = &pool.tenancy.cloud;
    let lookup = hex::encode(Sha256::digest(&code));
    let table = DynamoDb::new(&cloud.integration().sdk(&cloud.region));
    let request =
        table.update_item().table_name(&cloud.table_name).update_expression("SET expires_at = expires_at - :minute");
    let request =
        request.key("pk", AttributeValue::S(format!("CODE#{lookup}"))).key("sk", AttributeValue::S("CODE".to_owned()));
    let request = request.expression_attribute_values(":minute", AttributeValue::N("61".to_owned()));
    request.condition_expression("attribute_exists(pk)").send().await?;
    refused(&party.redeem(&code).await?, 400, "invalid_grant", "a minute later")
}

#[tokio::test]
async fn an_access_token_opens_the_userinfo_of_its_own_issuer_only() -> Result<()> {
    let (pool, _, connections) = scene("userinfo", 2).await?;
    let party = RelyingParty::of(&pool, &connections[0]).await?;
    let other = RelyingParty::of(&pool, &connections[1]).await?;
    let user = unique("ann@");
    let code = party.code(&user).await?;
    let tokens = party.redeem(&code).await?.expect(200)?.json()?;
    let access_token = text(&tokens, "access_token")?;
    assert_eq!(party.userinfo(&access_token).await?.expect(200)?.json()?["email"], user);
    assert_eq!(other.userinfo(&access_token).await?.status, 401, "another connection's");
    for (what, token) in [
        ("the ID token", text(&tokens, "id_token")?),
        ("the code", code),
        ("made up", "made-up".to_owned()),
        ("changed", access_token.chars().rev().collect()),
    ] {
        let answer = party.userinfo(&token).await?;
        assert_eq!(answer.status, 401, "{what}: {}", answer.text());
        assert!(
            answer.header("www-authenticate").is_some_and(|challenge| challenge.contains("invalid_token")),
            "{what}"
        );
    }
    let url = format!("{}/userinfo", party.issuer);
    assert_eq!(get(&url).await?.status, 401, "no token");
    assert_eq!(get(&format!("{url}?access_token={access_token}")).await?.status, 401, "in the query");
    Ok(())
}
