//! What Causeway costs and which quota is met first, from counted calls: `docs/cost.md` is written by it.
//!
//! Calls are counted by the end-to-end tests, which fail where they are not those of here
//! (`tests/tests/end_to_end/costs.rs`). Times and sizes are assumptions, named as such.

mod counted;
mod price;
mod quota;

use std::fmt::Write;

pub use self::counted::{
    Calls, Counted, DUE_SHARDS, Endpoint, ORGANIZATIONS, RUN, RUN_REPORTED, SIGN_IN, SIGN_IN_REQUESTS, TICK, TOGETHER,
    Units, WAKE_UP, WEBHOOK_FIRST, WEBHOOK_NEXT, WEBHOOK_SOON,
};

/// Seconds of a month of 730 hours.
const MONTH: f64 = 730.0 * 3600.0;
/// `ReconcileIntervalSeconds`, by default.
const INTERVAL: f64 = 900.0;
/// How long after a run that reads the organizations the next one does: so that they are never older than an hour.
const BETWEEN_ORGANIZATIONS: f64 = 3600.0 - INTERVAL;

/// What is assumed of a tenant, which has one pool, and of times and sizes.
mod assumed {
    /// Sign-ins a month.
    pub const SIGN_INS: f64 = 10_000.0;
    /// Webhooks a month.
    pub const WEBHOOKS: f64 = 100.0;
    /// How much more than on average the busiest minute has.
    pub const PEAK: f64 = 5.0;
    /// How long things take, in seconds: a run of a pool in line, a request of a webhook or sign-in on average, a
    /// tick with nothing due, and what each pool that is woken up adds to it. All but the last wait for others most
    /// of it.
    pub const RUN_SECONDS: f64 = 1.5;
    pub const REQUEST_SECONDS: f64 = 0.1;
    pub const TICK_SECONDS: f64 = 0.2;
    pub const WAKE_UP_SECONDS: f64 = 0.006;
    /// A log line with its metrics, one of the access log, and those that Lambda writes about an invocation, in bytes.
    pub const LINE: f64 = 1200.0;
    pub const ACCESS_LINE: f64 = 350.0;
    pub const LINES_OF_LAMBDA: f64 = 700.0;
    /// Of the invocations of a function, the ones that X-Ray samples beyond the first of each second.
    pub const TRACED: f64 = 0.05;
}

/// What a month of all tenants costs, in dollars.
#[derive(Clone, Copy, Debug)]
pub struct Bill {
    /// What is there without any tenant.
    pub fixed: f64,
    /// Runs for the schedule.
    pub runs: f64,
    /// Webhooks, the runs that they lead to, and the second looks after these.
    pub webhooks: f64,
    /// Sign-ins.
    pub sign_ins: f64,
}

impl Bill {
    /// The bill for so many pools. A webhook is billed as one that shows no change, since that is the dearer: the pool
    /// is looked at again half a minute later.
    pub fn of(pools: f64) -> Self {
        let runs = pools * MONTH / INTERVAL;
        let webhooks = pools * assumed::WEBHOOKS;
        let sign_ins = pools * assumed::SIGN_INS;
        let woken = queue(1.0) + run() + called(&RUN_REPORTED);
        Self {
            fixed: fixed(),
            runs: runs * scheduled_run() + traced(runs),
            webhooks: webhooks * (webhook(&WEBHOOK_FIRST) + woken + scheduled_run())
                + traced(webhooks)
                + traced(2.0 * webhooks),
            sign_ins: sign_ins * sign_in(|request| request.new) + traced(sign_ins * f64::from(SIGN_IN_REQUESTS)),
        }
    }

    /// All of it.
    pub fn total(self) -> f64 {
        self.fixed + self.runs + self.webhooks + self.sign_ins
    }
}

fn computed(seconds: f64, gigabytes: f64) -> f64 {
    seconds * gigabytes * price::LAMBDA_GB_SECOND_ARM.each()
}

fn invoked(seconds: f64, gigabytes: f64) -> f64 {
    price::LAMBDA_REQUEST.each() + computed(seconds, gigabytes) + logged(assumed::LINES_OF_LAMBDA)
}

fn logged(bytes: f64) -> f64 {
    bytes / 1e9 * price::LOG_GB.each()
}

