//! What Causeway costs and which quota is met first, from counted calls: `docs/cost.md` is written by it.
//!
//! Calls are counted by the end-to-end tests, which fail where they are not those of here
//! (`tests/tests/end_to_end/costs.rs`). Times and sizes are assumptions, named as such.

mod price;

use std::fmt::Write;

/// Requests that something takes, by service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// To the table.
    pub dynamodb: u32,
    /// To the queue.
    pub sqs: u32,
    /// To the keys.
    pub kms: u32,
    /// To the tenant's user pool.
    pub cognito: u32,
    /// To `WorkOS`.
    pub workos: u32,
}

/// A run for the schedule that finds nothing to do, of a pool that is known to the instance. The role is assumed
/// once in three quarters of an hour and instance. A pool that asks for domains lists the organizations too.
pub const RUN: Calls = Calls { dynamodb: 5, sqs: 0, kms: 1, cognito: 3, workos: 1 };
/// A webhook of a tenant with one pool to an instance that knows nothing of the tenant.
pub const WEBHOOK_FIRST: Calls = Calls { dynamodb: 2, sqs: 1, kms: 1, cognito: 0, workos: 0 };
/// The next one within five seconds to the same instance, as the benchmark counts it: `docs/benchmarks.md`.
pub const WEBHOOK_NEXT: Calls = Calls { dynamodb: 0, sqs: 1, kms: 0, cognito: 0, workos: 0 };
/// A sign-in from `/authorize` to `/userinfo`, all requests of it, to an instance that knows tenant and pool.
pub const SIGN_IN: Calls = Calls { dynamodb: 6, sqs: 0, kms: 1, cognito: 0, workos: 1 };
/// Over how many partitions of the index `due` the pools are spread.
pub const DUE_SHARDS: u32 = 8;
/// A tick that wakes no pool up: a query for each shard of due pools, and one for each of the eight states of health
/// in which pools are counted.
pub const TICK: Calls = Calls { dynamodb: DUE_SHARDS + 8, sqs: 0, kms: 0, cognito: 0, workos: 0 };
/// What a tick takes for each pool that it wakes up, beside its part of a call to the queue.
pub const WAKE_UP: Calls = Calls { dynamodb: 1, sqs: 0, kms: 0, cognito: 0, workos: 0 };
/// How many wake-ups go with one call to the queue at the most.
pub const TOGETHER: u32 = 10;

/// Seconds of a month of 730 hours.
const MONTH: f64 = 730.0 * 3600.0;
/// `ReconcileIntervalSeconds`, by default.
const INTERVAL: f64 = 900.0;

