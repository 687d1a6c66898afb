//! What people see, letter by letter: `golden/*.txt`. With `CAUSEWAY_WRITE_GOLDEN` set, the tests write the files;
//! the difference is then for the reviewer to judge.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use super::{checks, lists, pool, run::Run, steps::Plan, tenant};

fn golden(name: &str, text: &str) {
    let text = anstream::adapter::strip_str(text).to_string();
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("golden/{name}.txt"));
    if std::env::var_os("CAUSEWAY_WRITE_GOLDEN").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(text == expected, "{} differs. Shown is now:\n{text}", path.display());
}

const TENANT: &str = "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N";
const POOL: &str = "eu-west-1_AbCdEf123";

fn sample_tenant() -> Value {
    json!({
        "id": TENANT,
        "name": "Example",
        "external_id": "causeway-0f8e2d4c6b5a49788a1b2c3d4e5f6071",
        "webhook_url": "https://login.example.com/webhooks/tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N",
        "workos": {"client_id": "client_01E4ZCR3C56J083X43JQXF3JK5", "has_api_key": true},
        "created_at": "2026-11-22T12:00:00.000Z",
        "updated_at": "2026-11-22T12:00:00.000Z"
    })
}

fn sample_pool() -> Value {
    json!({
        "tenant_id": TENANT,
        "user_pool_id": POOL,
        "account_id": "222222222222",
        "region": "eu-west-1",
        "role_name": "CausewayLogin",
        "role_arn": "arn:aws:iam::222222222222:role/CausewayLogin",
        "status": "active",
        "mode": "sync",
        "sign_in": "enabled",
        "app_clients": ["1example23456789"],
        "organizations": null,
        "domain_identifiers": true,
        "attribute_mapping": {"custom:team": "raw.team", "email": "email", "username": "sub"},
        "health": {
            "state": "denied",
            "message": "the role can't be assumed",
            "remedy": "Run `verify` on the user pool and follow the remedy of the check that fails.",
            "since": "2026-11-22T12:15:00.000Z"
        },
        "counts": {"connections": 12, "providers": 11},
        "last_run": {
            "id": "01KAPJ7M7VYGJ5GM8WXT1C4D2N", "finished_at": "2026-11-22T12:15:00.000Z", "outcome": "failed"
        },
        "next_due_at": "2026-11-22T12:30:00.000Z",
        "created_at": "2026-11-22T12:00:00.000Z",
        "updated_at": "2026-11-22T12:00:00.000Z"
    })
}

fn steps() -> Value {
    json!([
        {
            "action": "create",
            "connection_id": "conn_01E4ZCR3C56J083X43JQXF3JK5",
            "name": "Acme SSO",
            "organization_name": "Acme",
            "connection_type": "OktaSAML",
            "provider_name": "conn-01E4ZCR3C56J083X43JQXF3JK5",
            "reason": "the connection is active and has no provider",
            "changes": [
                {"field": "client_id", "before": null, "after": POOL},
                {"field": "identifiers", "before": null, "after": "conn_01E4ZCR3C56J083X43JQXF3JK5"}
            ],
            "held": false
        },
        {
            "action": "wire",
            "connection_id": "conn_01E4ZCR3C56J083X43JQXF3JK5",
            "name": "Acme SSO",
            "organization_name": "Acme",
            "connection_type": "OktaSAML",
            "provider_name": "conn-01E4ZCR3C56J083X43JQXF3JK5",
            "app_client_id": "1example23456789",
            "reason": "the app client is named and does not offer the provider",
            "changes": [{
                "field": "supported_identity_providers of 1example23456789",
                "before": null,
                "after": "conn-01E4ZCR3C56J083X43JQXF3JK5"
            }],
            "held": false
        },
        {
            "action": "update",
            "connection_id": "conn_01EHWNCE74X7JSDV0X3SZ3KJNY",
            "provider_name": "conn-01EHWNCE74X7JSDV0X3SZ3KJNY",
            "reason": "the provider was changed",
            "changes": [{
                "field": "attribute_mapping.email",
                "before": "mail",
                "after": "email"
            }],
            "held": false
        },
        {
            "action": "delete",
            "connection_id": "conn_01FHWNCE74X7JSDV0X3SZ3KJNY",
            "organization_name": "Initech\u{1b}[2J\" (Okta …000000), \"\u{202e}evil",
            "former_organization_names": [{"name": "Initech", "until": "2026-11-24T09:00:00.000Z"}],
            "connection_type": "GoogleSAML",
            "provider_name": "conn-01FHWNCE74X7JSDV0X3SZ3KJNY",
            "reason": "the connection is gone from WorkOS",
            "changes": [{"field": "identifiers", "before": "conn_01FHWNCE74X7JSDV0X3SZ3KJNY", "after": null}],
            "held": true
        }
    ])
}

