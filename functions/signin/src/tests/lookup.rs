//! The lookup of an identity provider by a domain.

use std::time::Duration;

use causeway_core::{lookup::KnownDomain, unknown::Unknown};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{
    log::lines,
    made_up::texts,
    world::{Answer, CALLBACK, POOL, TENANT, World, event, pass, pool, user_pool_id},
};

const PAGE: &str = "https://app.example.com";

/// A world whose pool offers the lookup to pages of [`PAGE`], and knows the domain `acme.test`.
async fn offering() -> World {
    let world = World::new().await;
    offer(&world, Some(PAGE)).await;
    world.store.put_known_domain(&user_pool_id(), &known("acme.test")).await.unwrap();
    world.aws.calls();
    world
}

/// Has the pool offer the lookup to pages of an origin, or to nobody.
async fn offer(world: &World, origin: Option<&str>) {
    let mut offering = pool();
    offering.options.domain_lookup =
        origin.map(|origin| serde_json::from_value(json!({ "origins": [origin] })).unwrap());
    world.put_pool(&offering).await;
}

fn known(domain: &str) -> KnownDomain {
    KnownDomain {
        unknown: Unknown::default(),
        tenant_id: TENANT.parse().unwrap(),
        domain: domain.to_owned(),
        identity_provider: "conn-a".parse().unwrap(),
        idp_identifier: Some("conn_a".parse().unwrap()),
    }
}

async fn asked(world: &World, method: &str, query: &str, origin: &str) -> Answer {
    let path = format!("/discover/{TENANT}/{POOL}");
    world.answer(&event(method, &path, query, &json!({ "origin": origin }), "")).await
}

async fn looked_up(world: &World, domain: &str) -> Answer {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("domain", domain).finish();
    asked(world, "GET", &query, PAGE).await
}

fn allowed(answer: &Answer) -> Option<&str> {
    answer.headers.get("access-control-allow-origin").map(|origin| origin.to_str().unwrap())
}

#[tokio::test]
async fn a_domain_is_answered_with_its_provider_by_one_get_item() {
    let world = offering().await;
    let answer = looked_up(&world, "ACME.test").await;
    assert_eq!(
        (answer.status, answer.json()),
        (200, json!({ "identity_provider": "conn-a", "idp_identifier": "conn_a" }))
    );
    assert_eq!(
        (&answer.headers["cache-control"], &answer.headers["vary"]),
        (&"no-store".parse().unwrap(), &"Origin".parse().unwrap())
    );
    assert_eq!(allowed(&answer), Some(PAGE));
    // Beside the pool's own item, which an instance reads once a minute.
    assert_eq!(world.aws.calls(), ["GetItem"; 2]);
    assert_eq!(looked_up(&world, "other.test").await.status, 404);
    assert_eq!(world.aws.calls(), ["GetItem"]);
    assert_eq!((looked_up(&world, "acme.test").await.status, world.aws.calls()), (200, vec![]));
}

#[tokio::test]
async fn domains_that_nobody_knows_take_no_sign_in_from_who_shares_their_address() {
    let world = offering().await;
    let statuses = async |number: usize| looked_up(&world, &format!("made-up-{number}.test")).await.status;
    let mut refused = 0;
    for number in 0..40 {
        refused += usize::from(statuses(number).await == 429);
    }
    assert!(refused > 0, "they are bounded");
    let claim = world.put_claim("conn_01E4ZCR3C56J083X43JQXF3JK9", "secret").await;
    assert_eq!(world.authorize(claim.connection_id.as_str(), CALLBACK).await.status, 302, "an instance has not met it");
}

