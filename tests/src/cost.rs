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
/// A webhook of a tenant with one pool.
pub const WEBHOOK: Calls = Calls { dynamodb: 2, sqs: 1, kms: 1, cognito: 0, workos: 0 };
/// A sign-in from `/authorize` to `/userinfo`, all requests of it, to an instance that knows tenant and pool.
pub const SIGN_IN: Calls = Calls { dynamodb: 6, sqs: 0, kms: 1, cognito: 0, workos: 1 };

/// Seconds of a month of 730 hours.
const MONTH: f64 = 730.0 * 3600.0;
/// `ReconcileIntervalSeconds`, by default.
const INTERVAL: f64 = 900.0;

/// What is assumed of a tenant. Each has one pool.
mod assumed {
    /// Sign-ins a month.
    pub const SIGN_INS: f64 = 10_000.0;
    /// Webhooks a month.
    pub const WEBHOOKS: f64 = 100.0;
    /// How much more than on average the busiest minute has.
    pub const PEAK: f64 = 5.0;
    /// How long a run of a pool in line takes, and a request of a webhook or sign-in, in seconds. Both wait for
    /// others most of it.
    pub const RUN_SECONDS: f64 = 1.5;
    pub const REQUEST_SECONDS: f64 = 0.05;
    /// Units that a run writes: its pool's item of 2 KB three times, and the index `due` at two of these.
    pub const RUN_WRITE_UNITS: f64 = 10.0;
    /// Units that a run reads: the tenant, the claims of 20 connections, what is known of foreign providers.
    pub const RUN_READ_UNITS: f64 = 5.0;
    /// Units of a sign-in: the code and the access token, up to 4 KB each, and its entry in the log, twice.
    pub const SIGN_IN_WRITE_UNITS: f64 = 10.0;
    pub const SIGN_IN_READ_UNITS: f64 = 2.0;
    /// A log line with its metrics, and one of the access log, in bytes.
    pub const LINE: f64 = 1200.0;
    pub const ACCESS_LINE: f64 = 350.0;
    /// Requests of a sign-in: authorize, callback, token, jwks, userinfo.
    pub const SIGN_IN_REQUESTS: f64 = 5.0;
    /// Of all invocations, the ones that X-Ray samples beyond one a second.
    pub const TRACED: f64 = 0.05;
}

/// What a month of all tenants costs, in dollars.
#[derive(Clone, Copy, Debug)]
pub struct Bill {
    /// What is there without any tenant.
    pub fixed: f64,
    /// Runs for the schedule.
    pub runs: f64,
    /// Webhooks and the runs that they lead to.
    pub webhooks: f64,
    /// Sign-ins.
    pub sign_ins: f64,
}

impl Bill {
    /// The bill for so many pools.
    pub fn of(pools: f64) -> Self {
        let runs = pools * MONTH / INTERVAL;
        Self {
            fixed: fixed(),
            runs: runs * run(),
            webhooks: pools * assumed::WEBHOOKS * (webhook() + run()),
            sign_ins: pools * assumed::SIGN_INS * sign_in(),
        }
    }

    /// All of it.
    pub fn total(self) -> f64 {
        self.fixed + self.runs + self.webhooks + self.sign_ins
    }
}

fn lambda(seconds: f64, gigabytes: f64) -> f64 {
    price::LAMBDA_REQUEST.each()
        + seconds * gigabytes * price::LAMBDA_GB_SECOND_ARM.each()
        + assumed::TRACED * price::TRACE.each()
}

fn logged(bytes: f64) -> f64 {
    bytes / 1e9 * price::LOG_GB.each()
}

