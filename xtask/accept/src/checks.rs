//! The checks, in the order in which they are made.

mod before;
mod clients;
mod deployment;
mod doors;
mod last;
mod outside;
mod providers;
mod releases;
mod signin;
mod tenant;
mod workos;

use std::pin::Pin;

use anyhow::Result;

use crate::finding::Finding;
use crate::world::World;

/// What a check does: it looks, and may make what the world's list then has.
type Act = for<'a> fn(&'a mut World) -> Pin<Box<dyn Future<Output = Result<Finding>> + 'a>>;

/// Where a check can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// On AWS and on the local cloud.
    Everywhere,
    /// On AWS only: why not on the local cloud.
    AwsOnly(&'static str),
}

/// One thing that a run looks at.
pub struct Check {
    /// Its name, by which documents name it.
    pub name: &'static str,
    /// Which of the phases it belongs to, from 1.
    pub phase: usize,
    /// What holds if it holds.
    pub claim: &'static str,
    /// Whether this is open until somebody has seen it on AWS or WorkOS, and nothing in Causeway depends on it.
    pub is_open: bool,
    /// Where it can be made.
    pub reach: Reach,
    /// How many minutes it may take, where that is long.
    pub minutes: u64,
    pub(crate) act: Act,
}

/// The phases, from the first to the last before everything is taken away.
pub const PHASES: [&str; 10] = [
    "Before anything is made",
    "Deployment",
    "Doors",
    "From outside",
    "A tenant's pool and role",
    "An app client",
    "Identity providers",
    "WorkOS",
    "Signing in",
    "Releases, dead letters, cold start",
];

/// The name of the check that is made only when it is asked for, since it waits for half an hour.
pub const COLD: &str = "cold-token";

const NO_LOGS: &str = "the emulator keeps the functions' logs in files, and makes no metrics of them";
const NO_CODEDEPLOY: &str = "the emulator has no CodeDeploy";

const fn check(phase: usize, name: &'static str, claim: &'static str, act: Act) -> Check {
    Check { name, phase, claim, is_open: false, reach: Reach::Everywhere, minutes: 0, act }
}

impl Check {
    const fn open(mut self) -> Self {
        self.is_open = true;
        self
    }

    const fn on_aws(mut self, why: &'static str) -> Self {
        self.reach = Reach::AwsOnly(why);
        self
    }

    const fn takes(mut self, minutes: u64) -> Self {
        self.minutes = minutes;
        self
    }
}

