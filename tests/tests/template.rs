//! What the emulator does not enforce, asserted on `template.yaml` itself.

#![allow(clippy::unwrap_used, reason = "a template that can't be read fails the test")]

use causeway_local_cloud::{cost, workspace};
use causeway_telemetry::{Metric, NAMESPACE};
use serde_json::Value;

#[path = "template/alarms.rs"]
mod alarms;
#[path = "template/for_good.rs"]
mod for_good;
#[path = "template/roles.rs"]
mod roles;
#[path = "template/routes.rs"]
mod routes;

fn template() -> String {
    std::fs::read_to_string(workspace::root().join("template.yaml")).unwrap()
}

/// The text of each resource of a type.
fn resources<'a>(template: &'a str, kind: &str) -> Vec<&'a str> {
    let section = template.split("\nResources:\n").nth(1).unwrap().split("\nOutputs:\n").next().unwrap();
    let starts: Vec<usize> = section
        .match_indices('\n')
        .map(|(at, _)| at + 1)
        .filter(|at| {
            section[*at..].starts_with("  ") && section.as_bytes().get(at + 2).is_some_and(u8::is_ascii_alphabetic)
        })
        .chain([section.len()])
        .collect();
    starts
        .windows(2)
        .map(|pair| &section[pair[0]..pair[1]])
        .filter(|resource| resource.lines().nth(1).is_some_and(|line| line.trim() == format!("Type: {kind}")))
        .collect()
}

/// The functions, by what their resources are named after: `Ingest`.
fn function_names(template: &str) -> Vec<&str> {
    let functions = resources(template, "AWS::Serverless::Function").into_iter();
    functions.map(|function| function.trim_start().split("Function:").next().unwrap()).collect()
}

#[test]
fn no_statement_allows_every_action() {
    let template = template();
    for line in template.lines().filter(|line| line.contains("Action:") || line.trim_start().starts_with("- ")) {
        assert!(!line.trim().trim_matches(['-', ' ']).trim_matches(['"', '\'']).eq("*"), "{line}");
        assert!(
            !line.contains("Action: \"*\"") && !line.contains("Action: '*'") && !line.contains("Action: *\n"),
            "{line}"
        );
        for service in ["dynamodb", "sqs", "sts", "cognito-idp", "lambda", "execute-api"] {
            assert!(!line.contains(&format!("{service}:*")), "{line}");
        }
    }
}

#[test]
fn every_function_can_have_instances_reserved_by_a_parameter_of_its_own() {
    let template = template();
    for (function, name) in resources(&template, "AWS::Serverless::Function").iter().zip(function_names(&template)) {
        let reserved = format!("!If [Reserves{name}, !Ref {name}Concurrency, !Ref AWS::NoValue]");
        assert_eq!(property(function, "ReservedConcurrentExecutions"), Some(reserved.as_str()));
        assert!(template.contains(&format!("  Reserves{name}: !Not [!Equals [!Ref {name}Concurrency, \"\"]]\n")));
    }
}

#[test]
fn every_function_has_a_log_of_its_own_and_its_name_among_the_outputs() {
    let template = template();
    let outputs = template.split("\nOutputs:\n").nth(1).unwrap();
    for name in function_names(&template) {
        let group = format!("/causeway/${{AWS::StackName}}/{}\n", name.to_lowercase());
        assert!(template.contains(&format!("\n  {name}Logs:\n")) && template.contains(&group), "{name}");
        assert!(outputs.contains(&format!("  {name}FunctionName:\n    Value: !Ref {name}Function\n")), "{name}");
        assert!(template.contains(&format!("        Binary: {}\n", name.to_lowercase())), "{name}");
    }
}

#[test]
fn the_queue_hands_over_no_more_batches_than_instances_are_reserved_for_them() {
    let template = template();
    let triggers = resources(&template, "AWS::Lambda::EventSourceMapping");
    let of_reconcile = |trigger: &&&str| trigger.contains("!Ref ReconcileFunction]");
    let triggers: Vec<&&str> = triggers.iter().filter(of_reconcile).collect();
    let [trigger] = triggers.as_slice() else { panic!("not one event source: {triggers:?}") };
    let limit = "ScalingConfig: !If\n        - ReservesReconcile\n        - MaximumConcurrency: !Ref ReconcileConcurrency\n        \
                 - !Ref AWS::NoValue\n";
    assert!(trigger.contains(limit), "{trigger}");
    // What an event source takes as its limit (Lambda API: `ScalingConfig`), or nothing.
    let parameter = template.split("\n  ReconcileConcurrency:\n").nth(1).unwrap();
    let pattern = property(parameter, "AllowedPattern").unwrap().trim_matches('"');
    let pattern = regex::Regex::new(pattern).unwrap();
    for (number, is_taken) in
        [("", true), ("2", true), ("20", true), ("1000", true), ("0", false), ("1", false), ("1001", false)]
    {
        assert_eq!(pattern.is_match(number), is_taken, "{number:?}");
    }
}

