//! What is read and written of pools and app clients as Cognito shows them.

use std::collections::BTreeMap;

use causeway_core::{
    check::{Check, CheckOutcome, check_all, check_mapping, check_named},
    user_pool::PoolOptions,
};
use serde_json::{Value, json};

use crate::answering::Answering;

const CONSOLE: &str = include_str!("../tests/samples/console.json");
const CONSOLE_OF_2018: &str = include_str!("../tests/samples/console_of_2018.json");
const CDK: &str = include_str!("../tests/samples/cdk.json");
const AMPLIFY: &str = include_str!("../tests/samples/amplify.json");
const AMPLIFY_GEN1: &str = include_str!("../tests/samples/amplify_gen1.json");

/// What the checks find wrong with a sample, with the default mapping: the app client named, and one of all.
async fn found(sample: &'static str) -> (Vec<String>, Vec<String>) {
    let access = Answering::new(200, sample).access();
    let mapping = PoolOptions::default().mapping();
    let pool = access.describe().await.unwrap();
    assert!(pool.attributes.len() > 20, "the schema is not read");
    let id = "1example23456789".parse().unwrap();
    let client = access.describe_app_client(&id).await.unwrap().unwrap();
    let named = check_named(&id, Some(&client.settings), &mapping);
    let all = check_all(&BTreeMap::from([(id, client.settings)]), 1, &mapping);
    let wrong = |checks: Vec<Check>| {
        let wrong = checks.into_iter().filter(|check| check.outcome != CheckOutcome::Pass);
        wrong.map(|check| format!("{:?}: {}", check.outcome, check.message)).collect::<Vec<_>>()
    };
    let schema = wrong(check_mapping(&mapping, &pool.attributes));
    ([schema.clone(), wrong(named)].concat(), [schema, wrong(all)].concat())
}

#[tokio::test(start_paused = true)]
async fn no_check_is_alarmed_by_the_pools_that_console_cdk_and_amplify_make() {
    for (name, sample) in [("console", CONSOLE), ("CDK", CDK), ("Amplify", AMPLIFY)] {
        assert_eq!(found(sample).await, (Vec::new(), Vec::new()), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_pools_without_a_hosted_sign_in_the_missing_flow_is_found_and_nothing_else() {
    for (name, sample) in [("console of 2018", CONSOLE_OF_2018), ("Amplify Gen 1", AMPLIFY_GEN1)] {
        let (named, all) = found(sample).await;
        assert_eq!(named, ["Fail: the app client 1example23456789 does not use the authorization code flow"], "{name}");
        assert_eq!(all, ["Warn: no app client of the pool signs users in"], "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_app_client_with_members_of_the_future_is_wired_and_keeps_them() {
    const SHOWN: &str = r#"{"UserPoolClient": {
        "UserPoolId": "eu-west-1_a", "ClientId": "1a", "ClientName": "web", "AccessTokenValidity": 17,
        "SupportedIdentityProviders": ["COGNITO"], "DefaultRedirectURI": "", "Novel": {"deep": [1, null]},
        "TokenValidityUnits": {"AccessToken": "minutes", "Novel": "hours"},
        "ClientType": "CONFIDENTIAL", "ClientSecretArn": null, "ClientSecret": "canary",
        "CreationDate": 1.5, "LastModifiedDate": 2.5
    }}"#;
    let cognito = Answering::new(200, SHOWN);
    let (id, name) = ("1a".parse().unwrap(), "conn-1".parse().unwrap());
    cognito.access().change_app_client(&id, &[name].into(), &[].into()).await.unwrap();
    let mut sent = cognito.last("UpdateUserPoolClient").unwrap();
    let providers: Value = sent["SupportedIdentityProviders"].take();
    assert_eq!(providers, json!(["COGNITO", "conn-1"]));
    let expected = json!({
        "UserPoolId": "eu-west-1_a", "ClientId": "1a", "ClientName": "web", "AccessTokenValidity": 17,
        "SupportedIdentityProviders": null, "Novel": {"deep": [1, null]},
        "TokenValidityUnits": {"AccessToken": "minutes", "Novel": "hours"},
    });
    assert_eq!(sent, expected);
}