#[tokio::test]
async fn what_is_not_known_is_not_found_and_what_is_no_domain_is_refused() {
    let world = offering().await;
    for (domain, status) in [
        ("other.test", 404),
        ("localhost", 404),
        ("", 400),
        ("ann@acme.test", 400),
        ("acme test", 400),
        ("acme.test.", 400),
    ] {
        let answer = looked_up(&world, domain).await;
        assert_eq!((answer.status, allowed(&answer)), (status, Some(PAGE)), "{domain}: a page is told");
    }
    for query in ["", "domain=acme.test&domain=acme.test", "Domain=acme.test"] {
        assert_eq!(asked(&world, "GET", query, PAGE).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn only_pages_of_an_origin_that_the_pool_names_may_read_the_answer() {
    let world = offering().await;
    for origin in
        ["https://evil.test", "https://app.example.com.evil.test", "https://app.example.com/", "null", "*", ""]
    {
        for method in ["GET", "OPTIONS"] {
            let answer = asked(&world, method, "domain=acme.test", origin).await;
            let status = if method == "GET" { 200 } else { 404 };
            assert_eq!((answer.status, allowed(&answer)), (status, None), "{method} {origin}");
        }
    }
    let answer = asked(&world, "OPTIONS", "domain=acme.test", PAGE).await;
    assert_eq!((answer.status, allowed(&answer), answer.body.as_str()), (204, Some(PAGE), ""));
    assert_eq!(answer.headers["access-control-allow-methods"], "GET");
}

#[tokio::test]
async fn a_pool_that_does_not_offer_it_answers_as_one_that_is_not_there() {
    let world = World::new().await;
    world.store.put_known_domain(&user_pool_id(), &known("acme.test")).await.unwrap();
    let of_no_pool = world
        .answer(&event("GET", &format!("/discover/{TENANT}/eu-west-1_None"), "domain=acme.test", &json!({}), ""))
        .await;
    let of_no_tenant = world.answer(&event("GET", "/discover/x/y", "domain=acme.test", &json!({}), "")).await;
    let not_offered = looked_up(&world, "acme.test").await;
    for answer in [of_no_pool, of_no_tenant, not_offered] {
        assert_eq!((answer.status, answer.json(), allowed(&answer)), (404, json!({ "error": "not_known" }), None));
    }
}

#[tokio::test]
async fn a_minute_after_it_is_switched_off_or_forgotten_a_domain_is_not_known() {
    let world = offering().await;
    assert_eq!(looked_up(&world, "acme.test").await.status, 200);
    world.aws.remove(&format!("POOL#{POOL}"), "DOMAIN#acme.test");
    pass(Duration::from_mins(1));
    assert_eq!(looked_up(&world, "acme.test").await.status, 404);
    world.store.put_known_domain(&user_pool_id(), &known("acme.test")).await.unwrap();
    pass(Duration::from_secs(1));
    assert_eq!(looked_up(&world, "acme.test").await.status, 200);
    offer(&world, None).await;
    pass(Duration::from_mins(1));
    assert_eq!(looked_up(&world, "acme.test").await.status, 404);
}

#[tokio::test]
async fn what_was_kept_for_the_tenant_that_had_the_pool_before_is_not_known() {
    let world = offering().await;
    let tenant_id = "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2M".parse().unwrap();
    let theirs = KnownDomain { tenant_id, ..known("theirs.test") };
    world.store.put_known_domain(&user_pool_id(), &theirs).await.unwrap();
    assert_eq!(looked_up(&world, "theirs.test").await.status, 404);
}

#[tokio::test]
async fn who_guesses_domains_has_a_bounded_number_looked_up_and_keeps_nobody_out_elsewhere() {
    let world = offering().await;
    let mut answers = Vec::new();
    for number in 0..100 {
        answers.push(looked_up(&world, &format!("d{number}.test")).await.status);
    }
    assert_eq!(world.aws.calls().len(), 21, "the pool, and 20 domains");
    assert_eq!(answers.iter().filter(|status| **status == 404).count(), 20);
    let refused = looked_up(&world, "d100.test").await;
    assert_eq!((refused.status, &refused.headers["retry-after"]), (429, &"1".parse().unwrap()));
    world.is_asked_from("198.51.100.7");
    assert_eq!(looked_up(&world, "acme.test").await.status, 200);
}

/// When to ask again, as far as a page of an allowed origin may read it.
fn told_to_ask_again(answer: &Answer) -> Option<&str> {
    let header = |name: &str| answer.headers.get(name).map(|value| value.to_str().unwrap());
    header("access-control-expose-headers").filter(|exposed| *exposed == "Retry-After")?;
    header("access-control-allow-origin").filter(|origin| ["*", PAGE].contains(origin))?;
    header("retry-after")
}

#[tokio::test]
async fn a_page_can_read_that_it_asked_too_much_or_that_the_table_fails_and_when_to_ask_again() {
    let world = offering().await;
    let domains: Vec<String> = (0..30).map(|number| format!("d{number}.test")).collect();
    for domain in &domains {
        looked_up(&world, domain).await;
    }
    let refused = looked_up(&world, "d30.test").await;
    assert_eq!((refused.status, allowed(&refused), told_to_ask_again(&refused)), (429, Some(PAGE), Some("1")));
    // A pool that the instance has not met: nobody knows which pages it names.
    let path = format!("/discover/{TENANT}/eu-west-1_NotMet");
    let unmet = world.answer(&event("GET", &path, "domain=acme.test", &json!({ "origin": PAGE }), "")).await;
    assert_eq!((unmet.status, told_to_ask_again(&unmet)), (429, Some("1")));
    assert_eq!(unmet.json(), json!({ "error": "too_many_requests" }));
    let elsewhere = asked(&world, "GET", "domain=d31.test", "https://evil.test").await;
    assert_eq!((elsewhere.status, allowed(&elsewhere)), (429, None), "of a pool that is known its own pages only");

    world.aws.deny("GetItem");
    world.is_asked_from("198.51.100.7");
    let failed = looked_up(&world, "d40.test").await;
    assert_eq!((failed.status, allowed(&failed), told_to_ask_again(&failed)), (503, Some(PAGE), Some("1")));
    pass(Duration::from_mins(1));
    let failed = looked_up(&world, "d40.test").await;
    assert_eq!((failed.status, allowed(&failed), told_to_ask_again(&failed)), (503, Some("*"), Some("1")));
}

#[tokio::test]
async fn nothing_of_a_lookup_is_logged_not_even_where_the_table_fails() {
    let world = offering().await;
    for domain in ["acme.test", "canary.test", "ann@canary"] {
        looked_up(&world, domain).await;
    }
    world.aws.change("POOL#", "tenant_id", "canary");
    pass(Duration::from_mins(1));
    assert_eq!(looked_up(&world, "acme.test").await.status, 503, "it can't be read");
    world.aws.deny("GetItem");
    pass(Duration::from_mins(1));
    assert_eq!(looked_up(&world, "canary.test").await.status, 503);
    let logged = lines();
    let answered: Vec<&Value> = logged.iter().filter(|line| line["message"] == "answered").collect();
    assert_eq!(answered.len(), 5);
    for line in &logged {
        let text = line.to_string();
        for said in ["canary", "acme", "conn-a", "conn_a", POOL, TENANT, PAGE] {
            assert!(!text.contains(said), "{said}: {text}");
        }
    }
}

#[tokio::test]
async fn whatever_is_asked_for_costs_one_read_at_most_and_writes_nothing() {
    let world = offering().await;
    asked(&world, "GET", "domain=acme.test", PAGE).await;
    let hostile = [
        "\\PC{0,40}",
        "[a-zA-Z0-9.%&=#@ -]{0,300}",
        "([a-z\\u{212a}ü。-]{1,63}\\.){0,6}[a-z]{1,9}",
        "xn--[a-z0-9-]{0,70}",
    ];
    for (number, pattern) in hostile.into_iter().enumerate() {
        for (at, text) in texts(pattern, 200).into_iter().enumerate() {
            world.is_asked_from(&format!("198.51.{number}.{at}"));
            world.aws.calls();
            let is_raw = at % 2 == 0;
            let answer = if is_raw { asked(&world, "GET", &text, &text).await } else { looked_up(&world, &text).await };
            assert!(matches!(answer.status, 200 | 400 | 404), "{text:?}: {answer:?}");
            let calls = world.aws.calls();
            assert!(calls.is_empty() || calls == ["GetItem"], "{text:?}: {calls:?}");
        }
    }
}
