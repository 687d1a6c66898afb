//! The commands in `operate`, with an AWS and a SAM CLI that only keep what they are told.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use causeway_local_cloud::workspace;

/// Keeps what is reserved for a function, and whether an event source is enabled, in files.
const AWS: &str = r#"#!/bin/sh
case "$*" in
  *Outputs*) echo name ;;
  *SigningKeys*) cat keys ;;
  *Canary\'*) cat canary ;;
  *Parameters*) cat parameter ;;
  *describe-stack-resource*) echo mapping ;;
  *get-function-concurrency*) cat reserved ;;
  *put-function-concurrency*) echo "$6" > reserved ;;
  *delete-function-concurrency*) echo None > reserved ;;
  *get-event-source-mapping*) cat state ;;
  *list-deployments*) cat deployments ;;
  *stop-deployment*) echo "$*" >> stopped; echo None > deployments ;;
  *describe-table*) cat described >&2; [ ! -s described ] || exit 254 ;;
  *delete-table*) echo "$*" >> deleted ;;
  *table-not-exists*) ;;
  *--no-enabled*) echo Disabled > state ;;
  *--enabled*) echo Enabled > state ;;
  *) echo "what is $*" >&2; exit 1 ;;
esac
"#;

/// Keeps the settings and the template that it was to deploy with.
const SAM: &str = r#"#!/bin/sh
[ "$1 $2 $3" = "deploy --config-env integration" ] || exit 1
cp "$5" deployed
echo "$7" > template
"#;

