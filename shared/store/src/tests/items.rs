//! An item of each kind, as a version before this one wrote it, and what becomes of it with members and words of a later
//! version, or where a member can't be read.

use serde_json::{Value, json};

use crate::{Item, StoreError, kinds::kind::Kind};

/// A name, and a word, that no version has.
const LATER: &str = "of_a_later_version";

/// The item that is kept of a kind, in `items/`.
pub fn kept(kind: Kind) -> Value {
    let name: String = format!("{kind:?}").chars().fold(String::new(), |name, letter| {
        let between = if letter.is_uppercase() && !name.is_empty() { "_" } else { "" };
        format!("{name}{between}{}", letter.to_ascii_lowercase())
    });
    let path = format!("{}/items/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap()
}

/// Whether an item of a kind is written anew, as a whole or a part of it, by who has read it. All others are written
/// once, replaced by what has nothing to do with them, or changed attribute by attribute.
fn is_rewritten(kind: Kind) -> bool {
    match kind {
        Kind::Tenant | Kind::Pool | Kind::Claim | Kind::Foreign | Kind::SignIn => true,
        Kind::Owner
        | Kind::Registration
        | Kind::Mark
        | Kind::Domain
        | Kind::Run
        | Kind::OnboardingLink
        | Kind::OnboardingSecret
        | Kind::Session
        | Kind::Errand
        | Kind::EndedErrand
        | Kind::Checks
        | Kind::AppClients
        | Kind::Code
        | Kind::Access
        | Kind::State
        | Kind::Audit
        | Kind::BearerKey
        | Kind::Request => false,
    }
}

fn item(value: &Value) -> Item {
    serde_dynamo::to_item(value).unwrap()
}

/// Reads an item and gives it as it would be written.
fn rewritten(kind: Kind, value: &Value) -> Result<Value, StoreError> {
    Ok(serde_dynamo::from_item(kind.rewritten(item(value))?).unwrap())
}

/// The paths of everything in a value, as JSON pointers.
fn paths(value: &Value) -> Vec<String> {
    fn below(value: &Value, path: &str, found: &mut Vec<String>) {
        found.push(path.to_owned());
        match value {
            Value::Object(members) => {
                members.iter().for_each(|(name, member)| below(member, &format!("{path}/{name}"), found));
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, item)| below(item, &format!("{path}/{index}"), found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    below(value, "", &mut found);
    found
}

/// Whether an object's members are data and no members: what is added to it is something else.
fn is_data(path: &str) -> bool {
    let data = ["/options/attribute_mapping", "/providers", "/task", "/held", "/decisions/approvals/0/connections"];
    data.contains(&path)
}

/// Values of every form, none of them what a member has.
fn forms() -> [Value; 6] {
    [json!(7), json!(true), json!(null), json!([]), json!({}), json!(LATER)]
}

fn is_same_form(one: &Value, other: &Value) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other)
}

#[test]
fn an_item_of_every_kind_is_read_and_what_is_written_of_it_is_what_was_read() {
    for kind in Kind::ALL {
        let kept = kept(*kind);
        let written = rewritten(*kind, &kept).unwrap_or_else(|error| panic!("{kind:?}: {error:?}"));
        for (name, value) in written.as_object().unwrap() {
            assert_eq!(kept.get(name), Some(value), "{kind:?}: {name}");
        }
        for (part, read) in kind.parts(&item(&kept)) {
            assert!(read.is_ok(), "{part}: {read:?}");
        }
    }
}

#[test]
fn a_member_of_a_later_version_anywhere_makes_no_item_unreadable_and_outlives_a_write() {
    for kind in Kind::ALL {
        let kept = kept(*kind);
        let objects = paths(&kept).into_iter().filter(|path| kept.pointer(path).unwrap().is_object() && !is_data(path));
        for (path, later) in objects.flat_map(|path| forms().map(|form| (path.clone(), form))) {
            let mut newer = kept.clone();
            newer.pointer_mut(&path).unwrap()[LATER] = later;
            let written = rewritten(*kind, &newer).unwrap_or_else(|error| panic!("{kind:?}{path}: {error:?}"));
            if is_rewritten(*kind) {
                assert_eq!(written, newer, "{kind:?}{path}");
            }
            for (part, read) in kind.parts(&item(&newer)) {
                assert!(read.is_ok(), "{part}{path}: {read:?}");
            }
        }
    }
}

#[test]
fn a_word_of_a_later_version_is_refused_or_stands_as_it_stood_after_a_write() {
    let mut kept_words = Vec::new();
    for kind in Kind::ALL {
        let kept = kept(*kind);
        for path in paths(&kept).into_iter().filter(|path| kept.pointer(path).unwrap().is_string()) {
            let mut newer = kept.clone();
            *newer.pointer_mut(&path).unwrap() = json!(LATER);
            let Ok(written) = rewritten(*kind, &newer) else { continue };
            if is_rewritten(*kind) {
                assert_eq!(written, newer, "{kind:?}{path}");
            }
            kept_words.push(format!("{kind:?}{path}"));
        }
    }
    for word in [
        "Pool/run/health/state",
        "Pool/run/last_run/outcome",
        "Claim/connection_state",
        "Run/outcome",
        "Run/failures/0/class",
        "Checks/checks/0/outcome",
        "SignIn/outcome",
        "SignIn/error",
    ] {
        assert!(kept_words.iter().any(|kept| kept == word), "{word} makes its item unreadable");
    }
}

/// What decides who gets in, or what is touched, by the type that reads it: `Tenant` is the whole item, and other names
/// are those of parts. `null` and `none` after a member say that null, or its absence, is a value of its own.
const DOORS: &[(Kind, &str, &[&str])] = &[
    (
        Kind::Pool,
        "",
        &[
            "/tenant_id",
            "/user_pool_id",
            "/account_id",
            "/role_name",
            "/status",
            "/removal/providers",
            "/options",
            "/options/mode",
            "/options/sign_in",
            "/options/app_clients",
            "/options/app_clients/0",
            "/options/organizations null",
            "/options/organizations/0",
            "/options/domain_identifiers",
            "/options/attribute_mapping null",
            "/options/start null none",
            "/options/domain_lookup null none",
            "/awaits_admission",
            "/registered_by null none",
            "/run/callbacks",
            "/run/callbacks/0",
            "/run/losses",
            "/run/losses/0/connection_id",
            "/run/losses/0/at",
            "/run/role_probe_due_at",
            "/run/held_of null none",
            "/held none",
            "/held/conn_01E4ZCR3C56J083X43JQXF3JK5 none",
            "/decisions none",
            "/decisions/approvals",
            "/decisions/approvals/0/connections",
            "/decisions/approvals/0/connections/conn_01E4ZCR3C56J083X43JQXF3JK5 none",
            "/decisions/approvals/0/left",
            "/decisions/approvals/0/left/0",
            "/decisions/approvals/0/expires_at",
            "/decisions/refusals",
            "/decisions/refusals/0/connection_ids",
            "/decisions/refusals/0/connection_ids/0",
            "/decisions/refusals/0/until null none",
            "/decisions/version",
        ],
    ),
    (
        Kind::Pool,
        "ServingPool",
        &[
            "/tenant_id",
            "/user_pool_id",
            "/status",
            "/options",
            "/options/sign_in",
            "/options/attribute_mapping null",
            "/options/clear_missing_attributes",
            "/run/callbacks",
            "/run/callbacks/0",
        ],
    ),
    (Kind::Pool, "WakingPool", &["/tenant_id", "/user_pool_id", "/status", "/options/mode"]),
    (
        Kind::Claim,
        "",
        &[
            "/tenant_id",
            "/connection_id",
            "/organization_id null",
            "/provider_name",
            "/issuer",
            "/state",
            "/identifiers",
            "/subject none",
            "/secrets",
            "/secrets/pending null",
            "/secrets/unsettled",
            "/secrets/unsettled/0",
            "/secrets/live null",
            "/secrets/retired",
            "/secrets/retired/0/hash",
            "/secrets/retired/0/good_until",
        ],
    ),
    (
        Kind::Claim,
        "ServingClaim",
        &[
            "/tenant_id",
            "/connection_id",
            "/organization_id null",
            "/issuer",
            "/subject none",
            "/secrets",
            "/secrets/pending null",
            "/secrets/unsettled",
            "/secrets/unsettled/0",
            "/secrets/live null",
            "/secrets/retired",
            "/secrets/retired/0/hash",
            "/secrets/retired/0/good_until",
        ],
    ),
    (
        Kind::Tenant,
        "",
        &[
            "/id",
            "/external_id",
            "/former_external_id null none",
            "/former_external_id/external_id",
            "/workos_client_id",
            "/workos_api_key null none",
            "/webhook_secret null none",
            "/webhook_number none",
            "/former_webhooks none",
            "/former_webhooks/0/secret",
            "/former_webhooks/0/good_until",
            "/sign_in_state_key",
            "/removing_since null none",
        ],
    ),
    (Kind::Tenant, "ServingTenant", &["/id", "/workos_client_id", "/workos_api_key null none", "/sign_in_state_key"]),
    (
        Kind::Tenant,
        "ListeningTenant",
        &[
            "/webhook_number none",
            "/webhook_secret null none",
            "/former_webhooks none",
            "/former_webhooks/0/number",
            "/former_webhooks/0/secret",
            "/former_webhooks/0/good_until",
        ],
    ),
    (Kind::Owner, "", &["/tenant_id"]),
    (Kind::Domain, "", &["/tenant_id", "/domain", "/identity_provider"]),
    (
        Kind::OnboardingLink,
        "",
        &[
            "/id",
            "/tenant_id",
            "/account_ids",
            "/account_ids/0",
            "/ends_at",
            "/opened_at null none",
            "/revoked_at null none",
        ],
    ),
    (Kind::OnboardingSecret, "", &["/tenant_id", "/link_id"]),
    (Kind::Session, "", &["/tenant_id", "/link_id", "/asked_at", "/asked_at/0", "/asks"]),
    (Kind::Errand, "", &["/id", "/task", "/session", "/asked_at"]),
    (Kind::EndedErrand, "", &["/errand_id"]),
    (Kind::Code, "", &["/tenant_id", "/user_pool_id", "/connection_id", "/redirect_uri", "/sealed", "/expires_at"]),
    (Kind::Access, "", &["/tenant_id", "/user_pool_id", "/connection_id", "/sealed", "/expires_at"]),
    (Kind::State, "", &["/tenant_id", "/sealed", "/expires_at"]),
    (Kind::BearerKey, "", &["/sealed"]),
    (Kind::Request, "", &["/attempt", "/body", "/answer null none", "/answer/tenant_id", "/expires_at"]),
];

/// Of the doors, the words that a version can add to.
const WORDS: [&str; 7] = [
    "/status",
    "/removal/providers",
    "/options/mode",
    "/options/sign_in",
    "/options/app_clients",
    "/state",
    "/subject",
];

/// What comes of reading an item as a whole, where `part` is empty, or a part of it.
fn read(kind: Kind, part: &str, value: &Value) -> Result<(), StoreError> {
    if part.is_empty() {
        return rewritten(kind, value).map(drop);
    }
    kind.parts(&item(value)).into_iter().find(|(name, _)| *name == part).unwrap().1
}

/// `value` without what is at `path`.
fn without(value: &Value, path: &str) -> Value {
    let (around, name) = path.rsplit_once('/').unwrap();
    let mut value = value.clone();
    match value.pointer_mut(around).unwrap() {
        Value::Object(members) => drop(members.remove(name)),
        Value::Array(items) => drop(items.remove(name.parse().unwrap())),
        _ => unreachable!(),
    }
    value
}

#[test]
fn what_decides_who_gets_in_or_what_is_touched_is_refused_where_it_can_not_be_read() {
    for (kind, part, doors) in DOORS {
        let kept = kept(*kind);
        for door in *doors {
            let mut words = door.split(' ');
            let (path, values): (&str, Vec<&str>) = (words.next().unwrap(), words.collect());
            let present = kept.pointer(path).unwrap_or_else(|| panic!("{kind:?} has no {path}"));
            for form in forms() {
                let is_word = form == json!(LATER) && WORDS.contains(&path);
                if (is_same_form(&form, present) && !is_word) || (form.is_null() && values.contains(&"null")) {
                    continue;
                }
                // A text says which app clients, as a list does: `all` is the only one.
                let mut garbled = kept.clone();
                *garbled.pointer_mut(path).unwrap() = form.clone();
                assert!(read(*kind, part, &garbled).is_err(), "{kind:?} {part}{path}: {form}");
            }
            let is_member = path.rsplit('/').next().is_some_and(|name| name.parse::<usize>().is_err());
            if is_member && !values.contains(&"none") {
                assert!(read(*kind, part, &without(&kept, path)).is_err(), "{kind:?} {part}{path}: missing");
            }
        }
    }
}

#[test]
fn what_a_sign_in_or_a_webhook_does_not_need_keeps_nobody_out_whatever_it_is() {
    for (kind, part, doors) in DOORS.iter().filter(|(_, part, _)| !part.is_empty()) {
        let kept = kept(*kind);
        let doors: Vec<&str> = doors.iter().map(|door| door.split(' ').next().unwrap()).collect();
        // A door, what is around one, and what is in one.
        let matters = |path: &str| doors.iter().any(|door| door.starts_with(path) || path.starts_with(door));
        let needed = ["/provider_name", "/former_webhooks/0", "/former_webhooks/1"];
        let is_needed = |path: &str| needed.iter().any(|needed| path.starts_with(needed));
        for path in paths(&kept).into_iter().filter(|path| !matters(path) && !is_needed(path)) {
            for form in forms() {
                let mut odd = kept.clone();
                *odd.pointer_mut(&path).unwrap() = form.clone();
                let outcome = read(*kind, part, &odd);
                assert!(outcome.is_ok(), "{part}{path}: {form}: {outcome:?}");
            }
            let outcome = read(*kind, part, &without(&kept, &path));
            assert!(outcome.is_ok(), "{part}{path}: missing: {outcome:?}");
        }
    }
}
