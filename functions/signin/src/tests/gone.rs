//! What the identity provider stopped saying, and what it says that nobody can read.

use causeway_core::{schema::SchemaAttribute, user_pool::UserPool};
use serde_json::{Value, json};

use super::{
    journey::part,
    world::{CONNECTION, SECRET, World, pool, profile},
};

/// A pool that maps groups, roles, and two attributes of which only `team` can be empty.
fn mapped() -> UserPool {
    let mut pool = pool();
    let mapping = [
        ("custom:groups", "groups"),
        ("custom:roles", "roles"),
        ("custom:team", "team"),
        ("custom:bio", "raw.bio"),
        ("email", "email"),
        ("email_verified", "email_verified"),
    ];
    pool.options.attribute_mapping =
        Some(mapping.map(|(attribute, claim)| (attribute.to_owned(), claim.to_owned())).into());
    let text = |name: &str, required| SchemaAttribute {
        name: name.to_owned(),
        data_type: "String".to_owned(),
        required,
        mutable: true,
        min_length: Some(0),
        max_length: Some(2048),
    };
    pool.run.schema = Some(vec![text("custom:team", false), text("custom:bio", true), text("email", true)]);
    pool
}

/// The ID token's claims of the next sign-in, which userinfo shows as well.
async fn sign_in(world: &World) -> Value {
    let code = world.code().await;
    let tokens = world.token(CONNECTION, &code, SECRET).await.json();
    let mut claims = part(tokens["id_token"].as_str().unwrap(), 1);
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let shown = world.userinfo(CONNECTION, &bearer).await.json();
    claims.as_object_mut().unwrap().retain(|name, _| !["iss", "aud", "iat", "exp"].contains(&name.as_str()));
    assert_eq!(claims, shown);
    claims
}

/// What the log says that the pool keeps of the last sign-in.
fn kept(world: &World) -> Vec<String> {
    let items = world.aws.items("SIGNINS#");
    let last = items.iter().max_by_key(|item| item["id"]["S"].as_str().unwrap().to_owned()).unwrap();
    let names = last["kept"]["L"].as_array().cloned().unwrap_or_default();
    names.iter().map(|name| name["S"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_user_who_loses_a_group_loses_it_at_the_next_sign_in() {
    let world = World::new().await;
    world.put_pool(&mapped()).await;
    let mut user = profile();
    user["groups"] = json!(["admins"]);
    user["roles"] = json!([{ "slug": "owner" }]);
    world.workos.has_profile(Some(user));
    let claims = sign_in(&world).await;
    assert_eq!((&claims["groups"], &claims["roles"]), (&json!(r#"["admins"]"#), &json!(r#"["owner"]"#)));
    for without in [json!({ "groups": null, "roles": null }), json!({}), json!({ "groups": "admins", "roles": 7 })] {
        let mut user = profile();
        user["raw_attributes"] = json!({ "_claim_names": { "groups": "src1" } });
        user.as_object_mut().unwrap().extend(without.as_object().unwrap().clone());
        world.workos.has_profile(Some(user));
        let claims = sign_in(&world).await;
        assert_eq!((&claims["groups"], &claims["roles"]), (&json!("[]"), &json!("[]")), "{without}");
    }
}

#[tokio::test]
async fn what_is_gone_is_emptied_where_the_pool_asks_for_it_and_can_take_it_and_else_the_log_says_that_it_is_kept() {
    for clears in [false, true] {
        let world = World::new().await;
        let mut pool = mapped();
        pool.options.clear_missing_attributes = clears;
        world.put_pool(&pool).await;
        let mut user = profile();
        user["email"] = json!(null);
        world.workos.has_profile(Some(user));
        let claims = sign_in(&world).await;
        assert_eq!(claims.get("team"), clears.then_some(&json!("")));
        assert_eq!((claims.get("email"), claims.get("raw.bio")), (None, None), "they are required");
        assert_eq!(claims["email_verified"], false);
        let expected: &[&str] = if clears { &["email", "raw.bio"] } else { &["email", "raw.bio", "team"] };
        assert_eq!(kept(&world), expected);
    }
}

#[tokio::test]
async fn what_can_not_be_read_of_a_user_keeps_nobody_out() {
    let world = World::new().await;
    world.put_pool(&mapped()).await;
    let nested = format!("{}{}", "[".repeat(130), "]".repeat(130));
    for odd in [r#""\ud83d""#, "1e400", &nested] {
        let rest = profile().to_string();
        let user = format!(
            r#"{{"groups":{odd},"custom_attributes":{{"team":{odd},"other":{odd}}},"raw_attributes":{{"\ud83d":1,"bio":"b","x":{odd}}},{}"#,
            &rest[1..]
        );
        world.workos.says(format!(r#"{{"access_token":{odd},"profile":{user},"oauth_tokens":{odd}}}"#));
        let claims = sign_in(&world).await;
        assert_eq!((&claims["groups"], &claims["raw.bio"]), (&json!("[]"), &json!("b")), "{odd}");
        assert_eq!((claims.get("team"), &claims["email_verified"]), (None, &json!(true)), "{odd}");
        assert_eq!(kept(&world), ["team"], "{odd}");
    }
}

#[tokio::test]
async fn an_address_that_can_be_read_as_one_elsewhere_is_sent_and_not_verified() {
    let world = World::new().await;
    for (email, verified) in [
        ("ann@example.com", true),
        ("ceo@victim.test@example.com", false),
        ("ceo@victim.test,x@example.com", false),
        ("a b@example.com", false),
    ] {
        let mut user = profile();
        user["email"] = json!(email);
        world.workos.has_profile(Some(user));
        let claims = sign_in(&world).await;
        assert_eq!((&claims["email"], &claims["email_verified"]), (&json!(email), &json!(verified)));
    }
}
