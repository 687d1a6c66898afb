//! The condition of the table is the rule.

use std::collections::BTreeMap;

use causeway_core::waiting::Call;
use proptest::prelude::*;

use super::*;
use crate::Item;

/// The attributes of an item, by their paths.
type Attributes = BTreeMap<&'static str, AttributeValue>;

/// A condition as DynamoDB reads it, as far as the one here goes: `AND` binds closer than `OR`.
struct Reader<'a> {
    words: Vec<&'a str>,
    item: &'a Attributes,
    values: BTreeMap<&'static str, AttributeValue>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> &'a str {
        self.words.remove(0)
    }

    fn any(&mut self) -> bool {
        let mut holds = self.all();
        while self.words.first() == Some(&"OR") {
            self.next();
            holds |= self.all();
        }
        holds
    }

    fn all(&mut self) -> bool {
        let mut holds = self.one();
        while self.words.first() == Some(&"AND") {
            self.next();
            holds &= self.one();
        }
        holds
    }

    fn one(&mut self) -> bool {
        let word = self.next();
        if word == "NOT" {
            return !self.one();
        }
        if word == "(" {
            let holds = self.any();
            assert_eq!(self.next(), ")");
            return holds;
        }
        if word == "attribute_exists" {
            let [_, path, _] = [(); 3].map(|()| self.next());
            return self.item.contains_key(path);
        }
        if word == "attribute_type" {
            let [_, path, kind, _] = [(); 4].map(|()| self.next());
            assert_eq!(self.values[kind], text("S"));
            return self.item.get(path).is_some_and(AttributeValue::is_s);
        }
        let (operator, value) = (self.next(), self.next());
        let (left, right) = (self.item.get(word), self.values[value].as_s().unwrap());
        // What is not there, or is of another type, compares with nothing.
        left.and_then(|left| left.as_s().ok()).is_some_and(|left| match operator {
            "=" => left == right,
            "<=" => left <= right,
            ">" => left > right,
            other => panic!("{other}"),
        })
    }
}

fn holds(condition: &str, item: &Attributes, values: &[(&'static str, AttributeValue)]) -> bool {
    let spaced = condition.replace('(', " ( ").replace(')', " ) ").replace(',', " ").replace("#status", "status");
    let values = values.iter().cloned().collect();
    let mut reader = Reader { words: spaced.split_whitespace().collect(), item, values };
    let holds = reader.any();
    assert!(reader.words.is_empty(), "{condition}");
    holds
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_795_348_800_000 + millis)
}

/// A time as it may stand in the table, and as the rule reads it.
#[derive(Debug, Clone)]
struct Stands(Option<AttributeValue>, Option<Timestamp>);

/// Times around now and far from it, none, and what is none.
fn times() -> impl Strategy<Value = Stands> {
    let longest = i64::try_from((LONGEST_LEASE + SKEW).as_millis()).unwrap();
    let millis = prop_oneof![-20_000..20_000_i64, longest - 3..longest + 3, Just(1 << 40), Just(-1 << 40)];
    let odd = prop_oneof![
        Just(AttributeValue::N("1795348800000".to_owned())),
        Just(AttributeValue::Bool(true)),
        Just(AttributeValue::Null(true)),
        Just(AttributeValue::M([("S".to_owned(), text("2026"))].into())),
        "[a-z ]{0,9}".prop_map(AttributeValue::S),
    ];
    prop_oneof![
        4 => millis.prop_map(|millis| Stands(Some(text(at(millis))), Some(at(millis)))),
        1 => odd.prop_map(|odd| Stands(Some(odd), None)),
        1 => Just(Stands(None, None)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn a_run_gets_the_lease_where_nothing_is_to_be_said_against_it_or_it_has_it(
        held in times(), looked in times(), webhook in times(),
        sent in prop::option::of(-20_000..0_i64), is_removing: bool,
        holder in prop_oneof![Just("run"), Just("another")],
        cause in prop_oneof![Just(Cause::Schedule), Just(Cause::Api), Just(Cause::Webhook)],
    ) {
        let urgency = sent.map_or(Urgency::AtOnce, |sent| Urgency::Since(at(sent)));
        let call = Call { cause, urgency };
        let mut item = Attributes::from([("pk", text("TENANT#")), ("lease_holder", text(holder))]);
        item.insert("status", text(if is_removing { "removing" } else { "active" }));
        let stands = [("lease_until", &held), ("run.looked_at", &looked), ("webhook_look_at", &webhook)];
        item.extend(stands.into_iter().filter_map(|(name, stands)| Some((name, stands.0.clone()?))));
        let standing =
            Standing { held_until: held.1, is_removing, looked_at: looked.1, webhook_look_at: webhook.1 };
        let (condition, values) = condition(Lease { run_id: "run", call, now: at(0), until: at(60_000) });
        let begins = holder == "run" || refusal(standing, call, at(0)).is_none();
        prop_assert_eq!(holds(&condition, &item, &values), begins);
        prop_assert!(!holds(&condition, &Attributes::new(), &values), "of a pool that is not there");
    }

    #[test]
    fn what_the_rule_reads_of_an_item_is_what_stands_there_or_nothing(
        held in times(), looked in times(), webhook in times(),
    ) {
        let mut item = Item::from([("status".to_owned(), text("active"))]);
        let run = looked.0.map(|looked| AttributeValue::M([("looked_at".to_owned(), looked)].into()));
        let stands = [("lease_until", held.0), ("run", run), ("webhook_look_at", webhook.0)];
        item.extend(stands.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        let expected = Standing {
            held_until: held.1, is_removing: false, looked_at: looked.1, webhook_look_at: webhook.1,
        };
        prop_assert_eq!(read::<StandingItem>(item).unwrap().standing(), expected);
    }
}
