//! What a sign-in and a webhook need of the items of the table, and no more: a member that they don't need can be
//! unreadable, or a word of a later version, and nobody is kept out for it. What they do need decides who gets in, and
//! has no value to fall back to.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    domain::VerifiedDomains,
    former_webhook::{FormerWebhook, webhook_secrets},
    id::{ConnectionId, OrganizationId, ProviderName, TenantId, UserPoolId, WorkosClientId},
    lenient::{if_readable, present},
    lookup::{self, DomainLookup},
    oidc::{asked::AskedFor, claims::is_ever_sent, profile::Profile},
    organization::{KnownOrganization, OrganizationReads},
    provider::Issuer,
    schema::SchemaAttribute,
    sealed::Sealed,
    secret::ClientSecrets,
    start::{Start, stored_if_readable},
    subject::Subject,
    timestamp::Timestamp,
    user_pool::{Mode, PoolStatus, SignIn, callbacks_of, domain_url_of, mapping_of},
    wake_up::{Cause, WakeUp},
};

/// A tenant, for its sign-ins.
#[derive(Debug, Clone, Deserialize)]
pub struct ServingTenant {
    /// Its ID.
    pub id: TenantId,
    /// The client ID of its WorkOS environment.
    pub workos_client_id: WorkosClientId,
    /// The WorkOS API key, once it was given.
    pub workos_api_key: Option<Sealed>,
    /// The key of the states of its sign-ins.
    pub sign_in_state_key: Sealed,
}

/// A user pool, for its sign-ins.
#[derive(Debug, Clone, Deserialize)]
pub struct ServingPool {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The pool.
    pub user_pool_id: UserPoolId,
    status: PoolStatus,
    /// What the operator chose for sign-ins.
    pub options: ServingOptions,
    run: ServingRun,
}

/// What an operator chooses for the sign-ins of a pool.
#[derive(Debug, Clone, Deserialize)]
pub struct ServingOptions {
    sign_in: SignIn,
    #[serde(default, deserialize_with = "if_readable")]
    organizations: Option<Vec<OrganizationId>>,
    #[serde(deserialize_with = "present")]
    attribute_mapping: Option<BTreeMap<String, String>>,
    /// Whether an attribute that the identity provider no longer sends is emptied.
    pub clear_missing_attributes: bool,
    /// Where sign-ins lead that begin at the customer's identity provider; none given means that they are refused.
    #[serde(default, deserialize_with = "stored_if_readable")]
    pub start: Option<Start>,
    /// Whether the lookup by domain is answered, and to which pages; none given means that it is not.
    #[serde(default, deserialize_with = "lookup::stored_if_readable")]
    pub domain_lookup: Option<DomainLookup>,
}

/// What runs learned for the sign-ins of a pool.
#[derive(Debug, Clone, Deserialize)]
struct ServingRun {
    callbacks: Vec<String>,
    #[serde(default, deserialize_with = "if_readable")]
    schema: Option<Vec<SchemaAttribute>>,
    #[serde(default, deserialize_with = "if_readable")]
    organizations: Option<OrganizationReads>,
}

impl ServingPool {
    /// Whether users may sign in. Mode and health have no say in it.
    pub fn lets_users_in(&self) -> bool {
        self.status == PoolStatus::Active && self.options.sign_in == SignIn::Enabled
    }

    /// Whether a user may sign in for whom this identity provider vouches. WorkOS's own for tests vouches for anybody: its
    /// users may only where the operator named its organization, and of no other organization.
    pub fn admits(&self, profile: &Profile) -> bool {
        let of_test = profile.organization_id.as_ref().filter(|organization| organization.is_test());
        let named = self.options.organizations.as_deref().unwrap_or_default();
        !profile.is_of_test_provider() || of_test.is_some_and(|test| named.contains(test))
    }

    /// The callbacks of Cognito that a sign-in of this pool may return to, as [`crate::user_pool::callbacks_of`] says.
    pub fn callbacks<'a>(&'a self, local: Option<&'a str>) -> Vec<&'a str> {
        callbacks_of(&self.run.callbacks, local)
    }

