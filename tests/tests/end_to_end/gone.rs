//! What the identity provider stopped saying of a user.

use anyhow::{Context, Result};
use aws_sdk_cognitoidentityprovider::types::{AttributeDataType, SchemaAttributeType, StringAttributeConstraintsType};
use causeway_local_cloud::browser::{SignIn, claims};
use serde_json::{Value, json};

use crate::pool::provider_name;
use crate::sign_in::sign_in_as;
use crate::tenancy::{APP_CALLBACK, Tenancy, text, unique};

#[tokio::test]
async fn a_user_who_loses_a_group_loses_it_in_cognito_at_the_next_sign_in() -> Result<()> {
    let tenancy = Tenancy::new("gone").await?;
    let (organization, connections) = tenancy.organization_with(1).await?;
    let pool = tenancy.user_pool().await?;
    for (name, fewest) in [("groups", "0"), ("team", "0"), ("kept", "1")] {
        let constraints = StringAttributeConstraintsType::builder().min_length(fewest).max_length("2048").build();
        let attribute =
            SchemaAttributeType::builder().name(name).mutable(true).string_attribute_constraints(constraints);
        let attribute = attribute.attribute_data_type(AttributeDataType::String).build();
        tenancy.cognito.add_custom_attributes().user_pool_id(&pool.id).custom_attributes(attribute).send().await?;
    }
    let mut registration = tenancy.registration(&pool, &[&organization]);
    registration["attribute_mapping"] =
        json!({"email": "email", "custom:groups": "groups", "custom:team": "raw.team", "custom:kept": "raw.kept"});
    registration["clear_missing_attributes"] = json!(true);
    tenancy.post("/user-pools", &registration).await?.expect(201)?;
    pool.deploy_role().await?;
    pool.verified().await?;
    pool.provider_of(&connections[0]).await?;
    pool.run().await?;

    let user = format!("{}@acme.example", unique("gus"));
    let provider = provider_name(&connections[0]);
    let sign_in = SignIn {
        cognito: &tenancy.cloud.used_aws_endpoint,
        client_id: &pool.app_client,
        redirect_uri: APP_CALLBACK,
        identity_provider: &provider,
    };
    let claims_after = async |said: Value| -> Result<Value> {
        tenancy.workos.changes_profile(&user, &said).await?;
        let visited = sign_in_as(&sign_in, &user).await?;
        let tokens = sign_in.tokens(visited.last().context("there is always one")?).await?;
        claims(&text(&tokens, "id_token")?)
    };
    let before = claims_after(json!({"groups": ["admins"], "raw_attributes": {"team": "a", "kept": "b"}})).await?;
    assert_eq!(before["custom:groups"], r#"["admins"]"#, "{before:#}");
    assert_eq!((&before["custom:team"], &before["custom:kept"]), (&json!("a"), &json!("b")), "{before:#}");
    let after = claims_after(json!({"groups": null, "raw_attributes": {"kept": ["b"]}})).await?;
    assert_eq!(after["sub"], before["sub"], "another user");
    assert_eq!(after["custom:groups"], "[]", "{after:#}");
    assert_eq!(after.get("custom:team").and_then(Value::as_str).unwrap_or_default(), "", "{after:#}");
    assert_eq!(after["custom:kept"], r#"["b"]"#, "{after:#}");

    // What the pool can't have empty it keeps, and the log says so.
    let kept = claims_after(json!({"groups": [], "raw_attributes": {}})).await?;
    assert_eq!((&kept["custom:groups"], &kept["custom:kept"]), (&json!("[]"), &json!(r#"["b"]"#)), "{kept:#}");
    let listed = pool.items("/sign-ins").await?;
    assert!(listed[0]["kept"].as_array().is_some_and(|names| names.contains(&json!("raw.kept"))), "{:#}", listed[0]);
    Ok(())
}
