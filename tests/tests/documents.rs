//! What the documents say of the code, held to the code where files alone show it.

#![allow(clippy::unwrap_used, reason = "a document that can't be read fails the test")]

use std::collections::BTreeSet;
use std::path::Path;

use causeway_local_cloud::workspace;
use regex::Regex;

fn read(path: &str) -> String {
    std::fs::read_to_string(workspace::root().join(path)).unwrap()
}

/// The names of all functions in the Rust sources below a folder.
fn functions_below(folder: &Path, names: &mut BTreeSet<String>) {
    let function = Regex::new(r"\bfn ([a-z0-9_]+)").unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions_below(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = std::fs::read_to_string(&path).unwrap();
            names.extend(function.captures_iter(&source).map(|found| found[1].to_owned()));
        }
    }
}

#[test]
fn every_test_that_the_pages_on_security_name_exists() {
    let mut functions = BTreeSet::new();
    for folder in ["cli", "functions", "shared", "tests", "xtask"] {
        functions_below(&workspace::root().join(folder), &mut functions);
    }
    // A test's name is a sentence, which no claim, parameter or field is.
    let test = Regex::new("`([a-z0-9]+(?:_[a-z0-9]+){3,})`").unwrap();
    for (path, least) in [("docs/threat-model.md", 100), ("SECURITY.md", 10)] {
        let document = read(path);
        let named: Vec<&str> = test.captures_iter(&document).map(|found| found.get(1).unwrap().as_str()).collect();
        assert!(named.len() > least, "else names are no longer found in {path}: {named:?}");
        let missing: Vec<_> = named.iter().filter(|name| !functions.contains(**name)).collect();
        assert!(missing.is_empty(), "{path}: {missing:?}");
    }
}

#[test]
fn the_operators_page_says_of_every_state_of_health_what_it_means() {
    let source = read("shared/core/src/health.rs");
    let states = source.split("pub enum HealthState {").nth(1).unwrap().split("\n}").next().unwrap();
    let states = states.lines().filter_map(|line| line.trim().strip_suffix(','));
    let states: Vec<&str> = states.filter(|state| state.chars().all(char::is_alphanumeric)).collect();
    assert!(states.contains(&"Ok") && states.contains(&"Held"), "else states are no longer found: {states:?}");
    let page = read("docs/operations.md");
    let capital = Regex::new("(.)([A-Z])").unwrap();
    for state in states {
        let state = capital.replace_all(state, "${1}_${2}").to_lowercase();
        assert!(page.contains(&format!("\n| `{state}` | ")), "no row for {state}");
    }
}