/// A folder of somebody who operates a deployment.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("causeway-operate-{}-{name}", std::process::id()));
        std::fs::create_dir_all(folder.join(".aws-sam/build")).unwrap();
        for (name, text) in [("aws", AWS), ("sam", SAM)] {
            std::fs::write(folder.join(name), text).unwrap();
            std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let folder = Self(folder);
        folder.has(".aws-sam/build/template.yaml", "");
        folder.has("samconfig.toml", &std::fs::read_to_string(workspace::root().join("samconfig.toml")).unwrap());
        folder
    }

    fn has(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), format!("{text}\n")).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap().trim_end().to_owned()
    }

    /// What a command says.
    fn run(&self, line: &str) -> String {
        let path = format!("{}:{}", self.0.display(), std::env::var("PATH").unwrap());
        let line = format!("{}/operate/{line}", workspace::root().display());
        let ran = Command::new("bash").args(["-c", &line]).current_dir(&self.0).env("PATH", path).output().unwrap();
        String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays is in a folder for what is temporary.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn what_was_stopped_is_started_with_what_the_stack_reserves_for_it_and_a_second_time_changes_nothing() {
    let folder = Folder::new("stopped");
    for (parameter, reserved) in [("None", "None"), ("", "None"), ("7", "7")] {
        for (name, text) in [("parameter", parameter), ("reserved", reserved), ("state", "Enabled")] {
            folder.has(name, text);
        }
        for (line, says, is) in [
            ("stop Tenants", "Stopped: Tenants.", "0 Enabled".to_owned()),
            ("stop Tenants", "Stopped: Tenants.", "0 Enabled".to_owned()),
            ("stop", "Stopped: no run begins", "0 Disabled".to_owned()),
            ("stop", "Stopped: no run begins", "0 Disabled".to_owned()),
            ("start Tenants", "Started: Tenants.", format!("{reserved} Disabled")),
            ("start Tenants", "Runs already: Tenants.", format!("{reserved} Disabled")),
            ("start", "Started: wake-ups", format!("{reserved} Enabled")),
            ("start", "Runs already: the event source", format!("{reserved} Enabled")),
            ("stop Tenants Nobody", "there is no function Nobody", format!("{reserved} Enabled")),
        ] {
            let said = folder.run(line);
            let state = format!("{} {}", folder.read("reserved"), folder.read("state"));
            assert!(said.contains(says) && state == is, "{line}: {said}{state}");
        }
    }
}

#[test]
fn going_back_is_a_deployment_all_at_once_under_a_name_of_its_own_and_leaves_the_settings_as_they_are() {
    let folder = Folder::new("back");
    let settings = folder.read("samconfig.toml");
    for (canary, expected) in [("LambdaCanary10Percent10Minutes", "LambdaAllAtOnce"), ("none", "none")] {
        let settings = settings.replace("LambdaCanary10Percent10Minutes", canary);
        folder.has("samconfig.toml", &settings);
        let said = folder.run("roll-back .aws-sam/build");
        assert!(said.contains("Deployed: back-"), "{said}");
        assert_eq!(folder.read("samconfig.toml"), settings);
        assert_eq!(folder.read("template"), ".aws-sam/build/template.yaml");
        let deployed = folder.read("deployed");
        assert!(deployed.contains(&format!("'Canary=\"{expected}\"'")), "{deployed}");
        assert!(deployed.contains("'Release=\"back-2") && !deployed.contains("'Release=\"\"'"), "{deployed}");
    }
    assert!(folder.run("roll-back nowhere").contains("there is no build in nowhere"));
}

#[test]
fn what_github_has_is_not_deployed_for_another_processor_than_it_was_built_for() {
    let folder = Folder::new("processor");
    folder.has("samconfig.toml", &folder.read("samconfig.toml").replace("arm64", "x86_64"));
    let said = folder.run("roll-back v0.1.0");
    assert!(said.contains("samconfig.toml says x86_64"), "{said}");
    assert!(!folder.0.join("deployed").exists());
    assert!(
        folder.run("roll-back .aws-sam/build").contains("Deployed: back-"),
        "a folder's build is whoever's who made it"
    );
}

#[test]
fn a_release_that_takes_over_is_stopped_in_each_function_and_a_second_time_there_is_none() {
    let folder = Folder::new("stop-release");
    folder.has("canary", "LambdaCanary10Percent10Minutes");
    folder.has("deployments", "d-1");
    let said = folder.run("stop-release");
    assert!(said.contains("Stops the deployment d-1 of Ingest") && said.contains("\nStopped: 1."), "{said}");
    assert_eq!(folder.read("stopped"), "deploy stop-deployment --deployment-id d-1 --auto-rollback-enabled");
    assert!(folder.run("stop-release").contains("No release is taking over."));
    folder.has("canary", "none");
    assert!(folder.run("stop-release").contains("no canary"));
}

#[test]
fn a_restored_table_counts_as_gone_only_where_aws_says_that_there_is_none() {
    let folder = Folder::new("restored");
    let line = "restore 2026-11-26T10:15:00Z --done";
    std::fs::write(folder.0.join("described"), "An error occurred (AccessDeniedException)").unwrap();
    let said = folder.run(line);
    assert!(said.contains("AccessDenied") && !said.contains("Deleted."), "{said}");
    std::fs::write(folder.0.join("described"), "An error occurred (ResourceNotFoundException)").unwrap();
    let said = folder.run(line);
    assert!(said.contains("Deleted.") && !folder.0.join("deleted").exists(), "{said}");
    std::fs::write(folder.0.join("described"), "").unwrap();
    let said = folder.run(line);
    assert!(said.contains("Deleted.") && folder.read("deleted").contains("name-restored-20261126T101500Z"), "{said}");
}

#[test]
fn a_signing_key_is_published_for_as_long_as_the_page_says_before_it_signs_and_is_never_swapped_at_once() {
    let folder = Folder::new("keys");
    let page = std::fs::read_to_string(workspace::root().join("docs/operations.md")).unwrap();
    let settings = folder.read("samconfig.toml");
    folder.has("keys", "first");
    for (canary, lead) in [
        ("none", 1200),
        ("LambdaAllAtOnce", 1200),
        ("LambdaCanary10Percent5Minutes", 1500),
        ("LambdaCanary10Percent10Minutes", 1800),
        ("LambdaCanary10Percent15Minutes", 2100),
        ("LambdaCanary10Percent30Minutes", 3000),
        ("LambdaLinear10PercentEvery1Minute", 1800),
        ("LambdaLinear10PercentEvery10Minutes", 7200),
    ] {
        folder.has("samconfig.toml", &settings.replace("LambdaCanary10Percent10Minutes", canary));
        // A second time changes nothing.
        for _ in 0..2 {
            let said = folder.run("signing-keys both");
            assert!(said.contains("Commit samconfig.toml"), "{said}");
            for text in [folder.read("samconfig.toml"), folder.read("deployed")] {
                assert_eq!(text.matches("'SigningKeys=\"both\"'").count(), 1, "{canary}: {text}");
                assert_eq!(text.matches(&format!("'SigningKeyLeadSeconds=\"{lead}\"'")).count(), 1, "{canary}: {text}");
                assert!(text.contains(&format!("'Canary=\"{canary}\"'")), "{text}");
            }
            assert!(
                folder.read("samconfig.toml").contains("'Release=\"\"'") && folder.read("deployed").contains("keys-2")
            );
        }
        let row = if canary.contains("Canary") { "5, 10, 15, 30 minutes | 1500, 1800, 2100, 3000" } else { canary };
        assert!(page.contains(row) && page.contains(&lead.to_string()), "the page does not say so of {canary}");
    }
    for (now, wanted) in [("first", "second"), ("second", "first")] {
        folder.has("keys", now);
        let before = folder.read("samconfig.toml");
        assert!(folder.run(&format!("signing-keys {wanted}")).contains("to both first"));
        assert_eq!(folder.read("samconfig.toml"), before);
    }
    assert!(folder.run("signing-keys all").contains("both, first or second"));
}
