//! A tenant's user pool: what the operator set, and what the runs recorded.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    app_clients::AppClients,
    decisions::Decisions,
    external_id::SeenExternalIds,
    health::Health,
    id::{AccountId, AppClientId, OnboardingLinkId, OrganizationId, ProviderName, RoleName, TenantId, UserPoolId},
    keeps_unknown,
    lenient::{if_readable, present},
    lookup::{self, DomainLookup},
    loss::{Held, Loss},
    offering::OfferingClient,
    organization::OrganizationReads,
    removal::Removal,
    run::Outcome,
    schema::SchemaAttribute,
    start::{Start, stored},
    timestamp::Timestamp,
    trouble::Trouble,
    unknown::Unknown,
    wake_up::{Cause, WakeUp},
};

/// Where Cognito's callback is below each domain of a pool (Cognito: "Configuring a user pool domain").
const CALLBACK_PATH: &str = "/oauth2/idpresponse";

/// What runs may do to a pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Plan only.
    Observe,
    /// Everything but deletes.
    Upsert,
    /// Everything.
    #[default]
    Sync,
    /// No runs.
    Paused,
}

/// Whether users may sign in; apart from the mode, which never stops a sign-in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignIn {
    /// They may.
    #[default]
    Enabled,
    /// They may not.
    Disabled,
}

/// Where a pool is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PoolStatus {
    /// Registered; `verify` has not passed. Never due.
    Pending,
    /// Verified, and this tenant's own.
    Active,
    /// On its way out.
    Removing,
}

/// What an operator chooses for a pool. A member that is missing where it stands in the table makes the pool unreadable:
/// none of them has a value that could be taken instead.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolOptions {
    /// What runs may do.
    pub mode: Mode,
    /// Whether users may sign in.
    pub sign_in: SignIn,
    /// The app clients that are given the providers.
    pub app_clients: AppClients,
    /// Only the connections of these organizations; none given means all.
    #[serde(deserialize_with = "present")]
    pub organizations: Option<Vec<OrganizationId>>,
    /// Whether the verified domains of an organization become identifiers.
    pub domain_identifiers: bool,
    /// Cognito's attribute to the claim it is taken from; none given means [`default_mapping`].
    #[serde(deserialize_with = "present")]
    pub attribute_mapping: Option<BTreeMap<String, String>>,
    /// Whether an attribute that the identity provider no longer sends is emptied, where the pool's schema allows it.
    pub clear_missing_attributes: bool,
    /// Where sign-ins lead that begin at the customer's identity provider; none given means that they are refused.
    #[serde(default, deserialize_with = "stored", skip_serializing_if = "Option::is_none")]
    pub start: Option<Start>,
    /// Whether the lookup by domain is answered, and to which pages; none given means that it is not.
    #[serde(default, deserialize_with = "lookup::stored", skip_serializing_if = "Option::is_none")]
    pub domain_lookup: Option<DomainLookup>,
}

impl PoolOptions {
    /// The mapping that providers get.
    pub fn mapping(&self) -> BTreeMap<String, String> {
        mapping_of(self.attribute_mapping.as_ref())
    }
}

/// The mapping that the providers of a pool with this option get.
pub(crate) fn mapping_of(chosen: Option<&BTreeMap<String, String>>) -> BTreeMap<String, String> {
    let mut mapping = chosen.cloned().unwrap_or_else(default_mapping);
    // Cognito sets this one itself; sent as well, so that what is compared is what was sent.
    mapping.insert("username".to_owned(), "sub".to_owned());
    mapping
}

/// The mapping of a pool that names none: the standard claims that WorkOS fills.
pub fn default_mapping() -> BTreeMap<String, String> {
    ["email", "email_verified", "given_name", "family_name", "name"]
        .into_iter()
        .map(|name| (name.to_owned(), name.to_owned()))
        .collect()
}

/// How many connections and providers the last run saw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Counts {
    /// Connections that the pool should have a provider for.
    pub connections: u32,
    /// Providers that Causeway made in the pool.
    pub providers: u32,
}

/// The last run in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LastRun {
    /// Its ID.
    pub id: String,
    /// When it ended.
    pub finished_at: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
}

