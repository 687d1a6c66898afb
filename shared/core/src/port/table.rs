//! The table, as a run sees it. Every change is conditional, so that a stale copy never overwrites a newer one.

use std::{collections::BTreeMap, error::Error, fmt};

use secrecy::SecretString;

use crate::{
    claim::Claim,
    decisions::Decisions,
    foreign::ForeignProviders,
    guard::{Held, Loss},
    health::ErrorClass,
    id::{ConnectionId, TenantId, UserPoolId},
    lookup::KnownDomain,
    run::RunReport,
    tenant::Tenant,
    timestamp::Timestamp,
    trouble::Trouble,
    user_pool::{RunState, UserPool},
    waiting::{Call, Refusal},
};

/// An operation on the table that did not happen.
#[derive(Debug)]
pub struct TableError {
    class: ErrorClass,
    is_stale: bool,
    cause: Box<dyn Error + Send + Sync>,
}

impl TableError {
    /// A failure of this class, and what it came from.
    pub fn new(class: ErrorClass, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { class, is_stale: false, cause: cause.into() }
    }

    /// The condition of a write did not hold: somebody else changed the item first.
    pub fn stale(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { class: ErrorClass::Conflict, is_stale: true, cause: cause.into() }
    }

    /// The class of the failure.
    pub fn class(&self) -> ErrorClass {
        self.class
    }

    /// Whether the condition of the write did not hold.
    pub fn is_conflict(&self) -> bool {
        self.is_stale
    }
}

impl fmt::Display for TableError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(formatter)
    }
}

impl Error for TableError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}

/// The claims of a pool.
#[derive(Debug, Default)]
pub struct Claims {
    /// Those that can be read.
    pub items: Vec<Claim>,
    /// The connections of those that can't, each with what is wrong. Who leaves one out takes its provider for one that
    /// somebody else made.
    pub unreadable: Vec<(ConnectionId, TableError)>,
}

impl Claims {
    /// All of them: an error where one can't be read.
    pub fn all(self) -> Result<Vec<Claim>, TableError> {
        self.unreadable.into_iter().next().map_or(Ok(self.items), |(_, error)| Err(error))
    }
}

/// The lease on a pool that a run asks for.
#[derive(Debug, Clone, Copy)]
pub struct Lease<'a> {
    /// The run, which may ask twice.
    pub run_id: &'a str,
    /// What it runs for.
    pub call: Call,
    /// When it begins.
    pub now: Timestamp,
    /// When the lease ends by itself.
    pub until: Timestamp,
}

/// What came of it.
#[derive(Debug)]
pub enum Taken {
    /// The run holds the pool, which stands so.
    Pool(Box<UserPool>),
    /// It does not begin.
    Refused(Refusal),
    /// There is no such pool.
    Nothing,
}

/// What a run leaves on its pool.
#[derive(Debug, Clone)]
pub struct Recorded<'a> {
    /// The run's ID, under which it holds the lease.
    pub run_id: &'a str,
    /// What it learned.
    pub state: &'a RunState,
    /// The connections whose losses wait for a person.
    pub held: &'a Held,
    /// What is the matter with the pool; none where it is well.
    pub trouble: Option<Trouble>,
    /// When the pool is due next.
    pub due_at: Timestamp,
}

