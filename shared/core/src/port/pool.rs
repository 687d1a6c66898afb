//! The tenants' user pools, as a run sees them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use secrecy::SecretString;

use crate::{
    check::AppClientSettings,
    health::ErrorClass,
    id::{AccountId, AppClientId, ExternalId, ProviderName, UserPoolId},
    provider::{ObservedProvider, ProviderSpec},
    schema::SchemaAttribute,
    timestamp::Timestamp,
    user_pool::UserPool,
};

/// What a call was answered, as far as it makes a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// The name or an identifier is taken.
    Duplicate,
    /// What was named is not there.
    NotFound,
    /// Anything else, by its class.
    Other(ErrorClass),
}

/// A call to a tenant's account that failed. The service's message is kept and the client's error is not, since that
/// one carries the request, and so secrets.
#[derive(Debug, thiserror::Error)]
#[error("{operation} was answered {code}: {message}")]
pub struct PoolError {
    /// The operation.
    pub operation: &'static str,
    /// The service's error code, or what happened to the request.
    pub code: String,
    /// The service's message.
    pub message: String,
    /// What it means.
    pub problem: Problem,
    /// Whether the request may have been carried out although it failed: one attempt had no clear answer.
    pub outcome_is_unclear: bool,
}

impl PoolError {
    /// An answer that is none, or can't be used.
    pub fn without_answer(operation: &'static str, class: ErrorClass, message: String) -> Self {
        let outcome_is_unclear = class == ErrorClass::Transient;
        let code = "no answer".to_owned();
        Self { operation, code, message, problem: Problem::Other(class), outcome_is_unclear }
    }

    /// The class of the failure.
    pub fn class(&self) -> ErrorClass {
        match self.problem {
            Problem::Duplicate | Problem::NotFound => ErrorClass::Rejected,
            Problem::Other(class) => class,
        }
    }
}

/// A tenant's role and what it is assumed for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RoleToAssume {
    /// The role's ARN.
    pub role_arn: String,
    /// The tenant's external ID.
    pub external_id: ExternalId,
    /// The pool that the session is narrowed to; it tells the Region.
    pub user_pool_id: UserPoolId,
    /// The account of pool and role.
    pub account_id: AccountId,
}

impl RoleToAssume {
    /// The role of a pool of a tenant with this external ID.
    pub fn of(pool: &UserPool, external_id: &ExternalId) -> Self {
        Self {
            role_arn: pool.role_arn(),
            external_id: external_id.clone(),
            user_pool_id: pool.user_pool_id.clone(),
            account_id: pool.account_id.clone(),
        }
    }
}

/// What became of an attempt to assume a role.
#[derive(Debug)]
pub enum Assumption {
    /// It was assumed.
    Assumed,
    /// It was plainly refused.
    Refused,
    /// Nothing can be concluded.
    Unclear(PoolError),
}

/// What `DescribeUserPool` shows of a pool, as far as it is used.
#[derive(Debug, Clone, Default)]
pub struct PoolDescription {
    /// The pool's ARN.
    pub arn: String,
    /// The prefix of the pool's own domain.
    pub domain: Option<String>,
    /// The tenant's own domain.
    pub custom_domain: Option<String>,
    /// Its name, as far as it may be shown ([`crate::shown::name`]).
    pub name: Option<String>,
    /// The attributes of the pool's users.
    pub attributes: Vec<SchemaAttribute>,
}

/// An app client, as far as it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppClient {
    /// `SupportedIdentityProviders`.
    pub supported_identity_providers: BTreeSet<String>,
    /// `CallbackURLs`: where a sign-in may return to.
    pub callback_urls: Vec<String>,
    /// What sign-ins depend on.
    pub settings: AppClientSettings,
    /// Whether it registered itself, or may have: it is a stranger's, and none of all app clients.
    pub registered_itself: bool,
}

/// The way into the tenants' pools: their roles, each with its external ID.
pub trait Pools: fmt::Debug + Clone + Send + Sync + 'static {
    /// One pool, entered.
    type Pool: Pool;

    /// Enters a pool, with credentials that may have been used before.
    fn enter(&self, role: &RoleToAssume) -> impl Future<Output = Result<Self::Pool, PoolError>> + Send;

    /// Forgets the credentials of a role, so that whoever enters next asks for new ones.
    fn forget(&self, role: &RoleToAssume);

    /// Tries to assume a role with this external ID, or with none. What that gives is not used.
    fn probe(&self, role: &RoleToAssume, external_id: Option<&str>) -> impl Future<Output = Assumption> + Send;
}

/// The calls on one pool.
pub trait Pool: fmt::Debug + Send + Sync + 'static {
    /// The pool itself.
    fn describe(&self) -> impl Future<Output = Result<PoolDescription, PoolError>> + Send;

    /// Every provider of the pool, not described; complete or an error. What was made or deleted just now may be behind.
    fn list_providers(
        &self,
    ) -> impl Future<Output = Result<BTreeMap<ProviderName, ObservedProvider>, PoolError>> + Send;

    /// One provider with its description; `None` if it is not there.
    fn describe_provider(
        &self,
        name: &ProviderName,
    ) -> impl Future<Output = Result<Option<ObservedProvider>, PoolError>> + Send;

    /// Creates an OIDC provider; gives the date of it.
    fn create_provider(
        &self,
        name: &ProviderName,
        spec: &ProviderSpec,
        secret: &SecretString,
    ) -> impl Future<Output = Result<Timestamp, PoolError>> + Send;

    /// Writes a provider's whole content; gives the date of the change.
    fn update_provider(
        &self,
        name: &ProviderName,
        spec: &ProviderSpec,
        secret: &SecretString,
    ) -> impl Future<Output = Result<Timestamp, PoolError>> + Send;

    /// Deletes a provider; one that is not there is deleted already.
    fn delete_provider(&self, name: &ProviderName) -> impl Future<Output = Result<(), PoolError>> + Send;

    /// The IDs of every app client of the pool; complete or an error.
    fn list_app_clients(&self) -> impl Future<Output = Result<Vec<AppClientId>, PoolError>> + Send;

    /// An app client; `None` if the pool has none of this ID.
    fn describe_app_client(
        &self,
        id: &AppClientId,
    ) -> impl Future<Output = Result<Option<AppClient>, PoolError>> + Send;

    /// Adds providers to an app client's list and takes others out, leaving everything else as it is. The client is
    /// read right before; nothing is written if its list is right already.
    fn change_app_client(
        &self,
        id: &AppClientId,
        add: &BTreeSet<ProviderName>,
        remove: &BTreeSet<ProviderName>,
    ) -> impl Future<Output = Result<(), PoolError>> + Send;
}