/// What the runs record on a pool; written apart from what operators set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunState {
    /// How the pool is.
    pub health: Health,
    /// What the last complete look counted.
    #[serde(default)]
    pub counts: Counts,
    /// The last run.
    pub last_run: Option<LastRun>,
    /// When the last complete look began that took the pool's mark off first: it covers messages that were sent before.
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub looked_at: Option<Timestamp>,
    /// How many runs in a row failed.
    #[serde(default)]
    pub failures: u32,
    /// Cognito's own name of the pool, as last read; none before that, and where nothing of it can be shown. It is the
    /// tenant's to choose, and decides nothing.
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The callbacks that Cognito has for this pool's domains, as last read.
    pub callbacks: Vec<String>,
    /// The attributes of the pool's users, as last read; none where no version that keeps them has looked yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Vec<SchemaAttribute>>,
    /// Which of its providers each of the pool's app clients offers, as last seen; none before that, and where there are
    /// too many to be kept.
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub app_clients: Option<Vec<OfferingClient>>,
    /// When what the claims keep of their organizations was read.
    #[serde(default, skip_serializing_if = "OrganizationReads::is_never")]
    pub organizations: OrganizationReads,
    /// Whether domains are kept for the lookup.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_domains: bool,
    /// Which external IDs the role was last seen to take, where the tenant's is or was being rotated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_ids: Option<SeenExternalIds>,
    /// The ways to sign in that were taken away in the last day without an approval, and not made good.
    pub losses: Vec<Loss>,
    /// Of how many connections an earlier version holds steps back. It does not say of which, so what is planned then is
    /// held. Never written any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_of: Option<usize>,
    /// When every provider is described again, moved or not.
    pub full_pass_due_at: Timestamp,
    /// The last provider that a full pass described for which a run's time was too short: the next run goes on after
    /// it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_pass_after: Option<ProviderName>,
    /// When the role is next tried without and with a wrong external ID.
    pub role_probe_due_at: Timestamp,
}

impl RunState {
    /// The state of a pool that no run has looked at.
    pub fn new(now: Timestamp) -> Self {
        Self {
            health: Health::ok(now),
            counts: Counts::default(),
            last_run: None,
            looked_at: None,
            failures: 0,
            name: None,
            callbacks: Vec::new(),
            schema: None,
            app_clients: None,
            organizations: OrganizationReads::default(),
            has_domains: false,
            external_ids: None,
            losses: Vec::new(),
            held_of: None,
            full_pass_due_at: now,
            full_pass_after: None,
            role_probe_due_at: now,
        }
    }
}

/// A user pool of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct UserPool {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The pool.
    pub user_pool_id: UserPoolId,
    /// The AWS account that the pool and the role are in.
    pub account_id: AccountId,
    /// The role that lets Causeway in.
    pub role_name: RoleName,
    /// Where it is in its life.
    pub status: PoolStatus,
    /// What becomes of its providers, once an operator has asked to remove the pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removal: Option<Removal>,
    /// What the operator chose.
    pub options: PoolOptions,
    /// Whether an onboarding link registered it in an account that the operator has yet to admit. Until then
    /// nothing in that account is looked at.
    pub awaits_admission: bool,
    /// The onboarding link that registered it; none where an operator did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered_by: Option<OnboardingLinkId>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When an operator last changed it.
    pub updated_at: Timestamp,
    /// Counts the operators' changes; a change of a stale copy is refused by the store.
    pub version: u64,
    /// What the runs recorded.
    pub run: RunState,
    /// The connections whose losses wait for a person. Apart from the rest of what runs record, so that no version that
    /// does not know it writes it away.
    #[serde(default, skip_serializing_if = "Held::is_empty")]
    pub held: Held,
    /// What operators decided on losses.
    #[serde(default, skip_serializing_if = "Decisions::is_empty")]
    pub decisions: Decisions,
    /// When it is looked at next; none while it is never due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// What a later version wrote into it.
    #[serde(skip)]
    pub unknown: Unknown,
}

keeps_unknown!(UserPool);

impl UserPool {
    /// The ARN of the role that lets Causeway in.
    pub fn role_arn(&self) -> String {
        format!("arn:{}:iam::{}:role/{}", self.user_pool_id.partition(), self.account_id, self.role_name)
    }

    /// Whether runs look at it at all.
    pub fn is_reconciled(&self) -> bool {
        self.status == PoolStatus::Active && self.options.mode != Mode::Paused
    }

    /// What it is in when it is registered.
    pub fn trouble_of_new(&self) -> Trouble {
        if self.awaits_admission { Trouble::AwaitsAdmission } else { Trouble::Pending }
    }

    /// The app clients that it is to give its providers to, and that its last run did not find; none where that is not
    /// known: the run did not see the pool, or the operator has chosen others since.
    pub fn missing_app_clients(&self) -> Vec<AppClientId> {
        let has_seen = |last: &LastRun| !matches!(last.outcome, Outcome::Failed | Outcome::OutOfTime);
        let has_looked = |last: &LastRun| has_seen(last) && last.finished_at >= self.updated_at;
        let has_looked = self.run.last_run.as_ref().is_some_and(has_looked);
        let Some(seen) = self.run.app_clients.as_ref().filter(|_| has_looked) else { return Vec::new() };
        let named = self.options.app_clients.named().iter();
        named.filter(|id| seen.iter().all(|client| client.id != **id)).cloned().collect()
    }

