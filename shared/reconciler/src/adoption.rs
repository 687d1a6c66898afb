//! Adoption, by an operator's word: a provider is claimed, then written, then held.

use std::{collections::BTreeMap, time::Duration};

use causeway_core::{
    adoption::{Adoption, NotAdoptable, Request, adopt},
    claim::Claim,
    desired::{Desired, with_known_organizations},
    health::ErrorClass,
    id::{ConnectionId, ProviderName, ulid_text},
    moving::Difference,
    port::{Directory, Lease, Pool, PoolError, Ports, Table, TableError, Taken},
    provider::{Change, ObservedProvider},
    subject::Subject,
    tenant::Tenant,
    timestamp::Timestamp,
    user_pool::{PoolStatus, UserPool},
    waiting::{Call, Urgency},
    wake_up::Cause,
};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::{
    LookError, Reconciler,
    describe::ASKED_AT_ONCE,
    look::{Entered, Specs},
    writing::{Unwritten, WriteError, Writing},
};

/// How often a pool that a run holds is asked for again.
const PAUSE: Duration = Duration::from_millis(500);

/// What an operator asks for.
#[derive(Debug, Clone)]
pub struct AdoptionRequest {
    /// The provider's name.
    pub provider_name: ProviderName,
    /// The connection, where one of the provider's identifiers does not tell.
    pub connection: Option<ConnectionId>,
    /// What `sub` becomes.
    pub subject: Subject,
}

/// What an adoption did, or would do.
#[derive(Debug, Clone)]
pub struct Adopted {
    /// The connection.
    pub connection_id: ConnectionId,
    /// The provider's issuer before.
    pub issuer_before: Option<String>,
    /// Its issuer after.
    pub issuer_after: String,
    /// What changes of the provider, field by field; secrets never show.
    pub changes: Vec<Change>,
}

