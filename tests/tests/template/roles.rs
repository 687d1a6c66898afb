//! What each function's role may do, statement by statement, and what follows from all of them together.

use std::collections::{BTreeMap, BTreeSet};

use causeway_local_cloud::workspace;
use regex::Regex;

use super::{document, function_names, property, resources, template};

/// Each function with what its role may do beside its own log and its traces: the actions, on what, and under which
/// conditions. `keys` are the partition keys of the table's items, `purpose` is what a secret is sealed for.
const ALLOWED: [(&str, &[&str]); 6] = [
    (
        "Ingest",
        &[
            "dynamodb:GetItem, dynamodb:Query on Table.Arn",
            "dynamodb:UpdateItem on Table.Arn, keys WAKE#*",
            "sqs:SendMessage on WakeUps.Arn, Timer.Arn",
            "kms:Decrypt on SealingKey.Arn, purpose webhook-secret",
        ],
    ),
    (
        "Schedule",
        &[
            "dynamodb:Query on ${Table.Arn}/index/due, ${Table.Arn}/index/unwell",
            "dynamodb:UpdateItem on Table.Arn, keys TENANT#*",
            "sqs:ReceiveMessage, sqs:DeleteMessage, sqs:ChangeMessageVisibility, sqs:GetQueueAttributes on Timer.Arn",
            "sqs:SendMessage on WakeUps.Arn",
        ],
    ),
    (
        "Reconcile",
        &[
            "sqs:ReceiveMessage, sqs:DeleteMessage, sqs:ChangeMessageVisibility, sqs:GetQueueAttributes on WakeUps.Arn",
            "sqs:SendMessage on DeadLetters.Arn",
            "dynamodb:GetItem, dynamodb:Query on Table.Arn",
            "dynamodb:PutItem, dynamodb:UpdateItem on Table.Arn, keys TENANT#* POOL#* WAKE#* AUDIT#*",
            "dynamodb:DeleteItem on Table.Arn, keys TENANT#* POOL#*",
            "sqs:SendMessage on WakeUps.Arn, Timer.Arn",
            "kms:Encrypt on SealingKey.Arn, purpose webhook-secret",
            "kms:Decrypt on SealingKey.Arn, purpose workos-api-key",
            "sts:AssumeRole on arn:${AWS::Partition}:iam::*:role/${TenantRoleNamePrefix}*",
        ],
    ),
    (
        "Tenants",
        &[
            "dynamodb:BatchGetItem, dynamodb:ConditionCheckItem, dynamodb:GetItem, dynamodb:Query on Table.Arn",
            "dynamodb:Query on ${Table.Arn}/index/due, ${Table.Arn}/index/unwell",
            "dynamodb:PutItem, dynamodb:UpdateItem on Table.Arn, \
             keys TENANT#* TENANTS POOL#* ONBOARDING#* REQUEST#* AUDIT#*",
            "dynamodb:DeleteItem on Table.Arn, keys TENANT#* TENANTS POOL#*",
            "sqs:GetQueueAttributes, sqs:SendMessage on WakeUps.Arn",
            "sqs:ChangeMessageVisibility, sqs:DeleteMessage, sqs:GetQueueAttributes, sqs:ReceiveMessage on DeadLetters.Arn",
            "sqs:GetQueueAttributes on TimerDeadLetters.Arn",
            "s3:PutObject on ${TemplateBucket.Arn}/role.yaml",
            "kms:Encrypt on SealingKey.Arn, purpose workos-api-key webhook-secret sign-in-state idempotent-answer",
            "kms:Decrypt on SealingKey.Arn, purpose workos-api-key",
            "kms:Decrypt on SealingKey.Arn, purpose idempotent-answer",
            "sts:AssumeRole on arn:${AWS::Partition}:iam::*:role/${TenantRoleNamePrefix}*",
        ],
    ),
    (
        "Onboarding",
        &[
            "dynamodb:ConditionCheckItem, dynamodb:GetItem, dynamodb:Query on Table.Arn",
            "dynamodb:PutItem, dynamodb:UpdateItem on Table.Arn, keys TENANT#* SESSION#* ERRAND#* AUDIT#*",
            "sqs:SendMessage on WakeUps.Arn",
            "kms:Encrypt on SealingKey.Arn, purpose workos-api-key",
        ],
    ),
    (
        "Signin",
        &[
            "dynamodb:GetItem on Table.Arn",
            "dynamodb:PutItem on Table.Arn, keys CODE#* TOKEN#* STATE#* SIGNINS#* DEPLOYMENT",
            "dynamodb:DeleteItem on Table.Arn, keys CODE#* STATE#*",
            "kms:Encrypt on SealingKey.Arn, purpose bearer-key",
            "kms:Decrypt on SealingKey.Arn, purpose workos-api-key sign-in-state bearer-key",
            "kms:DescribeKey, kms:GetPublicKey, kms:Sign on SigningKey.Arn, SecondSigningKey.Arn",
        ],
    ),
];

