//! What each alarm watches, and that nothing else does: the emulator deploys them without effect.

use std::time::Duration;

use causeway_core::trouble::{Trouble, Whose};
use causeway_telemetry::{Metric, NAMESPACE};
use serde_json::Value;

use super::{alarms, dashboard, document, is_metric, property, resources, template};

/// Each alarm with what has to happen: which statistic of which metric in how many seconds, in how many of the last
/// periods, and what a period without data counts as.
const WATCHED: [(&str, &str); 21] = [
    (
        "DeadLetterAlarm",
        "Maximum of AWS/SQS ApproximateNumberOfMessagesVisible of DeadLetters in 60 s > 0, 1 of 1, else notBreaching",
    ),
    (
        "TimerDeadLetterAlarm",
        "Maximum of AWS/SQS ApproximateNumberOfMessagesVisible of TimerDeadLetters in 60 s > 0, 1 of 1, else notBreaching",
    ),
    ("FunctionErrorAlarm", "Sum of AWS/Lambda Errors in 60 s > 0, 1 of 1, else notBreaching"),
    ("FunctionThrottleAlarm", "Sum of AWS/Lambda Throttles in 300 s > 10, 2 of 2, else notBreaching"),
    ("OldestSyncAlarm", "Maximum of Causeway OldestSyncAge in 300 s > !Ref OldestSyncSeconds, 3 of 3, else breaching"),
    (
        "QueueAgeAlarm",
        "Maximum of AWS/SQS ApproximateAgeOfOldestMessage of WakeUps in 300 s > 1200, 2 of 2, else notBreaching",
    ),
    (
        "TimerAgeAlarm",
        "Maximum of AWS/SQS ApproximateAgeOfOldestMessage of Timer in 60 s > 1020, 3 of 3, else notBreaching",
    ),
    ("HeldStepsAlarm", "Maximum of Causeway PoolsHeld in 300 s > 0, 1 of 1, else ignore"),
    ("AdmissionAlarm", "Maximum of Causeway PoolsAwaitingAdmission in 300 s > 0, 1 of 1, else ignore"),
    ("BugAlarm", "Sum of Causeway RunsFailedByBug in 60 s > 0, 1 of 1, else notBreaching"),
    ("PoolBugAlarm", "Maximum of Causeway PoolsBug in 300 s > 0, 1 of 1, else ignore"),
    ("SignInFailureAlarm", "Sum of Causeway SignInsFailed in 60 s > 1, 3 of 5, else notBreaching"),
    (
        "SignInStandstillAlarm",
        "IF(completed < 1, started, 0) where started: Sum of Causeway SignInsStarted in 300 s, \
         completed: Sum of Causeway SignInsCompleted in 300 s >= 5, 2 of 3, else notBreaching",
    ),
    ("SlowTokenAlarm", "p99 of Causeway TokenTime in 60 s > 800, 3 of 5, else notBreaching"),
    ("WebhookFailureAlarm", "Sum of Causeway WebhooksNotTaken in 60 s > 0, 2 of 10, else notBreaching"),
    ("ForgedWebhookAlarm", "Sum of Causeway WebhooksRefusedForged in 3600 s > 0, 3 of 24, else notBreaching"),
    ("ApiFailureAlarm", "Sum of Causeway ApiFailures in 60 s > 0, 2 of 10, else notBreaching"),
    ("UnreadableItemAlarm", "Sum of Causeway ItemsUnreadable in 3600 s > 0, 1 of 1, else notBreaching"),
    ("OffRouteAlarm", "Sum of Causeway RequestsOffRoute in 300 s > 20, 2 of 3, else notBreaching"),
    ("PanicAlarm", "Sum of Causeway HandlerPanics in 60 s > 0, 1 of 1, else notBreaching"),
    ("WorkosThrottleAlarm", "Sum of Causeway ThrottlesByWorkos in 300 s > 50, 2 of 2, else notBreaching"),
];

/// The alarms that take a release back.
const OF_THE_CANARY: [&str; 6] = [
    "FunctionErrorAlarm",
    "BugAlarm",
    "SignInFailureAlarm",
    "SlowTokenAlarm",
    "WebhookFailureAlarm",
    "ApiFailureAlarm",
];

/// The metrics of SQS (Amazon SQS Developer Guide, "Available CloudWatch metrics for Amazon SQS").
const OF_SQS: [&str; 11] = [
    "ApproximateAgeOfOldestMessage",
    "ApproximateNumberOfGroupsWithInflightMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesVisible",
    "NumberOfDeduplicatedSentMessages",
    "NumberOfEmptyReceives",
    "NumberOfMessagesDeleted",
    "NumberOfMessagesReceived",
    "NumberOfMessagesSent",
    "SentMessageSize",
];

