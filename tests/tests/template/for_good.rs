//! What can't be changed after the first deployment, what outlives the stack, and what takes a release over.

use super::{property, resources, template};

/// A parameter of the template.
fn parameter<'a>(template: &'a str, name: &str) -> &'a str {
    let rest = template.split(&format!("\n  {name}:\n")).nth(1).unwrap_or_else(|| panic!("no parameter {name}"));
    let end = rest.match_indices("\n  ").map(|(at, _)| at).find(|at| rest.as_bytes()[at + 3] != b' ');
    &rest[..end.unwrap_or(rest.len())]
}

#[test]
fn the_table_is_one_that_can_have_replicas_and_its_only_one_is_protected_and_can_be_restored() {
    let template = template();
    assert!(resources(&template, "AWS::DynamoDB::Table").is_empty(), "it can't become a global one");
    let tables = resources(&template, "AWS::DynamoDB::GlobalTable");
    let [table] = tables.as_slice() else { panic!("not one table: {tables:?}") };
    assert!(table.contains("SSEEnabled: true") && table.contains("AttributeName: expires_at"), "{table}");
    let replicas = table.split("      Replicas:\n").nth(1).unwrap();
    let replica = replicas.lines().take_while(|line| line.starts_with("        ")).collect::<Vec<_>>();
    assert_eq!(
        replica.iter().map(|line| line.trim()).collect::<Vec<_>>(),
        [
            "- Region: !Ref AWS::Region",
            "DeletionProtectionEnabled: true",
            "PointInTimeRecoverySpecification:",
            "PointInTimeRecoveryEnabled: true",
        ]
    );
}

#[test]
fn every_key_can_have_a_replica_one_day_and_nobody_may_make_it_yet() {
    let template = template();
    let keys = resources(&template, "AWS::KMS::Key");
    assert_eq!(keys.len(), 3);
    for key in keys {
        // The second signing key has the properties of the first.
        assert!(key.contains("      MultiRegion: true\n") || key.contains("Properties: *signingKey\n"), "{key}");
    }
    assert!(template.contains("Properties: &signingKey\n"));
    for action in ["kms:ReplicateKey", "kms:UpdatePrimaryRegion", "kms:*"] {
        assert!(!template.contains(action), "{action}");
    }
}

#[test]
fn the_table_outlives_the_stack_and_keys_and_bucket_do_but_for_a_first_deployment_that_fails() {
    let template = template();
    let kept = |kind: &str, policy: &str| {
        let resources = resources(&template, kind);
        assert!(!resources.is_empty(), "{kind}");
        for resource in resources {
            assert_eq!(property(resource, "DeletionPolicy"), Some(policy), "{resource}");
            assert_eq!(property(resource, "UpdateReplacePolicy"), Some("Retain"), "{resource}");
        }
    };
    kept("AWS::DynamoDB::GlobalTable", "Retain");
    kept("AWS::KMS::Key", "RetainExceptOnCreate");
    kept("AWS::S3::Bucket", "RetainExceptOnCreate");
}

#[test]
fn a_tick_that_was_not_taken_in_a_minute_or_failed_is_not_made_again() {
    let template = template();
    let events = resources(&template, "AWS::Lambda::EventInvokeConfig");
    let [events] = events.as_slice() else { panic!("not one: {events:?}") };
    for (name, value) in [
        ("FunctionName", "!Ref ScheduleFunction"),
        // The seventh part of the ARN of `live`: what the Scheduler calls.
        ("Qualifier", r#"!If [HasCanary, !Select [7, !Split [":", !Ref ScheduleLive]], $LATEST]"#),
        ("MaximumEventAgeInSeconds", "60"),
        ("MaximumRetryAttempts", "0"),
    ] {
        assert_eq!(property(events, name), Some(value), "{events}");
    }
    let tick = resources(&template, "AWS::Scheduler::Schedule")[0];
    assert!(tick.contains("Arn: !If [HasCanary, !Ref ScheduleLive, !GetAtt ScheduleFunction.Arn]\n"), "{tick}");
    for (name, value) in [("MaximumEventAgeInSeconds", "60"), ("MaximumRetryAttempts", "0")] {
        assert_eq!(property(tick, name), Some(value), "{tick}");
    }
}

#[test]
fn no_bucket_is_made_that_anybody_may_read_unless_it_is_asked_for() {
    let template = template();
    assert_eq!(property(parameter(&template, "LaunchLinks"), "Default"), Some("disabled"));
    assert!(template.contains("  HasLaunchLinks: !Equals [!Ref LaunchLinks, enabled]\n"));
    for kind in ["AWS::S3::Bucket", "AWS::S3::BucketPolicy"] {
        for resource in resources(&template, kind) {
            assert_eq!(property(resource, "Condition"), Some("HasLaunchLinks"), "{resource}");
        }
    }
}

#[test]
fn instances_of_signin_are_kept_started_by_the_alias_which_a_rule_asks_for() {
    let template = template();
    assert_eq!(property(parameter(&template, "SigninProvisionedConcurrency"), "Default"), Some("\"\""));
    let aliases = resources(&template, "AWS::Lambda::Alias");
    let keeping: Vec<_> = aliases.iter().filter(|alias| alias.contains("ProvisionedConcurrencyConfig")).collect();
    let [alias] = keeping.as_slice() else { panic!("not one alias: {keeping:?}") };
    assert!(alias.trim_start().starts_with("SigninLive:"), "{alias}");
    let kept = "ProvisionedConcurrencyConfig: !If\n        - ProvisionsSignin\n        - ProvisionedConcurrentExecutions: \
                !Ref SigninProvisionedConcurrency\n        - !Ref AWS::NoValue\n";
    assert!(alias.contains(kept), "{alias}");
    let condition = "!Not [!Equals [!Ref SigninProvisionedConcurrency, \"\"]]";
    assert!(template.contains(&format!("  ProvisionsSignin: {condition}\n")));
    let rule = format!(
        "  ProvisionedConcurrencyNeedsCanary:\n    RuleCondition: {condition}\n    Assertions:\n      \
         - Assert: !Not [!Equals [!Ref Canary, none]]\n"
    );
    assert!(template.contains(&rule));
}

#[test]
fn what_takes_over_at_once_is_stopped_by_no_alarm_so_that_a_rollback_is_not() {
    let template = template();
    assert!(template.contains("  TakesOverGradually: !Not [!Equals [!Ref Canary, LambdaAllAtOnce]]\n"));
    let alarms = template.split("AlarmConfiguration: &canaryAlarms\n").nth(1).unwrap();
    assert_eq!(alarms.lines().next().unwrap().trim(), "Enabled: !If [TakesOverGradually, true, false]");
    for group in resources(&template, "AWS::CodeDeploy::DeploymentGroup") {
        assert!(group.contains("AlarmConfiguration: *canaryAlarms\n") || group.contains("&canaryAlarms\n"), "{group}");
    }
}
