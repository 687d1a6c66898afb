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
/// What CDK and Amplify make, as `generate.mjs` beside it took it from these packages.
const TEMPLATES: &str = include_str!("../tests/samples/templates.json");
const AMPLIFY_GEN1: &str = include_str!("../tests/samples/amplify_gen1.json");

/// What Cognito shows of a user pool and an app client that CloudFormation makes: what every pool has, as it answered for
/// one of the console's, with what the template says (CloudFormation: `AWS::Cognito::UserPool`, `UserPoolClient`).
fn shown(template: &Value) -> &'static str {
    let mut answer: Value = serde_json::from_str(CONSOLE).unwrap();
    let attributes = answer["UserPool"]["SchemaAttributes"].as_array_mut().unwrap();
    for attribute in attributes.iter_mut() {
        attribute["Required"] = json!(attribute["Name"] == "sub");
    }
    for said in template["pool"]["Schema"].as_array().into_iter().flatten() {
        let known = attributes.iter_mut().find(|attribute| attribute["Name"] == said["Name"]);
        let known = known.unwrap_or_else(|| panic!("no attribute of every pool: {said}"));
        known.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
    }
    let mut client = json!({
        "RefreshTokenValidity": 30, "TokenValidityUnits": {}, "EnableTokenRevocation": true, "AuthSessionValidity": 3,
        "ClientType": "PUBLIC",
    });
    client.as_object_mut().unwrap().extend(template["client"].as_object().unwrap().clone());
    for name in ["UserPoolId", "ClientId", "CreationDate", "LastModifiedDate"] {
        client[name] = answer["UserPoolClient"][name].clone();
    }
    answer["UserPoolClient"] = client;
    answer.to_string().leak()
}

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
    let made: Value = serde_json::from_str(TEMPLATES).unwrap();
    let templates = made["templates"].as_object().unwrap();
    assert_eq!(templates.keys().collect::<Vec<_>>(), ["Amplify", "Amplify with providers", "CDK", "CDK by address"]);
    let made = templates.iter().map(|(name, template)| (name.as_str(), shown(template)));
    for (name, sample) in made.chain([("console", CONSOLE)]) {
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