/// The metrics of Lambda that are there across all functions of a Region (AWS Lambda Developer Guide, "Types of
/// metrics for Lambda functions", less those of event source mappings and of durable functions).
const OF_LAMBDA: [&str; 10] = [
    "AsyncEventAge",
    "AsyncEventsDropped",
    "AsyncEventsReceived",
    "ClaimedAccountConcurrency",
    "ConcurrentExecutions",
    "Duration",
    "Errors",
    "Invocations",
    "Throttles",
    "UnreservedConcurrentExecutions",
];

/// The metrics that an alarm watches, each as it is named in the alarm's expression, or with no name where it has
/// none: its statistic, its namespace and name, what it is of, and the period.
fn watched_by(alarm: &str) -> Vec<(&str, String)> {
    let one = |part: &str| {
        let value = |name| property(part, name);
        let statistic = value("Statistic").or(value("ExtendedStatistic")).or(value("Stat"))?;
        let of = value("Value").and_then(|value| value.strip_prefix("!GetAtt ")?.strip_suffix(".QueueName"));
        let of = of.map(|of| format!(" of {of}")).unwrap_or_default();
        let (namespace, metric, period) = (value("Namespace")?, value("MetricName")?, value("Period")?);
        Some(format!("{statistic} of {namespace} {metric}{of} in {period} s"))
    };
    let mut parts = alarm.split("- Id: ");
    let alone = parts.next().and_then(one).map(|metric| ("", metric));
    let named = parts.filter_map(|part| Some((part.lines().next()?, one(part)?)));
    alone.into_iter().chain(named).collect()
}

/// The alarms that the deployment groups take a release back for.
fn holding(template: &str) -> Vec<&str> {
    let group = resources(template, "AWS::CodeDeploy::DeploymentGroup")[0];
    group.lines().filter_map(|line| line.trim().strip_prefix("- Name: !Ref ")).collect()
}

/// What an alarm says, in the words of [`WATCHED`].
fn described(alarm: &str) -> String {
    let value = |name: &str| property(alarm, name).unwrap_or_else(|| panic!("no {name}: {alarm}"));
    let metrics = watched_by(alarm);
    let watched = match property(alarm, "Expression") {
        Some(expression) => {
            let metrics: Vec<String> = metrics.iter().map(|(name, metric)| format!("{name}: {metric}")).collect();
            format!("{expression} where {}", metrics.join(", "))
        }
        None => metrics.into_iter().map(|(_, metric)| metric).collect(),
    };
    let comparison = match value("ComparisonOperator") {
        "GreaterThanThreshold" => ">",
        "GreaterThanOrEqualToThreshold" => ">=",
        other => other,
    };
    let periods = value("EvaluationPeriods");
    format!(
        "{watched} {comparison} {}, {} of {periods}, else {}",
        value("Threshold"),
        property(alarm, "DatapointsToAlarm").unwrap_or(periods),
        value("TreatMissingData"),
    )
}

#[test]
fn every_alarm_fires_for_what_it_is_there_for_and_there_is_no_other() {
    let template = template();
    let found: Vec<(&str, String)> =
        alarms(&template).into_iter().map(|(name, alarm)| (name, described(alarm))).collect();
    let found: Vec<(&str, &str)> = found.iter().map(|(name, text)| (*name, text.as_str())).collect();
    assert_eq!(found, WATCHED);
}

/// The alarm that rings for a trouble that has lasted for long; none where nobody is called.
fn alarm_of(trouble: Trouble) -> Option<&'static str> {
    match trouble {
        Trouble::Bug => Some("PoolBugAlarm"),
        Trouble::Held => Some("HeldStepsAlarm"),
        Trouble::AwaitsAdmission => Some("AdmissionAlarm"),
        Trouble::Transient | Trouble::Throttled | Trouble::Conflict | Trouble::NeverRan => Some("OldestSyncAlarm"),
        Trouble::Denied | Trouble::Rejected | Trouble::Quota | Trouble::Pending => None,
    }
}

/// `health` and `status` go by `Trouble::whose`, and so does each list in them.
#[test]
fn an_alarm_rings_for_each_state_that_health_and_status_show_to_the_operator_and_for_no_other() {
    let template = template();
    let watched: Vec<(&str, String)> = alarms(&template)
        .into_iter()
        .flat_map(|(name, alarm)| watched_by(alarm).into_iter().map(move |(_, metric)| (name, metric)))
        .collect();
    for trouble in Trouble::ALL {
        let alarm = alarm_of(trouble);
        let is_operators = trouble.whose(Duration::MAX, Duration::ZERO) == Some(Whose::Operator);
        assert_eq!(alarm.is_some(), is_operators, "{trouble:?}");
        // What passes by itself rings once it has lasted for too long, and is nobody's before.
        let is_at_once = trouble.whose(Duration::ZERO, Duration::MAX).is_some();
        let counted = Metric::of_pools(trouble).map(Metric::name);
        let metric = if is_at_once { counted } else { Some(Metric::OldestSyncAge.name()) };
        let ringing = watched.iter().filter(|(_, watched)| metric.is_some_and(|metric| watched.contains(metric)));
        let ringing: Vec<&str> = ringing.map(|(name, _)| *name).collect();
        assert_eq!(ringing, alarm.into_iter().collect::<Vec<_>>(), "{trouble:?}");
        assert_eq!(trouble.is_nobody_elses_to_mend(), !is_at_once || trouble == Trouble::Bug, "{trouble:?}");
    }
}

