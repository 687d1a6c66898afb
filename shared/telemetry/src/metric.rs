//! Every metric that Causeway has, and nowhere else: alarms, dashboard and documents name these.

use causeway_core::trouble::Trouble;

/// CloudWatch's namespace of all of them.
pub const NAMESPACE: &str = "Causeway";

macro_rules! metrics {
    ($($(#[doc = $doc:literal])+ $name:ident: $unit:ident,)+) => {
        /// A metric. None has a dimension: what tells tenants and pools apart is in the line that carries it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Metric {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Metric {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its name in CloudWatch.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }

            /// Its unit, by CloudWatch's name.
            pub fn unit(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($unit),)+
                }
            }
        }
    };
}

metrics! {
    /// Runs that ended and were recorded.
    Runs: Count,
    /// Of these, the ones that found nothing to do.
    RunsWithoutChange: Count,
    /// Of these, the ones that could not see both sides.
    RunsFailed: Count,
    /// Of these, the ones that ran out of time.
    RunsOutOfTime: Count,
    /// Of these, the ones that hold steps back: the guard tripped.
    RunsHeldBack: Count,
    /// Of these, the ones with a failure that is Causeway's own mistake; and runs that panicked.
    RunsFailedByBug: Count,
    /// Runs that could not be begun or recorded, or that panicked; their messages come again.
    RunsNotRecorded: Count,
    /// Messages of the queue, or of the timer's, that are no wake-ups.
    WakeUpsMalformed: Count,
    /// How long a run took.
    RunTime: Milliseconds,
    /// From the wake-up that a webhook sent to the end of the run that left its pool in line.
    WebhookToSynced: Milliseconds,
    /// Providers made.
    StepsCreate: Count,
    /// Providers changed.
    StepsUpdate: Count,
    /// Providers added to an app client.
    StepsWire: Count,
    /// Providers taken out of an app client.
    StepsUnwire: Count,
    /// Providers deleted.
    StepsDelete: Count,
    /// Claims dropped.
    StepsForget: Count,
    /// Steps held back.
    StepsHeldBack: Count,
    /// Steps, or looks, that failed.
    StepsFailed: Count,
    /// User pools that a tick woke up.
    PoolsWoken: Count,
    /// User pools that were due and could not be woken up, or are due still though they were.
    PoolsNotWoken: Count,
    /// For how long a user pool has not been brought in line that nobody but Causeway and time can mend: the interval
    /// and how long it is due, or how long it has failed. The greatest of all pools.
    OldestSyncAge: Seconds,
    /// User pools whose health is `transient`; so on for the other kinds.
    PoolsTransient: Count,
    /// Health `throttled`.
    PoolsThrottled: Count,
    /// Health `conflict`.
    PoolsConflict: Count,
    /// Health `denied`.
    PoolsDenied: Count,
    /// Health `quota`.
    PoolsQuota: Count,
    /// Health `rejected`.
    PoolsRejected: Count,
    /// User pools of which steps are held back, whatever else is wrong with them but a mistake.
    PoolsHeld: Count,
    /// Health `bug`.
    PoolsBug: Count,
    /// User pools that are verified and that no run has ended for yet.
    PoolsNeverRan: Count,
    /// User pools that wait for the operator's admission.
    PoolsAwaitingAdmission: Count,
    /// Webhooks that were believed.
    WebhooksTaken: Count,
    /// Webhooks that could not be taken, for which `WorkOS` was asked to deliver again.
    WebhooksNotTaken: Count,
    /// Webhooks refused: there is no such endpoint.
    WebhooksRefusedNoEndpoint: Count,
    /// Webhooks refused: without a signature.
    WebhooksRefusedUnsigned: Count,
    /// Webhooks refused: the signature has another form.
    WebhooksRefusedMalformed: Count,
    /// Webhooks refused: signed too long ago.
    WebhooksRefusedTooOld: Count,
    /// Webhooks refused: signed in the future.
    WebhooksRefusedTooNew: Count,
    /// Webhooks refused: the signature does not match.
    WebhooksRefusedForged: Count,
    /// Webhooks refused: the body is no event.
    WebhooksRefusedNotAnEvent: Count,
    /// Webhooks refused: the body is too large.
    WebhooksRefusedTooLarge: Count,
    /// Webhooks refused: the tenant's come too fast, or one event comes again within ten seconds.
    WebhooksRefusedTooMany: Count,
    /// Sign-ins that Cognito sent and that went on to `WorkOS`.
    SignInsStarted: Count,
    /// Sign-ins that came back from `WorkOS` with a profile that was accepted.
    SignInsReturned: Count,
    /// Sign-ins for which Cognito has its tokens; a sign-in that starts is sent as 0 of them.
    SignInsCompleted: Count,
    /// Requests of sign-ins that were refused, by a decision of somebody.
    SignInsRefused: Count,
    /// Requests of sign-ins that Causeway or a service of its own account failed, or for which no connection to `WorkOS`
    /// could be made.
    SignInsFailed: Count,
    /// Requests of sign-ins that failed by what only their tenant can mend, such as an API key that is missing or revoked.
    SignInsFailedForTenant: Count,
    /// How long a request for tokens took.
    TokenTime: Milliseconds,
    /// Items of the table that can't be read, each time that one is met.
    ItemsUnreadable: Count,
    /// Requests of the operators' API and of the onboarding page.
    ApiRequests: Count,
    /// Of these, the ones that Causeway or a service of its own account failed.
    ApiFailures: Count,
    /// Requests whose path is refused, that matched another route than the one that API Gateway authorised, or that came
    /// to `/v1` without a caller.
    RequestsOffRoute: Count,
    /// Panics while a request was handled, each answered with 500.
    HandlerPanics: Count,
    /// Requests sent to `DynamoDB`, each attempt; so on for the other services.
    CallsToDynamoDb: Count,
    /// Requests sent to SQS.
    CallsToSqs: Count,
    /// Requests sent to KMS.
    CallsToKms: Count,
    /// Requests sent to STS.
    CallsToSts: Count,
    /// Requests sent to Cognito.
    CallsToCognito: Count,
    /// Requests sent to S3.
    CallsToS3: Count,
    /// Requests sent to `WorkOS`.
    CallsToWorkos: Count,
    /// Of the requests to `DynamoDB`, the ones that it asked to slow down for; so on for the other services.
    ThrottlesByDynamoDb: Count,
    /// Throttles by SQS.
    ThrottlesBySqs: Count,
    /// Throttles by KMS.
    ThrottlesByKms: Count,
    /// Throttles by STS.
    ThrottlesBySts: Count,
    /// Throttles by Cognito.
    ThrottlesByCognito: Count,
    /// Throttles by S3.
    ThrottlesByS3: Count,
    /// Throttles by `WorkOS`.
    ThrottlesByWorkos: Count,
}