/// What is assumed of a tenant, which has one pool, and of times and sizes.
mod assumed {
    /// Sign-ins a month.
    pub const SIGN_INS: f64 = 10_000.0;
    /// Webhooks a month.
    pub const WEBHOOKS: f64 = 100.0;
    /// How much more than on average the busiest minute has.
    pub const PEAK: f64 = 5.0;
    /// How long things take, in seconds: a run of a pool in line, a request of a webhook or sign-in on average, a
    /// tick with nothing due, and what each pool that is woken up adds to it. They wait for others most of it.
    pub const RUN_SECONDS: f64 = 1.5;
    pub const REQUEST_SECONDS: f64 = 0.1;
    pub const TICK_SECONDS: f64 = 0.2;
    pub const WAKE_UP_SECONDS: f64 = 0.004;
    /// Units that a run writes: its pool's item of 2 KB twice, and an entry of the index `due`, which is deleted and
    /// put.
    pub const RUN_WRITE_UNITS: f64 = 6.0;
    /// Units that moving a due time on writes: the item, and the entry of the index.
    pub const WAKE_UP_WRITE_UNITS: f64 = 4.0;
    /// Units of the report of a run without steps.
    pub const REPORT_WRITE_UNITS: f64 = 1.0;
    /// Units that a run reads: the tenant, the claims of 20 connections, what is known of foreign providers.
    pub const RUN_READ_UNITS: f64 = 5.0;
    /// Units of a query of few and small items from an index.
    pub const QUERY_READ_UNITS: f64 = 0.5;
    /// Units of a sign-in: the code, which is deleted for as much, and the access token, up to 4 KB each, and its
    /// entry in the log, twice.
    pub const SIGN_IN_WRITE_UNITS: f64 = 14.0;
    pub const SIGN_IN_READ_UNITS: f64 = 2.0;
    /// A log line with its metrics, one of the access log, and those that Lambda writes about an invocation, in bytes.
    pub const LINE: f64 = 1200.0;
    pub const ACCESS_LINE: f64 = 350.0;
    pub const LINES_OF_LAMBDA: f64 = 700.0;
    /// Requests of a sign-in: authorize, callback, token, jwks, userinfo.
    pub const SIGN_IN_REQUESTS: f64 = 5.0;
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
        let woken = queue(1.0) + run() + table(assumed::REPORT_WRITE_UNITS, 0.0);
        Self {
            fixed: fixed(),
            runs: runs * scheduled_run() + traced(runs),
            webhooks: webhooks * (webhook(WEBHOOK_FIRST) + woken + scheduled_run())
                + traced(webhooks)
                + traced(2.0 * webhooks),
            sign_ins: sign_ins * sign_in() + traced(sign_ins * assumed::SIGN_IN_REQUESTS),
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

fn table(write_units: f64, read_units: f64) -> f64 {
    write_units * price::DYNAMODB_WRITE_UNIT.each() + read_units * price::DYNAMODB_READ_UNIT.each()
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
    invoked(assumed::RUN_SECONDS, 0.25)
        + table(assumed::RUN_WRITE_UNITS, assumed::RUN_READ_UNITS)
        + f64::from(RUN.kms) * price::KMS_REQUEST.each()
        + logged(assumed::LINE)
}

/// A run that a tick wakes up, among others.
fn scheduled_run() -> f64 {
    run()
        + queue(f64::from(TOGETHER))
        + table(assumed::WAKE_UP_WRITE_UNITS, 0.0)
        + computed(assumed::WAKE_UP_SECONDS, 0.25)
}

/// A webhook without what it puts on the queue.
fn webhook(calls: Calls) -> f64 {
    price::HTTP_API_REQUEST.each()
        + invoked(assumed::REQUEST_SECONDS, 0.25)
        + table(0.0, f64::from(calls.dynamodb))
        + f64::from(calls.kms) * price::KMS_REQUEST.each()
        + logged(assumed::LINE + assumed::ACCESS_LINE)
}

fn sign_in() -> f64 {
    let request = price::HTTP_API_REQUEST.each()
        + invoked(assumed::REQUEST_SECONDS, 0.5)
        + logged(assumed::LINE + assumed::ACCESS_LINE);
    assumed::SIGN_IN_REQUESTS * request
        + f64::from(SIGN_IN.kms) * price::KMS_SIGNATURE.each()
        + table(assumed::SIGN_IN_WRITE_UNITS, assumed::SIGN_IN_READ_UNITS)
}

fn fixed() -> f64 {
    let ticks = MONTH / 60.0;
    let tick = price::SCHEDULER_INVOCATION.each()
        + invoked(assumed::TICK_SECONDS, 0.25)
        + table(0.0, f64::from(TICK.dynamodb) * assumed::QUERY_READ_UNITS)
        + logged(assumed::LINE);
    // Five pollers that ask again every 20 seconds (Lambda: "Using Lambda with Amazon SQS").
    let polling = 5.0 * MONTH / 20.0 * price::SQS_FIFO_REQUEST.each();
    let seen = METRICS * price::METRIC.each() + ALARMS * price::ALARM.each() + price::DASHBOARD.each();
    ticks * tick + traced(ticks) + polling + seen + 2.0 * price::KMS_KEY.each()
}

/// As many as `shared/telemetry/src/metric.rs` and `template.yaml` have; tests see to it.
pub const METRICS: f64 = 61.0;
/// The alarms of the template.
pub const ALARMS: f64 = 13.0;

/// A quota, and how much of it is used in the busiest minute.
#[derive(Clone, Copy, Debug)]
pub struct Use {
    /// What is limited.
    pub what: &'static str,
    /// The limit, by default.
    pub limit: f64,
    /// The use.
    pub used: f64,
}

impl Use {
    /// The part of the limit that is used; above 1 it is met.
    pub fn share(&self) -> f64 {
        self.used / self.limit
    }
}

/// How far the quotas are used by so many pools, the one that is met first in front. The limits are AWS's defaults
/// (Service Quotas) and `WorkOS`'s; none was read from an account.
pub fn quotas(pools: f64) -> Vec<Use> {
    let sign_ins = pools * assumed::SIGN_INS / MONTH * assumed::PEAK;
    let webhooks = pools * assumed::WEBHOOKS / MONTH * assumed::PEAK;
    // With the second looks after webhooks.
    let scheduled = pools / INTERVAL + webhooks;
    let runs = scheduled + webhooks;
    let concurrency =
        runs * assumed::RUN_SECONDS + (sign_ins * assumed::SIGN_IN_REQUESTS + webhooks) * assumed::REQUEST_SECONDS;
    let workos = runs * f64::from(RUN.workos) + sign_ins * f64::from(SIGN_IN.workos);
    let sent = scheduled / f64::from(TOGETHER) + webhooks * f64::from(WEBHOOK_FIRST.sqs);
    let symmetric = runs * f64::from(RUN.kms) + webhooks * f64::from(WEBHOOK_FIRST.kms);
    // A due time that changes is deleted and put: by the tick, and by the run.
    let written = scheduled * 4.0 + webhooks * 2.0;
    let mut quotas = vec![
        Use { what: "WorkOS: 6,000 requests a minute for one address", limit: 100.0, used: workos },
        Use { what: "Lambda: 1,000 instances", limit: 1000.0, used: concurrency },
        Use { what: "SQS FIFO: 300 calls a second that send", limit: 300.0, used: sent },
        Use { what: "STS: 600 requests a second, each run assuming its role", limit: 600.0, used: runs },
        Use { what: "KMS: 1,000 RSA signatures a second", limit: 1000.0, used: sign_ins },
        Use { what: "KMS: 5,500 symmetric operations a second", limit: 5500.0, used: symmetric },
        Use {
            what: "DynamoDB: 1,000 writes a second to a partition of `due`, of 8",
            limit: 1000.0 * f64::from(DUE_SHARDS),
            used: written,
        },
        Use { what: "SigninRateLimit: 200 requests a second of a route, ours", limit: 200.0, used: sign_ins },
        Use {
            what: "`schedule`: 45 seconds for what is due in a minute, ours",
            limit: 45.0,
            used: scheduled * 60.0 * assumed::WAKE_UP_SECONDS,
        },
    ];
    quotas.sort_by(|one, other| other.share().total_cmp(&one.share()));
    quotas
}

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
    text.push_str("\n| quota |");
    for pools in SIZES {
        let _ = write!(text, " {pools} |");
    }
    text.push_str(" met at |\n| --- | ---: | ---: | ---: | ---: |\n");
    let largest = f64::from(SIZES[2]);
    for quota in quotas(largest) {
        let _ = write!(text, "| {} |", quota.what);
        for pools in SIZES.map(f64::from) {
            // Every use grows with the pools.
            let _ = write!(text, " {:.2} % |", quota.share() * pools / largest * 100.0);
        }
        let _ = writeln!(text, " {:.0} pools |", largest / quota.share());
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
            assumed::REQUEST_SECONDS * assumed::SIGN_IN_REQUESTS,
            "0.041, of which 0.009 of its own",
        ),
        ("a webhook", assumed::REQUEST_SECONDS, "0.006, or 0.031 from the start of a new process"),
        ("a tick with nothing due", assumed::TICK_SECONDS, "0.080 from the start of a new process"),
        ("a tick, for each pool that it wakes up", assumed::WAKE_UP_SECONDS, "0.0007 of a processor"),
    ];
    let mut text = String::from("| time of | assumed, s | measured, s |\n| --- | ---: | --- |\n");
    for (what, assumed, measured) in times {
        let _ = writeln!(text, "| {what} | {assumed} | {measured} |");
    }
    text
}

/// The parts of `docs/cost.md` that the model writes, by what they are called there.
pub fn parts() -> [(&'static str, String); 3] {
    [("tables", tables()), ("times", times()), ("prices", price::table())]
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
    fn the_tables_count_with_the_dearer_webhook() {
        assert!(webhook(WEBHOOK_FIRST) > webhook(WEBHOOK_NEXT));
    }
}
