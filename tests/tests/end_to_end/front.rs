//! The strict front itself: what Cognito refuses is refused, and the emulator is never asked.

use anyhow::{Context, Result};
use causeway_local_cloud::browser::{SignIn, follow};
use causeway_local_cloud::eventually::eventually;
use causeway_local_cloud::front::control::now;
use causeway_local_cloud::front::faults::Faults;
use causeway_local_cloud::signed_http::{Answer, SignedClient, plain_client};
use serde_json::{Value, json};

use crate::pool::{Pool, provider_name};
use crate::tenancy::{APP_CALLBACK, SOON, Tenancy};

/// Calls Cognito with any body, as no SDK would.
async fn call(pool: &Pool, operation: &str, request: &Value) -> Result<Answer> {
    let tenancy = &pool.tenancy;
    let client = SignedClient::new(tenancy.account.credentials(), tenancy.region, "cognito-idp")?;
    let target = format!("AWSCognitoIdentityProviderService.{operation}");
    let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target.as_str())];
    let url = format!("{}/", tenancy.cloud.strict_endpoint);
    let within_rates = async || {
        let answer = client.send("POST", &url, &headers, request.to_string().as_bytes()).await?;
        Ok((!answer.text().contains("TooManyRequestsException")).then_some(answer))
    };
    eventually(SOON, "the call is let through", within_rates).await
}

async fn refusal(pool: &Pool, operation: &str, request: &Value) -> Result<(String, String)> {
    let answer = call(pool, operation, request).await?.expect(400)?.json()?;
    let text = |member: &str| answer[member].as_str().unwrap_or_default().to_owned();
    Ok((text("__type"), text("message")))
}

fn provider(pool: &Pool, name: &str, identifiers: &[&str]) -> Value {
    json!({
        "UserPoolId": pool.id, "ProviderName": name, "ProviderType": "OIDC", "IdpIdentifiers": identifiers,
        "ProviderDetails": {
            "attributes_request_method": "GET", "authorize_scopes": "openid", "client_id": "a", "client_secret": "b",
            "oidc_issuer": "https://idp.example",
        },
    })
}

#[tokio::test]
async fn what_cognito_refuses_of_a_provider_is_refused_in_its_words() -> Result<()> {
    let pool = Tenancy::new("front").await?.user_pool().await?;
    let good = provider(&pool, "good", &["taken"]);
    call(&pool, "CreateIdentityProvider", &good).await?.expect(200)?;
    let with = |member: &str, value: Value| {
        let mut changed = provider(&pool, "other", &[]);
        changed[member] = value;
        changed
    };
    let forty_one = "a".repeat(41);
    let fifty_one: Vec<String> = (0..51).map(|number| number.to_string()).collect();
    for (request, kind, message) in [
        (with("ProviderName", json!("conn_01KAPJ")), "InvalidParameterException", "regular expression pattern"),
        (with("ProviderName", json!("a".repeat(33))), "InvalidParameterException", "less than or equal to 32"),
        (with("ProviderName", Value::Null), "InvalidParameterException", "Value null at 'providerName'"),
        (with("ProviderType", json!("OAuth")), "InvalidParameterException", "enum value set"),
        (with("IdpIdentifiers", json!([forty_one])), "InvalidParameterException", "less than or equal to 40"),
        (with("IdpIdentifiers", json!(["a/b"])), "InvalidParameterException", "regular expression pattern"),
        (with("IdpIdentifiers", json!(fifty_one)), "InvalidParameterException", "less than or equal to 50"),
        (with("IdpIdentifiers", json!(["taken"])), "DuplicateProviderException", "taken"),
        (with("ProviderName", json!("good")), "DuplicateProviderException", "good"),
        (with("ProviderDetails", json!({})), "InvalidParameterException", "client_id"),
        (with("IdpIdentifier", json!("a")), "SerializationException", "idpIdentifier"),
    ] {
        let refused = refusal(&pool, "CreateIdentityProvider", &request).await?;
        assert!(refused.0 == kind && refused.1.contains(message), "{request}: {refused:?}");
    }
    let pages = json!({"UserPoolId": pool.id, "MaxResults": 61});
    let refused = refusal(&pool, "ListIdentityProviders", &pages).await?;
    assert!(refused.1.contains("less than or equal to 60"), "{refused:?}");
    assert_eq!(pool.provider_names().await?, ["good"]);
    Ok(())
}