impl Metric {
    /// What counts the pools in this trouble; `None` of one that nobody is to be called for.
    pub fn of_pools(trouble: Trouble) -> Option<Self> {
        Some(match trouble {
            Trouble::Transient => Self::PoolsTransient,
            Trouble::Throttled => Self::PoolsThrottled,
            Trouble::Conflict => Self::PoolsConflict,
            Trouble::Denied => Self::PoolsDenied,
            Trouble::Quota => Self::PoolsQuota,
            Trouble::Rejected => Self::PoolsRejected,
            Trouble::Held => Self::PoolsHeld,
            Trouble::Bug => Self::PoolsBug,
            Trouble::NeverRan => Self::PoolsNeverRan,
            Trouble::AwaitsAdmission => Self::PoolsAwaitingAdmission,
            Trouble::Pending => return None,
        })
    }
}

/// A service that functions call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// The table.
    DynamoDb,
    /// The queue.
    Sqs,
    /// The keys.
    Kms,
    /// The way into tenants' accounts.
    Sts,
    /// The tenants' user pools.
    Cognito,
    /// The bucket with the role's template.
    S3,
    /// `WorkOS`.
    Workos,
}

impl Service {
    /// The AWS service of this name in a signature's scope (AWS: "Signature Version 4", credential scope).
    pub fn signed_as(name: &str) -> Option<Self> {
        Some(match name {
            "dynamodb" => Self::DynamoDb,
            "sqs" => Self::Sqs,
            "kms" => Self::Kms,
            "sts" => Self::Sts,
            "cognito-idp" => Self::Cognito,
            "s3" => Self::S3,
            _ => return None,
        })
    }

    /// What counts the requests that it gets, and its throttles.
    pub fn metrics(self) -> (Metric, Metric) {
        match self {
            Self::DynamoDb => (Metric::CallsToDynamoDb, Metric::ThrottlesByDynamoDb),
            Self::Sqs => (Metric::CallsToSqs, Metric::ThrottlesBySqs),
            Self::Kms => (Metric::CallsToKms, Metric::ThrottlesByKms),
            Self::Sts => (Metric::CallsToSts, Metric::ThrottlesBySts),
            Self::Cognito => (Metric::CallsToCognito, Metric::ThrottlesByCognito),
            Self::S3 => (Metric::CallsToS3, Metric::ThrottlesByS3),
            Self::Workos => (Metric::CallsToWorkos, Metric::ThrottlesByWorkos),
        }
    }
}
