//! Who may call the API: nobody without a grant, and each route can be granted apart.

use anyhow::Result;
use aws_credential_types::Credentials;
use causeway_local_cloud::api::Api;
use causeway_local_cloud::cloud::Cloud;
use serde_json::{Value, json};

use crate::tenancy::{Tenancy, cloud, unique};

/// A policy that allows some routes of the API.
pub fn allowing(cloud: &Cloud, routes: &[&str]) -> Value {
    let arn = |route: &&str| format!("arn:aws:execute-api:{}:111111111111:{}/*/{route}", cloud.region, cloud.api_id);
    let routes: Vec<String> = routes.iter().map(arn).collect();
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": routes}
    ]})
}

#[tokio::test]
async fn no_route_of_the_api_answers_an_unsigned_call() -> Result<()> {
    let cloud = cloud()?;
    let api = cloud.api(&cloud.integration())?;
    let pool = "/v1/tenants/tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N/user-pools/eu-west-1_Example12";
    let mut routes = vec![
        ("GET", "/v1/tenants".to_owned()),
        ("POST", "/v1/tenants".to_owned()),
        ("GET", "/v1/tenants/tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N".to_owned()),
        ("POST", "/v1/tenants/tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N/user-pools".to_owned()),
        ("GET", "/v1/tenants/tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N/user-pools".to_owned()),
        ("GET", pool.to_owned()),
    ];
    routes.push(("DELETE", format!("{pool}/refusals/conn_01E4ZCR3C56J083X43JQXF3JK5")));
    routes.extend(["role", "providers", "runs", "refusals"].map(|name| ("GET", format!("{pool}/{name}"))));
    let links = "/v1/tenants/tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N/onboarding-links";
    routes.extend(["GET", "POST"].map(|method| (method, links.to_owned())));
    routes.push(("DELETE", format!("{links}/onb_01KAPJ7M7VYGJ5GM8WXT1C4D2N")));
    routes.extend(
        ["verify", "reconcile", "approvals", "refusals", "admission", "adopt", "adoptions"]
            .map(|name| ("POST", format!("{pool}/{name}"))),
    );
    routes.push(("GET", "/v1/tenants/tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N/audit".to_owned()));
    routes.extend(["/v1/tenants/tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N", pool].map(|path| ("PATCH", path.to_owned())));
    for (method, path) in routes {
        let answer = api.send_unsigned(method, &path, &[], b"").await?;
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text());
    }
    Ok(())
}

#[tokio::test]
async fn a_wrong_signature_or_an_unknown_key_is_refused() -> Result<()> {
    let cloud = cloud()?;
    let user = cloud.integration().create_user(&unique("operator"), Some(&allowing(&cloud, &["*"]))).await?;
    assert_eq!(cloud.api(&user)?.get("/v1/tenants").await?.status, 200);

    let key = user.credentials().access_key_id().to_owned();
    for (key, secret) in [(key.as_str(), "not the secret"), ("AKIAUNKNOWN000000000", "any")] {
        let stranger = Api::new(&cloud.api_url, Credentials::new(key, secret, None, None, "test"))?;
        let answer = stranger.get("/v1/tenants").await?;
        assert_eq!(answer.status, 403, "{key}: {}", answer.text());
    }
    Ok(())
}

#[tokio::test]
async fn a_user_of_the_account_may_call_what_was_granted_and_nothing_else() -> Result<()> {
    let cloud = cloud()?;
    let nobody = cloud.integration().create_user(&unique("nobody"), None).await?;
    assert_eq!(cloud.api(&nobody)?.get("/v1/tenants").await?.status, 403);

    let policy = allowing(&cloud, &["GET/v1/tenants"]);
    let reader = cloud.integration().create_user(&unique("reader"), Some(&policy)).await?;
    let reader = cloud.api(&reader)?;
    assert_eq!(reader.get("/v1/tenants").await?.status, 200);
    assert_eq!(reader.post("/v1/tenants", &json!({})).await?.status, 403);
    Ok(())
}

#[tokio::test]
async fn whoever_may_reconcile_may_not_approve_and_the_other_way_round() -> Result<()> {
    let tenancy = Tenancy::new("access").await?;
    let organization = tenancy.organization().await?;
    let pool = tenancy.pool(&[&organization]).await?;
    let path = format!("/v1/tenants/{}/user-pools/{}", tenancy.id, pool.id);
    let (cloud, account) = (&tenancy.cloud, tenancy.cloud.integration());

    let policy = allowing(cloud, &["POST/v1/tenants/*/user-pools/*/reconcile"]);
    let reconciler = cloud.api(&account.create_user(&unique("reconciler"), Some(&policy)).await?)?;
    assert_eq!(reconciler.post(&format!("{path}/reconcile"), &json!({"dry_run": true})).await?.status, 200);
    assert_eq!(reconciler.post(&format!("{path}/approvals"), &json!({"hash": "0"})).await?.status, 403);

    let policy = allowing(cloud, &["POST/v1/tenants/*/user-pools/*/approvals"]);
    let approver = cloud.api(&account.create_user(&unique("approver"), Some(&policy)).await?)?;
    let answer = approver.post(&format!("{path}/approvals"), &json!({"hash": "0"})).await?;
    assert_eq!(answer.status, 409, "{}", answer.text());
    assert_eq!(approver.post(&format!("{path}/reconcile"), &json!({})).await?.status, 403);
    Ok(())
}