#[test]
fn what_is_reserved_for_schedule_is_enough_for_its_tick_beside_the_batches_of_the_timer() {
    let template = template();
    let parameter = template.split("\n  ScheduleConcurrency:\n").nth(1).unwrap();
    let pattern = regex::Regex::new(property(parameter, "AllowedPattern").unwrap().trim_matches('"')).unwrap();
    let triggers = resources(&template, "AWS::Lambda::EventSourceMapping");
    let timer = triggers.iter().find(|trigger| trigger.contains("!GetAtt Timer.Arn")).unwrap();
    let batches: u32 = property(timer, "MaximumConcurrency").unwrap().parse().unwrap();
    for number in 0..1_200 {
        assert_eq!(pattern.is_match(&number.to_string()), number > batches, "{number}");
    }
    for (odd, is_taken) in [("", true), ("03", false), ("3 ", false), ("-3", false), ("3\n", false)] {
        assert_eq!(pattern.is_match(odd), is_taken, "{odd:?}");
    }
}

#[test]
fn the_queue_hides_a_message_longer_than_a_run_lasts_and_gives_up_after_three_times() {
    let template = template();
    let default = |name: &str| -> u64 {
        let parameter = template.split(&format!("\n  {name}:\n")).nth(1).unwrap();
        let line = parameter.lines().find(|line| line.trim_start().starts_with("Default:")).unwrap();
        line.trim().trim_start_matches("Default:").trim().parse().unwrap()
    };
    assert!(default("QueueVisibilitySeconds") > default("ReconcileTimeoutSeconds"));
    assert!(template.contains("maxReceiveCount: 3"));
}

#[test]
fn what_waits_on_the_timer_uses_up_no_attempt_and_comes_again_only_after_its_function_has_ended() {
    let template = template();
    let timer = resources(&template, "AWS::SQS::Queue").into_iter().find(|queue| queue.contains("  Timer:\n"));
    let timer = timer.unwrap();
    // A standard queue: a FIFO queue takes no delay for a single message.
    assert!(!timer.contains("FifoQueue") && !timer.contains("DelaySeconds"));
    let functions = resources(&template, "AWS::Serverless::Function");
    let schedule = functions.iter().find(|function| function.trim_start().starts_with("ScheduleFunction:")).unwrap();
    let seconds = |resource: &str, name: &str| property(resource, name).unwrap().parse::<u32>().unwrap();
    assert!(seconds(timer, "VisibilityTimeout") > seconds(schedule, "Timeout"));
    // Longer than a message waits at the most (SQS: `DelaySeconds`).
    assert!(seconds(timer, "MessageRetentionPeriod") > 900);
    // And so long that what is no wake-up is given up and not forgotten.
    let attempts = seconds(timer, "maxReceiveCount");
    assert!(900 + attempts * seconds(timer, "VisibilityTimeout") < seconds(timer, "MessageRetentionPeriod"));
    assert!(timer.contains("deadLetterTargetArn: !GetAtt TimerDeadLetters.Arn\n"), "{timer}");
    // SQS: "Dead-letter queues": that of a standard queue is one too.
    let queues = resources(&template, "AWS::SQS::Queue");
    let given_up = queues.iter().find(|queue| queue.contains("  TimerDeadLetters:\n")).unwrap();
    assert!(!given_up.contains("FifoQueue"), "{given_up}");
    assert_eq!(seconds(given_up, "MessageRetentionPeriod"), 14 * 86_400);
    let triggers = resources(&template, "AWS::Lambda::EventSourceMapping");
    let [trigger] = triggers.iter().filter(|trigger| trigger.contains("!GetAtt Timer.Arn")).collect::<Vec<_>>()[..]
    else {
        panic!("{triggers:?}")
    };
    for part in ["!Ref ScheduleLive, !Ref ScheduleFunction]", "[ReportBatchItemFailures]", "MaximumConcurrency: 2\n"] {
        assert!(trigger.contains(part), "{trigger}");
    }
}

