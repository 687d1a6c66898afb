//! Names, which customers choose: whatever they are, what is shown stays readable and safe to copy.

use causeway_core::shown::is_shown;
use proptest::prelude::*;
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use super::{lists, run::Run, steps::Plan};

const TENANT: &str = "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N";
const POOL: &str = "eu-west-1_AbCdEf123";
const HASH: &str = "4f53cda18c2baa0c";

fn named(number: usize, name: &str) -> Value {
    json!({
        "connection_id": format!("conn_{number:026}"), "provider_name": format!("conn-{number:026}"),
        "name": name, "organization_name": name, "connection_type": "OktaSAML", "organization_id": null,
        "former_organization_names": [{"name": name.to_uppercase(), "until": "2026-11-24T00:00:00.000Z"}],
        "connection_state": "active", "in_sync": true, "action": "delete", "reason": "it is gone", "held": true,
        "at": "2026-11-24T00:00:00.000Z", "outcome": "signed_in", "error": null,
        "refused_by": "arn", "refused_at": "2026-11-24T00:00:00.000Z", "attempted": "delete", "class": "denied",
        "message": "no",
    })
}

fn plan(items: &[Value]) -> String {
    let steps: Vec<causeway_core::plan::RecordedStep> = serde_json::from_value(
        items
            .iter()
            .map(|item| {
                let mut step = item.clone();
                step["changes"] = json!([]);
                step
            })
            .collect(),
    )
    .unwrap();
    let summary = causeway_core::meaning::meaning(&steps);
    let plan = json!({"summary": summary, "hash": HASH, "steps": items, "notes": []});
    anstream::adapter::strip_str(&Plan::read(&plan).unwrap().text(TENANT, POOL)).to_string()
}

fn run(items: &[Value]) -> String {
    let run = json!({
        "id": "01", "started_at": "", "finished_at": "", "cause": "api", "outcome": "partial", "steps": items,
        "failures": items, "notes": items,
    });
    anstream::adapter::strip_str(&Run::read(&run).unwrap().text()).to_string()
}

fn is_safe(text: &str) -> bool {
    text.chars().all(|c| c == '\n' || is_shown(c))
}

fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,200}",
        "\\p{C}{0,40}",
        "[\u{5d0}-\u{5ea}\u{202e}\u{2066} \"()…]{0,60}",
        "(\u{1b}\\[[0-9;]{0,4}[mJH]|[a-z]|\r|\n){0,40}",
        "[`$;|&'\" a-z<>-]{0,60}",
    ]
}

proptest! {
    #[test]
    fn whatever_the_names_are_a_list_has_a_line_for_each_item(names in proptest::collection::vec(hostile(), 1..6)) {
        let items: Vec<Value> = names.iter().enumerate().map(|(number, name)| named(number, name)).collect();
        for list in [lists::providers, lists::refusals, lists::sign_ins] {
            let text = list(&items).unwrap();
            prop_assert!(is_safe(&text), "{text:?}");
            // What does not fit stands below the table.
            let table: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).collect();
            prop_assert_eq!(table.len(), 1 + items.len(), "{}", text);
            for (number, line) in table[1..].iter().enumerate() {
                let id = format!("conn_{number:026}");
                prop_assert!(line.ends_with(&id), "the ID stands behind it: {line}");
                prop_assert!(line.width() <= 80, "{line}");
            }
        }
    }

    #[test]
    fn whatever_the_names_are_the_command_that_a_plan_shows_has_none(
        names in proptest::collection::vec(hostile(), 1..6),
    ) {
        let items: Vec<Value> = names.iter().enumerate().map(|(number, name)| named(number, name)).collect();
        let text = plan(&items);
        prop_assert!(is_safe(&text) && is_safe(&run(&items)), "{text:?}");
        let command = format!("  causeway approve {TENANT} {POOL} --hash {HASH}");
        prop_assert_eq!(text.lines().last(), Some(command.as_str()));
        let lost = if items.len() == 1 { "1 customer loses ".to_owned() } else { format!("{} customers lose ", items.len()) };
        prop_assert!(text.starts_with(&lost), "{text}");
    }
}

#[test]
fn ten_thousand_names_are_a_sentence_of_ten_and_a_line_each() {
    let items: Vec<Value> = (0..10_000).map(|number| named(number, &"W".repeat(128))).collect();
    let text = plan(&items);
    let first = text.lines().next().unwrap();
    assert!(first.ends_with("and 9990 more.") && first.chars().count() < 2_000, "{first}");
    assert_eq!(text.matches("HELD BACK").count(), 10_000);
}
