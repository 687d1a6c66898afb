//! What `CloudFormation`'s handlers say that they need, held to the policy for deploying.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::read;

/// What handlers ask for that this stack does not need, each with why: the kind of resource, the permissions.
const NOT_NEEDED: [(&str, &str, &[&str]); 16] = [
    (
        "AWS::DynamoDB::GlobalTable",
        "the table is on demand and scales by itself",
        &[
            "application-autoscaling:DeleteScalingPolicy",
            "application-autoscaling:DeleteScheduledAction",
            "application-autoscaling:DeregisterScalableTarget",
            "application-autoscaling:PutScalingPolicy",
            "application-autoscaling:PutScheduledAction",
            "application-autoscaling:RegisterScalableTarget",
        ],
    ),
    (
        "AWS::DynamoDB::GlobalTable",
        "no stream of Kinesis gets its changes",
        &["kinesis:DescribeStream", "kinesis:ListStreams", "kinesis:PutRecords"],
    ),
    (
        "AWS::DynamoDB::GlobalTable",
        "the policy of AWS's own key aws/dynamodb lets all of the account use it there",
        &["kms:CreateGrant", "kms:Decrypt", "kms:RevokeGrant"],
    ),
    ("AWS::IAM::Role", "no role has a managed policy", &["iam:AttachRolePolicy", "iam:DetachRolePolicy"]),
    (
        "AWS::IAM::Role",
        "no role has a permissions boundary",
        &["iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary"],
    ),
    (
        "AWS::KMS::Key",
        "keys are switched off and on by operators, and their rotation stays on",
        &["kms:DisableKey", "kms:DisableKeyRotation", "kms:EnableKey"],
    ),
    ("AWS::Lambda::EventSourceMapping", "there is no filter to encrypt", &["kms:Decrypt", "kms:GenerateDataKey"]),
    (
        "AWS::Lambda::Function",
        "functions are in no network of the account",
        &["ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"],
    ),
    (
        "AWS::Lambda::Function",
        "functions have no file system",
        &["elasticfilesystem:DescribeMountTargets", "s3files:ListMountTargets"],
    ),
    (
        "AWS::Lambda::Function",
        "the policy of AWS's own key aws/lambda lets all of the account use it there",
        &["kms:CreateGrant", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"],
    ),
    ("AWS::Logs::LogGroup", "logs are delivered nowhere else", &["firehose:TagDeliveryStream", "s3:REST.PUT.OBJECT"]),
    (
        "AWS::S3::Bucket",
        "the bucket has none of these settings",
        &[
            "s3:CreateBucketMetadataTableConfiguration",
            "s3:DeleteBucketAnalyticsConfiguration",
            "s3:DeleteBucketCors",
            "s3:DeleteBucketLifecycle",
            "s3:DeleteBucketMetadataTableConfiguration",
            "s3:DeleteBucketMetricsConfiguration",
            "s3:DeleteBucketReplication",
            "s3:DeleteBucketWebsite",
            "s3:PutAccelerateConfiguration",
            "s3:PutAnalyticsConfiguration",
            "s3:PutBucketAbac",
            "s3:PutBucketAcl",
            "s3:PutBucketCORS",
            "s3:PutBucketLogging",
            "s3:PutBucketNotification",
            "s3:PutBucketObjectLockConfiguration",
            "s3:PutBucketReplication",
            "s3:PutBucketVersioning",
            "s3:PutBucketWebsite",
            "s3:PutIntelligentTieringConfiguration",
            "s3:PutInventoryConfiguration",
            "s3:PutLifecycleConfiguration",
            "s3:PutMetricsConfiguration",
            "s3:PutObjectLockConfiguration",
            "s3:PutReplicationConfiguration",
            "s3:UpdateBucketMetadataAnnotationTableConfiguration",
            "s3:UpdateBucketMetadataInventoryTableConfiguration",
            "s3:UpdateBucketMetadataJournalTableConfiguration",
            "s3tables:CreateNamespace",
            "s3tables:CreateTable",
            "s3tables:CreateTableBucket",
            "s3tables:GetTable",
            "s3tables:GetTableMetadataLocation",
            "s3tables:PutTableBucketPolicy",
            "s3tables:PutTableEncryption",
            "s3tables:PutTablePolicy",
            "s3tables:UpdateTableMetadataLocation",
        ],
    ),
    ("AWS::S3::Bucket", "its encryption is set and never taken off", &["s3:DeleteBucketEncryption"]),
    (
        "AWS::S3::Bucket",
        "CloudFormation puts nothing into it and takes nothing out",
        &["s3:DeleteObject", "s3:PutObjectAcl"],
    ),
    (
        "AWS::CodeDeploy::DeploymentGroup",
        "there is no instance on premises",
        &["codedeploy:RegisterOnPremisesInstance"],
    ),
    ("AWS::Logs::LogGroup", "no policy is about a log group alone", &["logs:DeleteResourcePolicy"]),
];

/// What only the handlers for listing ask for. No change of a stack calls them: Cloud Control does, and the scan that
/// makes a template of what is there.
const ONLY_LISTS: [&str; 9] = [
    "cloudwatch:ListDashboards",
    "codedeploy:ListApplications",
    "dynamodb:ListTables",
    "iam:ListRoles",
    "kms:ListKeys",
    "lambda:ListFunctions",
    "s3:ListAllMyBuckets",
    "scheduler:ListSchedules",
    "sqs:ListQueues",
];

/// What IAM decides for no resource of its own (Service Authorization Reference), or for all alarms of the account.
const ON_ALL: [&str; 12] = [
    "application-autoscaling:Describe*",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:PutMetricData",
    "kms:CreateKey",
    "kms:ListAliases",
    "lambda:CreateEventSourceMapping",
    "lambda:ListEventSourceMappings",
    "logs:CreateLogDelivery",
    "logs:DeleteResourcePolicy",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:PutResourcePolicy",
];

/// A resource of the stack `causeway` of each kind, as `CloudFormation` names it.
const MADE: [(&str, &str); 22] = [
    ("AWS::ApiGatewayV2::Api", "arn:aws:apigateway:REGION::/apis/a1b2c3d4e5"),
    ("AWS::ApiGatewayV2::Integration", "arn:aws:apigateway:REGION::/apis/a1b2c3d4e5/integrations/f6g7h8"),
    ("AWS::ApiGatewayV2::Route", "arn:aws:apigateway:REGION::/apis/a1b2c3d4e5/routes/f6g7h8"),
    ("AWS::ApiGatewayV2::Stage", "arn:aws:apigateway:REGION::/apis/a1b2c3d4e5/stages/$default"),
    ("AWS::CloudWatch::Alarm", "arn:aws:cloudwatch:REGION:ACCOUNT_ID:alarm:causeway-BugAlarm-A1B2C3D4E5F6"),
    ("AWS::CloudWatch::Dashboard", "arn:aws:cloudwatch::ACCOUNT_ID:dashboard/causeway"),
    (
        "AWS::CodeDeploy::Application",
        "arn:aws:codedeploy:REGION:ACCOUNT_ID:application:causeway-CanaryApplication-A1B2",
    ),
    (
        "AWS::CodeDeploy::DeploymentGroup",
        "arn:aws:codedeploy:REGION:ACCOUNT_ID:deploymentgroup:causeway-CanaryApplication-A1B2/causeway-IngestCanary-C3D4",
    ),
    ("AWS::DynamoDB::GlobalTable", "arn:aws:dynamodb:REGION:ACCOUNT_ID:table/causeway-Table-A1B2C3D4E5F6"),
    ("AWS::IAM::Role", "arn:aws:iam::ACCOUNT_ID:role/causeway-internal/causeway-IngestRole-A1B2C3D4E5F6"),
    ("AWS::KMS::Key", "arn:aws:kms:REGION:ACCOUNT_ID:key/mrk-1234abcd12ab34cd56ef1234567890ab"),
    ("AWS::Lambda::Alias", "arn:aws:lambda:REGION:ACCOUNT_ID:function:causeway-IngestFunction-A1B2C3D4E5F6:live"),
    ("AWS::Lambda::EventInvokeConfig", "arn:aws:lambda:REGION:ACCOUNT_ID:function:causeway-ScheduleFunction-A1B2:live"),
    ("AWS::Lambda::EventSourceMapping", "arn:aws:lambda:REGION:ACCOUNT_ID:event-source-mapping:a1b2c3d4"),
    ("AWS::Lambda::Function", "arn:aws:lambda:REGION:ACCOUNT_ID:function:causeway-IngestFunction-A1B2C3D4E5F6"),
    ("AWS::Lambda::Permission", "arn:aws:lambda:REGION:ACCOUNT_ID:function:causeway-IngestFunction-A1B2C3D4E5F6"),
    ("AWS::Lambda::Version", "arn:aws:lambda:REGION:ACCOUNT_ID:function:causeway-IngestFunction-A1B2C3D4E5F6:1"),
    ("AWS::Logs::LogGroup", "arn:aws:logs:REGION:ACCOUNT_ID:log-group:/causeway/causeway/ingest"),
    ("AWS::S3::Bucket", "arn:aws:s3:::causeway-templatebucket-a1b2c3d4e5f6"),
    ("AWS::S3::BucketPolicy", "arn:aws:s3:::causeway-templatebucket-a1b2c3d4e5f6"),
    ("AWS::SQS::Queue", "arn:aws:sqs:REGION:ACCOUNT_ID:causeway-WakeUps-A1B2C3D4E5F6.fifo"),
    ("AWS::Scheduler::Schedule", "arn:aws:scheduler:REGION:ACCOUNT_ID:schedule/default/causeway-Tick-A1B2C3D4E5F6"),
];

/// What the handler of one kind of resource asks for on resources of another: by service, and for which resource.
const ELSEWHERE: [(&str, &str); 6] = [
    ("codedeploy:RegisterOnPremisesInstance", "arn:aws:codedeploy:REGION:ACCOUNT_ID:instance/a"),
    (
        "codedeploy",
        "arn:aws:codedeploy:REGION:ACCOUNT_ID:deploymentgroup:causeway-CanaryApplication-A1B2/causeway-X-C3D4",
    ),
    ("iam:PassRole", "arn:aws:iam::ACCOUNT_ID:role/causeway/causeway-TenantsRole-A1B2C3D4E5F6"),
    (
        "iam:CreateServiceLinkedRole",
        "arn:aws:iam::ACCOUNT_ID:role/aws-service-role/replication.dynamodb.amazonaws.com/A",
    ),
    ("kms", "arn:aws:kms:REGION:ACCOUNT_ID:key/mrk-1234abcd12ab34cd56ef1234567890ab"),
    ("s3", "arn:aws:s3:::aws-sam-cli-managed-default-samclisourcebucket-a1b2/causeway/a1b2c3"),
];

/// Whether a text fits one of IAM's patterns, in which `*` stands for anything. The case is the same to it.
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_lowercase(), text.to_lowercase());
    let Some((before, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(before) else { return false };
    (0..=text.len()).any(|at| text.is_char_boundary(at) && fits(rest, &text[at..]))
}

/// The texts of a member that is one or a list.
fn texts(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .map_or_else(|| vec![value.as_str().unwrap()], |list| list.iter().filter_map(Value::as_str).collect())
}

fn statements() -> Vec<Value> {
    let policy: Value = serde_json::from_str(&read("docs/iam/deploy.json")).unwrap();
    policy["Statement"].as_array().unwrap().clone()
}

fn is_allowed(statements: &[Value], permission: &str, resource: &str) -> bool {
    statements.iter().any(|statement| {
        texts(&statement["Action"]).iter().any(|pattern| fits(pattern, permission))
            && texts(&statement["Resource"]).iter().any(|pattern| fits(pattern, resource))
    })
}

/// For which resource a handler of this kind of resource makes a call.
fn resource_of(kind: &str, permission: &str) -> &'static str {
    if ON_ALL.contains(&permission) {
        return "*";
    }
    let service = permission.split(':').next().unwrap();
    let own = match kind.split("::").nth(1).unwrap() {
        "ApiGatewayV2" => "apigateway".to_owned(),
        other => other.to_lowercase(),
    };
    let elsewhere = ELSEWHERE.iter().find(|(asked, _)| *asked == permission || *asked == service && own != service);
    let made = MADE.iter().find(|(made, _)| *made == kind);
    elsewhere.or(made).unwrap_or_else(|| panic!("no example of {kind}")).1
}

