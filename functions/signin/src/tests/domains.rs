//! Whether an address is verified: by what runs keep with the claim, and only else by what WorkOS is asked for.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    journey::part,
    world::{CALLBACK, CONNECTION, SECRET, World, known, pass, pool, profile, user_pool_id},
};

const TOKEN: &str = "POST /sso/token HTTP/1.1";
const ORGANIZATION: &str = "GET /organizations/org_1 HTTP/1.1";

/// Whether the address of a user who signs in now is verified, and what WorkOS was asked for it.
async fn sign_in(world: &World) -> (Value, Vec<String>) {
    world.workos.calls();
    let state = world.authorize(CONNECTION, CALLBACK).await.sent_with("state").unwrap();
    let back = world.get("/callback", &[("code", "code of WorkOS"), ("state", &state)]).await;
    let code = back.sent_with("code").unwrap_or_else(|| panic!("{back:?}"));
    let calls = world.workos.calls();
    let tokens = world.token(CONNECTION, &code, SECRET).await.json();
    (part(tokens["id_token"].as_str().unwrap(), 1)["email_verified"].clone(), calls)
}

fn of(email: &str) -> Value {
    let mut profile = profile();
    profile["email"] = json!(email);
    profile
}

#[tokio::test]
async fn a_sign_in_to_an_instance_that_knows_nothing_takes_one_call_to_workos() {
    let world = World::new().await;
    // WorkOS would say something else by now.
    world.workos.has_organization(Some(json!({ "id": "org_1", "domains": [] })));
    for (email, is_verified) in [("ann@example.com", true), ("ann@elsewhere.test", false)] {
        world.workos.has_profile(Some(of(email)));
        assert_eq!(sign_in(&world.another_instance()).await, (json!(is_verified), vec![TOKEN.to_owned()]), "{email}");
    }
}

#[tokio::test]
async fn domains_that_runs_read_two_hours_ago_or_never_are_asked_for_and_else_verify_nothing() {
    let (asked, said) = ([TOKEN, ORGANIZATION].map(str::to_owned).to_vec(), |said| json!(said));
    let of_another_domain =
        json!({ "id": "org_1", "domains": [{ "domain": "new.test", "state": "verified" }, { "domain": "odd" }] });
    for is_older in [true, false] {
        let world = World::new().await;
        if is_older {
            world.aws.forget("POOL#", "organization");
        } else {
            pass(Duration::from_mins(119));
            assert_eq!(sign_in(&world).await, (said(true), vec![TOKEN.to_owned()]));
            pass(Duration::from_mins(1));
        }
        world.workos.has_organization(Some(of_another_domain.clone()));
        assert_eq!(sign_in(&world).await, (said(false), asked.clone()), "what was kept counts no more");
        world.workos.has_profile(Some(of("ann@new.test")));
        assert_eq!(sign_in(&world).await, (said(true), vec![TOKEN.to_owned()]), "it was just asked for");
        pass(Duration::from_mins(1));
        world.workos.has_organization(None);
        assert_eq!(sign_in(&world).await, (said(false), asked.clone()), "WorkOS does not say");
    }
}

