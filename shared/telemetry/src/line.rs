//! The lines that carry metrics: ordinary log lines that say to CloudWatch which of their fields are metrics
//! (CloudWatch: "Specification: Embedded metric format").

use std::{
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Map, Value, json};
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use crate::metric::{Metric, NAMESPACE};

/// The target of lines that carry metrics: written whatever the level is. Their field `metrics` holds
/// [`Measurements`](crate::Measurements).
pub const METRICS: &str = "metrics";

/// Writes lines as `F` does, and those that carry metrics so that CloudWatch finds them.
pub(crate) struct Lines<F>(pub F);

impl<S, N, F> FormatEvent<S, N> for Lines<F>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        if event.metadata().target() != METRICS {
            return self.0.format_event(context, writer, event);
        }
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        writeln!(writer, "{}", with_metrics(line.trim_end(), u64::try_from(now).unwrap_or(u64::MAX)))
    }
}

/// The line with its metrics as fields of their own, and the declaration that makes metrics of them. `now` is in
/// milliseconds since 1970. A line that is not of the expected form stays as it is.
fn with_metrics(line: &str, now: u64) -> String {
    let Ok(mut fields) = serde_json::from_str::<Map<String, Value>>(line) else { return line.to_owned() };
    let Some(Ok(measured)) = fields.get(METRICS).and_then(Value::as_str).map(serde_json::from_str::<Map<_, _>>) else {
        return line.to_owned();
    };
    fields.remove(METRICS);
    let known = Metric::ALL.iter().filter(|metric| measured.contains_key(metric.name()));
    let declared: Vec<Value> = known.map(|metric| json!({"Name": metric.name(), "Unit": metric.unit()})).collect();
    if !declared.is_empty() {
        let metrics = json!([{"Namespace": NAMESPACE, "Dimensions": [[]], "Metrics": declared}]);
        fields.insert("_aws".to_owned(), json!({"Timestamp": now, "CloudWatchMetrics": metrics}));
    }
    fields.extend(measured);
    Value::Object(fields).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Measurements;

    #[test]
    fn a_line_declares_exactly_the_metrics_that_it_carries_without_dimensions() {
        let mut measured = Measurements::default();
        measured.count(Metric::Runs);
        measured.add(Metric::RunTime, 250);
        let line = json!({"message": "ran", "span": {"tenant_id": "t"}, "metrics": measured.to_string()});
        let rendered: Value = serde_json::from_str(&with_metrics(&line.to_string(), 7)).unwrap();
        assert_eq!(
            rendered,
            json!({
                "message": "ran",
                "span": {"tenant_id": "t"},
                "Runs": 1,
                "RunTime": 250,
                "_aws": {"Timestamp": 7, "CloudWatchMetrics": [{
                    "Namespace": "Causeway",
                    "Dimensions": [[]],
                    "Metrics": [
                        {"Name": "Runs", "Unit": "Count"},
                        {"Name": "RunTime", "Unit": "Milliseconds"},
                    ],
                }]},
            })
        );
    }

    #[test]
    fn a_line_without_measurements_declares_none() {
        assert_eq!(with_metrics(r#"{"message":"ran","metrics":"{}"}"#, 7), r#"{"message":"ran"}"#);
    }
}