/// The partitions that one kind of function writes and no other may.
const OWNED: [(&str, &[&str]); 12] = [
    ("WAKE#*", &["Ingest", "Reconcile"]),
    ("SESSION#*", &["Onboarding"]),
    ("ERRAND#*", &["Onboarding"]),
    ("TENANTS", &["Tenants"]),
    ("ONBOARDING#*", &["Tenants"]),
    ("REQUEST#*", &["Tenants"]),
    ("CODE#*", &["Signin"]),
    ("TOKEN#*", &["Signin"]),
    ("STATE#*", &["Signin"]),
    ("SIGNINS#*", &["Signin"]),
    ("DEPLOYMENT", &["Signin"]),
    ("POOL#*", &["Reconcile", "Tenants"]),
];

/// The roles that tenants let in, by the path that their own roles trust.
const LET_IN_BY_TENANTS: [&str; 2] = ["Reconcile", "Tenants"];
/// The actions that change an item of the table.
const WRITES: [&str; 3] = ["PutItem", "UpdateItem", "DeleteItem"];

/// The condition key with the partition keys of a request (`DynamoDB`: "Using IAM policy conditions").
const LEADING_KEYS: &str = "dynamodb:LeadingKeys";
/// The one with what a secret is sealed for, a part of its encryption context.
const PURPOSE: &str = "kms:EncryptionContext:purpose";

/// One statement of a role's policy.
#[derive(Debug, PartialEq, Eq)]
struct Statement {
    actions: Vec<String>,
    resources: Vec<String>,
    /// The keys of the conditions, each by its operator, with their values.
    conditions: BTreeMap<(String, String), Vec<String>>,
}

impl Statement {
    /// A statement as it is written in the template, from what follows its `Sid`.
    fn of(text: &str) -> Self {
        let indented = |line: &str| line.len() - line.trim_start().len();
        let mut conditions = BTreeMap::new();
        let condition = text.split("Condition:\n").nth(1).unwrap_or_default();
        let block = condition.lines().next().map_or(0, indented);
        let mut operator = "";
        for line in condition.lines().take_while(|line| indented(line) >= block) {
            if indented(line) == block {
                operator = line.trim().trim_end_matches(':').trim_matches('"');
            } else {
                let (key, values) = line.trim().split_once(": ").unwrap_or_else(|| panic!("{line}"));
                conditions.insert((operator.to_owned(), key.to_owned()), listed(values));
            }
        }
        Self { actions: values(text, "Action"), resources: values(text, "Resource"), conditions }
    }

    /// The statement in the words of [`ALLOWED`], which has a condition on keys only as one that asks for a key.
    fn described(&self) -> String {
        let mut described = format!("{} on {}", self.actions.join(", "), self.resources.join(", "));
        let mut conditions = self.conditions.clone();
        if let Some(keys) = conditions.remove(&key("ForAllValues:StringLike", LEADING_KEYS)) {
            let is_asked_for = conditions.remove(&key("Null", LEADING_KEYS));
            assert_eq!(is_asked_for, Some(vec!["false".to_owned()]), "true of a request without a key: {self:?}");
            described = format!("{described}, keys {}", keys.join(" "));
        }
        if let Some(purposes) = conditions.remove(&key("StringEquals", PURPOSE)) {
            described = format!("{described}, purpose {}", purposes.join(" "));
        }
        assert!(conditions.is_empty(), "another condition: {self:?}");
        described
    }

    /// The partition keys that it lets its role write; none if it is about something else.
    fn written(&self) -> Vec<String> {
        let is_write = |action: &String| WRITES.iter().any(|write| *action == format!("dynamodb:{write}"));
        if !self.actions.iter().any(is_write) {
            return Vec::new();
        }
        let keys = self.conditions.get(&key("ForAllValues:StringLike", LEADING_KEYS));
        keys.cloned().unwrap_or_else(|| panic!("writes what it likes: {self:?}"))
    }
}

fn key(operator: &str, name: &str) -> (String, String) {
    (operator.to_owned(), name.to_owned())
}

/// The values of a list, or the one that stands there without brackets.
fn listed(text: &str) -> Vec<String> {
    let inner = text.trim().strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text.trim());
    inner.split(", ").map(|value| value.trim_matches('"').to_owned()).collect()
}