#[test]
fn what_is_watched_and_shown_of_aws_is_there_by_that_name() {
    let (template, mut named) = (template(), Vec::new());
    for (_, alarm) in alarms(&template) {
        for (_, metric) in watched_by(alarm) {
            let mut words = metric.split(' ').skip(2).map(str::to_owned);
            named.push((words.next().unwrap(), words.next().unwrap()));
        }
    }
    let dashboard = dashboard(&template);
    for widget in dashboard["widgets"].as_array().unwrap() {
        for metric in widget["properties"]["metrics"].as_array().into_iter().flatten() {
            named.push((metric[0].as_str().unwrap().to_owned(), metric[1].as_str().unwrap().to_owned()));
        }
    }
    assert!(named.len() > 60, "{named:?}");
    for (namespace, metric) in named {
        let is_there = match namespace.as_str() {
            NAMESPACE => is_metric(&metric),
            "AWS/SQS" => OF_SQS.contains(&metric.as_str()),
            "AWS/Lambda" => OF_LAMBDA.contains(&metric.as_str()),
            _ => false,
        };
        assert!(is_there, "{namespace} {metric}");
    }
}

#[test]
fn what_takes_a_release_back_reacts_while_a_canary_lasts_and_not_to_what_was_there_before() {
    let template = template();
    let listed = holding(&template);
    assert_eq!(listed, OF_THE_CANARY);
    // CodeDeploy takes ten at the most (CodeDeploy User Guide, "Quotas").
    assert!(listed.len() <= 10);
    for (name, alarm) in alarms(&template).into_iter().filter(|(name, _)| listed.contains(name)) {
        let number = |name: &str| property(alarm, name).unwrap().parse::<u32>().unwrap();
        assert_eq!(number("Period"), 60, "{name}");
        assert!(number("EvaluationPeriods") <= 10, "{name}");
        // What each tick measures of all pools is no news of a release.
        for (_, metric) in watched_by(alarm) {
            assert!(!metric.contains("Pools") && !metric.contains("OldestSyncAge"), "{name}: {metric}");
        }
    }
}

#[test]
fn the_page_on_releases_says_of_each_alarm_that_holds_one_why_nobody_outside_can_ring_it() {
    let page = document("releases.md");
    let table = page.split("| alarm | nobody outside can cause it, since |").nth(1).unwrap();
    let rows = table.split("\n\n").next().unwrap().lines().filter_map(|line| line.strip_prefix("| `"));
    let rows: Vec<(&str, &str)> = rows.map(|row| row.split_once("` | ").unwrap()).collect();
    assert_eq!(rows.iter().map(|(alarm, _)| *alarm).collect::<Vec<_>>(), holding(&template()));
    for (alarm, reason) in rows {
        assert!(reason.len() > 50, "{alarm} without a reason: {reason}");
    }
}

#[test]
fn what_strangers_can_ring_holds_no_release() {
    let template = template();
    for alarm in ["OffRouteAlarm", "PanicAlarm", "ForgedWebhookAlarm"] {
        assert!(alarms(&template).iter().any(|(name, _)| *name == alarm), "{alarm} is gone");
        assert!(!holding(&template).contains(&alarm), "{alarm}");
    }
    for alarm in holding(&template) {
        let (_, alarm) = alarms(&template).into_iter().find(|(name, _)| *name == alarm).unwrap();
        for metric in ["RequestsOffRoute", "HandlerPanics", "SignInsFailedForTenant", "SignInsRefused", "Refused"] {
            assert!(!property(alarm, "MetricName").unwrap().contains(metric), "{metric}: {alarm}");
        }
    }
}

#[test]
fn the_service_level_leaves_a_pool_in_good_health_time_beyond_its_interval() {
    let template = template();
    let default = |parameter: &str| -> u32 {
        let parameter = template.split(&format!("\n  {parameter}:\n")).nth(1).unwrap();
        property(parameter, "Default").unwrap().parse().unwrap()
    };
    // A tenth of the interval is jitter; a tick comes each minute.
    assert!(default("OldestSyncSeconds") >= default("ReconcileIntervalSeconds") * 11 / 10 + 120);
}

#[test]
fn the_dashboard_shows_days_in_which_the_seldomest_look_falls() {
    // Nothing is looked at less often than once a day (`shared/core/src/health.rs`).
    assert_eq!(dashboard(&template())["start"], Value::from("-P2D"));
}