#[test]
fn the_log_of_the_api_holds_no_path_and_no_query_where_links_and_codes_stand() {
    let template = template();
    let stage = resources(&template, "AWS::ApiGatewayV2::Stage")[0];
    let format = stage.lines().find(|line| line.contains("$context.requestId")).unwrap();
    for variable in ["$context.path", "$context.http", "rawPath", "queryString", "$context.identity.userAgent"] {
        assert!(!format.contains(variable), "{variable} is logged: {format}");
    }
}

#[test]
fn anybody_may_read_one_key_of_the_bucket_and_only_tenants_may_write_it() {
    let template = template();
    let policies = resources(&template, "AWS::S3::BucketPolicy");
    let [policy] = policies.as_slice() else { panic!("not one policy: {policies:?}") };
    assert_eq!(policy.matches("- Sid:").count(), 1, "{policy}");
    for line in ["Action: s3:GetObject\n", "Resource: !Sub ${TemplateBucket.Arn}/role.yaml\n"] {
        assert!(policy.contains(line), "{policy}");
    }
    let writers: Vec<&str> = resources(&template, "AWS::IAM::Role").into_iter().filter(|r| r.contains("s3:")).collect();
    let [writer] = writers.as_slice() else { panic!("not one role: {writers:?}") };
    assert!(writer.trim_start().starts_with("TenantsRole:"), "{writer}");
    assert_eq!(writer.matches("s3:").count(), 1, "{writer}");
    assert!(writer.contains("Action: s3:PutObject\n                  Resource: !Sub ${TemplateBucket.Arn}/role.yaml"));
}

/// What a property of a resource says that stands on one line.
fn property<'a>(resource: &'a str, name: &str) -> Option<&'a str> {
    resource.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(": "))
}

fn document(name: &str) -> String {
    std::fs::read_to_string(workspace::root().join("docs").join(name)).unwrap()
}

/// The alarms, each with its name.
fn alarms(template: &str) -> Vec<(&str, &str)> {
    let alarms = resources(template, "AWS::CloudWatch::Alarm").into_iter();
    alarms.map(|alarm| (alarm.trim_start().split(':').next().unwrap(), alarm)).collect()
}

fn is_metric(name: &str) -> bool {
    Metric::ALL.iter().any(|metric| metric.name() == name)
}

#[test]
fn every_alarm_notifies_and_has_its_section_in_the_manual() {
    let (template, manual) = (template(), document("operations.md"));
    let alarms = alarms(&template);
    assert!(alarms.len() >= 10, "{}", alarms.len());
    for (name, alarm) in alarms {
        assert!(property(alarm, "AlarmActions").is_some_and(|actions| actions.contains("alarmActions")), "{alarm}");
        assert!(property(alarm, "TreatMissingData").is_some(), "{alarm}");
        assert!(alarm.contains(&format!("docs/operations.md#{}.", name.to_lowercase())), "{alarm}");
        let section = manual.split(&format!("\n### {name}\n")).nth(1);
        let section = section.unwrap_or_else(|| panic!("{name} has no section")).split("\n#").next().unwrap();
        for part in ["**Means:**", "**First look:**", "**Remedy:**"] {
            assert!(section.contains(part), "{name} without {part}");
        }
    }
    for section in manual.split("\n### ").skip(1).filter_map(|section| section.lines().next()) {
        assert!(!section.ends_with("Alarm") || template.contains(&format!("\n  {section}:\n")), "{section}");
    }
}

/// The body of the dashboard, with `1` for what CloudFormation fills in.
fn dashboard(template: &str) -> Value {
    let resource = resources(template, "AWS::CloudWatch::Dashboard")[0];
    let body = resource.split("DashboardBody: !Sub\n        - |\n").nth(1).unwrap();
    let body = body.split("\n        - ").next().unwrap();
    let parts: Vec<&str> = body.split("${").collect();
    let rest = parts[1..].iter().map(|part| format!("1{}", part.split_once('}').unwrap().1));
    serde_json::from_str(&format!("{}{}", parts[0], rest.collect::<String>())).unwrap()
}