fn run() -> f64 {
    // Sent, received, deleted; the wake-up's own write is in the units.
    let queue = 3.0 * price::SQS_FIFO_REQUEST.each();
    let table = assumed::RUN_WRITE_UNITS * price::DYNAMODB_WRITE_UNIT.each()
        + assumed::RUN_READ_UNITS * price::DYNAMODB_READ_UNIT.each();
    lambda(assumed::RUN_SECONDS, 0.25)
        + queue
        + table
        + f64::from(RUN.kms) * price::KMS_REQUEST.each()
        + logged(assumed::LINE)
}

fn webhook() -> f64 {
    price::HTTP_API_REQUEST.each()
        + lambda(assumed::REQUEST_SECONDS, 0.25)
        + f64::from(WEBHOOK.dynamodb) * price::DYNAMODB_READ_UNIT.each()
        + f64::from(WEBHOOK.kms) * price::KMS_REQUEST.each()
        + logged(assumed::LINE + assumed::ACCESS_LINE)
}

fn sign_in() -> f64 {
    let request = price::HTTP_API_REQUEST.each()
        + lambda(assumed::REQUEST_SECONDS, 0.5)
        + logged(assumed::LINE + assumed::ACCESS_LINE);
    assumed::SIGN_IN_REQUESTS * request
        + f64::from(SIGN_IN.kms) * price::KMS_SIGNATURE.each()
        + assumed::SIGN_IN_WRITE_UNITS * price::DYNAMODB_WRITE_UNIT.each()
        + assumed::SIGN_IN_READ_UNITS * price::DYNAMODB_READ_UNIT.each()
}

fn fixed() -> f64 {
    let ticks = MONTH / 60.0;
    // Eight shards of due pools, and eight states of health, half a unit each.
    let tick = price::SCHEDULER_INVOCATION.each()
        + lambda(0.1, 0.25)
        + 8.0 * price::DYNAMODB_READ_UNIT.each()
        + logged(assumed::LINE);
    // Five pollers that ask again every 20 seconds (Lambda: "Using Lambda with Amazon SQS").
    let polling = 5.0 * MONTH / 20.0 * price::SQS_FIFO_REQUEST.each();
    let seen = METRICS * price::METRIC.each() + ALARMS * price::ALARM.each() + price::DASHBOARD.each();
    ticks * tick + polling + seen + 2.0 * price::KMS_KEY.each()
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
    let runs = pools / INTERVAL;
    let sign_ins = pools * assumed::SIGN_INS / MONTH * assumed::PEAK;
    let webhooks = pools * assumed::WEBHOOKS / MONTH * assumed::PEAK;
    let concurrency =
        runs * assumed::RUN_SECONDS + (sign_ins * assumed::SIGN_IN_REQUESTS + webhooks) * assumed::REQUEST_SECONDS;
    let workos = runs * f64::from(RUN.workos) + sign_ins * f64::from(SIGN_IN.workos);
    let mut quotas = vec![
        Use { what: "WorkOS: 6,000 requests a minute for one address", limit: 100.0, used: workos },
        Use { what: "Lambda: 1,000 instances", limit: 1000.0, used: concurrency },
        Use { what: "SQS FIFO: 300 wake-ups sent a second", limit: 300.0, used: runs + webhooks },
        Use { what: "STS: 600 requests a second, each run assuming its role", limit: 600.0, used: runs },
        Use { what: "KMS: 1,000 RSA signatures a second", limit: 1000.0, used: sign_ins },
        Use {
            what: "KMS: 5,500 symmetric operations a second",
            limit: 5500.0,
            used: runs * f64::from(RUN.kms) + webhooks * f64::from(WEBHOOK.kms),
        },
        Use { what: "DynamoDB: 1,000 writes a second to a partition of `due`, of 8", limit: 8000.0, used: runs * 4.0 },
        Use { what: "SigninRateLimit: 200 requests a second of a route, ours", limit: 200.0, used: sign_ins },
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

/// The parts of `docs/cost.md` that the model writes, by what they are called there.
pub fn parts() -> [(&'static str, String); 2] {
    [("tables", tables()), ("prices", price::table())]
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
}