/// The table, and what is sealed in it.
pub trait Table: fmt::Debug + Clone + Send + Sync + 'static {
    /// A tenant.
    fn tenant(&self, id: &TenantId) -> impl Future<Output = Result<Option<Tenant>, TableError>> + Send;

    /// Replaces a tenant that was read as `tenant.version`, and counts the change. The version that is written is
    /// returned.
    fn update_tenant(&self, tenant: &Tenant) -> impl Future<Output = Result<u64, TableError>> + Send;

    /// Opens a tenant's WorkOS API key; none where it has given none yet.
    fn workos_key(&self, tenant: &Tenant) -> impl Future<Output = Result<Option<SecretString>, TableError>> + Send;

    /// Every pool of a tenant; one that can't be read is an error.
    fn pools(&self, tenant: &TenantId) -> impl Future<Output = Result<Vec<UserPool>, TableError>> + Send;

    /// Takes the lease on a pool, unless another run has it or no look is called for ([`crate::waiting::refusal`]). A
    /// run that has it has it, whatever else: the call may be made twice, as those may that give a lease back.
    fn take_lease(
        &self,
        tenant: &TenantId,
        pool: &UserPoolId,
        lease: Lease<'_>,
    ) -> impl Future<Output = Result<Taken, TableError>> + Send;

    /// Takes the pool's mark off before a look at `now`, so that an event from then on has a message of its own.
    /// `for_webhooks` says that the look is for webhooks, which the next one for them is put off by.
    fn begin_look(
        &self,
        tenant: &TenantId,
        pool: &UserPoolId,
        now: Timestamp,
        for_webhooks: bool,
    ) -> impl Future<Output = Result<(), TableError>> + Send;

    /// Gives a lease back without recording anything. Without effect where the run holds it no more.
    fn release_lease(
        &self,
        tenant: &TenantId,
        pool: &UserPoolId,
        run_id: &str,
    ) -> impl Future<Output = Result<(), TableError>> + Send;

    /// Gives the lease back on a pool whose item or tenant can't be read, which is not well for it until a run can.
    fn release_unreadable(
        &self,
        tenant: &TenantId,
        pool: &UserPoolId,
        run_id: &str,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), TableError>> + Send;

    /// Gives the lease back on a pool that has no runs at present, which so is not unwell any more.
    fn release_idle(
        &self,
        tenant: &TenantId,
        pool: &UserPoolId,
        run_id: &str,
    ) -> impl Future<Output = Result<(), TableError>> + Send;

    /// Records what a run learned and gives its lease back; a conflict if it holds none any more. A pool that somebody
    /// asked to look at meanwhile stays due at once. That it is on record already is as good.
    fn record_run(
        &self,
        pool: &UserPool,
        recorded: Recorded<'_>,
    ) -> impl Future<Output = Result<(), TableError>> + Send;

    /// Ends the removal of a pool; a conflict if the run no longer holds the lease.
    fn end_removal(&self, pool: &UserPool, run_id: &str) -> impl Future<Output = Result<(), TableError>> + Send;

    /// Stores a report of a run.
    fn put_run(
        &self,
        tenant: &TenantId,
        pool: &UserPoolId,
        run: &RunReport,
    ) -> impl Future<Output = Result<(), TableError>> + Send;

    /// The report of a run; none where none was stored.
    fn run(
        &self,
        tenant: &TenantId,
        pool: &UserPoolId,
        id: &str,
    ) -> impl Future<Output = Result<Option<RunReport>, TableError>> + Send;

    /// Every claim of a pool.
    fn claims(&self, pool: &UserPoolId) -> impl Future<Output = Result<Claims, TableError>> + Send;

    /// Writes a claim that was read as `claim.version`, 0 for a new one, and returns it as it stands then.
    fn put_claim(&self, pool: &UserPoolId, claim: &Claim) -> impl Future<Output = Result<Claim, TableError>> + Send;

    /// Drops a claim that was read as `claim.version`.
    fn delete_claim(&self, pool: &UserPoolId, claim: &Claim) -> impl Future<Output = Result<(), TableError>> + Send;

    /// All domains that are kept of a pool for the lookup, with what is answered for each; none where that can't be read.
    fn known_domains(
        &self,
        pool: &UserPoolId,
    ) -> impl Future<Output = Result<BTreeMap<String, Option<KnownDomain>>, TableError>> + Send;

    /// Keeps a domain of a pool, in place of what was kept of it.
    fn put_known_domain(
        &self,
        pool: &UserPoolId,
        known: &KnownDomain,
    ) -> impl Future<Output = Result<(), TableError>> + Send;

    /// Forgets a domain of a pool.
    fn delete_known_domain(
        &self,
        pool: &UserPoolId,
        domain: &str,
    ) -> impl Future<Output = Result<(), TableError>> + Send;

    /// What is remembered of a pool's foreign providers.
    fn foreign_providers(&self, pool: &UserPoolId)
    -> impl Future<Output = Result<ForeignProviders, TableError>> + Send;

    /// Remembers them.
    fn put_foreign_providers(
        &self,
        pool: &UserPoolId,
        foreign: &ForeignProviders,
    ) -> impl Future<Output = Result<(), TableError>> + Send;

    /// Puts on record what a run is about to take away without an approval, and what waits for one; a conflict if it no
    /// longer holds the lease.
    fn count_losses(
        &self,
        pool: &UserPool,
        run_id: &str,
        losses: &[Loss],
        held: &Held,
    ) -> impl Future<Output = Result<(), TableError>> + Send;

    /// Writes what operators decided on a pool's losses, read as `decisions.version`; a conflict if somebody else wrote it
    /// meanwhile. `number` is random: a write that is made twice, as its answer was lost, is no conflict with itself.
    fn decide(
        &self,
        pool: &UserPool,
        decisions: &Decisions,
        number: u128,
    ) -> impl Future<Output = Result<(), TableError>> + Send;
}