/// What a statement says of its actions or resources, on one line or on one for each.
fn values(statement: &str, name: &str) -> Vec<String> {
    let plain = |value: &str| {
        let value = value.trim_start_matches("!GetAtt ").trim_start_matches("!Sub ");
        // There under a condition, or not at all.
        let value = value.strip_prefix("!If [").and_then(|value| value.split(", ").nth(1)).unwrap_or(value);
        value.trim_start_matches("!GetAtt ").to_owned()
    };
    let mut lines = statement.lines().skip_while(|line| !line.trim_start().starts_with(&format!("{name}:")));
    let first = lines.next().unwrap_or_else(|| panic!("no {name}: {statement}"));
    let on_the_line = first.split_once(':').unwrap().1.trim();
    if on_the_line.is_empty() {
        lines.map_while(|line| line.trim().strip_prefix("- ")).map(plain).collect()
    } else {
        listed(on_the_line).iter().map(|value| plain(value)).collect()
    }
}

/// The role of a function.
fn role<'a>(template: &'a str, function: &str) -> &'a str {
    let roles = resources(template, "AWS::IAM::Role").into_iter();
    let mut roles = roles.filter(|role| role.trim_start().starts_with(&format!("{function}Role:")));
    roles.next().unwrap_or_else(|| panic!("{function} has no role"))
}

/// The statements of a function's role, but for the one on traces that all share.
fn statements(template: &str, function: &str) -> Vec<Statement> {
    let statements = role(template, function).split("Sid: ").skip(1).map(without_comments);
    statements.filter(|text| !text.starts_with("Traces\n")).map(|text| Statement::of(&text)).collect()
}

