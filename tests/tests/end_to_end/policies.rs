//! The policies of `docs/iam`: what each lets somebody call, by all calls that `docs/openapi.json` has.

use std::fs;

use anyhow::{Context, Result};
use causeway_local_cloud::api::Api;
use causeway_local_cloud::cloud::Cloud;
use causeway_local_cloud::workspace;
use serde_json::Value;

use crate::tenancy::{cloud, unique};

/// Every call of the API, with IDs that no tenant and no pool has.
fn calls() -> Result<Vec<(String, String)>> {
    let document: Value = serde_json::from_slice(&fs::read(workspace::root().join("docs/openapi.json"))?)?;
    let mut calls = Vec::new();
    for (path, item) in document["paths"].as_object().context("no paths")? {
        let path = path.replace("{tenant_id}", "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N");
        let path = path.replace("{user_pool_id}", "eu-west-1_Example12").replace("{link_id}", "lnk_1");
        let path = path.replace("{connection_id}", "conn_01E4ZCR3C56J083X43JQXF3JK5");
        assert!(!path.contains('{'), "an unknown parameter: {path}");
        for method in ["get", "post", "patch", "delete", "put"] {
            if item.get(method).is_some() {
                calls.push((method.to_uppercase(), path.clone()));
            }
        }
    }
    Ok(calls)
}

/// One of the policies as it stands in its file, for this deployment.
pub fn document_of(cloud: &Cloud, policy: &str) -> Result<Value> {
    let text = fs::read_to_string(workspace::root().join(format!("docs/iam/{policy}.json")))?;
    let text = text.replace("REGION", &cloud.region).replace("ACCOUNT_ID", &cloud.integration_account);
    Ok(serde_json::from_str(&text.replace("API_ID", &cloud.api_id))?)
}

/// Somebody who has one of the policies.
async fn holder(cloud: &Cloud, policy: &str) -> Result<Api> {
    let document = document_of(cloud, policy)?;
    cloud.api(&cloud.integration().create_user(&unique(policy), Some(&document)).await?)
}

#[tokio::test]
async fn each_call_is_let_through_by_one_policy_and_what_only_looks_by_that_for_looking() -> Result<()> {
    let cloud = cloud()?;
    let mut holders = Vec::new();
    for policy in ["read", "operate", "approve"] {
        holders.push((policy, holder(&cloud, policy).await?));
    }
    for (method, path) in calls()? {
        let mut through = Vec::new();
        for (policy, api) in &holders {
            let answer = api.send(&method, &path, &[("content-type", "application/json")], b"").await?;
            if answer.status != 403 {
                through.push(*policy);
            }
        }
        let expected = match path.rsplit('/').next() {
            _ if method == "GET" => &["read"][..],
            Some("approvals" | "refusals" | "admission") => &["approve"],
            // To let a refusal go has its losses held back again, and nothing more.
            _ if path.contains("/refusals/") => &["operate", "approve"],
            _ => &["operate"],
        };
        assert_eq!(through, expected, "{method} {path}");
    }
    Ok(())
}
