//! The pages with what customers, tenants and strangers may have written: as text it is one line that ends, and nothing else.

use std::sync::LazyLock;

use causeway_core::{id::TenantId, shown::is_shown};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::console::place::PoolId;

const ROOT: &str = "/root";
const ID: &str = "conn_01EHWNCE74X7JSDV0X3SZ3KJNY";

fn frame() -> Frame<'static> {
    Frame { root: ROOT, deployment: "https://login.example.com", now: Timestamp::from_seconds(1_800_000_000) }
}

fn tenant() -> TenantId {
    "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N".parse().unwrap()
}

fn pool() -> PoolId {
    PoolId { tenant: tenant(), user_pool: "eu-west-1_AbCdEf123".parse().unwrap() }
}

fn list(items: &Value) -> Value {
    let unreadable = json!([{ "item": "a/b", "message": "no" }]);
    json!({ "items": items, "next_cursor": "YQ", "unreadable": unreadable })
}

/// A step, a failure or a note of a connection that somebody called `name`, with `name` wherever a text may be.
fn of_connection(name: &str) -> Value {
    json!({
        "connection_id": ID, "name": name, "organization_name": name, "connection_type": "OktaSAML",
        "former_organization_names": [{ "name": format!("{name}x"), "until": "2026-11-22T12:00:00.000Z" }],
        "organization_id": "org_1", "provider_name": name, "app_client_id": name, "action": "delete", "reason": name,
        "changes": [{ "field": name, "before": name, "after": name }], "held": true, "attempted": name, "class": name,
        "message": name, "remedy": name, "in_sync": true, "connection_state": name, "app_clients": [name],
        "identifiers": [name], "refused": { "reason": name },
    })
}

/// Every page, of answers that have `name` in each text that others write, and in many that nobody but Causeway does.
fn pages(name: &str) -> Vec<(&'static str, Markup)> {
    let (frame, at) = (frame(), "2026-11-22T12:00:00.000Z");
    let need = json!({
        "tenant_id": tenant(), "tenant_name": name, "user_pool_id": pool().user_pool, "user_pool_name": name, "since": at,
        "state": "held", "whose": "tenant", "contact": name, "message": name, "remedy": name,
        "held": { "connections": 2, "since": at }, "missing_app_clients": [name],
    });
    let nowhere = json!({
        "tenant_id": name, "user_pool_id": name, "since": name, "state": name, "whose": "operator", "message": name,
    });
    let status = json!({ "fleet": { "state": name, "counts": { "ok": 1, name: 2 }, "dead_letters": 1 },
                         "items": [need, nowhere], "next_cursor": name });
    let of_tenant = json!({ "id": name, "name": name, "contact": name, "external_id": name, "webhook_url": name,
        "workos": { "client_id": name }, "created_at": name, "updated_at": name });
    let of_pool = json!({ "tenant_id": name, "user_pool_id": name, "name": name, "account_id": name, "role_arn": name,
        "status": name, "mode": name, "sign_in": name, "organizations": [name], "app_clients": [name],
        "counts": { "connections": 1, "providers": 1 }, "last_run": { "id": name, "finished_at": name, "outcome": name },
        "next_due_at": name, "health": { "state": name, "message": name, "remedy": name, "since": name } });
    let one = of_connection(name);
    let run = json!({ "id": name, "started_at": at, "finished_at": at, "cause": name, "outcome": name, "steps": [one],
        "failures": [one], "notes": [one], "omitted": 3 });
    let sign_in = json!({ "at": at, "connection_id": ID, "organization_name": name, "outcome": name,
        "error": { "code": name, "message": name } });
    let record = json!({ "at": name, "caller": name, "method": name, "path": name, "status": 200, "changed": [name],
        "user_pool_id": pool().user_pool });
    let plan = json!({ "summary": name, "hash": "4f53cda1", "steps": [one], "notes": [one] });
    let (runs, sign_ins, records) = (list(&json!([run])), list(&json!([sign_in])), list(&json!([record])));
    let (providers, pools) = (list(&json!([one])), list(&json!([of_pool])));
    let seen = pool::Seen {
        tenant: Ok(of_tenant.clone()),
        pool: of_pool,
        providers: Ok(providers.clone()),
        runs: Ok(runs.clone()),
        sign_ins: Ok(sign_ins.clone()),
        changes: Ok(records.clone()),
        plan: Some(Ok(plan.clone())),
    };
    let of_tenants =
        tenants::Seen { tenant: of_tenant.clone(), pools: Ok(pools.clone()), changes: Ok(records.clone()) };
    let failure = || Failure::NotFound(name.to_owned());
    let (title, of_pool) = pool::page(&frame, &pool(), &seen).unwrap();
    let place = Place::Pool(pool());
    vec![
        ("fleet", fleet::fleet(&frame, &status).unwrap()),
        ("tenants", tenants::list(&frame, &list(&json!([of_tenant]))).unwrap()),
        ("tenant", tenants::tenant(&frame, &tenant(), &of_tenants).unwrap().1),
        ("pools", tenants::pools(&frame, &tenant(), &pools).unwrap()),
        ("pool", frame.page(&place, &title, &of_pool)),
        ("plan", plan::section(&pool(), Ok(plan))),
        ("providers", providers::list(&providers).unwrap()),
        ("runs", runs::list(&runs, frame.now, usize::MAX).unwrap()),
        ("sign-ins", sign_ins::list(&sign_ins).unwrap()),
        ("plot", sign_ins::plot(&sign_ins, frame.now).unwrap()),
        ("changes", changes::all(&records).unwrap()),
        ("unreadable", frame::unreadable(&records)),
        ("failure", frame.page(&place, "No", &frame::unread(&failure()))),
    ]
}