fn without_comments(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    lines.flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn every_role_may_do_what_its_function_does_and_nothing_else() {
    let template = template();
    assert_eq!(function_names(&template).into_iter().collect::<BTreeSet<_>>(), ALLOWED.map(|(name, _)| name).into());
    for (function, allowed) in ALLOWED {
        let log = format!("logs:CreateLogStream, logs:PutLogEvents on {function}Logs.Arn");
        let expected: Vec<&str> = std::iter::once(log.as_str()).chain(allowed.iter().copied()).collect();
        let found: Vec<String> = statements(&template, function).iter().map(Statement::described).collect();
        assert_eq!(found, expected, "{function}");
        // What is in no statement of its own is in no other policy either.
        let role = role(&template, function);
        assert_eq!(role.matches("PolicyName:").count(), 1, "{function}");
        assert!(!role.contains("ManagedPolicyArns"), "{function}");
    }
}

#[test]
fn what_one_function_writes_alone_no_other_may_write() {
    let template = template();
    for (partition, owners) in OWNED {
        let writers = function_names(&template).into_iter().filter(|function| {
            let written: Vec<String> = statements(&template, function).iter().flat_map(Statement::written).collect();
            written.iter().any(|pattern| overlap(pattern, partition))
        });
        assert_eq!(writers.collect::<BTreeSet<_>>(), owners.iter().copied().collect(), "{partition}");
    }
}

/// Whether two patterns, which may end with `*` and have none before, match a key in common.
fn overlap(one: &str, other: &str) -> bool {
    match (one.strip_suffix('*'), other.strip_suffix('*')) {
        (Some(one), Some(other)) => one.starts_with(other) || other.starts_with(one),
        (Some(prefix), None) => other.starts_with(prefix),
        (None, Some(prefix)) => one.starts_with(prefix),
        (None, None) => one == other,
    }
}

#[test]
fn patterns_overlap_where_one_key_matches_both() {
    assert!(overlap("TENANT#*", "TENANT#*") && overlap("TENANT*", "TENANTS") && overlap("TENANTS", "T*"));
    assert!(!overlap("TENANT#*", "TENANTS") && !overlap("TENANTS", "TENANT"));
}

/// Of the rows of a table in docs/architecture.md, by what its head begins with: what each cell names in backquotes.
fn named_in_rows(head: &str) -> Vec<Vec<BTreeSet<String>>> {
    let page = document("architecture.md");
    let table = page.split(head).nth(1).unwrap_or_else(|| panic!("no table {head}"));
    let name = Regex::new("`([^`]+)`").unwrap();
    let named = |cell: &str| name.captures_iter(cell).map(|found| found[1].to_owned()).collect();
    let rows = table.lines().skip(2).map_while(|line| line.trim().strip_prefix("| "));
    rows.map(|row| row.split('|').map(named).collect()).collect()
}

#[test]
fn the_page_on_the_architecture_says_which_function_writes_which_partition() {
    let template = template();
    let mut said: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in named_in_rows("| partition | written by |") {
        said.extend(row[0].iter().map(|partition| (partition.clone(), row[1].clone())));
    }
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for function in function_names(&template) {
        for pattern in statements(&template, function).iter().flat_map(Statement::written) {
            found.entry(pattern.trim_end_matches('*').to_owned()).or_default().insert(function.to_lowercase());
        }
    }
    assert_eq!(said, found);
}

#[test]
fn the_page_on_the_architecture_says_which_function_seals_and_opens_what() {
    let template = template();
    let purposes = |function: &str, action: &str| -> Vec<String> {
        let all = statements(&template, function).into_iter();
        let all = all.filter(|statement| statement.actions.iter().any(|allowed| allowed == action));
        all.flat_map(|statement| statement.conditions[&key("StringEquals", PURPOSE)].clone()).collect()
    };
    let who = |action: &str, purpose: &String| -> BTreeSet<String> {
        let functions = function_names(&template).into_iter();
        functions.filter(|name| purposes(name, action).contains(purpose)).map(str::to_lowercase).collect()
    };
    let mut described = BTreeSet::new();
    for row in named_in_rows("| purpose | sealed by | opened by |") {
        let purpose = row[0].first().unwrap();
        assert_eq!((&row[1], &row[2]), (&who("kms:Encrypt", purpose), &who("kms:Decrypt", purpose)), "{purpose}");
        described.insert(purpose.clone());
    }
    for function in function_names(&template) {
        for action in ["kms:Encrypt", "kms:Decrypt"] {
            assert!(
                purposes(function, action).iter().all(|purpose| described.contains(purpose)),
                "{function} {action}"
            );
        }
    }
}

#[test]
fn every_partition_of_the_store_has_a_function_that_may_write_it() {
    let template = template();
    let written: Vec<String> = function_names(&template)
        .into_iter()
        .flat_map(|function| statements(&template, function))
        .flat_map(|statement| statement.written())
        .collect();
    let source = std::fs::read_to_string(workspace::root().join("shared/store/src/key.rs")).unwrap();
    let first_part = Regex::new(r#"Self::new\(format!\("([A-Z]+#)"#).unwrap();
    let partitions: BTreeSet<&str> =
        first_part.captures_iter(&source).map(|found| found.get(1).unwrap().as_str()).collect();
    assert!(partitions.len() >= 8, "else keys are no longer found: {partitions:?}");
    for partition in partitions {
        assert!(written.iter().any(|pattern| *pattern == format!("{partition}*")), "{partition}");
    }
}

#[test]
fn the_page_opens_no_secret_enters_no_account_deletes_nothing_and_seals_api_keys_only() {
    let template = template();
    for statement in statements(&template, "Onboarding") {
        let purposes = statement.conditions.get(&key("StringEquals", PURPOSE));
        for action in &statement.actions {
            let is_allowed = match action.split_once(':').unwrap() {
                ("kms", action) => action == "Encrypt" && purposes == Some(&vec!["workos-api-key".to_owned()]),
                ("dynamodb", action) => !action.contains("Delete") && !action.contains("Batch"),
                (service, _) => ["logs", "sqs"].contains(&service),
            };
            assert!(is_allowed, "{action}: {statement:?}");
        }
    }
}

#[test]
fn tenants_let_in_the_roles_of_the_functions_that_work_in_their_accounts_and_no_others() {
    let template = template();
    let trusted = format!("Path: {}\n", causeway_core::role::FUNCTION_ROLE_PATH);
    for function in function_names(&template) {
        let role = role(&template, function);
        let is_let_in = LET_IN_BY_TENANTS.contains(&function);
        assert_eq!(role.contains(&trusted), is_let_in, "{function}");
        assert_eq!(role.contains("Path: /causeway-internal/\n"), !is_let_in, "{function}");
        assert_eq!(role.contains("sts:AssumeRole\n                Resource"), is_let_in, "{function}");
    }
    // Nothing else is under that path.
    assert_eq!(template.matches(&trusted).count(), LET_IN_BY_TENANTS.len());
}

#[test]
fn the_sealing_key_opens_for_functions_only_and_the_signing_keys_sign_for_signin_only() {
    let template = template();
    let keys = resources(&template, "AWS::KMS::Key");
    let role = |rest: &str| format!("!Sub arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/{rest}");
    for key in keys {
        let name = key.trim_start().split(':').next().unwrap();
        let Some(use_of_it) = key.split("- Sid: Functions\n").nth(1) else {
            assert_eq!(property(key, "Properties"), Some("*signingKey"), "{name}");
            continue;
        };
        let trusted = use_of_it.split("aws:PrincipalArn:\n").nth(1).unwrap();
        let trusted: Vec<&str> = trusted.lines().map_while(|line| line.trim().strip_prefix("- ")).collect();
        let expected = if name == "SealingKey" {
            vec![role("causeway/*"), role("causeway-internal/*")]
        } else {
            vec![role("causeway-internal/*-SigninRole-*")]
        };
        assert_eq!(trusted, expected, "{name}");
    }
}