/// All checks.
pub static CHECKS: &[Check] = &[
    check(1, "accounts", "The two profiles lead to two accounts, neither as its root user", |world| {
        Box::pin(before::accounts(world))
    }),
    check(1, "lambda-quota", "The account may run 200 functions at once, so that instances can be reserved", |world| {
        Box::pin(before::lambda_quota(world))
    }),
    check(1, "public-access", "The account as a whole blocks no public access to S3", |world| {
        Box::pin(before::public_access(world))
    })
    .on_aws("the emulator has no such setting of an account"),
    check(1, "leftovers", "Nothing of an earlier run is left, and no stack of this name is in the way", |world| {
        Box::pin(before::leftovers(world))
    }),
    check(2, "deploys", "The policy deploy.json is enough to deploy", |world| Box::pin(deployment::deploys(world)))
        .takes(20),
    check(
        2,
        "denied-calls",
        "No call of that deployment was denied, also none whose failure was passed over",
        |world| Box::pin(deployment::denied_calls(world)),
    )
    .on_aws("the emulator records no calls for CloudTrail")
    .takes(16),
    check(2, "stage-limits", "The stage has a limit for each open route", |world| {
        Box::pin(deployment::stage_limits(world))
    }),
    check(3, "signatures", "Unsigned, forged and ungranted calls are refused, and a granted one is not", |world| {
        Box::pin(doors::signatures(world))
    }),
    check(3, "custom-domain", "The same holds by the custom domain", |world| Box::pin(doors::custom_domain(world)))
        .on_aws("the emulator maps no domain"),
    check(3, "path-forms", "No way of writing a path leads from an open route to a guarded one", |world| {
        Box::pin(doors::path_forms(world))
    })
    .takes(3),
    check(3, "tenant-policy", "A tenant's own policy opens that tenant, and no other in any way of writing", |world| {
        Box::pin(doors::tenant_policy(world))
    })
    .takes(3),
    check(4, "discovery", "Discovery document and key set can be read from outside, and name the issuer", |world| {
        Box::pin(outside::discovery(world))
    }),
    check(4, "log-lines", "Every line in the log groups is JSON, and the wide lines are there", |world| {
        Box::pin(outside::log_lines(world))
    })
    .on_aws(NO_LOGS)
    .takes(3),
    check(4, "metrics", "CloudWatch makes the metrics of the lines", |world| Box::pin(outside::metrics(world)))
        .on_aws(NO_LOGS)
        .takes(16),
    check(4, "alarm-ends", "An alarm that fires ends when its reason has gone", |world| {
        Box::pin(outside::alarm_ends(world))
    })
    .on_aws("the emulator's alarms see no metrics of SQS")
    .takes(15),
    check(5, "tenant-pool", "A user pool is made and registered", |world| Box::pin(tenant::pool(world))),
    check(5, "wrong-external-id", "A role that can be entered without the external ID is not used", |world| {
        Box::pin(tenant::wrong_external_id(world))
    })
    .takes(3),
    check(5, "role-by-aws-cli", "The commands of the AWS CLI make a role that passes the checks", |world| {
        Box::pin(tenant::role_by_aws_cli(world))
    })
    .takes(3),
    check(5, "role-by-terraform", "The Terraform configuration makes a role that passes the checks", |world| {
        Box::pin(tenant::role_by_terraform(world))
    })
    .on_aws("Terraform's provider for AWS is not among the pinned tools")
    .takes(5),
    check(5, "role-by-cloudformation", "The template makes a role that passes the checks", |world| {
        Box::pin(tenant::role_by_cloudformation(world))
    })
    .takes(5),
    check(6, "whole-app-client", "Wiring changes the providers of an app client, and no other member", |world| {
        Box::pin(clients::whole_app_client(world))
    })
    .takes(3),
    check(7, "provider-dates", "A provider's LastModifiedDate changes when it is changed, and only then", |world| {
        Box::pin(providers::dates(world))
    })
    .open(),
    check(7, "list-lag", "ListIdentityProviders shows what was just made and not what was just deleted", |world| {
        Box::pin(providers::list_lag(world))
    })
    .open()
    .takes(5),
    check(7, "authorize-url-query", "Cognito keeps a query string in authorize_url", |world| {
        Box::pin(providers::authorize_url_query(world))
    })
    .open(),
    check(7, "identifier-case", "Identifiers that differ in case are two", |world| {
        Box::pin(providers::identifier_case(world))
    })
    .open(),
    check(7, "taken-identifier", "An update to a taken identifier is a DuplicateProviderException", |world| {
        Box::pin(providers::taken_identifier(world))
    })
    .open(),
    check(7, "incomplete-provider", "A provider without its issuer is an InvalidParameterException", |world| {
        Box::pin(providers::incomplete(world))
    })
    .open(),
    check(7, "empty-attributes", "Every attribute that can be mapped takes an empty text", |world| {
        Box::pin(providers::empty_attributes(world))
    })
    .open(),
    check(7, "two-writes", "Of two writes to a pool at once, one is a ConcurrentModificationException", |world| {
        Box::pin(providers::two_writes(world))
    })
    .open(),
    check(7, "throttles", "One operation on one pool is let through five times a second", |world| {
        Box::pin(providers::throttles(world))
    }),
    check(8, "redirect-uri", "The callback is registered with WorkOS once", |world| {
        Box::pin(workos::redirect_uri(world))
    }),
    check(8, "webhook-endpoint", "The webhook endpoint is registered with WorkOS once", |world| {
        Box::pin(workos::webhook_endpoint(world))
    }),
    check(8, "event", "An event of WorkOS is believed, and a run follows it", |world| Box::pin(workos::event(world)))
        .takes(3),
    check(8, "paging", "A list is read to its end by its cursors, each item once", |world| {
        Box::pin(workos::paging(world))
    }),
    check(8, "deleted-cursor", "A list goes on behind an item that was deleted meanwhile", |world| {
        Box::pin(workos::deleted_cursor(world))
    })
    .open(),
    check(8, "pkce", "WorkOS refuses a code whose verifier does not fit its challenge", |world| {
        Box::pin(workos::pkce(world))
    })
    .on_aws("the emulator checks no verifier")
    .open(),
    check(8, "nonce", "WorkOS takes a nonce at /sso/authorize", |world| Box::pin(workos::nonce(world))).open(),
    check(9, "sign-in", "A user signs in to an application in a browser, with the claims of the profile", |world| {
        Box::pin(signin::sign_in(world))
    })
    .takes(6),
    check(9, "cognito-sends-nonce", "Cognito sends a nonce to /authorize", |world| {
        Box::pin(std::future::ready(signin::nonce(world)))
    })
    .open(),
    check(9, "cognito-keeps-hint", "Cognito sends the application's login_hint on to /authorize", |world| {
        Box::pin(std::future::ready(signin::login_hint(world)))
    })
    .open(),
    check(9, "token-time", "Cognito waited for /token as long as it took, and no longer than two seconds", |world| {
        Box::pin(signin::token_time(world))
    })
    .on_aws(NO_LOGS)
    .open()
    .takes(3),
    check(9, "groups-go", "What the profile no longer says is taken from the user at the next sign-in", |world| {
        Box::pin(signin::groups_go(world))
    })
    .takes(6),
    check(9, "narrow-client", "A client whose WriteAttributes lack a mapped attribute signs nobody in", |world| {
        Box::pin(signin::narrow_client(world))
    })
    .on_aws("the emulator does not ask for WriteAttributes")
    .open()
    .takes(6),
    check(10, "dead-letter", "A message that was given up is seen, and sent back on request", |world| {
        Box::pin(last::dead_letter(world))
    })
    .takes(3),
    check(10, COLD, "The first /token after half an hour is answered within a second", |world| {
        Box::pin(last::cold_token(world))
    })
    .takes(32),
    check(10, "good-canary", "A release that is good takes over through CodeDeploy", |world| {
        Box::pin(releases::good_canary(world))
    })
    .on_aws(NO_CODEDEPLOY)
    .takes(20),
    check(10, "bad-canary", "A release that errs is rolled back by its alarm", |world| {
        Box::pin(releases::bad_canary(world))
    })
    .on_aws(NO_CODEDEPLOY)
    .takes(25),
    check(10, "rollback", "The release before, deployed with LambdaAllAtOnce, takes over at once", |world| {
        Box::pin(releases::rollback(world))
    })
    .on_aws(NO_CODEDEPLOY)
    .takes(15),
];
