//! The condition of the table is the rule.

use std::collections::BTreeMap;

use causeway_core::waiting::Call;
use proptest::prelude::*;

use super::*;

/// The attributes of an item, by their paths.
type Attributes = BTreeMap<&'static str, String>;

/// A condition as DynamoDB reads it, as far as the one here goes: `AND` binds closer than `OR`.
struct Reader<'a> {
    words: Vec<&'a str>,
    item: &'a Attributes,
    values: BTreeMap<&'static str, String>,
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
        if word == "(" {
            let holds = self.any();
            assert_eq!(self.next(), ")");
            return holds;
        }
        if let "attribute_exists" | "attribute_not_exists" = word {
            self.next();
            let exists = self.item.contains_key(self.next());
            self.next();
            return exists == (word == "attribute_exists");
        }
        let (operator, value) = (self.next(), self.next());
        let (left, right) = (self.item.get(word), &self.values[value]);
        // What is not there compares with nothing.
        left.is_some_and(|left| match operator {
            "=" => left == right,
            "<=" => left <= right,
            ">" => left > right,
            other => panic!("{other}"),
        })
    }
}

fn holds(condition: &str, item: &Attributes, values: &[(&'static str, AttributeValue)]) -> bool {
    let spaced = condition.replace('(', " ( ").replace(')', " ) ").replace("#status", "status");
    let values = values.iter().map(|(name, value)| (*name, value.as_s().unwrap().clone())).collect();
    let mut reader = Reader { words: spaced.split_whitespace().collect(), item, values };
    let holds = reader.any();
    assert!(reader.words.is_empty(), "{condition}");
    holds
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_795_348_800_000 + millis)
}

proptest! {
    #[test]
    fn a_run_gets_the_lease_where_nothing_is_to_be_said_against_it_or_it_has_it(
        held in prop::option::of(-20_000..20_000_i64), looked in prop::option::of(-20_000..20_000_i64),
        webhook in prop::option::of(-20_000..20_000_i64), sent in prop::option::of(-20_000..0_i64), is_removing: bool,
        holder in prop_oneof![Just("run"), Just("another")],
        cause in prop_oneof![Just(Cause::Schedule), Just(Cause::Api), Just(Cause::Webhook)],
    ) {
        let urgency = sent.map_or(Urgency::AtOnce, |sent| Urgency::Since(at(sent)));
        let call = Call { cause, urgency };
        let standing = Standing {
            held_until: held.map(at), is_removing, looked_at: looked.map(at), webhook_look_at: webhook.map(at),
        };
        let mut item = Attributes::from([("pk", "TENANT#".to_owned()), ("lease_holder", holder.to_owned())]);
        item.insert("status", if is_removing { "removing" } else { "active" }.to_owned());
        let times = [("lease_until", held), ("run.looked_at", looked), ("webhook_look_at", webhook)];
        item.extend(times.into_iter().filter_map(|(name, time)| Some((name, at(time?).to_string()))));
        let (condition, values) = condition(Lease { run_id: "run", call, now: at(0), until: at(60_000) });
        let begins = holder == "run" || refusal(standing, call, at(0)).is_none();
        prop_assert_eq!(holds(&condition, &item, &values), begins);
        prop_assert!(!holds(&condition, &Attributes::new(), &values), "of a pool that is not there");
    }
}
