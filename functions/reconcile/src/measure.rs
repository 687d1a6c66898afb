//! What a run is measured by, from its report.

use causeway_core::{
    health::ErrorClass,
    plan::Action,
    run::{Outcome, RunReport},
    timestamp::Timestamp,
    wake_up::Cause,
};
use causeway_telemetry::{Measurements, Metric};

/// Adds what a finished run did. `woken_at` is when the first of the wake-ups was sent that it answers.
pub fn measure(metrics: &mut Measurements, report: &RunReport, woken_at: Option<Timestamp>) {
    metrics.count(Metric::Runs);
    metrics.add(Metric::RunTime, milliseconds(report.started_at, report.finished_at));
    match report.outcome {
        Outcome::NoChange => metrics.count(Metric::RunsWithoutChange),
        Outcome::Failed => metrics.count(Metric::RunsFailed),
        Outcome::OutOfTime => metrics.count(Metric::RunsOutOfTime),
        Outcome::Changed | Outcome::Partial => {}
    }
    for step in &report.steps {
        metrics.count(if step.held { Metric::StepsHeldBack } else { metric_of(&step.action) });
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

fn metric_of(action: &Action) -> Metric {
    match action {
        Action::Create(_) => Metric::StepsCreate,
        Action::Update { .. } => Metric::StepsUpdate,
        Action::Wire => Metric::StepsWire,
        Action::Unwire => Metric::StepsUnwire,
        Action::Delete(_) => Metric::StepsDelete,
        Action::Forget => Metric::StepsForget,
    }
}

/// From one time to another.
pub fn milliseconds(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.since(from).as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn step(action: &str, held: bool) -> serde_json::Value {
        json!({
            "action": action, "connection_id": "conn_01E4ZCR3C56J083X43JQXF3JK5", "reason": "", "changes": [],
            "provider_name": "conn-01E4ZCR3C56J083X43JQXF3JK5", "held": held, "takes_away": held,
        })
    }

    fn measured(cause: &str, outcome: &str, steps: &[serde_json::Value], class: Option<&str>) -> serde_json::Value {
        let failures: Vec<_> = class
            .iter()
            .map(|class| json!({"connection_id": null, "attempted": "", "class": class, "message": ""}))
            .collect();
        let report = json!({
            "id": "r", "started_at": "2026-11-26T10:00:00.000Z", "finished_at": "2026-11-26T10:00:02.500Z",
            "cause": cause, "outcome": outcome, "steps": steps, "failures": failures,
        });
        let report: RunReport = serde_json::from_value(report).unwrap();
        let mut metrics = Measurements::default();
        measure(&mut metrics, &report, Some(report.started_at.minus(std::time::Duration::from_secs(1))));
        serde_json::from_str(&metrics.to_string()).unwrap()
    }

    #[test]
    fn a_run_is_measured_by_its_steps_by_kind_and_by_the_time_since_its_webhook() {
        let steps = [step("create", false), step("wire", false), step("wire", false)];
        assert_eq!(
            measured("webhook", "changed", &steps, None),
            json!({"Runs": 1, "RunTime": 2500, "StepsCreate": 1, "StepsWire": 2, "WebhookToSynced": 3500})
        );
    }

    #[test]
    fn a_run_that_found_nothing_to_do_for_the_schedule_answers_no_webhook() {
        assert_eq!(
            measured("schedule", "no_change", &[], None),
            json!({"Runs": 1, "RunTime": 2500, "RunsWithoutChange": 1})
        );
    }

    #[test]
    fn a_run_that_holds_steps_back_and_one_that_fails_leave_no_pool_in_line() {
        let steps = [step("delete", true), step("delete", true), step("unwire", false)];
        assert_eq!(
            measured("webhook", "partial", &steps, None),
            json!({"Runs": 1, "RunTime": 2500, "RunsHeldBack": 1, "StepsHeldBack": 2, "StepsUnwire": 1})
        );
        assert_eq!(
            measured("webhook", "failed", &[], Some("bug")),
            json!({"Runs": 1, "RunTime": 2500, "RunsFailed": 1, "StepsFailed": 1, "RunsFailedByBug": 1})
        );
    }
}
