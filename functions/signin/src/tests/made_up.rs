//! Input that somebody makes up, generated and not picked.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};

/// So many texts of the form that a regular expression has.
pub fn texts(form: &str, number: usize) -> Vec<String> {
    generated(&prop::string::string_regex(form).unwrap(), number)
}

/// So many values.
pub fn generated<S: Strategy>(strategy: &S, number: usize) -> Vec<S::Value> {
    let mut runner = TestRunner::default();
    (0..number).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

/// Tenant IDs.
pub fn tenants(number: usize) -> Vec<String> {
    texts("tnt_[0-7][0-9A-HJKMNP-TV-Z]{25}", number)
}

/// Connection IDs.
pub fn connections(number: usize) -> Vec<String> {
    texts("conn_[0-9A-Za-z]{26}", number)
}

/// Pool IDs.
pub fn pools(number: usize) -> Vec<String> {
    texts("eu-west-1_[0-9A-Za-z]{9}", number)
}

/// Codes and access tokens: of the right form or of any, and `good` ones that were changed.
pub fn bearers(good: &str, number: usize) -> Vec<String> {
    let changed = (0..good.len(), "[A-Za-z0-9_-]").prop_map({
        let good = good.to_owned();
        move |(at, character)| format!("{}{character}{}", &good[..at], &good[at + 1..])
    });
    let bytes = prop::collection::vec(any::<u8>(), 44).prop_map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
    let any = prop_oneof![bytes, changed, "[A-Za-z0-9_-]{59}", "[!-~]{1,80}", "[A-Za-z0-9_-]{43}"];
    let mut made_up = generated(&any, number);
    made_up.retain(|text| text != good);
    made_up
}
