//! The modules of `core` stand in an order: what is stored below, what decides above, and none of them in a circle.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on should stop where it is")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

type Uses = BTreeMap<String, BTreeSet<String>>;

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The code of a file without its comments and its tests.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// The modules of the crate that a code names: `crate::name` and each of `crate::{name, ...}`.
fn named(code: &str) -> BTreeSet<String> {
    code.split("crate::").skip(1).flat_map(first_names).collect()
}

fn first_names(rest: &str) -> Vec<String> {
    let name = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(group) = rest.strip_prefix('{') else { return vec![name(rest)] };
    let (mut names, mut depth, mut begins) = (Vec::new(), 0, true);
    for (at, c) in group.char_indices() {
        match c {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            c if begins && !c.is_whitespace() => {
                names.push(name(&group[at..]));
                begins = false;
            }
            _ => {}
        }
    }
    names
}

/// Which modules each one names.
fn uses(sources: &[(String, String)]) -> Uses {
    let modules: BTreeSet<&String> = sources.iter().map(|(module, _)| module).collect();
    let mut uses = Uses::new();
    for (module, text) in sources {
        let named = named(&code(text)).into_iter().filter(|name| name != module && modules.contains(name));
        uses.entry(module.clone()).or_default().extend(named);
    }
    uses
}

/// The modules that are left once those that name no other one of these are taken away, again and again: those in circles,
/// and those that name them.
fn circles(mut uses: Uses) -> Uses {
    loop {
        let lowest: BTreeSet<String> =
            uses.iter().filter(|(_, named)| named.is_empty()).map(|(module, _)| module.clone()).collect();
        if lowest.is_empty() {
            return uses;
        }
        uses.retain(|module, _| !lowest.contains(module));
        for named in uses.values_mut() {
            named.retain(|name| !lowest.contains(name));
        }
    }
}

#[test]
fn no_module_of_core_names_one_that_names_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let sources = files(&root).into_iter().filter_map(|path| {
        let inside: Vec<&str> = path.strip_prefix(&root).unwrap().iter().map(|part| part.to_str().unwrap()).collect();
        let is_test = inside.iter().any(|part| part.trim_end_matches(".rs").ends_with("tests"));
        let module = inside[0].trim_end_matches(".rs").to_owned();
        (!is_test && module != "lib").then(|| (module, fs::read_to_string(&path).unwrap()))
    });
    let sources: Vec<(String, String)> = sources.collect();
    let uses = uses(&sources);
    assert!(uses.len() > 40 && uses["plan"].contains("claim"), "this reads nothing: {uses:?}");
    assert_eq!(circles(uses), Uses::new());
}

#[test]
fn a_circle_is_found_however_it_is_written() {
    let of = |sources: &[(&str, &str)]| {
        let sources: Vec<_> = sources.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        circles(uses(&sources)).into_keys().collect::<Vec<_>>()
    };
    let below = ("c", "use std::fmt;");
    assert_eq!(of(&[("a", "use crate::b::X;"), ("b", "use crate::{\n c::{Y, Z},\n a,\n};"), below]), ["a", "b"]);
    assert_eq!(of(&[("a", "use crate::{b::X, c};"), ("b", "fn f() -> crate::a::X {}"), below]), ["a", "b"]);
    assert_eq!(of(&[("a", "use crate::b::X;"), ("b", "// crate::a\nuse crate::c;"), below]), Vec::<String>::new());
    assert_eq!(of(&[("a", "use crate::b;"), ("b", "#[cfg(test)]\nuse crate::a;"), below]), Vec::<String>::new());
}
