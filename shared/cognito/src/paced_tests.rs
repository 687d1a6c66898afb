//! That no call on a pool goes past its rate: no operation, and no attempt of one.

use std::{collections::BTreeMap, time::Duration};

use causeway_core::{
    id::{AppClientId, ConnectionId, ProviderName},
    provider::{BaseUrl, Issuer, ProviderSpec},
    role::ACTIONS,
};
use secrecy::SecretString;
use tokio::time::Instant;

use crate::answering::Answering;

/// How many calls a second Cognito takes of one operation on one pool.
const A_SECOND: usize = 5;
/// What any operation is answered with: each reads its own member.
const ANSWER: &str = r#"{
    "UserPool": {}, "Providers": [], "UserPoolClients": [],
    "IdentityProvider": {"UserPoolId": "eu-west-1_a", "ProviderName": "a", "ProviderType": "OIDC"},
    "UserPoolClient": {"UserPoolId": "eu-west-1_a", "ClientId": "1a", "SupportedIdentityProviders": ["COGNITO"]}
}"#;

fn spec() -> ProviderSpec {
    let connection: ConnectionId = "conn_01E4ZCR3C56J083X43JQXF3JK5".parse().unwrap();
    let base = BaseUrl::parse("https://causeway.example").unwrap();
    let issuer = Issuer::new(&base, &"tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N".parse().unwrap(), &connection);
    ProviderSpec::new(&issuer, &"eu-west-1_a".parse().unwrap(), BTreeMap::new(), [].into())
}

#[tokio::test(start_paused = true)]
async fn each_operation_that_a_role_allows_waits_for_its_rate() {
    let cognito = Answering::new(200, ANSWER);
    let (access, spec, secret) = (cognito.access(), spec(), SecretString::from("secret"));
    let name: ProviderName = "conn-01E4ZCR3C56J083X43JQXF3JK5".parse().unwrap();
    let client: AppClientId = "1a".parse().unwrap();
    for _ in 0..=A_SECOND {
        access.describe().await.unwrap();
        access.list_providers().await.unwrap();
        access.describe_provider(&name).await.unwrap();
        access.create_provider(&name, &spec, &secret).await.unwrap();
        access.update_provider(&name, &spec, &secret).await.unwrap();
        access.delete_provider(&name).await.unwrap();
        access.list_app_clients().await.unwrap();
        access.change_app_client(&client, &[name.clone()].into(), &[].into()).await.unwrap();
        access.probe_update(&name).await.unwrap();
        access.describe_app_client(&client).await.unwrap();
        access.probe_update_app_client(&client).await.unwrap();
    }
    for action in ACTIONS {
        let operation = action.trim_start_matches("cognito-idp:");
        let times = cognito.times(operation);
        assert!(times.len() > A_SECOND, "{operation} came {} times", times.len());
        // Two of them can be nearer to each other, where the first one had to wait for its account's rate.
        let is_slow = |times: &[Instant]| times[A_SECOND] - times[0] >= Duration::from_secs(1);
        assert!(times.windows(A_SECOND + 1).all(is_slow), "{operation}: {times:?}");
    }
    assert_eq!(cognito.operations(), ACTIONS.len(), "a call that no role allows");
}

#[tokio::test(start_paused = true)]
async fn each_attempt_of_a_call_that_is_throttled_waits_longer_than_the_one_before() {
    let cognito = Answering::new(400, r#"{"__type": "TooManyRequestsException", "message": "Rate exceeded"}"#);
    let name = "conn-01E4ZCR3C56J083X43JQXF3JK5".parse().unwrap();
    cognito.access().describe_provider(&name).await.unwrap_err();
    let times = cognito.times("DescribeIdentityProvider");
    let waits: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(waits.len(), 2, "{waits:?}");
    assert!(waits[0] > Duration::from_secs(1) / 5 && waits[1] > waits[0], "{waits:?}");
}
