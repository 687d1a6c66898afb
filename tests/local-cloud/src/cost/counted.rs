//! The calls of each thing that Causeway does, and what its requests to the table are billed for.

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

/// What a request to the table is billed for: a unit for each KB that is written and for each 4 KB that is read
/// consistently, half of one where it may be a moment old (`DynamoDB`: "Read and write operations").
#[derive(Clone, Copy, Debug)]
pub struct Units {
    /// Write request units.
    pub written: f64,
    /// Read request units.
    pub read: f64,
}

impl Units {
    const fn writing(written: f64) -> Self {
        Self { written, read: 0.0 }
    }

    const fn reading(read: f64) -> Self {
        Self { written: 0.0, read }
    }
}

/// What an entry of the index `due` takes that changes: it is deleted and put.
pub const ENTRY_OF_DUE: f64 = 2.0;

const TENANT: Units = Units::reading(1.0);
const POOL: Units = Units::reading(1.0);
const CLAIM: Units = Units::reading(1.0);
/// All pools of a tenant that has one or two.
const POOLS: Units = Units::reading(1.0);
/// The marks of a tenant's pools, which say for which of them a message waits.
const MARKS: Units = Units::reading(1.0);
/// A pool's mark.
const MARK: Units = Units::writing(1.0);
/// The claims of 20 connections.
const CLAIMS: Units = Units::reading(3.0);
/// What is known of providers that Causeway did not make.
const FOREIGN: Units = Units::reading(1.0);
/// Few and small entries of an index, as they were a moment ago.
const ENTRIES: Units = Units::reading(0.5);
/// A pool's item of 2 KB.
const LEASE: Units = Units::writing(2.0);
/// The same, with its entry of the index.
const DUE_TIME: Units = Units::writing(2.0 + ENTRY_OF_DUE);
/// The report of a run without steps.
const REPORT: Units = Units::writing(1.0);
/// A code's item, up to 4 KB, put or deleted.
const CODE: Units = Units::writing(4.0);
/// An access token's item, up to 4 KB.
const ACCESS: Units = Units::writing(4.0);
/// The same, read.
const SHOWN_ACCESS: Units = Units::reading(1.0);
/// A sign-in's entry in the log.
const LOGGED: Units = Units::writing(1.0);

/// The calls of something. Each request to the table is there with what it is billed for, so that none is counted
/// that costs nothing.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    /// Requests to the table.
    pub table: &'static [Units],
    /// Requests to the queue.
    pub sqs: u32,
    /// Secrets that are opened.
    pub opened: u32,
    /// Public keys that are read.
    pub public_keys: u32,
    /// Signatures.
    pub signed: u32,
    /// Requests to the tenant's user pool.
    pub cognito: u32,
    /// Requests to `WorkOS`.
    pub workos: u32,
}

impl Counted {
    const NONE: Self = Self { table: &[], sqs: 0, opened: 0, public_keys: 0, signed: 0, cognito: 0, workos: 0 };

    const fn of_the_table(table: &'static [Units]) -> Self {
        Self { table, ..Self::NONE }
    }

    /// How many there are, as the functions' log lines count them.
    pub fn calls(&self) -> Calls {
        Calls {
            dynamodb: u32::try_from(self.table.len()).unwrap_or(u32::MAX),
            sqs: self.sqs,
            kms: self.opened + self.public_keys + self.signed,
            cognito: self.cognito,
            workos: self.workos,
        }
    }
}

/// A run for the schedule that finds nothing to do, of a pool that is known to the instance. The role is assumed
/// once in three quarters of an hour and instance. A pool that makes domains identifiers lists the organizations each
/// time, and one that offers the lookup by domain reads what is kept of it.
pub const RUN: Counted =
    Counted { table: &[TENANT, LEASE, CLAIMS, FOREIGN, DUE_TIME], opened: 1, cognito: 3, workos: 1, ..Counted::NONE };