/// What the handlers ask for, by kind of resource: each permission with the handlers that do.
fn asked_for() -> BTreeMap<String, BTreeMap<String, BTreeSet<String>>> {
    let extract: Value = serde_json::from_str(&read("docs/iam/handlers.json")).unwrap();
    let mut asked_for: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for (kind, handlers) in extract["handlers"].as_object().unwrap() {
        for (handler, permissions) in handlers.as_object().unwrap() {
            for permission in texts(permissions) {
                let of_kind = asked_for.entry(kind.clone()).or_default();
                of_kind.entry(permission.to_owned()).or_default().insert(handler.clone());
            }
        }
    }
    asked_for
}

#[test]
fn the_policy_for_deploying_allows_what_the_handlers_of_its_resources_ask_for_or_it_is_said_why_not() {
    let (statements, mut unused) = (statements(), NOT_NEEDED.to_vec());
    for (kind, permissions) in asked_for() {
        for (permission, handlers) in permissions {
            let is_only_listed = handlers.iter().all(|handler| handler == "list");
            if is_only_listed && ONLY_LISTS.contains(&permission.as_str()) {
                continue;
            }
            let excepted = NOT_NEEDED.iter().find(|(of, _, not)| *of == kind && not.contains(&permission.as_str()));
            let resource = resource_of(&kind, &permission);
            let is_allowed = is_allowed(&statements, &permission, resource);
            assert_ne!(is_allowed, excepted.is_some(), "{permission} on {resource} for {kind} ({handlers:?})");
            if let Some(excepted) = excepted {
                unused.retain(|other| other != excepted);
            }
        }
    }
    assert!(unused.is_empty(), "nobody asks for these any more: {unused:?}");
}

