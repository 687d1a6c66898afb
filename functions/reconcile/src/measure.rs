//! What a run is measured by.

use causeway_core::{
    health::ErrorClass,
    plan::ActionKind,
    run::{Outcome, RunReport},
    timestamp::Timestamp,
    wake_up::Cause,
};
use causeway_reconciler::Ran;
use causeway_telemetry::{Measurements, Metric};

/// Adds what came of a run. `woken_at` is when the first of the wake-ups was sent that it answers.
pub fn measure<E>(metrics: &mut Measurements, ran: &Result<Ran, E>, woken_at: Option<Timestamp>) {
    match ran {
        Ok(Ran::Done(report)) => measure_report(metrics, report, woken_at),
        Ok(Ran::Refused(_) | Ran::Nothing) => {}
        Err(_) => metrics.count(Metric::RunsNotRecorded),
    }
}

/// What a run is measured by that panicked: nothing is on record, and the alarm on mistakes of Causeway's must tell,
/// since the invocation itself succeeds.
pub fn of_panicked() -> Measurements {
    let mut metrics = Measurements::default();
    metrics.count(Metric::RunsNotRecorded);
    metrics.count(Metric::RunsFailedByBug);
    metrics
}

/// What a message of the queue is measured by that is no wake-up.
pub fn of_malformed() -> Measurements {
    let mut metrics = Measurements::default();
    metrics.count(Metric::WakeUpsMalformed);
    metrics
}

fn measure_report(metrics: &mut Measurements, report: &RunReport, woken_at: Option<Timestamp>) {
    metrics.count(Metric::Runs);
    metrics.add(Metric::RunTime, milliseconds(report.started_at, report.finished_at));
    match report.outcome {
        Outcome::NoChange => metrics.count(Metric::RunsWithoutChange),
        Outcome::Failed => metrics.count(Metric::RunsFailed),
        Outcome::OutOfTime => metrics.count(Metric::RunsOutOfTime),
        Outcome::Changed | Outcome::Partial | Outcome::Unknown => {}
    }
    for step in &report.steps {
        metrics.count(if step.held { Metric::StepsHeldBack } else { metric_of(step.action) });
    }
    if metrics.get(Metric::StepsHeldBack).is_some() {
        metrics.count(Metric::RunsHeldBack);
    }
    for failure in &report.failures {
        metrics.count(Metric::StepsFailed);
        if failure.class == ErrorClass::Bug && metrics.get(Metric::RunsFailedByBug).is_none() {
            metrics.count(Metric::RunsFailedByBug);
        }
    }
    let is_in_line = matches!(report.outcome, Outcome::NoChange | Outcome::Changed);
    if let Some(woken_at) = woken_at.filter(|_| is_in_line && report.cause == Cause::Webhook) {
        metrics.add(Metric::WebhookToSynced, milliseconds(woken_at, report.finished_at));
    }
}

fn metric_of(action: ActionKind) -> Metric {
    match action {
        ActionKind::Create => Metric::StepsCreate,
        ActionKind::Update => Metric::StepsUpdate,
        ActionKind::Wire => Metric::StepsWire,
        ActionKind::Unwire => Metric::StepsUnwire,
        ActionKind::Delete => Metric::StepsDelete,
        ActionKind::Forget => Metric::StepsForget,
    }
}