    /// A domain of the pool, as [`crate::user_pool::domain_url_of`] says.
    pub fn domain_url<'a>(&'a self, local: Option<&'a str>) -> Option<&'a str> {
        domain_url_of(&self.run.callbacks, local)
    }

    /// When what the claims keep of their organizations was read; none where that is not known.
    pub fn organizations_read_at(&self) -> Option<Timestamp> {
        self.run.organizations.and_then(|organizations| organizations.read_at)
    }

    /// The mapping that providers get.
    pub fn mapping(&self) -> BTreeMap<String, String> {
        mapping_of(self.options.attribute_mapping.as_ref())
    }

    /// What it asks for of a sign-in. An empty text is sent only where its options ask for it, and its schema, as it was
    /// last read, shows an attribute that takes one: Cognito refuses a sign-in whose attributes it does not take.
    pub fn asked_for(&self) -> AskedFor {
        let schema = self.schema();
        let may_be_empty = |attribute: &str| {
            let shown = schema.iter().find(|shown| shown.name == attribute);
            self.options.clear_missing_attributes && shown.is_some_and(SchemaAttribute::can_be_empty)
        };
        let claims = self.mapping().into_iter().map(|(attribute, claim)| (claim, may_be_empty(&attribute)));
        claims.filter(|(claim, _)| is_ever_sent(claim)).collect()
    }

    /// The attributes of the pool's users, as last read; none where that is not known.
    pub fn schema(&self) -> &[SchemaAttribute] {
        self.run.schema.as_deref().unwrap_or_default()
    }
}

impl ServingClaim {
    /// The verified domains of `organization`, where the claim keeps them, as [`KnownOrganization::domains_of`] says.
    pub fn domains_of(
        &self,
        organization: &OrganizationId,
        read_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<&VerifiedDomains> {
        self.organization.as_ref()?.domains_of(organization, read_at, now)
    }
}

/// A claim, for the sign-ins of its connection.
#[derive(Debug, Clone, Deserialize)]
pub struct ServingClaim {
    /// The tenant whose connection it is.
    pub tenant_id: TenantId,
    /// The connection.
    pub connection_id: ConnectionId,
    /// The connection's organization when the claim was last written.
    #[serde(deserialize_with = "present")]
    pub organization_id: Option<OrganizationId>,
    /// What was last read of that organization; none where it is not known: then WorkOS is asked.
    #[serde(default, deserialize_with = "if_readable")]
    organization: Option<KnownOrganization>,
    /// The provider's name in the pool.
    pub provider_name: ProviderName,
    /// Its issuer; sign-ins go through no other.
    pub issuer: Issuer,
    /// What `sub` is in its sign-ins.
    #[serde(default)]
    pub subject: Subject,
    /// The hashes of the client secrets.
    pub secrets: ClientSecrets,
}

/// A tenant, for its webhooks.
#[derive(Debug, Clone, Deserialize)]
pub struct ListeningTenant {
    #[serde(default)]
    webhook_number: u32,
    webhook_secret: Option<Sealed>,
    #[serde(default)]
    former_webhooks: Vec<FormerWebhook>,
}

impl ListeningTenant {
    /// The secrets that an event to the endpoint of this number may be signed with, today's first.
    pub fn webhook_secrets(&self, number: u32, now: Timestamp) -> Vec<&Sealed> {
        webhook_secrets((self.webhook_number, self.webhook_secret.as_ref()), &self.former_webhooks, number, now)
    }
}

/// A user pool, for who wakes it up.
#[derive(Debug, Clone, Deserialize)]
pub struct WakingPool {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The pool.
    pub user_pool_id: UserPoolId,
    status: PoolStatus,
    options: WakingOptions,
}

#[derive(Debug, Clone, Deserialize)]
struct WakingOptions {
    mode: Mode,
}

impl WakingPool {
    /// Whether runs look at it at all.
    pub fn is_reconciled(&self) -> bool {
        self.status == PoolStatus::Active && self.options.mode != Mode::Paused
    }

    /// The wake-up that has it looked at.
    pub fn wake_up(&self, cause: Cause) -> WakeUp {
        WakeUp { tenant_id: self.tenant_id.clone(), user_pool_id: self.user_pool_id.clone(), cause }
    }
}