/// What requests to the table and the keys cost, each of them.
fn called(calls: &Counted) -> f64 {
    let each = |units: &Units| {
        units.written * price::DYNAMODB_WRITE_UNIT.each() + units.read * price::DYNAMODB_READ_UNIT.each()
    };
    calls.table.iter().map(each).sum::<f64>()
        + f64::from(calls.opened + calls.public_keys) * price::KMS_REQUEST.each()
        + f64::from(calls.signed) * price::KMS_SIGNATURE.each()
}

/// The traces of a month's invocations of a function, at the most: each is the first of its second.
fn traced(invocations: f64) -> f64 {
    let first = invocations.min(MONTH);
    (first + (invocations - first) * assumed::TRACED) * price::TRACE.each()
}

/// A wake-up that is sent, received and deleted with so many others. SQS bills a call for each 64 KB in it: ten
/// wake-ups are less.
fn queue(together: f64) -> f64 {
    3.0 / together * price::SQS_FIFO_REQUEST.each()
}

/// A run without its wake-up. It is billed as if it was alone in its invocation; up to ten share one.
fn run() -> f64 {
    invoked(assumed::RUN_SECONDS, 0.25) + called(&RUN) + logged(assumed::LINE)
}

/// A run that a tick wakes up, among others.
fn scheduled_run() -> f64 {
    run() + queue(f64::from(TOGETHER)) + called(&WAKE_UP) + computed(assumed::WAKE_UP_SECONDS, 0.25)
}

/// A webhook without what it puts on the queue.
fn webhook(calls: &Counted) -> f64 {
    price::HTTP_API_REQUEST.each()
        + invoked(assumed::REQUEST_SECONDS, 0.25)
        + called(calls)
        + logged(assumed::LINE + assumed::ACCESS_LINE)
}

/// A sign-in, which takes so many calls for each request.
fn sign_in(calls: fn(&Endpoint) -> Counted) -> f64 {
    let request = price::HTTP_API_REQUEST.each()
        + invoked(assumed::REQUEST_SECONDS, 0.5)
        + logged(assumed::LINE + assumed::ACCESS_LINE);
    SIGN_IN.iter().map(|endpoint| request + called(&calls(endpoint))).sum()
}

fn fixed() -> f64 {
    let ticks = MONTH / 60.0;
    let tick = price::SCHEDULER_INVOCATION.each()
        + invoked(assumed::TICK_SECONDS, 0.25)
        + called(&TICK)
        + logged(assumed::LINE);
    // Five pollers for each of both queues that ask again every 20 seconds (Lambda: "Using Lambda with Amazon SQS"). A
    // request of the timer's queue costs no more than one of the other.
    let polling = 2.0 * 5.0 * MONTH / 20.0 * price::SQS_FIFO_REQUEST.each();
    let seen = METRICS * price::METRIC.each() + ALARMS * price::ALARM.each() + price::DASHBOARD.each();
    ticks * tick + traced(ticks) + polling + seen + 2.0 * price::KMS_KEY.each()
}

/// As many as `shared/telemetry/src/metric.rs` and `template.yaml` have; tests see to it.
pub const METRICS: f64 = 68.0;
/// The metrics that the alarms of the template watch: each is billed as an alarm.
pub const ALARMS: f64 = 22.0;

/// How many pools there are in the tables.
pub const SIZES: [u32; 3] = [10, 1000, 100_000];