#[test]
fn a_pattern_of_iam_fits_what_has_its_parts_in_order() {
    for (pattern, text, is_so) in [
        ("kms:CreateKey", "KMS:createkey", true),
        ("kms:CreateKey", "kms:CreateKeys", false),
        ("s3:Get*Configuration", "s3:GetMetricsConfiguration", true),
        ("s3:Get*Configuration", "s3:GetBucketAcl", false),
        ("arn:*:key/*", "arn:aws:kms:eu-west-1:1:key/", true),
        ("*", "", true),
    ] {
        assert_eq!(fits(pattern, text), is_so, "{pattern} {text}");
    }
}

#[test]
fn the_extract_of_the_handlers_has_each_kind_of_resource_its_source_and_its_date() {
    let extract: Value = serde_json::from_str(&read("docs/iam/handlers.json")).unwrap();
    let template = read("template.yaml");
    let kinds = template.lines().filter_map(|line| line.trim().strip_prefix("Type: AWS::"));
    let kinds: BTreeSet<String> =
        kinds.map(|kind| format!("AWS::{}", kind.replace("Serverless::Function", "Lambda::Function"))).collect();
    assert_eq!(extract["handlers"].as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>(), kinds);
    let pinned = read("tests/tools/sam.txt");
    let version = pinned.lines().find_map(|line| line.strip_prefix("cfn-lint==")?.split(' ').next()).unwrap();
    assert_eq!(extract["source"], format!("cfn-lint {version} on PyPI, the schemas of us-east-1"));
    assert!(fits("20*-*-*T*Z", extract["date"].as_str().unwrap()), "{}", extract["date"]);
}

