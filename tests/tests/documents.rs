//! What the documents say of the code, held to the code where files alone show it.

#![allow(clippy::unwrap_used, reason = "a document that can't be read fails the test")]

use std::collections::BTreeSet;
use std::path::Path;

use causeway_local_cloud::page::{LEFT_OUT, blocks};
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

/// The commands of the pages that are run from top to bottom that can't run on the local cloud as they stand: the page,
/// how the block begins.
const NOT_ON_THE_LOCAL_CLOUD: [(&str, &str); 10] = [
    ("docs/deploy.md", "rustup target add aarch64-unknown-linux-gnu"),
    ("docs/deploy.md", "sam build --config-env integration"),
    ("docs/deploy.md", "aws s3control get-public-access-block --account-id"),
    ("docs/operations.md", "QUERY=$(aws logs start-query"),
    ("docs/operations.md", "aws cloudtrail lookup-events"),
    ("docs/operations.md", "operate/stop-release"),
    ("docs/operations.md", "operate/roll-back v0.1.0"),
    ("docs/operations.md", "git worktree add"),
    ("docs/operations.md", "RELEASE=v0.1.0"),
    ("docs/operations.md", "operate/signing-keys both --lead 20"),
];

#[test]
fn the_commands_that_do_not_run_on_the_local_cloud_are_known_and_each_says_why() {
    let mut left_out = Vec::new();
    for path in ["docs/deploy.md", "docs/operations.md"] {
        let page = read(path);
        for block in blocks(&page) {
            if block.left_out.is_none() && block.run_with.is_none() {
                continue;
            }
            let says_why = block.left_out.as_ref().is_none_or(|reason| reason.len() > 20);
            assert!(says_why, "{path} does not say why not: {}", block.commands);
            left_out.push((path, block.commands));
        }
        let marked = left_out.iter().filter(|(of, _)| *of == path).count();
        // The page on deploying says once what the words mean.
        assert_eq!(
            page.matches(&format!("\n{LEFT_OUT}")).count() + page.matches(&format!("  {LEFT_OUT}")).count(),
            marked
        );
    }
    assert_eq!(left_out.len(), NOT_ON_THE_LOCAL_CLOUD.len(), "{left_out:?}");
    for ((path, commands), (known, beginning)) in left_out.iter().zip(NOT_ON_THE_LOCAL_CLOUD) {
        assert!(*path == known && commands.starts_with(beginning), "{path}: {commands}");
    }
}

#[test]
fn the_first_deployment_has_a_release_of_its_own_before_the_template_could_refuse_it() {
    for page in ["docs/deploy.md", "README.md"] {
        let blocks = blocks(&read(page)).into_iter();
        let deploying: Vec<String> =
            blocks.map(|block| block.commands).filter(|text| text.contains("sam deploy")).collect();
        assert!(!deploying.is_empty(), "else nothing is deployed any more: {page}");
        for commands in deploying {
            let (before, _) = commands.split_once("sam deploy").unwrap();
            assert!(before.contains(r#"s/'Release=\"[^\"]*\"'/"#), "{page}: {commands}");
        }
    }
}

#[test]
fn what_is_chosen_for_good_is_on_one_list_and_so_in_the_template() {
    let (page, template) = (read("docs/deploy.md"), read("template.yaml"));
    let section = page.split("\n## Chosen for good\n").nth(1).unwrap().split("\n## ").next().unwrap();
    for (choice, in_the_template) in [
        ("`PublicBaseUrl`", "\n  PublicBaseUrl:\n"),
        ("`TenantRoleNamePrefix`", "\n  TenantRoleNamePrefix:\n"),
        ("`AWS::DynamoDB::GlobalTable`", "Type: AWS::DynamoDB::GlobalTable\n"),
        ("`MultiRegion`", "MultiRegion: true\n"),
        ("`RSA_2048`", "KeySpec: RSA_2048\n"),
        ("`/causeway/` and `/causeway-internal/`", "Path: /causeway-internal/\n"),
        ("`pk` and `sk`", "AttributeName: pk\n"),
        ("FIFO", "FifoQueue: true\n"),
        ("the Region", "Region: !Ref AWS::Region\n"),
        ("the account", "AWS::AccountId"),
        ("the stack's name", "AWS::StackName"),
        ("the partition", "AWS::Partition"),
        ("the names of providers", ""),
    ] {
        assert!(section.contains(&format!("\n| {choice}")) || section.contains(choice), "{choice}");
        assert!(template.contains(in_the_template), "{in_the_template}");
    }
}

#[test]
fn the_page_on_deploying_says_what_a_failed_first_deployment_leaves_and_deletes_an_empty_table_only() {
    let page = read("docs/deploy.md");
    let block = blocks(&page).into_iter().find(|block| block.section == "Where the first deployment failed").unwrap();
    let commands = block.commands;
    let at = |text: &str| commands.find(text).unwrap_or_else(|| panic!("{text}: {commands}"));
    assert!(at("--select COUNT") < at("= 0 ]") && at("= 0 ]") < at("delete-table"), "{commands}");
    assert!(at("delete-stack") < at("stack-delete-complete"), "{commands}");
    assert!(block.left_out.is_none());
}
