//! What a release is made of, held to the files that say it: workflows, settings, change log, policies and pages.

#![allow(clippy::unwrap_used, reason = "a file that can't be read fails the test")]

use std::collections::BTreeSet;
use std::process::Command;

use causeway_local_cloud::workspace;
use regex::Regex;

#[path = "releases/operate.rs"]
mod operate;
#[path = "releases/permissions.rs"]
mod permissions;

/// A release that there is not.
const VERSION: &str = "9.9.9";

/// The text of a file of the working copy.
fn read(path: &str) -> String {
    std::fs::read_to_string(workspace::root().join(path)).unwrap()
}

/// The workflows, each with its text.
fn workflows() -> Vec<(String, String)> {
    let folder = std::fs::read_dir(workspace::root().join(".github/workflows")).unwrap();
    let files = folder.map(|entry| entry.unwrap().path());
    files.map(|file| (file.display().to_string(), std::fs::read_to_string(&file).unwrap())).collect()
}

#[test]
fn workflows_use_actions_by_commit_and_commands_that_there_are() {
    let workflows = workflows();
    assert!(workflows.len() >= 2);
    for (file, text) in &workflows {
        for used in text.lines().filter_map(|line| line.split("uses: ").nth(1)) {
            if let Some(own) = used.strip_prefix("./") {
                assert!(workspace::root().join(own).is_file(), "{file}: {own}");
                continue;
            }
            let (commit, version) = used.split_once('@').and_then(|(_, rest)| rest.split_once(" # v")).unwrap();
            let is_commit = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(is_commit && !version.is_empty(), "{file}: {used}");
        }
        for script in text.split("run: .").skip(1).filter_map(|run| run.split_whitespace().next()) {
            assert!(workspace::root().join(format!(".{script}")).is_file(), "{file}: .{script}");
        }
        assert!(text.contains("\npermissions:\n  contents: read\n"), "{file} may do more than it needs");
    }
    let all: String = workflows.iter().map(|(_, text)| text.as_str()).collect();
    let commands =
        [".ci/run\n", ".ci/run --long", ".ci/may-be-released ", "cargo deny", "cargo cyclonedx", "sam build"];
    for command in commands.into_iter().chain(["sam deploy"]) {
        assert!(all.contains(command), "{command}");
    }
    let script = std::fs::read_to_string(workspace::root().join(".ci/run")).unwrap();
    assert!(script.contains("cargo xtask test \"$@\""), "{script}");
}

#[test]
fn a_release_and_a_deployment_by_hand_take_over_as_the_settings_say_under_a_name_of_their_own() {
    let (settings, workflow, page) =
        (read("samconfig.toml"), read(".github/workflows/release.yml"), read("docs/releases.md"));
    let integration = settings.split("[local.").next().unwrap();
    assert!(integration.contains("'Canary=\""), "else there is no one place for it: {integration}");
    assert!(integration.contains("'Release=\"\"'"), "else one without a name of its own is not refused: {integration}");
    // Both write the name in its place, and the workflow nothing else.
    let named = r#"sed -i "s/'Release=\"[^\"]*\"'/"#;
    assert_eq!((workflow.matches(named).count(), workflow.matches("sed -i").count()), (1, 1), "{workflow}");
    // Whoever deploys by hand may have a sed that takes no `-i` alone.
    assert!(page.contains(&named.replace("sed -i ", "sed -i.bak ")), "{page}");
    assert!(!workflow.contains("--parameter-overrides"), "it would take the place of the settings: {workflow}");
}

#[test]
fn the_session_that_deploys_lasts_as_long_as_its_job_may_take() {
    let workflow = read(".github/workflows/release.yml");
    let job = workflow.split("\n  deploy:\n").nth(1).unwrap();
    let number =
        |name: &str| -> u32 { job.split(name).nth(1).unwrap().lines().next().unwrap().trim().parse().unwrap() };
    assert_eq!(number("role-duration-seconds:"), 60 * number("timeout-minutes:"));
    let role = format!("--max-session-duration {}\n", number("role-duration-seconds:"));
    assert!(read("docs/releases.md").contains(&role), "the role must allow it: {role}");
}

#[test]
fn the_policy_for_deploying_has_a_statement_for_every_service_of_the_template() {
    let policy = read("docs/iam/deploy.json");
    let template = read("template.yaml");
    let kinds = template.lines().filter_map(|line| line.trim().strip_prefix("Type: AWS::"));
    let services: BTreeSet<&str> = kinds.map(|kind| kind.split("::").next().unwrap()).collect();
    assert!(services.len() > 10, "else resources are no longer found: {services:?}");
    for service in services {
        let prefix = match service {
            "ApiGatewayV2" => "apigateway",
            "Serverless" => "lambda",
            other => &other.to_lowercase(),
        };
        assert!(policy.contains(&format!("\"{prefix}:")), "{service}");
    }
}