fn notes() -> Value {
    json!([
        {
            "connection_id": "conn_01GHWNCE74X7JSDV0X3SZ3KJNY",
            "name": "Contoso",
            "provider_name": null,
            "message": "the domain a.example is an identifier of a provider that Causeway did not make"
        },
        {"connection_id": null, "provider_name": null, "message": "a record has no ID"}
    ])
}

#[test]
fn a_tenant_and_a_list_of_tenants() {
    golden("tenant", &tenant::details(&sample_tenant()).unwrap());
    let mut other = sample_tenant();
    other["name"] = json!("Ümlaut\u{1b}[31m & Söhne");
    other["workos"]["has_api_key"] = json!(false);
    golden("tenants", &tenant::list(&[sample_tenant(), other]).unwrap());
}

#[test]
fn a_user_pool_and_a_list_of_user_pools() {
    golden("pool", &pool::details(&sample_pool()).unwrap());
    let mut new = sample_pool();
    for (member, value) in [
        ("status", json!("pending")),
        ("app_clients", json!("all")),
        ("organizations", json!(["org_01EHWNCE74X7JSDV0X3SZ3KJNY", "org_01FHWNCE74X7JSDV0X3SZ3KJNY"])),
        ("last_run", Value::Null),
        ("next_due_at", Value::Null),
        ("health", json!({"state": "ok", "message": "", "remedy": "", "since": "2026-11-22T12:00:00.000Z"})),
    ] {
        new[member] = value;
    }
    golden("pool-new", &pool::details(&new).unwrap());
    golden("pools", &pool::list(&[sample_pool(), new]).unwrap());
}

#[test]
fn a_plan_with_a_step_that_is_held_back_and_one_without_steps() {
    let planned: Vec<causeway_core::plan::RecordedStep> = serde_json::from_value(steps()).unwrap();
    let summary = causeway_core::meaning::meaning(&planned);
    let plan = json!({"summary": summary, "hash": "4f53cda18c2baa0c", "steps": steps(), "notes": notes()});
    golden("plan", &Plan::read(&plan).unwrap().text(TENANT, POOL));
    let in_line = json!({"hash": "4f53cda18c2baa0c", "steps": [], "notes": []});
    golden("plan-in-line", &Plan::read(&in_line).unwrap().text(TENANT, POOL));
}

#[test]
fn the_checks_with_their_remedies() {
    let verified = json!({"status": "pending", "checks": [
        {"name": "workos_api_key", "outcome": "pass", "message": "WorkOS takes the API key for this client ID",
         "remedy": ""},
        {"name": "user_pool_domain", "outcome": "warn", "message": "the pool has no domain: the local callback stands in",
         "remedy": "Give the pool a domain."},
        {"name": "role_assumable", "outcome": "fail",
         "message": "arn:aws:iam::222222222222:role/CausewayLogin can't be assumed: not authorized to perform sts:AssumeRole",
         "remedy": "Give the role this trust policy: {\"Version\":\"2012-10-17\",\"Statement\":[]}"}
    ]});
    let read = checks::read(&verified).unwrap();
    assert!(read.fails());
    golden("checks", &read.text(90));
}

