//! What the generator makes: that it holds the attacks that are known to have worked, each once, and some of each kind.

use std::collections::BTreeSet;

use causeway_attackers::{Attacks, Hostile, Kind, Named, hostile, sample};
use serde_json::Value;

const OWN: &str = "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2A";
const OTHER: &str = "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2B";

fn of_one_tenant() -> Attacks {
    let granted = [format!("GET/v1/tenants/{OWN}"), format!("GET/v1/tenants/{OWN}/*"), {
        format!("POST/v1/tenants/{OWN}/user-pools/*/verify")
    }];
    let named = |tenant: &str| Named { tenant: tenant.to_owned(), ..Named::made_up() };
    Attacks::by_a_caller(&granted, &named(OWN), &named(OTHER))
}

fn holds(attacks: impl Iterator<Item = Hostile>, wanted: &[(&str, String)]) {
    let mut missing = wanted.to_vec();
    for hostile in attacks {
        missing.retain(|(method, target)| target.as_bytes() != hostile.target || *method != hostile.method);
        if missing.is_empty() {
            return;
        }
    }
    panic!("there is no {missing:#?}");
}

#[test]
fn a_stranger_tries_what_has_worked_for_one() {
    let oidc = format!("/oidc/{}/callback?a=\"", Named::made_up().tenant);
    let paths =
        ["/onboarding/../v1/tenants", "/onboarding/%2e%2e/v1/tenants", "/onboarding/x%5C..%5C..%5Cv1%5Ctenants"];
    let mut wanted = vec![("GET", oidc), ("GET", "/onboarding/x?a=<b>".to_owned())];
    for path in paths {
        wanted.extend(["GET", "POST"].map(|method| (method, path.to_owned())));
    }
    holds(hostile(1), &wanted);
}

#[test]
fn a_caller_with_a_tenant_of_its_own_tries_what_has_led_to_another() {
    let begun = format!("/v1/tenants/{OWN}/user-pools/..%5C..%5C{OTHER}");
    holds(
        of_one_tenant().drawn(1),
        &[
            ("GET", begun.clone()),
            ("GET", format!("{begun}%5Caudit")),
            ("POST", format!("{begun}%5Conboarding-links%3F/verify")),
            ("POST", format!("{begun}%5Cexternal-id-rotation%23/verify")),
        ],
    );
}

#[test]
fn there_are_so_many_and_none_of_them_twice() {
    // All of the one, and enough of the other that two that are written alike would meet.
    const ENOUGH: usize = 200_000;
    for (attacks, expected) in [(Attacks::by_a_stranger(&Named::made_up()), 2_609_306), (of_one_tenant(), 103_500)] {
        assert_eq!(attacks.len(), expected);
        let mut seen = BTreeSet::new();
        for hostile in attacks.drawn(7).take(ENOUGH) {
            let shown = hostile.shown();
            let kind = hostile.kinds.iter().any(|kind| !kind.is_of_path()).then_some((hostile.headers, hostile.body));
            assert!(seen.insert((hostile.method, hostile.target, kind)), "{shown}");
        }
        assert_eq!(seen.len(), expected.min(ENOUGH));
    }
}

#[test]
fn a_sample_has_some_of_each_kind_and_is_the_same_for_the_same_seed() {
    for seed in [0, 1, 2, 3, 1_796_043_739] {
        for (attacks, is_signed) in [(Attacks::by_a_stranger(&Named::made_up()), false), (of_one_tenant(), true)] {
            let drawn = attacks.sample(seed, 500);
            assert_eq!(drawn.len(), 500);
            for kind in Kind::ALL.iter().filter(|kind| kind.is_of_path() || !is_signed) {
                let number = drawn.iter().filter(|hostile| hostile.kinds.contains(kind)).count();
                assert!(number >= 14, "seed {seed}: {number} of {kind:?}");
            }
            let routed = drawn.iter().filter(|hostile| hostile.is_routed()).count();
            assert!((375..500).contains(&routed), "seed {seed}: {routed} reach a function");
            assert_eq!(drawn, attacks.sample(seed, 500));
            assert_ne!(drawn, attacks.sample(seed + 1, 500));
        }
    }
}

#[test]
fn whoever_may_call_something_tries_each_kind_and_most_of_it_reaches_a_function() {
    let named = |tenant: &str| Named { tenant: tenant.to_owned(), ..Named::made_up() };
    for granted in ["GET/v1/*", "PATCH/v1/tenants/*", "POST/v1/tenants/*/user-pools/*/approvals"] {
        let drawn = Attacks::by_a_caller(&[granted.to_owned()], &named(OWN), &named(OTHER)).sample(1, 125);
        for kind in Kind::ALL.iter().filter(|kind| kind.is_of_path()) {
            assert!(drawn.iter().any(|hostile| hostile.kinds.contains(kind)), "{granted}: no {kind:?}");
        }
        let routed = drawn.iter().filter(|hostile| hostile.is_routed()).count();
        assert!(routed >= 90, "{granted}: only {routed} reach a function");
    }
}

#[test]
fn an_event_has_the_route_that_api_gateway_matches_and_the_path_as_it_came_or_decoded() {
    let attacks = Attacks::by_a_stranger(&Named::made_up());
    let wanted = b"/onboarding/x%5C..%5C..%5Cv1%5Ctenants";
    let found = attacks.drawn(1).find(|hostile| hostile.target == wanted && hostile.method == "GET");
    let events = found.unwrap().events();
    let seen: Vec<_> = events.iter().map(|event| (&event["routeKey"], &event["rawPath"])).collect();
    let key = Value::from("GET /onboarding/{proxy+}");
    let paths =
        [&wanted[..], br"/onboarding/x\..\..\v1\tenants"].map(|path| String::from_utf8_lossy(path).into_owned());
    assert_eq!(seen, [(&key, &Value::from(&*paths[0])), (&key, &Value::from(&*paths[1]))]);
    assert!(events.iter().all(|event| event["requestContext"].get("authorizer").is_none()));
}

#[test]
fn an_event_of_a_guarded_route_comes_with_its_caller_and_without() {
    let begun = format!("/v1/tenants/{OWN}/user-pools/..%5C..%5C{OTHER}");
    let attacks = of_one_tenant();
    let found = attacks.drawn(1).find(|hostile| hostile.target == begun.as_bytes() && hostile.method == "GET");
    let events = found.unwrap().events();
    let callers: Vec<bool> =
        events.iter().map(|event| event["requestContext"]["authorizer"]["iam"]["userArn"].is_string()).collect();
    assert_eq!(callers, [true, false, true, false]);
}

#[test]
fn every_event_can_be_made_and_some_of_each_kind_reach_a_function() {
    let mut reached = BTreeSet::new();
    for hostile in sample(3, 5000) {
        assert_eq!(hostile.event()["requestContext"]["http"]["method"], *hostile.method);
        if !hostile.events().is_empty() {
            reached.extend(hostile.kinds);
        }
    }
    assert_eq!(reached, Kind::ALL.into_iter().collect());
}
