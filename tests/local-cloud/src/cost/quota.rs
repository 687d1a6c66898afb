//! Which quota is met first. None was read from an account; each was looked up again as the page says.

use std::fmt::Write;

use super::counted::ENTRY_OF_DUE;
use super::{
    BETWEEN_ORGANIZATIONS, Counted, DUE_SHARDS, INTERVAL, MONTH, ORGANIZATIONS, RUN, SIGN_IN, SIGN_IN_REQUESTS,
    TOGETHER, WEBHOOK_FIRST, assumed,
};

/// When all of them were looked up.
const LOOKED_UP: &str = "2026-11-27";

/// A quota, by default, and where it was found.
#[derive(Clone, Copy, Debug)]
pub struct Quota {
    /// What is limited.
    what: &'static str,
    /// The limit.
    limit: f64,
    source: &'static str,
}

const OURS: &str = "a parameter of `template.yaml`";
const KEYS: &str =
    "[AWS KMS: Request quotas](https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html)";

const WORKOS: Quota = Quota {
    what: "WorkOS: 6,000 requests a minute for one address",
    limit: 100.0,
    source: "[WorkOS: Rate limits](https://workos.com/docs/reference/rate-limits), as npm's `@workos/mcp-docs-server` 0.2.0 of 2026-09-06 has it; another copy, of no date, says for one API key",
};
const LAMBDA: Quota = Quota {
    what: "Lambda: 1,000 instances",
    limit: 1000.0,
    source: "[Lambda quotas](https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)",
};
const API_GATEWAY: Quota = Quota {
    what: "API Gateway: 10,000 requests a second",
    limit: 10_000.0,
    source: "[API Gateway quotas](https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html)",
};
const SQS: Quota = Quota {
    what: "SQS FIFO: 300 calls a second that send",
    limit: 300.0,
    source: "[SQS: Troubleshoot FIFO throttling](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/troubleshooting-fifo-throttling-issues.html)",
};
const STS: Quota = Quota {
    what: "STS: 600 requests a second, each run assuming its role",
    limit: 600.0,
    source: "a user who met it, [awslabs/mountpoint-s3#1358](https://github.com/awslabs/mountpoint-s3/issues/1358) of 2025-04-10; AWS's page on it was not found",
};
const SIGNATURES: Quota = Quota { what: "KMS: 1,000 RSA signatures a second", limit: 1000.0, source: KEYS };
const SECRETS: Quota = Quota { what: "KMS: 10,000 symmetric operations a second", limit: 10_000.0, source: KEYS };
const DYNAMODB: Quota = Quota {
    what: "DynamoDB: 1,000 writes a second to a partition of `due`, of 8",
    limit: 1000.0 * DUE_SHARDS as f64,
    source: "[DynamoDB: Warm throughput](https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/warm-throughput-scenarios.html)",
};
const SIGN_IN_RATE: Quota =
    Quota { what: "SigninRateLimit: 200 requests a second of a route, ours", limit: 200.0, source: OURS };
const WEBHOOK_RATE: Quota = Quota { what: "WebhookRateLimit: 50 requests a second, ours", limit: 50.0, source: OURS };
const TICK: Quota = Quota {
    what: "`schedule`: 45 seconds for what is due in a minute, ours",
    limit: 45.0,
    source: "the function's timeout in `template.yaml`, less the five seconds that a tick stops before its end",
};

/// How much of a quota is used in the busiest minute.
#[derive(Clone, Copy, Debug)]
pub struct Use {
    /// The quota.
    pub quota: Quota,
    /// The use.
    pub used: f64,
}

impl Use {
    /// The part of the limit that is used; above 1 it is met.
    pub fn share(&self) -> f64 {
        self.used / self.quota.limit
    }
}

/// How far the quotas are used by so many pools, the one that is met first in front.
pub fn uses(pools: f64) -> Vec<Use> {
    let sign_ins = pools * assumed::SIGN_INS / MONTH * assumed::PEAK;
    let webhooks = pools * assumed::WEBHOOKS / MONTH * assumed::PEAK;
    // With the second looks after webhooks.
    let scheduled = pools / INTERVAL + webhooks;
    let runs = scheduled + webhooks;
    let requests = sign_ins * f64::from(SIGN_IN_REQUESTS) + webhooks;
    let of_a_sign_in =
        |calls: fn(&Counted) -> u32| -> f64 { SIGN_IN.iter().map(|request| f64::from(calls(&request.new))).sum() };
    let opened = runs * f64::from(RUN.opened)
        + webhooks * f64::from(WEBHOOK_FIRST.opened)
        + sign_ins * of_a_sign_in(|calls| calls.opened);
    // A due time that changes moves its entry: by the tick, and by the run.
    let written = (scheduled + runs) * ENTRY_OF_DUE;
    // By the schedule, and by the run for a webhook and the look after it.
    let organizations = pools / BETWEEN_ORGANIZATIONS + 2.0 * webhooks;
    let at_workos = runs * f64::from(RUN.workos) + organizations * f64::from(ORGANIZATIONS.workos);
    let mut uses = vec![
        Use { quota: WORKOS, used: at_workos + sign_ins * of_a_sign_in(|calls| calls.workos) },
        Use { quota: LAMBDA, used: runs * assumed::RUN_SECONDS + requests * assumed::REQUEST_SECONDS },
        Use { quota: API_GATEWAY, used: requests },
        Use { quota: SQS, used: scheduled / f64::from(TOGETHER) + webhooks * f64::from(WEBHOOK_FIRST.sqs) },
        Use { quota: STS, used: runs },
        Use { quota: SIGNATURES, used: sign_ins * of_a_sign_in(|calls| calls.signed) },
        Use { quota: SECRETS, used: opened },
        Use { quota: DYNAMODB, used: written },
        Use { quota: SIGN_IN_RATE, used: sign_ins },
        Use { quota: WEBHOOK_RATE, used: webhooks },
        Use { quota: TICK, used: scheduled * 60.0 * assumed::WAKE_UP_SECONDS },
    ];
    uses.sort_by(|one, other| other.share().total_cmp(&one.share()));
    uses
}

/// How far they are used by pools of these numbers, and with how many each is met.
pub fn table(sizes: [u32; 3]) -> String {
    let mut text = String::from("| quota |");
    for pools in sizes {
        let _ = write!(text, " {pools} |");
    }
    text.push_str(" met at |\n| --- | ---: | ---: | ---: | ---: |\n");
    let largest = f64::from(sizes[2]);
    for quota in uses(largest) {
        let _ = write!(text, "| {} |", quota.quota.what);
        for pools in sizes.map(f64::from) {
            // Every use grows with the pools.
            let _ = write!(text, " {:.2} % |", quota.share() * pools / largest * 100.0);
        }
        let _ = writeln!(text, " {:.0} pools |", largest / quota.share());
    }
    text
}

/// Where each was found.
pub fn sources() -> String {
    let mut text = String::from("| quota | found in | looked up |\n| --- | --- | --- |\n");
    for Use { quota: Quota { what, source, .. }, .. } in uses(1.0) {
        let _ = writeln!(text, "| {what} | {source} | {LOOKED_UP} |");
    }
    text
}
