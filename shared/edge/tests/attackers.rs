//! The door and those who want to get past it: whatever path, whatever event, the route that is matched is the one that
//! API Gateway authorised, or there is no answer.
#![allow(clippy::unwrap_used, reason = "a test that can not go on fails")]

mod door;

use causeway_attackers::{Attacks, Named, Route, hostile, route_of};
use causeway_edge::Door;
use door::{Entrance, routes};
use proptest::prelude::*;
use serde_json::{Value, json};

/// How many hostile requests of each attacker are played: a draw, since there are millions.
const DRAWN: usize = 4000;

fn event(key: &str, path: &str, stage: &str) -> Value {
    let method = key.split(' ').next().unwrap_or_default();
    json!({
        "version": "2.0", "routeKey": key, "rawPath": path, "rawQueryString": "", "headers": {"host": "a"},
        "requestContext": {
            "stage": stage, "http": {"method": method, "path": path, "sourceIp": "192.0.2.1"},
            "authorizer": {"iam": {"userArn": "arn:aws:iam::111111111111:user/a"}},
        },
        "isBase64Encoded": false,
    })
}

#[test]
fn hostile_requests_get_to_no_route_but_the_one_that_was_authorised() {
    let seed = fastrand::u64(..);
    let named = |last: &str| Named { tenant: format!("tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2{last}"), ..Named::made_up() };
    let granted = ["GET/v1/*", "POST/v1/tenants/*/user-pools/*/verify"].map(str::to_owned);
    let by_a_caller = Attacks::by_a_caller(&granted, &named("A"), &named("B"));
    let (signed, open) = (Entrance::new(Door::Signed), Entrance::new(Door::Open));
    let mut answered = 0;
    for hostile in hostile(seed).take(DRAWN).chain(by_a_caller.drawn(seed).take(DRAWN)) {
        for event in hostile.events() {
            answered += 1;
            for entrance in [&signed, &open] {
                let fault = entrance.fault(&event);
                assert_eq!(fault, None, "seed {seed}: {}", hostile.shown());
            }
        }
    }
    assert!(answered >= DRAWN / 4, "seed {seed}: only {answered} events, which shows little");
}

#[test]
fn behind_the_signed_door_no_hostile_request_without_a_caller_is_answered() {
    let (seed, entrance) = (fastrand::u64(..), Entrance::new(Door::Signed));
    for hostile in hostile(seed).take(DRAWN) {
        for event in hostile.events() {
            let status = entrance.answer(&event.to_string()).status_code;
            assert!((400..500).contains(&status), "seed {seed}: {} {status}", hostile.shown());
        }
    }
}

/// A path: real ones, parts of them, what leads elsewhere, and any text.
fn path() -> impl Strategy<Value = String> {
    let paths: Vec<String> = routes().into_iter().map(|route| route.path).collect();
    let part = prop_oneof![
        4 => proptest::sample::select(vec![
            "/", "..", ".", "\\", "%2e", "%2E%2e", "%2f", "%5C", "%00", "%", "//", ";", "?", "#", "\t", "\0", "\u{ff0e}",
            "\u{ff0f}", "v1", "tenants", "onboarding", "oidc", "user-pools", "callback", "x", "prod",
        ])
        .prop_map(str::to_owned),
        2 => proptest::sample::select(paths),
        1 => any::<String>(),
    ];
    proptest::collection::vec(part, 1..10).prop_map(|parts| parts.concat())
}

fn key() -> impl Strategy<Value = String> {
    let keys: Vec<String> = routes().iter().map(Route::key).collect();
    prop_oneof![4 => proptest::sample::select(keys), 1 => any::<String>()]
}

/// Any JSON.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map(any::<String>(), inner, 0..4)
                .prop_map(|members| members.into_iter().collect::<Value>()),
        ]
    })
}

const MEMBERS: [&str; 13] = [
    "/routeKey",
    "/rawPath",
    "/rawQueryString",
    "/headers",
    "/cookies",
    "/body",
    "/isBase64Encoded",
    "/requestContext",
    "/requestContext/stage",
    "/requestContext/http",
    "/requestContext/http/method",
    "/requestContext/http/sourceIp",
    "/requestContext/authorizer",
];

proptest! {
    #[test]
    fn for_any_bytes_as_path_the_matched_route_is_the_authorised_one_or_it_is_refused(
        bytes in proptest::collection::vec(any::<u8>(), 0..60), key in key(),
    ) {
        let (entrance, routes, text) = (Entrance::new(Door::Open), routes(), String::from_utf8_lossy(&bytes).into_owned());
        for begun in ["", "/", "/v1/tenants/", "/onboarding/", "/oidc/a/b/"] {
            let path = format!("{begun}{text}");
            let matched = route_of(&routes, "GET", &path).map(Route::key);
            for key in [Some(&key), matched.as_ref()].into_iter().flatten() {
                prop_assert_eq!(entrance.fault(&event(key, &path, "$default")), None);
            }
        }
    }

    #[test]
    fn for_any_path_of_parts_that_routes_have_the_same_holds(path in path(), key in key()) {
        prop_assert_eq!(Entrance::new(Door::Open).fault(&event(&key, &path, "$default")), None);
    }

    #[test]
    fn with_a_stage_before_it_a_path_gets_to_the_authorised_route_or_is_refused(path in path(), key in key()) {
        let answer = Entrance::new(Door::Open).answer(&event(&key, &path, "prod").to_string());
        if answer.status_code == 200 {
            let prefix = key.strip_suffix("{proxy+}").unwrap_or(&key);
            prop_assert!(answer.body.starts_with(prefix), "{} {:?} led to {}", key, path, answer.body);
        }
        prop_assert!([200, 400, 404].contains(&answer.status_code), "{}", answer.status_code);
    }

    #[test]
    fn whatever_json_an_event_is_it_is_answered(
        value in json(), member in proptest::sample::select(MEMBERS.to_vec()), key in key(),
    ) {
        let entrance = Entrance::new(Door::Open);
        prop_assert_eq!(entrance.answer(&value.to_string()).status_code, 400);
        let mut event = event(&key, "/v1/tenants", "$default");
        event["cookies"] = json!(["a=b"]);
        event["body"] = json!("");
        *event.pointer_mut(member).unwrap() = value;
        let status = entrance.answer(&event.to_string()).status_code;
        prop_assert!([200, 400, 403, 404].contains(&status), "{} {}", status, event);
    }
}