#[test]
fn a_run_and_a_list_of_runs() {
    let run = json!({
        "id": "01KAPJ7M7VYGJ5GM8WXT1C4D2N",
        "started_at": "2026-11-22T12:00:00.000Z",
        "finished_at": "2026-11-22T12:00:02.250Z",
        "cause": "webhook",
        "outcome": "partial",
        "steps": steps(),
        "failures": [{"connection_id": "conn_01GHWNCE74X7JSDV0X3SZ3KJNY", "name": "Contoso", "attempted": "create", "class": "quota",
                      "message": "the pool has as many providers as it may"}],
        "notes": notes(),
        "omitted": 3
    });
    golden("run", &Run::read(&run).unwrap().text());
    let quiet = json!({
        "id": "01KAPJ7M7VYGJ5GM8WXT1C4D2M", "started_at": "2026-11-22T11:00:00.000Z",
        "finished_at": "2026-11-22T11:00:00.480Z", "cause": "api", "outcome": "no_change", "steps": [], "failures": []
    });
    golden("run-without-changes", &Run::read(&quiet).unwrap().text());
    golden("runs", &super::run::list(&[run, quiet]).unwrap());
}

#[test]
fn a_list_of_providers() {
    let provider = json!({
        "connection_id": "conn_01E4ZCR3C56J083X43JQXF3JK5",
        "organization_id": "org_01EHWNCE74X7JSDV0X3SZ3KJNY",
        "organization_name": "株式会社 Acme",
        "connection_type": "AzureSAML",
        "connection_state": "active",
        "provider_name": "conn-01E4ZCR3C56J083X43JQXF3JK5",
        "identifiers": ["conn_01E4ZCR3C56J083X43JQXF3JK5", "org_01EHWNCE74X7JSDV0X3SZ3KJNY", "a.example"],
        "issuer": "https://login.example.com/oidc/tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N/conn_01E4ZCR3C56J083X43JQXF3JK5",
        "sign_in": {
            "by_connection": "https://login.acme.example/oauth2/authorize?idp_identifier=conn_01E4ZCR3C56J083X43JQXF3JK5",
            "by_organization": null,
            "by_provider_name":
                "https://login.acme.example/oauth2/authorize?identity_provider=conn-01E4ZCR3C56J083X43JQXF3JK5"
        },
        "app_clients": ["1example23456789"],
        "in_sync": true
    });
    let mut unwired = provider.clone();
    for (member, value) in [
        ("organization_id", Value::Null),
        ("organization_name", Value::Null),
        ("connection_state", Value::Null),
        ("identifiers", json!([])),
        ("in_sync", json!(false)),
        ("app_clients", json!([])),
    ] {
        unwired[member] = value;
    }
    golden("providers", &lists::providers(&[provider, unwired]).unwrap());
}

#[test]
fn an_answer_that_is_something_else_is_a_failure_and_no_panic() {
    for answer in [json!(null), json!([]), json!({"hash": 1}), json!("x")] {
        assert_eq!(Plan::read(&answer).unwrap_err().code(), 1, "{answer}");
        assert!(tenant::details(&answer).is_err() && pool::list(&[answer]).is_err());
    }
}

#[test]
fn sign_ins_with_the_claims_that_did_not_reach_the_pool_as_they_are() {
    let sign_in = |outcome: &str, cut: &[&str], kept: &[&str]| {
        json!({
            "at": "2026-11-22T12:00:00.000Z", "connection_id": "conn_01E4ZCR3C56J083X43JQXF3JK5", "outcome": outcome,
            "organization_name": "Acme", "connection_type": "OktaSAML", "error": null, "cut": cut, "kept": kept,
        })
    };
    let items = [
        sign_in("signed_in", &["groups"], &["raw.department", "team"]),
        sign_in("signed_in", &[], &["team"]),
        sign_in("returned", &[], &[]),
    ];
    golden("sign-ins", &lists::sign_ins(&items).unwrap());
}
