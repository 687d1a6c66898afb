//! An app client, member by member.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use causeway_local_cloud::eventually::eventually;
use serde_json::{Value, json};

use crate::aws::COGNITO;
use crate::finding::Finding;
use crate::scene::make_app_client;
use crate::world::World;

const SOON: Duration = Duration::from_mins(2);
/// What wiring is there to change, and what changes with every change.
const CHANGED: [&str; 2] = ["SupportedIdentityProviders", "LastModifiedDate"];

/// Every member that can be set without another service.
fn every_member() -> Value {
    json!({
        "GenerateSecret": true,
        "RefreshTokenValidity": 3, "AccessTokenValidity": 17, "IdTokenValidity": 19,
        "TokenValidityUnits": {"AccessToken": "minutes", "IdToken": "minutes", "RefreshToken": "days"},
        "ReadAttributes": ["email", "name", "family_name"],
        "WriteAttributes": ["email", "name", "given_name", "family_name"],
        "ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH", "ALLOW_CUSTOM_AUTH"],
        "LogoutURLs": ["http://localhost:9/bye"],
        "CallbackURLs": ["http://localhost:9/callback", "http://localhost:9/other"],
        "DefaultRedirectURI": "http://localhost:9/other",
        "PreventUserExistenceErrors": "ENABLED",
        "EnableTokenRevocation": false,
        "EnablePropagateAdditionalUserContextData": true,
        "AuthSessionValidity": 7,
        "RefreshTokenRotation": {"Feature": "ENABLED", "RetryGracePeriodSeconds": 11},
    })
}

pub(super) async fn whole_app_client(world: &mut World) -> Result<Finding> {
    let scene = world.set_scene()?.clone();
    let client = make_app_client(&world.tenant, &scene.pool, scene.port, &every_member()).await?;
    let described = async |world: &World| -> Result<Value> {
        let body = json!({"UserPoolId": scene.pool, "ClientId": client});
        Ok(world.tenant.json(COGNITO, "DescribeUserPoolClient", &body).await?["UserPoolClient"].clone())
    };
    let before = described(world).await?;
    world.redaction.hides(before["ClientSecret"].as_str().unwrap_or_default(), "(client secret)");
    let api = world.operator().await?;
    let body = json!({"app_clients": [scene.app_client, client]});
    api.patch(&scene.path(), &body, None).await?.expect(200)?;
    api.post(&format!("{}/reconcile", scene.path()), &json!({})).await?.expect(202)?;
    let after = eventually(SOON, "the app client offers the provider", async || {
        let after = described(world).await?;
        Ok(after["SupportedIdentityProviders"].to_string().contains(&scene.provider()).then_some(after))
    })
    .await?;
    let members = before.as_object().context("no app client")?.len();
    let differing = differing(&before, &after);
    Ok(Finding::of(
        differing.is_empty(),
        format!("{members} members before, beside the providers differ: {differing:?}"),
    ))
}

/// The names of the members that are not the same, but for what is to change.
fn differing(before: &Value, after: &Value) -> Vec<String> {
    let names = [before, after].into_iter().filter_map(Value::as_object).flat_map(|members| members.keys());
    let names: BTreeSet<&String> = names.collect();
    let differ = |name: &&&String| before[name.as_str()] != after[name.as_str()];
    names.iter().filter(differ).filter(|name| !CHANGED.contains(&name.as_str())).map(|name| (**name).clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_is_missing_added_or_changed_differs() {
        let before = json!({"A": 1, "B": [1], "C": 3, "LastModifiedDate": 1});
        let after = json!({"A": 1, "B": [2], "D": 4, "LastModifiedDate": 2});
        assert_eq!(differing(&before, &after), ["B", "C", "D"]);
    }
}