/// From one time to another.
pub fn milliseconds(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.since(from).as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use causeway_core::waiting::Refusal;
    use serde_json::json;

    use super::*;

    fn step(action: &str, held: bool) -> serde_json::Value {
        json!({
            "action": action, "connection_id": "conn_01E4ZCR3C56J083X43JQXF3JK5", "reason": "", "changes": [],
            "provider_name": "conn-01E4ZCR3C56J083X43JQXF3JK5", "held": held, "takes_away": held,
        })
    }

    fn measured(cause: &str, outcome: &str, steps: &[serde_json::Value], classes: &[&str]) -> serde_json::Value {
        let failures: Vec<_> = classes
            .iter()
            .map(|class| json!({"connection_id": null, "attempted": "", "class": class, "message": ""}))
            .collect();
        let report = json!({
            "id": "r", "started_at": "2026-11-26T10:00:00.000Z", "finished_at": "2026-11-26T10:00:02.500Z",
            "cause": cause, "outcome": outcome, "steps": steps, "failures": failures,
        });
        let report: RunReport = serde_json::from_value(report).unwrap();
        let woken_at = Some(report.started_at.minus(std::time::Duration::from_secs(1)));
        measured_as::<&str>(&Ok(Ran::Done(Box::new(report))), woken_at)
    }

    fn measured_as<E>(ran: &Result<Ran, E>, woken_at: Option<Timestamp>) -> serde_json::Value {
        let mut metrics = Measurements::default();
        measure(&mut metrics, ran, woken_at);
        serde_json::from_str(&metrics.to_string()).unwrap()
    }

    #[test]
    fn a_run_is_measured_by_its_steps_by_kind_and_by_the_time_since_its_webhook() {
        let steps = [step("create", false), step("wire", false), step("wire", false)];
        assert_eq!(
            measured("webhook", "changed", &steps, &[]),
            json!({"Runs": 1, "RunTime": 2500, "StepsCreate": 1, "StepsWire": 2, "WebhookToSynced": 3500})
        );
    }

    #[test]
    fn a_run_that_found_nothing_to_do_for_the_schedule_answers_no_webhook() {
        assert_eq!(
            measured("schedule", "no_change", &[], &[]),
            json!({"Runs": 1, "RunTime": 2500, "RunsWithoutChange": 1})
        );
    }

    #[test]
    fn a_run_that_holds_steps_back_and_one_that_fails_leave_no_pool_in_line() {
        let steps = [step("delete", true), step("delete", true), step("unwire", false)];
        assert_eq!(
            measured("webhook", "partial", &steps, &[]),
            json!({"Runs": 1, "RunTime": 2500, "RunsHeldBack": 1, "StepsHeldBack": 2, "StepsUnwire": 1})
        );
        assert_eq!(
            measured("webhook", "failed", &[], &["bug"]),
            json!({"Runs": 1, "RunTime": 2500, "RunsFailed": 1, "StepsFailed": 1, "RunsFailedByBug": 1})
        );
    }

    #[test]
    fn each_kind_of_step_is_counted_apart_and_one_that_is_held_back_is_counted_as_that_alone() {
        let kinds = [
            ("create", "StepsCreate"),
            ("update", "StepsUpdate"),
            ("wire", "StepsWire"),
            ("unwire", "StepsUnwire"),
            ("delete", "StepsDelete"),
            ("forget", "StepsForget"),
        ];
        for (action, metric) in kinds {
            let steps = [step(action, false), step(action, false), step(action, true)];
            assert_eq!(
                measured("schedule", "partial", &steps, &[]),
                json!({"Runs": 1, "RunTime": 2500, "RunsHeldBack": 1, "StepsHeldBack": 1, metric: 2}),
            );
        }
    }

    #[test]
    fn a_run_that_is_out_of_time_is_no_failed_one_and_several_mistakes_are_one_failed_run() {
        assert_eq!(
            measured("webhook", "out_of_time", &[], &["throttled"]),
            json!({"Runs": 1, "RunTime": 2500, "RunsOutOfTime": 1, "StepsFailed": 1})
        );
        assert_eq!(
            measured("webhook", "partial", &[], &["bug", "rejected", "bug"]),
            json!({"Runs": 1, "RunTime": 2500, "RunsFailedByBug": 1, "StepsFailed": 3})
        );
    }

    #[test]
    fn what_leaves_no_report_is_counted_by_why() {
        assert_eq!(measured_as(&Err("the table"), None), json!({"RunsNotRecorded": 1}));
        for ran in [Ran::Refused(Refusal::Covered), Ran::Nothing] {
            assert_eq!(measured_as::<&str>(&Ok(ran), None), json!({}));
        }
        assert_eq!(of_panicked().to_string(), r#"{"RunsFailedByBug":1,"RunsNotRecorded":1}"#);
        assert_eq!(of_malformed().to_string(), r#"{"WakeUpsMalformed":1}"#);
    }
}