#[tokio::test]
async fn users_of_an_identity_provider_for_tests_come_in_only_where_the_operator_named_its_organization() {
    let (test, ordinary) = ("org_test_idp", "org_1");
    for (named, of, connection_type, comes_in) in [
        (Some(vec![test]), test, json!("TestIdp"), true),
        (Some(vec![ordinary, test]), test, Value::Null, true),
        (Some(vec![ordinary]), test, json!("TestIdp"), false),
        (Some(vec![ordinary]), test, json!(["odd"]), false),
        (None, test, json!("TestIdp"), false),
        (None, ordinary, json!("TestIdp"), false),
        (Some(vec![ordinary, test]), ordinary, json!("TestIdp"), false),
    ] {
        let world = World::new().await;
        let mut claim = world.claim().await;
        claim.organization_id = Some(of.parse().unwrap());
        world.store.put_claim(&user_pool_id(), &claim).await.unwrap();
        let mut profile = profile();
        (profile["organization_id"], profile["connection_type"]) = (json!(of), connection_type.clone());
        world.workos.has_profile(Some(profile));
        // The instance knows the pool as it was before the operator chose.
        let state = world.authorize(CONNECTION, CALLBACK).await.sent_with("state").unwrap();
        let mut pool = pool();
        let ids = |named: &Vec<&str>| named.iter().map(|id| id.parse().unwrap()).collect();
        pool.options.organizations = named.as_ref().map(ids);
        world.put_pool(&pool).await;
        pass(Duration::from_secs(2));
        let back = world.get("/callback", &[("code", "code of WorkOS"), ("state", &state)]).await;
        let case = format!("{named:?} {of} {connection_type}");
        assert_eq!(back.sent_with("code").is_some(), comes_in, "{case}");
        assert_eq!(back.sent_with("error").as_deref(), (!comes_in).then_some("access_denied"), "{case}");
    }
}

#[tokio::test]
async fn what_a_run_writes_counts_within_a_minute() {
    let world = World::new().await;
    assert_eq!(sign_in(&world).await.0, json!(true));
    let mut claim = world.claim().await;
    claim.organization = Some(known("org_1", "elsewhere.test"));
    world.store.put_claim(&user_pool_id(), &claim).await.unwrap();
    pass(Duration::from_mins(1));
    assert_eq!(sign_in(&world).await, (json!(false), vec![TOKEN.to_owned()]));
}

#[tokio::test]
async fn domains_of_the_organization_that_the_connection_had_before_vouch_for_nothing() {
    let world = World::new().await;
    let mut claim = world.claim().await;
    claim.organization_id = Some("org_2".parse().unwrap());
    world.store.put_claim(&user_pool_id(), &claim).await.unwrap();
    let mut moved = profile();
    moved["organization_id"] = json!("org_2");
    world.workos.has_profile(Some(moved));
    world.workos.has_organization(Some(json!({ "id": "org_2", "domains": [] })));
    let asked = vec![TOKEN.to_owned(), ORGANIZATION.replace("org_1", "org_2")];
    assert_eq!(sign_in(&world).await, (json!(false), asked));
}

#[tokio::test]
async fn a_user_gets_in_where_workos_does_not_answer_for_the_domains() {
    let world = World::new().await;
    let mut never_read = pool();
    never_read.run.organizations = causeway_core::organization::OrganizationReads::default();
    world.put_pool(&never_read).await;
    world.workos.hangs();
    assert_eq!(sign_in(&world).await, (json!(false), [TOKEN, ORGANIZATION].map(str::to_owned).to_vec()));
}

#[tokio::test]
async fn nothing_is_asked_for_a_user_without_an_address_or_of_the_test_organization() {
    let world = World::new().await;
    world.aws.forget("POOL#", "organization");
    let mut profile = profile();
    profile["email"] = json!(null);
    world.workos.has_profile(Some(profile.clone()));
    assert_eq!(sign_in(&world).await, (json!(false), vec![TOKEN.to_owned()]), "without an address");
    let (mut claim, mut pool) = (world.claim().await, pool());
    claim.organization_id = Some("org_test_idp".parse().unwrap());
    pool.options.organizations = Some(vec!["org_test_idp".parse().unwrap()]);
    world.store.put_claim(&user_pool_id(), &claim).await.unwrap();
    world.put_pool(&pool).await;
    pass(Duration::from_mins(1));
    (profile["email"], profile["organization_id"]) = (json!("ann@example.com"), json!("org_test_idp"));
    world.workos.has_profile(Some(profile));
    assert_eq!(sign_in(&world).await, (json!(false), vec![TOKEN.to_owned()]), "of the Test Organization");
}