    /// The wake-up that has it looked at.
    pub fn wake_up(&self, cause: Cause) -> WakeUp {
        WakeUp { tenant_id: self.tenant_id.clone(), user_pool_id: self.user_pool_id.clone(), cause }
    }

    /// A domain of the pool, as [`domain_url_of`] says.
    pub fn domain_url<'a>(&'a self, local: Option<&'a str>) -> Option<&'a str> {
        domain_url_of(&self.run.callbacks, local)
    }
}

/// The callbacks of Cognito that a sign-in of a pool may return to, where runs found `known`. `local` stands in for a
/// pool without a domain, on the local cloud.
pub fn callbacks_of<'a>(known: &'a [String], local: Option<&'a str>) -> Vec<&'a str> {
    if known.is_empty() { local.into_iter().collect() } else { known.iter().map(String::as_str).collect() }
}

/// A domain of a pool as `https://<domain>`, its own one rather than the prefix. Both are as for [`callbacks_of`].
pub fn domain_url_of<'a>(known: &'a [String], local: Option<&'a str>) -> Option<&'a str> {
    callbacks_of(known, local).last()?.strip_suffix(CALLBACK_PATH)
}

/// The callbacks of a pool with this prefix domain and custom domain (Cognito: "Configuring a user pool
/// domain"; AWS `GovCloud`: "Amazon Cognito", where prefix domains are FIPS endpoints).
pub fn callbacks(pool: &UserPoolId, prefix: Option<&str>, custom: Option<&str>) -> Vec<String> {
    let endpoint = if pool.partition() == "aws-us-gov" { "auth-fips" } else { "auth" };
    let hosted = prefix.map(|prefix| format!("{prefix}.{endpoint}.{}.amazoncognito.com", pool.region()));
    hosted
        .into_iter()
        .chain(custom.map(str::to_owned))
        .map(|domain| format!("https://{domain}{CALLBACK_PATH}"))
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A pool that an operator registered.
    pub fn pool() -> UserPool {
        let now = Timestamp::from_seconds(1);
        UserPool {
            tenant_id: "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N".parse().unwrap(),
            user_pool_id: "eu-west-1_AbCdEf123".parse().unwrap(),
            account_id: "222222222222".parse().unwrap(),
            role_name: "CausewayLogin".parse().unwrap(),
            status: PoolStatus::Pending,
            removal: None,
            options: PoolOptions::default(),
            awaits_admission: false,
            registered_by: None,
            created_at: now,
            updated_at: now,
            version: 1,
            run: RunState::new(now),
            held: Held::new(),
            decisions: Decisions::default(),
            due_at: None,
            unknown: Unknown::default(),
        }
    }

    #[test]
    fn an_app_client_is_missing_that_is_named_and_was_not_there_in_a_look_since_it_was_named() {
        let client = |id: &str| OfferingClient { id: id.parse().unwrap(), lacks: [].into() };
        let (before, then, after) =
            (Timestamp::from_seconds(1), Timestamp::from_seconds(2), Timestamp::from_seconds(3));
        let mut pool = UserPool { updated_at: then, ..pool() };
        pool.options.app_clients = AppClients::Named(vec!["1a".parse().unwrap(), "2b".parse().unwrap()]);
        for (seen, finished_at, outcome, missing) in [
            (None, Some(after), Outcome::NoChange, 0),
            (Some(vec![client("1a"), client("2b")]), Some(after), Outcome::NoChange, 0),
            (Some(vec![client("1a"), client("3c")]), Some(after), Outcome::Partial, 1),
            (Some(Vec::new()), Some(after), Outcome::Changed, 2),
            (Some(Vec::new()), Some(after), Outcome::Failed, 0),
            (Some(Vec::new()), Some(after), Outcome::OutOfTime, 0),
            (Some(Vec::new()), Some(before), Outcome::Changed, 0),
            (Some(Vec::new()), None, Outcome::Changed, 0),
        ] {
            pool.run.app_clients = seen.clone();
            pool.run.last_run = finished_at.map(|finished_at| LastRun { id: String::new(), finished_at, outcome });
            assert_eq!(pool.missing_app_clients().len(), missing, "{seen:?} {finished_at:?} {outcome:?}");
        }
        pool.options.app_clients = AppClients::All;
        assert_eq!(pool.missing_app_clients(), []);
    }

    #[test]
    fn a_pool_returns_to_its_prefix_domain_and_to_its_custom_domain() {
        let of = |pool: &str| callbacks(&pool.parse().unwrap(), Some("acme"), Some("login.acme.example"));
        assert_eq!(
            of("eu-west-1_a"),
            [
                "https://acme.auth.eu-west-1.amazoncognito.com/oauth2/idpresponse",
                "https://login.acme.example/oauth2/idpresponse",
            ]
        );
        assert_eq!(
            of("us-gov-west-1_a")[0],
            "https://acme.auth-fips.us-gov-west-1.amazoncognito.com/oauth2/idpresponse"
        );
    }
}