#[test]
fn the_dashboard_shows_every_alarm_and_no_metric_that_there_is_not() {
    let template = template();
    for (name, _) in alarms(&template) {
        let filled_in = name.trim_end_matches("Alarm");
        let given = format!("{filled_in}: !If [HasMetricMath, !GetAtt {name}.Arn, ");
        let is_shown = template.contains(&format!("\"${{{name}.Arn}}\""))
            || template.contains(&format!("\"${{{filled_in}}}\"")) && template.contains(&given);
        assert!(is_shown, "{name} is not on the dashboard");
    }
    let dashboard = dashboard(&template);
    let mut shown = Vec::new();
    for widget in dashboard["widgets"].as_array().unwrap() {
        for metric in widget["properties"]["metrics"].as_array().into_iter().flatten() {
            if metric[0] == NAMESPACE {
                shown.push(metric[1].as_str().unwrap());
            }
        }
        let query = widget["properties"]["query"].as_str().unwrap_or_default();
        // What is added up in a query is a metric.
        for added in query.split("sum(").skip(1) {
            shown.push(added.split(')').next().unwrap());
        }
    }
    assert!(shown.len() > 50, "{shown:?}");
    for name in shown {
        assert!(is_metric(name), "{name}");
    }
    let queries = template.matches("SOURCE '/causeway/").count();
    assert!(queries >= 3, "what tells whose it is comes from the logs: {queries} queries");
}

#[test]
fn the_page_on_logs_has_every_metric_with_its_unit_and_no_other() {
    let page = document("logging.md");
    let table = page.split("| metric | unit |").nth(1).unwrap().split("\n\n").next().unwrap();
    let rows: Vec<(&str, &str)> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
        .map(|(name, rest)| (name, rest.split(' ').next().unwrap()))
        .collect();
    let all: Vec<(&str, &str)> = Metric::ALL.iter().map(|metric| (metric.name(), metric.unit())).collect();
    assert_eq!(rows, all);
}

#[test]
fn every_function_is_traced_and_its_role_may_send_its_traces_and_no_more_of_x_ray() {
    let template = template();
    let globals = template.split("\nGlobals:\n").nth(1).unwrap().split("\nResources:\n").next().unwrap();
    assert!(globals.contains("Tracing: !Ref Tracing"), "{globals}");
    let functions = resources(&template, "AWS::Serverless::Function").len();
    let roles = resources(&template, "AWS::IAM::Role").into_iter().filter(|role| role.contains("*lambdaTrust"));
    assert_eq!(roles.clone().filter(|role| role.contains("- *traces\n")).count(), functions - 1);
    assert_eq!(template.matches("- &traces\n").count(), 1);
    assert_eq!(template.matches("xray:").count(), 2, "the one statement that all share");
    assert!(template.contains("Action: [xray:PutTraceSegments, xray:PutTelemetryRecords]"));
}

#[test]
fn the_model_of_the_costs_has_as_many_metrics_and_alarms_as_there_are() {
    let counted = |number: f64, things: usize| (number - f64::from(u32::try_from(things).unwrap())).abs() < 0.5;
    assert!(counted(cost::METRICS, Metric::ALL.len()), "{} metrics", Metric::ALL.len());
    let template = template();
    let watched = alarms(&template).iter().map(|(_, alarm)| alarm.matches(" MetricName: ").count()).sum();
    assert!(counted(cost::ALARMS, watched), "{watched} metrics of alarms");
}

#[test]
fn a_canary_is_there_for_every_function_and_goes_back_on_alarms() {
    let template = template();
    let mut canary = resources(&template, "AWS::CodeDeploy::DeploymentGroup");
    let functions = resources(&template, "AWS::Serverless::Function");
    assert_eq!(canary.len(), functions.len());
    for group in &canary {
        for part in ["AlarmConfiguration:", "AutoRollbackConfiguration:", "CodeDeployDefault.${Canary}"] {
            assert!(group.contains(part), "{group}");
        }
    }
    for kind in ["AWS::CodeDeploy::Application", "AWS::Lambda::Alias", "AWS::Lambda::Version"] {
        canary.extend(resources(&template, kind));
    }
    assert_eq!(canary.len(), 3 * functions.len() + 1);
    for resource in canary {
        assert!(resource.contains("    Condition: HasCanary\n"), "the local cloud has none of it: {resource}");
    }
    // Whatever calls a function calls the release that has taken over.
    for function in function_names(&template) {
        let called = format!("!If [HasCanary, !Ref {function}Live, ");
        assert!(template.contains(&called), "{function}");
        let moved =
            format!("- !GetAtt {function}Function.Arn\n                  - !Sub ${{{function}Function.Arn}}:*\n");
        assert!(template.contains(&moved), "CodeDeploy may not move {function}");
    }
}
