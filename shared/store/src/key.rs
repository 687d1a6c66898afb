//! The keys of the table's items; docs/architecture.md lists them.

use std::fmt;

use causeway_core::id::{ConnectionId, OnboardingLinkId, TenantId, UserPoolId};
use causeway_telemetry::{Metric, count};

use crate::{Item, StoreError, text};

/// An item's partition key and sort key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub partition: String,
    pub sort: String,
}

/// What the sort key of a pool's item, and of its mark, begins with.
pub(crate) const POOL: &str = "POOL#";

impl Key {
    fn new(partition: impl Into<String>, sort: impl Into<String>) -> Self {
        Self { partition: partition.into(), sort: sort.into() }
    }

    pub fn tenant(tenant: &TenantId) -> Self {
        Self::new(format!("TENANT#{tenant}"), "TENANT")
    }

    /// The directory of all tenants: one small item each, sorted by ID and so by age.
    pub fn directory(tenant: &TenantId) -> Self {
        Self::new(Self::DIRECTORY, tenant.as_str())
    }

    pub const DIRECTORY: &str = "TENANTS";

    pub fn pool(tenant: &TenantId, pool: &UserPoolId) -> Self {
        Self::new(format!("TENANT#{tenant}"), format!("POOL#{pool}"))
    }

    pub fn owner(pool: &UserPoolId) -> Self {
        Self::new(format!("POOL#{pool}"), "OWNER")
    }

    pub fn claim(pool: &UserPoolId, connection: &ConnectionId) -> Self {
        Self::new(format!("POOL#{pool}"), format!("CLAIM#{connection}"))
    }

    /// A report, under its tenant as well: who owns the pool later sees nothing of who owned it before.
    pub fn run(tenant: &TenantId, pool: &UserPoolId, id: &str) -> Self {
        Self::new(format!("POOL#{pool}"), format!("RUN#{tenant}#{id}"))
    }

    pub fn foreign(pool: &UserPoolId) -> Self {
        Self::new(format!("POOL#{pool}"), "FOREIGN")
    }

    /// What the lookup answers for a domain of a pool.
    pub fn domain(pool: &UserPoolId, domain: &str) -> Self {
        Self::new(format!("POOL#{pool}"), format!("DOMAIN#{domain}"))
    }

    /// A link as its tenant has it.
    pub fn onboarding_link(tenant: &TenantId, link: &OnboardingLinkId) -> Self {
        Self::new(format!("TENANT#{tenant}"), format!("ONBOARDING#{link}"))
    }

    /// The last registration of a user pool by a link of the tenant.
    pub fn registration(tenant: &TenantId) -> Self {
        Self::new(format!("TENANT#{tenant}"), "REGISTRATION")
    }

    /// Which link a secret opens, by the secret's SHA-256.
    pub fn onboarding_secret(lookup: &str) -> Self {
        Self::new(format!("ONBOARDING#{lookup}"), "LINK")
    }

    /// Which link a session was traded for, by the SHA-256 of its cookie. Only `onboarding` writes under this prefix.
    pub fn session(lookup: &str) -> Self {
        Self::new(format!("SESSION#{lookup}"), "SESSION")
    }

    /// What the onboarding page asks to have done for a pool. Only `onboarding` writes under this prefix.
    pub fn errand(tenant: &TenantId, pool: &UserPoolId) -> Self {
        Self::new(format!("ERRAND#{tenant}#{pool}"), "ERRAND")
    }

    /// Which errand for a pool has ended.
    pub fn ended_errand(tenant: &TenantId, pool: &UserPoolId) -> Self {
        Self::new(format!("TENANT#{tenant}"), format!("ERRAND#{pool}"))
    }

    /// The app clients of a pool, as the last errand saw them.
    pub fn app_clients(tenant: &TenantId, pool: &UserPoolId) -> Self {
        Self::new(format!("TENANT#{tenant}"), format!("CLIENTS#{pool}"))
    }

    /// The checks of a pool, as the onboarding page last ran them.
    pub fn checks(tenant: &TenantId, pool: &UserPoolId) -> Self {
        Self::new(format!("TENANT#{tenant}"), format!("CHECKS#{pool}"))
    }

    pub fn code(lookup: &str) -> Self {
        Self::new(format!("CODE#{lookup}"), "CODE")
    }

    pub fn access(lookup: &str) -> Self {
        Self::new(format!("TOKEN#{lookup}"), "TOKEN")
    }

    /// A state that is too long for WorkOS, by the SHA-256 of its key.
    pub fn state(lookup: &str) -> Self {
        Self::new(format!("STATE#{lookup}"), "STATE")
    }

    /// A sign-in, under its tenant as well: who owns a pool later sees nothing of who owned it before.
    pub fn sign_in(tenant: &TenantId, pool: &UserPoolId, id: &str) -> Self {
        Self::new(format!("SIGNINS#{tenant}#{pool}"), id)
    }

    /// What was changed over the API: apart from the tenant, which it outlives.
    pub fn audit(tenant: &TenantId, id: &str) -> Self {
        Self::new(format!("AUDIT#{tenant}"), id)
    }

    /// What is the deployment's own, and no tenant's: the key of the MACs of codes and access tokens.
    pub fn bearer_key() -> Self {
        Self::new("DEPLOYMENT", "BEARER_KEY")
    }

    /// The mark that a message waits for a pool. Of all that is in the table, `ingest` writes only what is under this
    /// prefix.
    pub fn mark(tenant: &TenantId, pool: &UserPoolId) -> Self {
        Self::new(format!("WAKE#{tenant}"), format!("POOL#{pool}"))
    }

    /// The partition of a tenant's marks.
    pub fn marks(tenant: &TenantId) -> String {
        format!("WAKE#{tenant}")
    }

    pub fn request(lookup: &str) -> Self {
        Self::new(format!("REQUEST#{lookup}"), "REQUEST")
    }

    /// The key of an item that was read.
    pub fn of(item: &Item) -> Self {
        let part = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
        Self { partition: part("pk"), sort: part("sk") }
    }

    pub fn attributes(&self) -> Item {
        [("pk".to_owned(), text(&self.partition)), ("sk".to_owned(), text(&self.sort))].into()
    }
}

/// Which pool an item of an index is about that has keys only.
pub(crate) fn pool_of(item: &Item) -> Result<(TenantId, UserPoolId), StoreError> {
    let key = Key::of(item);
    let unreadable = |source| {
        count(Metric::ItemsUnreadable);
        StoreError::unreadable(&key, source)
    };
    let tenant = key.partition.strip_prefix("TENANT#").unwrap_or_default().parse().map_err(unreadable)?;
    let pool = key.sort.strip_prefix(POOL).unwrap_or_default().parse().map_err(unreadable)?;
    Ok((tenant, pool))
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.partition, self.sort)
    }
}