#[test]
fn the_policy_for_deploying_makes_and_passes_roles_under_every_path_that_the_template_gives_them() {
    let (policy, template) = (read("docs/iam/deploy.json"), read("template.yaml"));
    let paths: BTreeSet<&str> =
        template.lines().filter_map(|line| line.trim().strip_prefix("Path: /")?.strip_suffix('/')).collect();
    assert!(paths.len() >= 2, "else paths are no longer found: {paths:?}");
    for statement in ["Roles", "PassRoles"] {
        let statement =
            policy.split(&format!("\"Sid\": \"{statement}\"")).nth(1).unwrap().split("\"Sid\"").next().unwrap();
        for path in &paths {
            let resource = format!("\"arn:aws:iam::ACCOUNT_ID:role/{path}/causeway-*\"");
            assert!(statement.contains(&resource), "{resource}: {statement}");
        }
    }
}

#[test]
fn a_release_says_of_every_function_of_the_template_what_is_in_it() {
    let template = read("template.yaml");
    let binaries: Vec<&str> = template.lines().filter_map(|line| line.trim().strip_prefix("Binary: ")).collect();
    assert!(binaries.len() >= 6, "else functions are no longer found: {binaries:?}");
    let workflow = read(".github/workflows/release.yml");
    let listed = workflow.split("for function in ").nth(1).unwrap().split("; do").next().unwrap();
    assert_eq!(listed, binaries.join(" "));
}

#[test]
fn nothing_moves_an_alias_by_hand() {
    for file in std::fs::read_dir(workspace::root().join("docs")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "md") {
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(!text.contains("aws lambda update-alias"), "CodeDeploy refuses then: {}", path.display());
        }
    }
}

#[test]
fn what_is_built_for_a_processor_is_deployed_for_it() {
    let settings = read("samconfig.toml");
    let section = |name: &str| {
        let section = settings.split(&format!("[integration.{name}.parameters]\n")).nth(1).unwrap();
        let section = section.split("\n[").next().unwrap();
        section.split("'Architecture=\"").nth(1).unwrap_or_else(|| panic!("{name} names none")).split('"').next()
    };
    assert_eq!(section("build"), section("deploy"));
}

/// What the check says of a tag, for the project as it is but for one change in one file.
fn check_of_tag(tag: &str, file: &str, change: impl Fn(&str) -> String) -> Result<(), String> {
    let folder = std::env::temp_dir().join(format!("causeway-{}-{file}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for name in ["Cargo.toml", "CHANGELOG.md", "samconfig.toml"] {
        let text = releasable(name);
        std::fs::write(folder.join(name), if name == file { change(&text) } else { text }).unwrap();
    }
    let script = workspace::root().join(".ci/may-be-released");
    let output = Command::new(script).arg(tag).current_dir(&folder).output().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(said) }
}

/// A file of the working copy as it is made ready for a release.
fn releasable(file: &str) -> String {
    let text = read(file);
    let (now, then) = match file {
        "CHANGELOG.md" => ("## Unreleased\n", format!("## Unreleased\n\n## {VERSION} (2026-12-01)\n")),
        "Cargo.toml" => ("version = \"[0-9.]+\"\n", format!("version = \"{VERSION}\"\n")),
        _ => ("PublicBaseUrl=\"[^\"]*\"", "PublicBaseUrl=\"https://login.example.com\"".to_owned()),
    };
    Regex::new(now).unwrap().replace(&text, then).into_owned()
}

#[test]
fn a_tag_is_refused_that_is_another_version_or_has_no_dated_notes_or_no_base_url_or_no_place_for_its_name() {
    let tag = format!("v{VERSION}");
    let same = |text: &str| text.to_owned();
    assert_eq!(check_of_tag(&tag, "none", same), Ok(()));
    let refused = |tag: &str, file: &str, from: &str, to: &str| {
        let change = |text: &str| {
            assert!(text.contains(from), "{text}");
            text.replacen(from, to, 1)
        };
        check_of_tag(tag, file, change).unwrap_err()
    };
    assert!(check_of_tag("v99.0.0", "none", same).unwrap_err().contains(&format!("has version {VERSION}")));
    let dated = format!("## {VERSION} (2026-12-01)");
    let said = refused(&tag, "CHANGELOG.md", &dated, "## 0.0.9 (2026-12-01)");
    assert!(said.contains("no heading"), "{said}");
    let said = refused(&tag, "CHANGELOG.md", &dated, &format!("## {VERSION} (not released)"));
    assert!(said.contains("no date"), "{said}");
    let said = refused(&tag, "CHANGELOG.md", "## Unreleased\n", "## Unreleased\n\n- Something new.\n");
    assert!(said.contains("under 'Unreleased'"), "{said}");
    let said = refused(&tag, "samconfig.toml", "https://login.example.com", "");
    assert!(said.contains("no PublicBaseUrl"), "{said}");
    for other in ["", "'Architecture=\"x86_64\"'"] {
        let said = refused(&tag, "samconfig.toml", "'Architecture=\"arm64\"'", other);
        assert!(said.contains("both of its sections"), "{said}");
    }
    let said = refused(&tag, "samconfig.toml", "'Release=\"\"'", "'Release=\"first\"'");
    assert!(said.contains("no empty Release"), "{said}");
}