/// What a run takes beside this that is not the schedule's: the pool's mark comes off, and it has a report.
pub const RUN_REPORTED: Counted = Counted::of_the_table(&[MARK, REPORT]);
/// What a run takes beside this that reads the organizations, for the verified domains that the claims keep.
pub const ORGANIZATIONS: Counted = Counted { workos: 1, ..Counted::NONE };
/// A webhook of a tenant with one pool to an instance that knows nothing of the tenant, after quiet.
pub const WEBHOOK_FIRST: Counted = Counted { table: &[TENANT, POOLS, MARKS, MARK], sqs: 1, opened: 1, ..Counted::NONE };
/// The next one within a minute and beyond five seconds to the same instance, which still knows the secret.
pub const WEBHOOK_SOON: Counted = Counted { table: &[POOLS, MARKS, MARK], sqs: 1, ..Counted::NONE };
/// The next one within five seconds to the same instance, while a message waits for the pool.
pub const WEBHOOK_NEXT: Counted = Counted::of_the_table(&[MARKS]);
/// Over how many partitions of the index `due` the pools are spread.
pub const DUE_SHARDS: u32 = 8;
/// A tick that wakes no pool up: a query for each shard of due pools, and one for each of the eight states of health
/// in which pools are counted.
pub const TICK: Counted = Counted::of_the_table(&[ENTRIES; DUE_SHARDS as usize + 10]);
/// What a tick takes for each pool that it wakes up, beside its part of a call to the queue.
pub const WAKE_UP: Counted = Counted::of_the_table(&[DUE_TIME]);
/// How many wake-ups go with one call to the queue at the most.
pub const TOGETHER: u32 = 10;

/// One request of a sign-in.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    /// Its name.
    pub name: &'static str,
    /// What it comes to, as the log says.
    pub outcome: &'static str,
    /// To an instance that knows nothing of the tenant.
    pub new: Counted,
    /// To the instance that has taken the requests before it, and no others of the tenant in the last minute.
    pub next: Counted,
    /// Whether it needs the public key of the ID tokens. An instance reads that at its start, and then once a minute
    /// for all tenants: one call to the keys more.
    pub needs_public_key: bool,
}

/// How many requests a sign-in takes.
pub const SIGN_IN_REQUESTS: u32 = 5;
/// The requests of a sign-in: Cognito sends the browser, `WorkOS` sends it back, and Cognito fetches the tokens, the
/// claims and the keys. In which order it fetches the last two changes nothing where each comes to another instance.
pub const SIGN_IN: [Endpoint; SIGN_IN_REQUESTS as usize] = [
    Endpoint {
        name: "/authorize",
        outcome: "sent to WorkOS",
        new: Counted { table: &[TENANT, POOL, CLAIM], opened: 1, ..Counted::NONE },
        next: Counted { table: &[TENANT, POOL, CLAIM], opened: 1, ..Counted::NONE },
        needs_public_key: false,
    },
    Endpoint {
        name: "/callback",
        outcome: "signed in",
        new: Counted { table: &[TENANT, POOL, CLAIM, CODE, ACCESS, LOGGED], opened: 2, workos: 1, ..Counted::NONE },
        next: Counted { table: &[CODE, ACCESS, LOGGED], opened: 1, workos: 1, ..Counted::NONE },
        needs_public_key: false,
    },
    Endpoint {
        name: "/token",
        outcome: "tokens issued",
        new: Counted { table: &[TENANT, POOL, CLAIM, CODE, LOGGED], signed: 1, ..Counted::NONE },
        next: Counted { table: &[CODE, LOGGED], signed: 1, ..Counted::NONE },
        needs_public_key: true,
    },
    Endpoint {
        name: "/userinfo",
        outcome: "claims answered",
        new: Counted::of_the_table(&[SHOWN_ACCESS, TENANT, POOL, CLAIM]),
        next: Counted::of_the_table(&[SHOWN_ACCESS]),
        needs_public_key: false,
    },
    Endpoint { name: "/jwks", outcome: "published", new: Counted::NONE, next: Counted::NONE, needs_public_key: true },
];
