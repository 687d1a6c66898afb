//! The calls that went through the strict front: how many of what, and how much of a time they take up.

use std::collections::BTreeMap;

use causeway_local_cloud::front::record::Call;

/// How many calls there were, by service and operation.
pub type Counts = BTreeMap<String, usize>;

/// Counts calls by service and operation, such as `dynamodb:GetItem`.
pub fn counted(calls: &[Call]) -> Counts {
    let mut counts = Counts::new();
    for call in calls {
        *counts.entry(format!("{}:{}", call.service, operation(call))).or_default() += 1;
    }
    counts
}

/// An operation without the IDs in it: `WorkOS`'s are paths.
fn operation(call: &Call) -> String {
    let parts = call.operation.split('/').map(|part| if part.contains("_0") { "{id}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// How many of the counted calls are AWS's.
pub fn of_aws(counts: &Counts) -> usize {
    counts.iter().filter(|(name, _)| !name.starts_with("workos:")).map(|(_, count)| count).sum()
}

/// How many of the counted calls have a name that begins so.
pub fn beginning(counts: &Counts, with: &str) -> usize {
    counts.iter().filter(|(name, _)| name.starts_with(with)).map(|(_, count)| count).sum()
}

/// Counts as one line.
pub fn shown(counts: &Counts) -> String {
    let shown: Vec<String> = counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
    if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }
}

/// How many calls the front refused because there were too many of them.
pub fn throttled(calls: &[Call]) -> usize {
    calls.iter().filter(|call| call.refused.as_deref().is_some_and(|why| why.starts_with("TooManyRequests"))).count()
}

/// How much of the time from `begin` to `end` (in microseconds since 1970) at least one of the calls took, in
/// microseconds: what went by while somebody else worked.
pub fn waited(calls: &[Call], begin: u64, end: u64) -> u64 {
    let mut times: Vec<(u64, u64)> = calls
        .iter()
        .map(|call| (call.at_micros.max(begin), (call.at_micros + call.took_micros).min(end)))
        .filter(|(from, to)| from < to)
        .collect();
    times.sort_unstable();
    let (mut sum, mut until) = (0, begin);
    for (from, to) in times {
        sum += to.saturating_sub(from.max(until));
        until = until.max(to);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(service: &str, operation: &str, at: u64, took: u64) -> Call {
        let mut call = Call::new(service, operation, "");
        (call.at_micros, call.took_micros) = (at, took);
        call
    }

    #[test]
    fn calls_side_by_side_take_up_their_time_once_and_what_lies_outside_does_not_count() {
        let calls = [
            call("kms", "Sign", 100, 50),
            call("dynamodb", "PutItem", 110, 20),
            call("dynamodb", "UpdateItem", 140, 30),
            call("dynamodb", "Query", 300, 100),
            call("dynamodb", "GetItem", 10, 20),
        ];
        // From 100 to 170, and from 300 to the end.
        assert_eq!(waited(&calls, 50, 350), 70 + 50);
        assert_eq!(waited(&[], 0, 10), 0);
    }

    #[test]
    fn calls_are_counted_by_what_they_do_and_not_by_whom_they_are_about() {
        let calls = [
            call("workos", "GET /connections/conn_01E4ZCR3C56J083X43JQXF3JK5", 0, 0),
            call("workos", "GET /connections/conn_01E4ZCR3C56J083X43JQXF3JK6", 0, 0),
            call("dynamodb", "GetItem", 0, 0),
        ];
        let counts = counted(&calls);
        assert_eq!(shown(&counts), "1 dynamodb:GetItem, 2 workos:GET /connections/{id}");
        assert_eq!((of_aws(&counts), beginning(&counts, "workos:")), (1, 2));
    }
}