/// How many elements a page has.
fn elements(page: &str) -> usize {
    page.matches('<').count()
}

/// The page without its own style and script, which no answer has a part in.
fn without_own(page: &str) -> String {
    static OWN: LazyLock<String> = LazyLock::new(|| own().into_string());
    page.replace(OWN.as_str(), "")
}

proptest! {
    // Each is thirteen pages.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_somebody_wrote_it_is_text_and_no_markup_and_nothing_that_turns_or_hides_what_stands_beside_it(
        name in prop_oneof![
            "\\PC{1,40}|.{1,200}",
            "[<>&\"'/=a-z `${}\u{202e}\u{2066}\u{5d0}\u{301}\u{0}\u{1b}\u{200b}]{1,80}",
            Just("</script><script>alert(1)</script>".to_owned()),
            Just("\" onmouseover=alert(1) style=\"display:none".to_owned()),
            Just("javascript:alert(1)".to_owned()),
        ],
    ) {
        // Of what nothing shows nothing is there, and so are fewer elements.
        let (name, plain) = (format!("n{name}"), pages("plain"));
        for ((what, page), (_, plain)) in pages(&name).into_iter().zip(plain) {
            let (page, plain) = (without_own(&page.into_string()), without_own(&plain.into_string()));
            prop_assert_eq!(elements(&page), elements(&plain), "{}: {}", what, page);
            prop_assert!(page.chars().all(|c| is_shown(c) || c == '\n'), "{what}: {page:?}");
            for link in page.split("href=\"").skip(1) {
                prop_assert!(link.starts_with("/root/") || link.starts_with("#content\""), "{what}: {link}");
            }
            let commands = page.split("<code>causeway ").skip(1).map(|code| code.split("</code>").next().unwrap_or_default());
            for command in commands {
                let is_plain = |c: char| c.is_ascii_alphanumeric() || " _-".contains(c);
                prop_assert!(command.chars().all(is_plain), "{what}: {command}");
            }
        }
    }
}

#[test]
fn ten_thousand_names_leave_a_page_that_can_be_read() {
    let name = "\u{1f600}<&".repeat(42);
    let step = json!({ "action": "delete", "connection_id": ID, "organization_name": name, "provider_name": "a",
        "reason": "gone", "held": true });
    let plan = json!({ "summary": name.repeat(100), "hash": "a", "steps": vec![step; 10_000],
        "notes": vec![json!({ "connection_id": ID, "organization_name": name, "message": name }); 1_000] });
    let page = plan::section(&pool(), Ok(plan)).into_string();
    assert!(page.contains("And 9700 more, which the command line shows."), "{}", page.len());
    assert!(page.len() < 3_000_000, "{}", page.len());
    assert!(page.contains("10000 steps: 10000 delete; 10000 are held back"));
}

#[test]
fn a_plan_says_first_what_it_means_and_how_to_let_through_what_is_held() {
    let mut free = of_connection("Contoso");
    free["held"] = json!(false);
    free["action"] = json!("update");
    let plan =
        json!({ "summary": "1 customer loses sign-in.", "hash": "4f53", "steps": [free, of_connection("Acme")] });
    let page = plan::section(&pool(), Ok(plan)).into_string();
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}: {page}"));
    let command = "causeway approve tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N eu-west-1_AbCdEf123 --hash 4f53";
    let order = ["1 customer loses sign-in.", "Held back", "Acme", command, "by itself", "Contoso"].map(at);
    assert!(order.is_sorted(), "{order:?}: {page}");
    let in_line = plan::section(&pool(), Ok(json!({ "summary": "", "hash": "", "steps": [] }))).into_string();
    assert!(in_line.contains("in line") && !in_line.contains("approve"), "{in_line}");
}

#[test]
fn the_plan_is_looked_for_where_something_is_held_by_whatever_shows_it() {
    let well = json!({ "health": { "state": "ok" } });
    let (held, none) = (json!({ "health": { "state": "held" } }), list(&json!([])));
    let by_provider = list(&json!([{}, { "held_since": "2026-11-22T12:00:00.000Z" }]));
    let by_run = list(&json!([{ "steps": [{ "held": false }, { "held": true }] }, {}]));
    let before = list(&json!([{ "steps": [] }, { "steps": [{ "held": true }] }]));
    for (pool, providers, runs, holds) in [
        (&held, None, None, true),
        (&well, Some(&by_provider), None, true),
        (&well, None, Some(&by_run), true),
        (&well, Some(&none), Some(&before), false),
        (&well, None, None, false),
    ] {
        assert_eq!(pool::holds_back(pool, providers, runs), holds, "{pool} {providers:?} {runs:?}");
    }
}