#[tokio::test]
async fn a_taken_identifier_is_refused_on_update_too_and_what_describe_adds_is_shown() -> Result<()> {
    let pool = Tenancy::new("front update").await?.user_pool().await?;
    for (name, identifier) in [("one", "first"), ("two", "second")] {
        call(&pool, "CreateIdentityProvider", &provider(&pool, name, &[identifier])).await?.expect(200)?;
    }
    let taken = json!({"UserPoolId": pool.id, "ProviderName": "two", "IdpIdentifiers": ["first"]});
    assert_eq!(refusal(&pool, "UpdateIdentityProvider", &taken).await?.0, "DuplicateProviderException");
    // The details are replaced whole: what an update leaves out must not be relied on.
    let partial = json!({"UserPoolId": pool.id, "ProviderName": "two", "ProviderDetails": {"client_secret": "c"}});
    assert_eq!(refusal(&pool, "UpdateIdentityProvider", &partial).await?.0, "InvalidParameterException");
    let mut whole = provider(&pool, "two", &["second"]);
    whole.as_object_mut().context("an object")?.remove("ProviderType");
    whole["ProviderDetails"].as_object_mut().context("an object")?.remove("client_secret");
    call(&pool, "UpdateIdentityProvider", &whole).await?.expect(200)?;
    let asked = json!({"UserPoolId": pool.id, "ProviderName": "two"});
    let described = call(&pool, "DescribeIdentityProvider", &asked).await?.expect(200)?.json()?;
    let details = &described["IdentityProvider"]["ProviderDetails"];
    assert!(details["client_secret"].is_null(), "{details}");
    assert_eq!(details["attributes_url_add_attributes"], "false", "{details}");
    Ok(())
}

#[tokio::test]
async fn an_update_of_an_app_client_resets_what_it_leaves_out_and_takes_no_unknown_provider() -> Result<()> {
    let pool = Tenancy::new("front client").await?.user_pool().await?;
    let before = pool.app_client().await?;
    assert_eq!((before.access_token_validity, before.refresh_token_validity), (Some(17), 3));
    let request = json!({"UserPoolId": pool.id, "ClientId": pool.app_client, "SupportedIdentityProviders": ["nobody"]});
    let refused = refusal(&pool, "UpdateUserPoolClient", &request).await?;
    assert_eq!(refused.0, "InvalidParameterException");
    assert!(refused.1.contains("nobody"), "{refused:?}");
    assert_eq!(pool.app_client().await?, before);

    let request = json!({"UserPoolId": pool.id, "ClientId": pool.app_client, "CallbackURLs": [APP_CALLBACK]});
    call(&pool, "UpdateUserPoolClient", &request).await?.expect(200)?;
    let after = pool.app_client().await?;
    assert_eq!(after.callback_urls(), [APP_CALLBACK]);
    assert_eq!(after.client_name.as_deref(), Some("application"));
    assert_eq!((after.access_token_validity, after.refresh_token_validity), (None, 30));
    assert!(after.logout_urls().is_empty() && after.allowed_o_auth_flows().is_empty(), "{after:?}");
    assert!(after.supported_identity_providers().is_empty(), "{after:?}");
    assert_eq!(after.allowed_o_auth_flows_user_pool_client, Some(false));
    Ok(())
}

