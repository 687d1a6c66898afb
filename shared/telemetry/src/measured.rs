//! What is measured while one request or run is worked on, until its log line takes it along.

use std::{cell::RefCell, collections::BTreeMap, fmt};

use crate::metric::{Metric, Service};

/// Measurements by metric. As text they are the JSON that a log line carries in its field `metrics`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Measurements(BTreeMap<Metric, u64>);

impl Measurements {
    /// Counts one occurrence.
    pub fn count(&mut self, metric: Metric) {
        self.add(metric, 1);
    }

    /// Adds to what was measured before.
    pub fn add(&mut self, metric: Metric, value: u64) {
        let sum = self.0.entry(metric).or_default();
        *sum = sum.saturating_add(value);
    }

    /// What was measured; none where nothing was.
    pub fn get(&self, metric: Metric) -> Option<u64> {
        self.0.get(&metric).copied()
    }
}

impl fmt::Display for Measurements {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by_name: BTreeMap<&str, u64> = self.0.iter().map(|(metric, value)| (metric.name(), *value)).collect();
        write!(formatter, "{}", serde_json::json!(by_name))
    }
}

tokio::task_local! {
    static CURRENT: RefCell<Measurements>;
}

/// Works on one request or run, and gives what [`count`], [`add`] and [`call`] met meanwhile. Several can be under
/// way side by side: each keeps its own.
pub async fn measured<F: Future>(work: F) -> (F::Output, Measurements) {
    let mut work = std::pin::pin!(CURRENT.scope(RefCell::default(), work));
    let output = work.as_mut().await;
    let measurements = work.take_value().map(RefCell::into_inner).unwrap_or_default();
    (output, measurements)
}

/// Counts one occurrence for the request or run that is being worked on. Elsewhere it does nothing.
pub fn count(metric: Metric) {
    add(metric, 1);
}

/// Adds to a metric of the request or run that is being worked on. Elsewhere it does nothing.
pub fn add(metric: Metric, value: u64) {
    let _ = CURRENT.try_with(|current| current.borrow_mut().add(metric, value));
}

/// Counts one request that was sent to a service, and whether the service asked to slow down.
pub fn call(service: Service, slowed_down: bool) {
    let (calls, throttles) = service.metrics();
    count(calls);
    if slowed_down {
        count(throttles);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn runs_side_by_side_each_keep_their_own_measurements() {
        let calls = |times: u64| async move {
            for _ in 0..times {
                call(Service::Cognito, times == 2);
                tokio::task::yield_now().await;
            }
        };
        let (((), two), ((), three)) = tokio::join!(measured(calls(2)), measured(calls(3)));
        let seen = |measurements: &Measurements| {
            (measurements.get(Metric::CallsToCognito), measurements.get(Metric::ThrottlesByCognito))
        };
        assert_eq!((seen(&two), seen(&three)), ((Some(2), Some(2)), (Some(3), None)));
    }

    #[tokio::test]
    async fn a_call_is_counted_for_its_service_alone_and_a_throttle_beside_it() {
        let services = [
            (Service::DynamoDb, "DynamoDb"),
            (Service::Sqs, "Sqs"),
            (Service::Kms, "Kms"),
            (Service::Sts, "Sts"),
            (Service::Cognito, "Cognito"),
            (Service::S3, "S3"),
            (Service::Workos, "Workos"),
        ];
        for (service, name) in services {
            let ((), metrics) = measured(async {
                for slowed_down in [true, false, true] {
                    call(service, slowed_down);
                }
            })
            .await;
            assert_eq!(metrics.to_string(), format!(r#"{{"CallsTo{name}":3,"ThrottlesBy{name}":2}}"#));
        }
    }

    #[test]
    fn outside_of_any_request_nothing_is_measured_and_nothing_fails() {
        call(Service::Workos, true);
    }
}
