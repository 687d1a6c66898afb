//! The end-to-end tests, on a local cloud that `cargo xtask up` or `cargo xtask test` started.
#![allow(clippy::expect_used, reason = "a test ends where something unexpected happens")]

use causeway_tests::cloud::Cloud;
use causeway_tests::tenant_role::{self, RoleParameters, deploy_tenant_role};
use serde_json::json;

const TENANT_ACCOUNT: &str = "222222222222";
const TENANT_REGION: &str = "eu-west-1";

fn cloud() -> Cloud {
    Cloud::of_tests().expect("a local cloud runs")
}

#[tokio::test]
async fn the_api_is_closed_to_the_unsigned_and_to_those_without_a_grant() {
    let cloud = cloud();
    let operator = cloud.api(&cloud.integration()).expect("a client");
    let answer = operator.send_unsigned("GET", "/v1/tenants", &[], b"").await.expect("an answer");
    assert_eq!(answer.status, 403);

    let nobody = cloud.integration().create_user("nobody", None).await.expect("a user");
    let nobody = cloud.api(&nobody).expect("a client");
    assert_eq!(nobody.get("/v1/tenants").await.expect("an answer").status, 403);

    let route =
        format!("arn:aws:execute-api:us-east-1:{}:{}/*/GET/v1/tenants", cloud.integration_account, cloud.api_id);
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": route}
    ]});
    let reader = cloud.integration().create_user("reader", Some(&policy)).await.expect("a user");
    let reader = cloud.api(&reader).expect("a client");
    assert_eq!(reader.get("/v1/tenants").await.expect("an answer").status, 200);
    let answer = reader.post("/v1/tenants", &json!({})).await.expect("an answer");
    assert_eq!(answer.status, 403);
}

#[tokio::test]
async fn the_tenants_role_opens_for_the_functions_only() {
    let cloud = cloud();
    let parameters = RoleParameters {
        external_id: "an-external-id".to_owned(),
        user_pool_id: format!("{TENANT_REGION}_Example12"),
        role_name: "CausewayTrustTest".to_owned(),
        integration_account_id: cloud.integration_account.clone(),
    };
    let tenant = cloud.account(TENANT_ACCOUNT);
    let template = tenant_role::template().expect("the template");
    let role = deploy_tenant_role(&tenant, TENANT_REGION, &template, &parameters).await;
    let role = role.expect("the role");
    assert_eq!(role, format!("arn:aws:iam::{TENANT_ACCOUNT}:role/CausewayTrustTest"));

    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role}
    ]});
    let user = cloud.integration().create_user("insider", Some(&policy)).await.expect("a user");
    let refused = user.assume_role(&role, Some("an-external-id")).await.expect_err("a refusal");
    assert!(refused.to_string().contains("AccessDenied"), "{refused}");
}
