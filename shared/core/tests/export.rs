//! What of an export is read, and what is told of one that is none.
#![allow(clippy::unwrap_used, reason = "a test that can't go on should stop where it is")]

#[allow(dead_code, reason = "each test binary uses its own part")]
mod scene;

use causeway_core::{
    export::{ExportedProvider, Faulty, LARGEST_FILE, PoolExport, judge},
    user_pool::Mode,
};
use proptest::prelude::*;
use scene::{
    Specs, conn,
    exported::{export, exported, old_issuer},
};
use serde_json::{Value, json};

fn file() -> Value {
    serde_json::to_value(export()).unwrap()
}

fn read(file: &Value) -> Result<PoolExport, Faulty> {
    PoolExport::read(&serde_json::to_vec(file).unwrap())
}

#[test]
fn an_export_is_read_as_it_was_written() {
    assert_eq!(read(&file()), Ok(export()));
}

#[test]
fn a_file_that_is_no_good_export_is_refused_for_what_is_wrong_with_it() {
    let with = |pointer: &str, value: Value| {
        let mut file = file();
        *file.pointer_mut(pointer).unwrap() = value;
        file
    };
    let second = |change: &dyn Fn(&mut Value)| {
        let mut file = file();
        change(&mut file["providers"][1]);
        file
    };
    let foreign = format!("https://old.example.com/oidc/{}/{}", Specs::tenant(), conn('A'));
    let many: Vec<ExportedProvider> = (0..1001).map(|_| exported('A')).collect();
    for (file, field, told) in [
        (with("/format_version", json!(2)), "format_version", "reads 1, and not 2"),
        (with("/format_version", json!("1")), "(file)", "invalid type"),
        (with("/pool/mode", json!("sync")), "pool.mode", "--mode paused"),
        (with("/pool/mode", json!("upsert")), "pool.mode", "--mode paused"),
        (with("/pool/mode", json!("observe")), "pool.mode", "--mode paused"),
        (with("/pool/mode", json!("asleep\u{1b}[2J")), "(file)", "unknown variant"),
        (with("/pool/tenant_id", json!("tnt_1")), "(file)", "a tenant ID is"),
        (with("/pool", json!([])), "(file)", "expected an object"),
        (with("/providers", json!([])), "providers", "1 to 1000"),
        (with("/providers", json!(many)), "providers", "not 1001"),
        (with("/providers/0", json!([1, 2, 3, 4, 5])), "(file)", "expected an object"),
        (with("/providers/1/connection_id", json!(conn('A'))), "providers[1].connection_id", "comes twice"),
        (
            with("/providers/1/provider_name", json!(exported('A').provider_name)),
            "providers[1].provider_name",
            "same name",
        ),
        (with("/providers/0/provider_name", json!("a\u{7}bc")), "(file)", "line 1"),
        (
            with("/providers/0/issuer", json!(foreign)),
            "providers[0].issuer",
            "does not end in /oidc/tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2A/",
        ),
        (with("/providers/0/issuer", json!(old_issuer('B'))), "providers[0].issuer", "does not end in"),
        (with("/providers/0/issuer", json!(7)), "(file)", "expected a string"),
        (with("/providers/0/subject", json!("email")), "(file)", "unknown variant"),
        (second(&|provider| provider["more"] = json!(1)), "(file)", "unknown field"),
        (
            second(&|provider| drop(provider.as_object_mut().unwrap().remove("subject"))),
            "(file)",
            "missing field `subject`",
        ),
        (
            second(&|provider| drop(provider.as_object_mut().unwrap().remove("organization_id"))),
            "(file)",
            "organization_id",
        ),
        (json!(null), "(file)", "expected an object"),
        (json!([1]), "(file)", "expected an object"),
    ] {
        let fault = read(&file).unwrap_err();
        assert_eq!(fault.field, field, "{fault}");
        assert!(fault.rule.contains(told), "{fault}");
        assert!(!fault.to_string().contains(|c: char| c.is_control()), "{fault:?}");
    }
    let huge = vec![b' '; LARGEST_FILE + 1];
    assert!(PoolExport::read(&huge).unwrap_err().rule.contains("bytes"));
    let deep = [vec![b'['; 200_000], vec![b']'; 200_000]].concat();
    assert_eq!(PoolExport::read(&deep).unwrap_err().field, "(file)");
}

/// Anything that a JSON file can hold.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "conn_[A-C]|paused|sync|tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2A|\u{1b}\\[31m|\u{202e}|(\u{301}){50}"
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map("[a-z_]{1,12}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Puts something in the place of a member of the file.
fn spoiled(file: &mut Value, turns: &[usize], with: Value) {
    let mut pointer = String::new();
    for turn in turns {
        match file.pointer(&pointer) {
            Some(Value::Object(members)) if !members.is_empty() => {
                let name = members.keys().nth(turn % members.len()).unwrap();
                pointer = format!("{pointer}/{name}");
            }
            Some(Value::Array(items)) if !items.is_empty() => pointer = format!("{pointer}/{}", turn % items.len()),
            _ => break,
        }
    }
    *file.pointer_mut(&pointer).unwrap() = with;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn whatever_stands_in_a_file_what_is_read_of_it_contradicts_itself_nowhere_and_what_is_told_controls_no_terminal(
        turns in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        with in anything(),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let turns: Vec<usize> = turns.iter().map(|turn| turn.index(1000)).collect();
        let mut file = file();
        spoiled(&mut file, &turns, with);
        let mut bytes = serde_json::to_vec(&file).unwrap();
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        match PoolExport::read(&bytes) {
            Ok(export) => {
                prop_assert_eq!(judge(&export.pool, &export.providers, 1000), Ok(()));
                prop_assert_eq!(export.pool.mode, Mode::Paused);
                for provider in &export.providers {
                    prop_assert!(provider.issuer.is_of(&export.pool.tenant_id, &provider.connection_id));
                }
            }
            Err(fault) => prop_assert!(!fault.to_string().contains(|c: char| c.is_control() || c == '\u{202e}'), "{fault:?}"),
        }
    }
}