/// Why a provider was not adopted.
#[derive(Debug, thiserror::Error)]
pub enum AdoptionError {
    /// It can't be.
    #[error(transparent)]
    NotAdoptable(#[from] NotAdoptable),
    /// An export is not what is here, so that nothing is taken over.
    #[error("what is here is not what was exported")]
    Differs(Vec<Difference>),
    /// A run holds the pool for longer than the caller can wait.
    #[error("a run is under way in the user pool")]
    Busy,
    /// The pool is not this tenant's any more, or is being removed.
    #[error("the user pool is not active any more")]
    NotActive,
    /// One side could not be seen, or the provider could not be written.
    #[error(transparent)]
    Failed(#[from] LookError),
}

impl From<TableError> for AdoptionError {
    fn from(error: TableError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<PoolError> for AdoptionError {
    fn from(error: PoolError) -> Self {
        Self::Failed(error.into())
    }
}

impl<P: Ports> Reconciler<P> {
    /// What the adoption of a provider would do. Changes nothing.
    pub async fn plan_adoption(
        &self,
        tenant: &Tenant,
        pool: &UserPool,
        request: &AdoptionRequest,
        deadline: Timestamp,
    ) -> Result<Adopted, AdoptionError> {
        let (_, adoption) = Box::pin(self.decide(tenant, pool, request, deadline)).await?;
        Ok(adopted(&adoption))
    }

    /// Adopts a provider.
    pub async fn adopt(
        &self,
        tenant: &Tenant,
        pool: &UserPool,
        request: &AdoptionRequest,
        deadline: Timestamp,
    ) -> Result<Adopted, AdoptionError> {
        let adopting = async |held: &UserPool| {
            // A role that lets others in is used for no write.
            self.check_role(tenant, held).await?;
            let (access, adoption) = self.decide(tenant, held, request, deadline).await?;
            let adopted = adopted(&adoption);
            self.take_over(held, &access, adoption).await?;
            Ok(adopted)
        };
        self.holding(pool, deadline, adopting).await
    }

    /// Does something to a pool that is active. Like a run it holds the pool, so that no other one writes to it meanwhile.
    pub(crate) async fn holding<T>(
        &self,
        pool: &UserPool,
        deadline: Timestamp,
        work: impl AsyncFnOnce(&UserPool) -> Result<T, AdoptionError>,
    ) -> Result<T, AdoptionError> {
        let holder = ulid_text((self.sources.now)(), self.sources.number());
        let held = self.held(pool, &holder, deadline).await?;
        let outcome =
            if held.status == PoolStatus::Active { Box::pin(work(&held)).await } else { Err(AdoptionError::NotActive) };
        if let Err(error) = self.table.release_lease(&pool.tenant_id, &pool.user_pool_id, &holder).await {
            // It ends by itself.
            tracing::warn!(error = causeway_telemetry::chain(&error), "the lease of an adoption was not given back");
        }
        outcome
    }

    async fn held(&self, pool: &UserPool, holder: &str, deadline: Timestamp) -> Result<UserPool, AdoptionError> {
        loop {
            let now = (self.sources.now)();
            let until = deadline.plus(crate::run::LEASE_AFTER_DEADLINE);
            let call = Call { cause: Cause::Api, urgency: Urgency::AtOnce };
            let lease = Lease { run_id: holder, call, now, until };
            if let Taken::Pool(held) = self.table.take_lease(&pool.tenant_id, &pool.user_pool_id, lease).await? {
                return Ok(*held);
            }
            // Half of the time is left for the adoption itself.
            if deadline.since(now) < Duration::from_secs(12) {
                return Err(AdoptionError::Busy);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Writes a provider whose adoption is decided.
    pub(crate) async fn take_over(
        &self,
        pool: &UserPool,
        access: &Entered<P>,
        adoption: Adoption,
    ) -> Result<(), AdoptionError> {
        let Adoption { claim, after, .. } = adoption;
        let issuer = claim.issuer.clone();
        let writing = Writing { claim, spec: &after, issuer, kept: None, is_new: false };
        let held = match self.write(&pool.user_pool_id, access, writing).await {
            Ok(held) => held,
            Err(unwritten) => return Err(self.not_adopted(pool, unwritten).await),
        };
        tracing::info!(
            tenant_id = %pool.tenant_id,
            user_pool_id = %pool.user_pool_id,
            connection_id = %held.connection_id,
            provider_name = %held.provider_name,
            "provider adopted"
        );
        Ok(())
    }

    /// Drops the claim of a provider that was plainly not written. Where it may have been, the next run finds out.
    async fn not_adopted(&self, pool: &UserPool, unwritten: Unwritten) -> AdoptionError {
        let Unwritten { intended, error } = unwritten;
        if let (WriteError::Pool(refusal), Some(claim)) = (&error, &intended)
            && !refusal.outcome_is_unclear
            && let Err(error) = self.table.delete_claim(&pool.user_pool_id, claim).await
        {
            tracing::warn!(error = causeway_telemetry::chain(&error), "the next run drops the claim");
        }
        AdoptionError::Failed(error.into())
    }

    /// Decides on one adoption.
    async fn decide(
        &self,
        tenant: &Tenant,
        pool: &UserPool,
        request: &AdoptionRequest,
        deadline: Timestamp,
    ) -> Result<(Entered<P>, Adoption), AdoptionError> {
        let names = [request.provider_name.clone()];
        let Sides { access, providers, desired, claims, specs } =
            self.look_to_adopt(tenant, pool, &names, deadline).await?;
        let provider = providers.get(&request.provider_name).and_then(Option::as_ref);
        let request = Request {
            tenant: &tenant.id,
            provider_name: &request.provider_name,
            connection: request.connection.as_ref(),
            subject: request.subject,
        };
        let adoption = adopt(request, provider, &desired, &claims, &specs, |id| specs.issuer(id))?;
        Ok((access, adoption))
    }

    /// Looks at what adoptions of providers of these names depend on.
    pub(crate) async fn look_to_adopt(
        &self,
        tenant: &Tenant,
        pool: &UserPool,
        names: &[ProviderName],
        deadline: Timestamp,
    ) -> Result<Sides<P>, AdoptionError> {
        let key = self.key(tenant).await?;
        let look = async {
            futures::join!(
                self.directory.snapshot(&key, false),
                async {
                    let access = self.enter(tenant, pool).await?;
                    let providers = all_described(&access, names).await?;
                    Ok::<_, PoolError>((access, providers))
                },
                self.own_claims(pool),
            )
        };
        let time = deadline.since((self.sources.now)());
        let seen = tokio::time::timeout(time, Box::pin(look)).await;
        let (snapshot, seen, claims) = seen.map_err(|_| LookError::OutOfTime)?;
        let (access, providers) = seen.inspect_err(|error| {
            if error.class() == ErrorClass::Denied {
                self.forget_access(tenant, pool);
            }
        })?;
        let claims = claims?;
        let snapshot = snapshot.map_err(LookError::from)?;
        let desired = Desired::new(&with_known_organizations(snapshot, &pool.options, &claims), &pool.options);
        Ok(Sides { access, providers, desired, claims, specs: self.specs(tenant, pool) })
    }
}

/// Both sides, as far as adoptions depend on them.
pub(crate) struct Sides<P: Ports> {
    pub access: Entered<P>,
    /// The providers that were asked for, each by its name; none where the pool has none of it.
    pub providers: BTreeMap<ProviderName, Option<ObservedProvider>>,
    pub desired: Desired,
    pub claims: BTreeMap<ConnectionId, Claim>,
    pub specs: Specs,
}

async fn all_described(
    access: &impl Pool,
    names: &[ProviderName],
) -> Result<BTreeMap<ProviderName, Option<ObservedProvider>>, PoolError> {
    let questions = names.iter().map(async |name| Ok((name.clone(), described(access, name).await?)));
    // Collected first: the borrow checker does not follow an iterator of futures into a stream.
    let questions: Vec<_> = questions.collect();
    stream::iter(questions).buffer_unordered(ASKED_AT_ONCE).try_collect().await
}

/// A provider as the pool has it. A name that Cognito refuses is no provider's: which characters it takes goes by
/// tables of Unicode (Cognito API: `ProviderNameType`).
async fn described(access: &impl Pool, name: &ProviderName) -> Result<Option<ObservedProvider>, PoolError> {
    match access.describe_provider(name).await {
        Err(error) if error.code == "InvalidParameterException" => Ok(None),
        outcome => outcome,
    }
}

pub(crate) fn adopted(adoption: &Adoption) -> Adopted {
    Adopted {
        connection_id: adoption.claim.connection_id.clone(),
        issuer_before: adoption.before.issuer().map(str::to_owned),
        issuer_after: adoption.claim.issuer.as_str().to_owned(),
        changes: adoption.before.changes_to(&adoption.after),
    }
}