#[test]
fn who_deploys_may_delete_the_stack_read_all_alarms_and_have_services_make_the_roles_that_they_need() {
    let statements = statements();
    let stack = "arn:aws:cloudformation:REGION:ACCOUNT_ID:stack/causeway/a1b2";
    for (action, resource) in [
        ("cloudformation:DeleteStack", stack),
        ("cloudformation:ContinueUpdateRollback", stack),
        ("cloudwatch:DescribeAlarms", "*"),
    ] {
        assert!(is_allowed(&statements, action, resource), "{action}");
    }
    let linked = statements.iter().find(|statement| statement["Action"] == "iam:CreateServiceLinkedRole").unwrap();
    let services = texts(&linked["Condition"]["StringEquals"]["iam:AWSServiceName"]);
    // A key for several Regions, an API with a domain of its own, a table that can have replicas.
    assert_eq!(
        services,
        ["mrk.kms.amazonaws.com", "ops.apigateway.amazonaws.com", "replication.dynamodb.amazonaws.com"]
    );
}

#[test]
fn a_key_goes_only_after_thirty_days_and_nobody_may_take_one_to_another_region() {
    let statements = statements();
    let deletes: Vec<&Value> =
        statements.iter().filter(|statement| statement.to_string().contains("KeyDeletion")).collect();
    let [statement] = deletes.as_slice() else { panic!("not one statement: {deletes:?}") };
    let days = &statement["Condition"]["NumericGreaterThanEquals"]["kms:ScheduleKeyDeletionPendingWindowInDays"];
    assert_eq!((&statement["Action"], days), (&"kms:ScheduleKeyDeletion".into(), &"30".into()));
    let key = MADE.iter().find(|(kind, _)| *kind == "AWS::KMS::Key").unwrap().1;
    for action in ["kms:ReplicateKey", "kms:UpdatePrimaryRegion", "kms:Decrypt", "kms:Sign"] {
        assert!(!is_allowed(&statements, action, key), "{action}");
        // `Decrypt` and `Sign` are there for the functions.
        assert!(!action.contains("Re") || !read("template.yaml").contains(action), "{action}");
    }
}