/// What all costs, and which quota is met first.
fn tables() -> String {
    let mut text = String::from("| user pools | fixed | runs | webhooks | sign-ins | all | for each tenant |\n");
    text.push_str("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
    for pools in SIZES.map(f64::from) {
        let bill = Bill::of(pools);
        let parts =
            [bill.fixed, bill.runs, bill.webhooks, bill.sign_ins, bill.total()].map(|part| format!("{part:.2}"));
        let _ = writeln!(text, "| {pools} | {} | {:.4} |", parts.join(" | "), bill.total() / pools);
    }
    format!("{text}\n{}", quota::table(SIZES))
}

/// What a sign-in takes, by where its requests come to.
fn sign_ins() -> String {
    type Calls = fn(&Endpoint) -> Counted;
    let ways: [(&str, Calls); 2] = [
        ("each to an instance that knows nothing of the tenant", |request| request.new),
        ("all to one that knew nothing of the tenant before", |request| request.next),
    ];
    let mut text = String::from(
        "| requests of a sign-in | of the table | secrets opened | signatures | of WorkOS | dollars for 10,000 |\n\
         | --- | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for (way, calls) in ways {
        let sum = |count: fn(&Counted) -> u32| SIGN_IN.iter().map(|request| count(&calls(request))).sum::<u32>();
        let _ = writeln!(
            text,
            "| {way} | {} | {} | {} | {} | {:.3} |",
            sum(|calls| calls.calls().dynamodb),
            sum(|calls| calls.opened),
            sum(|calls| calls.signed),
            sum(|calls| calls.workos),
            sign_in(calls) * 1e4,
        );
    }
    text
}

/// What is assumed of times, beside what was measured.
fn times() -> String {
    let times = [
        (
            "a run of a pool in line",
            assumed::RUN_SECONDS,
            "0.21 with 10 providers, 0.42 with 100, 1.05 with 300, 3.6 with 1,000",
        ),
        (
            "the requests of a sign-in, together",
            assumed::REQUEST_SECONDS * f64::from(SIGN_IN_REQUESTS),
            "0.037, of which 0.008 of its own",
        ),
        ("a webhook", assumed::REQUEST_SECONDS, "0.005, or 0.027 from the start of a new process"),
        ("a tick with nothing due", assumed::TICK_SECONDS, "0.071 from the start of a new process"),
        (
            "a tick, for each pool that it wakes up",
            assumed::WAKE_UP_SECONDS,
            "0.0006 to 0.0007 of a processor, of which 256 MB have a seventh",
        ),
    ];
    let mut text = String::from("| time of | assumed, s | measured, s |\n| --- | ---: | --- |\n");
    for (what, assumed, measured) in times {
        let _ = writeln!(text, "| {what} | {assumed} | {measured} |");
    }
    text
}

/// The parts of `docs/cost.md` that the model writes, by what they are called there.
pub fn parts() -> [(&'static str, String); 5] {
    [
        ("tables", tables()),
        ("sign-ins", sign_ins()),
        ("times", times()),
        ("quotas", quota::sources()),
        ("prices", price::table()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_of_the_page_on_cost_are_the_models() {
        let file = crate::workspace::root().join("docs/cost.md");
        let mut page = std::fs::read_to_string(&file).unwrap();
        for (name, text) in parts() {
            let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
            let (before, rest) = page.split_once(&begin).unwrap();
            let (written, after) = rest.split_once(&end).unwrap();
            if std::env::var_os("UPDATE_COST").is_some() {
                page = format!("{before}{begin}{text}{end}{after}");
            } else {
                assert_eq!(written, text, "run this test with UPDATE_COST=1");
            }
        }
        if std::env::var_os("UPDATE_COST").is_some() {
            std::fs::write(&file, page).unwrap();
        }
    }

    #[test]
    fn the_more_tenants_there_are_the_less_each_costs() {
        let each = SIZES.map(|pools| Bill::of(f64::from(pools)).total() / f64::from(pools));
        assert!(each[0] > each[1] && each[1] > each[2], "{each:?}");
    }

    #[test]
    fn the_tables_count_with_the_dearer_webhook_and_the_dearer_sign_in() {
        assert!(webhook(&WEBHOOK_FIRST) > webhook(&WEBHOOK_SOON) && webhook(&WEBHOOK_SOON) > webhook(&WEBHOOK_NEXT));
        assert!(sign_in(|request| request.new) > sign_in(|request| request.next));
    }

    #[test]
    fn no_request_to_the_table_is_counted_that_costs_nothing() {
        let sign_ins = SIGN_IN.iter().flat_map(|request| [request.new, request.next]);
        let all = [RUN, RUN_REPORTED, WEBHOOK_FIRST, WEBHOOK_SOON, WEBHOOK_NEXT, TICK, WAKE_UP];
        for counted in all.into_iter().chain(sign_ins) {
            let mut cost = 0.0;
            for number in 0..=counted.table.len() {
                let some = called(&Counted {
                    table: &counted.table[..number],
                    opened: 0,
                    public_keys: 0,
                    signed: 0,
                    ..counted
                });
                assert!(number == 0 || some > cost, "request {number} of {counted:?} costs nothing");
                cost = some;
            }
        }
    }

    #[test]
    fn a_request_of_a_sign_in_takes_the_more_calls_the_less_is_known_to_the_instance() {
        for Endpoint { name, new, next, .. } in SIGN_IN {
            let (new, next) = (new.calls(), next.calls());
            assert!(new.dynamodb >= next.dynamodb && new.kms >= next.kms && new.workos == next.workos, "{name}");
        }
    }
}
