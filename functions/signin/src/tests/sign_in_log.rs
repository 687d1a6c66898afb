//! What the log of sign-ins keeps.

use serde_json::{Value, json};

use super::{
    journey::back_with,
    world::{CONNECTION, OTHER_CONNECTION, POOL, SECRET, TENANT, World, pool, profile, token_form},
};

/// The entries, without what differs each time.
fn entries(world: &World) -> Vec<(String, Value)> {
    let items = world.aws.items(&format!("SIGNINS#{TENANT}#{POOL}"));
    for item in &items {
        assert_eq!(item["connection_id"]["S"], CONNECTION);
        assert!(item["expires_at"]["N"].is_string() && item["at"]["S"].is_string());
    }
    let text = json!(items).to_string();
    for person in ["ann", "example.com", "prof_1", "idp_1", "canary", "org_1"] {
        assert!(!text.contains(person), "{person}: {text}");
    }
    items.iter().map(|item| (item["outcome"]["S"].as_str().unwrap().to_owned(), item["error"]["S"].clone())).collect()
}

#[tokio::test]
async fn a_sign_in_is_one_entry_that_says_how_far_it_came() {
    let world = World::new().await;
    let code = world.code().await;
    assert_eq!(entries(&world), [("returned".to_owned(), Value::Null)]);
    world.token(CONNECTION, &code, SECRET).await;
    assert_eq!(entries(&world), [("signed_in".to_owned(), Value::Null)]);
}

#[tokio::test]
async fn what_goes_wrong_is_told_by_its_kind_and_in_nobodys_words() {
    for (answer, change, outcome, error) in [
        (("error", "access_denied"), json!({}), "refused", "denied_by_workos"),
        (("error", "ann@example.com"), json!({}), "refused", "denied_by_workos"),
        (("error", "server_error"), json!({}), "failed", "failed_at_workos"),
        (("code", "c"), json!({ "connection_id": OTHER_CONNECTION }), "refused", "another_connection"),
    ] {
        let world = World::new().await;
        let mut other = profile();
        other.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        world.workos.has_profile(Some(other));
        back_with(&world, &[answer, ("error_description", "ann@example.com is canary")]).await;
        assert_eq!(entries(&world), [(outcome.to_owned(), json!(error))], "{answer:?}");
    }
    let world = World::new().await;
    world.workos.has_profile(None);
    back_with(&world, &[("code", "c")]).await;
    assert_eq!(entries(&world), [("refused".to_owned(), json!("code_of_workos_not_good"))]);
}

#[tokio::test]
async fn who_holds_the_secret_and_shows_a_bad_code_is_told_of_and_who_does_not_writes_nothing() {
    let world = World::new().await;
    let code = world.code().await;
    world.token(CONNECTION, &code, SECRET).await;
    world.token(CONNECTION, &code, "wrong").await;
    assert_eq!(entries(&world).len(), 1);
    world.token(CONNECTION, &code, SECRET).await;
    let mut form = token_form(&code, "wrong");
    form[1].1 = "eu-west-1_Other";
    world.post_form(&format!("/{CONNECTION}/token"), &form).await;
    assert!(entries(&world).contains(&("refused".to_owned(), json!("code_not_good"))));
    assert_eq!(entries(&world).len(), 2);
}

#[tokio::test]
async fn a_signature_that_fails_is_in_the_log_and_a_log_that_fails_is_in_no_ones_way() {
    let world = World::new().await;
    let code = world.code().await;
    world.aws.deny("Sign");
    world.token(CONNECTION, &code, SECRET).await;
    assert_eq!(entries(&world), [("failed".to_owned(), json!("bug"))]);

    let world = World::new().await;
    let code = world.code().await;
    world.aws.deny("PutItem");
    assert_eq!(world.token(CONNECTION, &code, SECRET).await.status, 200);
}

#[tokio::test]
async fn attributes_too_long_for_cognito_are_cut_and_named_and_the_user_gets_in() {
    let world = World::new().await;
    let mut mapped = pool();
    mapped.options.attribute_mapping = Some(
        [("custom:groups", "groups"), ("custom:team", "team"), ("custom:bio", "raw.bio")]
            .map(|(attribute, claim)| (attribute.to_owned(), claim.to_owned()))
            .into(),
    );
    world.put_pool(&mapped).await;
    let mut long = profile();
    long["groups"] = json!(vec!["a group"; 1000]);
    long["custom_attributes"] = json!({ "team": ["x", "y"], "secret": "unmapped" });
    long["raw_attributes"] = json!({ "bio": "b".repeat(5000), "secret": "unmapped" });
    world.workos.has_profile(Some(long));
    let code = world.code().await;
    let tokens = world.token(CONNECTION, &code, SECRET).await.json();
    let claims = super::journey::part(tokens["id_token"].as_str().unwrap(), 1);
    assert_eq!(claims["team"], r#"["x","y"]"#);
    assert_eq!(claims["raw.bio"].as_str().unwrap().len(), 2048);
    let groups: Vec<String> = serde_json::from_str(claims["groups"].as_str().unwrap()).unwrap();
    assert!(groups.len() > 100 && groups.len() < 1000);
    assert!(!claims.to_string().contains("unmapped"));
    let cut = &world.aws.items("SIGNINS#")[0]["cut"]["L"];
    assert_eq!(*cut, json!([{ "S": "groups" }, { "S": "raw.bio" }]));
}