#[tokio::test]
async fn a_pool_that_is_full_takes_no_more_providers_until_its_quota_is_raised() -> Result<()> {
    let pool = Tenancy::new("front quota").await?.user_pool().await?;
    let front = pool.tenancy.cloud.front()?;
    front.set_quota(&pool.id, 1).await?;
    call(&pool, "CreateIdentityProvider", &provider(&pool, "one", &[])).await?.expect(200)?;
    let more = provider(&pool, "two", &[]);
    assert_eq!(refusal(&pool, "CreateIdentityProvider", &more).await?.0, "LimitExceededException");
    front.set_quota(&pool.id, 2).await?;
    call(&pool, "CreateIdentityProvider", &more).await?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn more_than_five_calls_a_second_on_one_pool_are_throttled_and_recorded() -> Result<()> {
    let pool = Tenancy::new("front rates").await?.user_pool().await?;
    let tenancy = &pool.tenancy;
    let client = SignedClient::new(tenancy.account.credentials(), tenancy.region, "cognito-idp")?;
    let headers = [("x-amz-target", "AWSCognitoIdentityProviderService.DescribeUserPool")];
    let (url, body) = (format!("{}/", tenancy.cloud.strict_endpoint), json!({"UserPoolId": pool.id}).to_string());
    let begin = now();
    let calls = (0..40).map(|_| client.send("POST", &url, &headers, body.as_bytes()));
    let answers = futures::future::try_join_all(calls).await?;
    let throttled = answers.iter().filter(|answer| answer.status == 400).count();
    assert!(throttled > 0 && throttled <= 35, "{throttled} of 40 were throttled");
    let recorded = tenancy.cloud.front()?.calls(begin, &pool.id).await?;
    let refused = |call: &&causeway_local_cloud::front::record::Call| {
        call.operation == "DescribeUserPool"
            && call.refused.as_deref().is_some_and(|why| why.starts_with("TooManyRequestsException"))
    };
    assert_eq!(recorded.iter().filter(refused).count(), throttled);
    Ok(())
}

#[tokio::test]
async fn a_sign_in_goes_by_identifier_and_only_to_what_the_app_client_offers() -> Result<()> {
    let tenancy = Tenancy::new("front sign-in").await?;
    let (organization, connections) = tenancy.organization_with(1).await?;
    let pool = tenancy.pool(&[&organization]).await?;
    pool.provider_of(&connections[0]).await?;
    pool.run().await?;
    // The front knows an app client once it was described through it.
    let described = json!({"UserPoolId": pool.id, "ClientId": pool.app_client});
    call(&pool, "DescribeUserPoolClient", &described).await?.expect(200)?;
    let name = provider_name(&connections[0]);
    let sign_in = |client_id| SignIn {
        cognito: &tenancy.cloud.strict_endpoint,
        client_id,
        redirect_uri: APP_CALLBACK,
        identity_provider: &name,
    };
    let mut by_identifier = sign_in(pool.app_client.as_str()).start()?;
    let query: Vec<(String, String)> =
        by_identifier.query_pairs().into_owned().filter(|(key, _)| key != "identity_provider").collect();
    by_identifier.query_pairs_mut().clear().extend_pairs(query).append_pair("idp_identifier", &organization);
    let issuer = format!("{}/oidc/{}/{}/authorize", tenancy.cloud.api_url, tenancy.id, connections[0]);
    follow(by_identifier, &issuer).await?;

    let request = json!({
        "UserPoolId": pool.id, "ClientName": "another", "CallbackURLs": [APP_CALLBACK],
        "AllowedOAuthFlows": ["code"], "SupportedIdentityProviders": ["COGNITO"],
    });
    let made = call(&pool, "CreateUserPoolClient", &request).await?.expect(200)?.json()?;
    let other = made["UserPoolClient"]["ClientId"].as_str().context("no app client was made")?.to_owned();
    let answer = plain_client()?.get(sign_in(&other).start()?).send().await?;
    assert_eq!(answer.status().as_u16(), 400);
    assert!(answer.text().await?.contains("Login option is not available"));
    Ok(())
}

#[tokio::test]
async fn what_goes_wrong_on_purpose_hits_only_whom_it_is_meant_for() -> Result<()> {
    let tenancy = Tenancy::new("front faults").await?;
    let (pool, other) = (tenancy.user_pool().await?, tenancy.user_pool().await?);
    let front = tenancy.cloud.front()?;
    let faults = Faults {
        service: "cognito-idp".to_owned(),
        containing: vec![pool.id.clone()],
        truncated: 1.0,
        ..Faults::default()
    };
    front.set_faults(&pool.id, Some(faults)).await?;
    let describe = |pool: &Pool| json!({"UserPoolId": pool.id});
    let client = SignedClient::new(tenancy.account.credentials(), tenancy.region, "cognito-idp")?;
    let headers = [("x-amz-target", "AWSCognitoIdentityProviderService.DescribeUserPool")];
    let url = format!("{}/", tenancy.cloud.strict_endpoint);
    let cut = client.send("POST", &url, &headers, describe(&pool).to_string().as_bytes()).await;
    assert!(cut.is_err(), "{cut:?}");
    call(&other, "DescribeUserPool", &describe(&other)).await?.expect(200)?;
    front.set_faults(&pool.id, None).await?;
    call(&pool, "DescribeUserPool", &describe(&pool)).await?.expect(200)?;
    Ok(())
}
