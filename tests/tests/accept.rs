//! What the documents say of `cargo xtask accept`, held to its checks; and what they leave open, to the check that
//! settles it.

#![allow(clippy::unwrap_used, reason = "a document that can't be read fails the test")]

use std::collections::BTreeSet;

use causeway_accept::{CHECKS, table_of_checks};
use causeway_local_cloud::workspace;
use regex::Regex;

const PAGE: &str = "docs/accept.md";

fn read(path: &str) -> String {
    std::fs::read_to_string(workspace::root().join(path)).unwrap()
}

/// The check's names that stand in a text as code.
fn named(text: &str) -> BTreeSet<&'static str> {
    CHECKS.iter().map(|check| check.name).filter(|name| text.contains(&format!("`{name}`"))).collect()
}

#[test]
fn the_page_has_every_check_as_it_is() {
    let page = read(PAGE);
    let (begin, end) =
        (page.find("cargo test --workspace --test accept -->\n").unwrap(), page.find("<!-- end -->").unwrap());
    let begin = begin + page[begin..].find('\n').unwrap() + 1;
    let table = format!("\n{}", table_of_checks());
    if std::env::var_os("UPDATE_ACCEPT").is_some() {
        let updated = format!("{}{table}{}", &page[..begin], &page[end..]);
        std::fs::write(workspace::root().join(PAGE), updated).unwrap();
        return;
    }
    assert_eq!(&page[begin..end], table, "UPDATE_ACCEPT=1 writes it");
}

#[test]
fn every_open_check_settles_a_fact_of_the_page_and_every_fact_names_checks() {
    let page = read(PAGE);
    let facts = page.split("## What is open").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows: Vec<&str> = facts.lines().filter(|line| line.starts_with("| ")).skip(2).collect();
    assert!(rows.len() >= 20, "else rows are no longer found: {rows:?}");
    for row in &rows {
        assert!(!named(row.split('|').nth(2).unwrap()).is_empty(), "no check settles this: {row}");
    }
    let settled: BTreeSet<&str> = rows.iter().flat_map(|row| named(row)).collect();
    let forgotten: Vec<_> =
        CHECKS.iter().filter(|check| check.is_open && !settled.contains(check.name)).map(|check| check.name).collect();
    assert!(forgotten.is_empty(), "{forgotten:?}");
}

/// Everything that is said to people, without what is said in other words elsewhere.
fn pages() -> Vec<(String, String)> {
    let docs = std::fs::read_dir(workspace::root().join("docs")).unwrap();
    let docs = docs.map(|entry| format!("docs/{}", entry.unwrap().file_name().to_str().unwrap()));
    let pages = docs.filter(|name| name.strip_suffix(".md").is_some_and(|page| !page.ends_with("/accept")));
    let all = pages.chain(["README.md".to_owned(), "CONTRIBUTING.md".to_owned()]);
    all.map(|name| (name.clone(), read(&name))).collect()
}

#[test]
fn whatever_a_document_says_that_nobody_has_seen_names_the_check_that_settles_it() {
    let open =
        Regex::new("(?i)nobody (?:here|has (?:run|tried|done|seen|deployed|been))|never deployed|AWS.s word").unwrap();
    let link = Regex::new(r"accept\.md#([a-z0-9-]+)").unwrap();
    let anchors: BTreeSet<String> = read(PAGE).lines().filter_map(|line| line.strip_prefix('#')).map(anchor).collect();
    let (mut seen, mut wrong) = (0, Vec::new());
    for (name, page) in pages() {
        // An item of a list or a row of a table is what stands by itself.
        for said in page.split("\n\n").flat_map(|paragraph| paragraph.split("\n- ")).filter(|said| open.is_match(said))
        {
            seen += 1;
            let links = link.captures_iter(said).map(|found| found[1].to_owned());
            let links: Vec<String> = links.collect();
            let names_check = !named(said).is_empty() && said.contains("accept.md");
            let says_none = links.iter().any(|link| link == "what-it-does-not-settle");
            if !(names_check || says_none) || !links.iter().all(|link| anchors.contains(link)) {
                wrong.push(format!("{name}: {}", said.chars().take(160).collect::<String>()));
            }
        }
    }
    assert!(seen >= 8, "else they are no longer found: {seen}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What a heading is found by.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    heading.chars().filter(|one| one.is_alphanumeric() || " -".contains(*one)).collect::<String>().replace(' ', "-")
}

#[test]
fn the_example_is_a_report_of_all_checks_that_were_made_here() {
    let example = read("docs/accept-example.md");
    let missing: Vec<_> =
        CHECKS.iter().map(|check| check.name).filter(|name| !example.contains(&format!("| `{name}`"))).collect();
    assert!(missing.is_empty(), "a new run on the local cloud has them: {missing:?}");
    assert!(example.contains("on the local cloud") && example.contains("`taken-away` | **holds**"), "{example}");
    assert!(!Regex::new("(?:^|[^0-9])[0-9]{12}(?:[^0-9]|$)").unwrap().is_match(&example), "an account's number");
}

#[test]
fn names_of_checks_are_different_and_of_a_phase_after_the_one_before() {
    let names: BTreeSet<&str> = CHECKS.iter().map(|check| check.name).collect();
    assert_eq!(names.len(), CHECKS.len());
    assert!(CHECKS.windows(2).all(|pair| pair[0].phase <= pair[1].phase), "they are made in this order");
}
