//! The adoption of one provider, by an operator's word: claimed, then written, then held.

use std::time::Duration;

use causeway_core::{
    adoption::{Adoption, NotAdoptable, Request, adopt},
    desired::{Desired, with_known_organizations},
    health::ErrorClass,
    id::{ConnectionId, ProviderName, ulid_text},
    port::{Directory, Lease, Pool, PoolError, Ports, Table, TableError, Taken},
    provider::{Change, ObservedProvider},
    subject::Subject,
    tenant::Tenant,
    timestamp::Timestamp,
    user_pool::{PoolStatus, UserPool},
    waiting::{Call, Urgency},
    wake_up::Cause,
};

use crate::{
    LookError, Reconciler,
    look::Entered,
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

    /// Adopts a provider. Like a run it holds the pool, so that no other one writes to it meanwhile.
    pub async fn adopt(
        &self,
        tenant: &Tenant,
        pool: &UserPool,
        request: &AdoptionRequest,
        deadline: Timestamp,
    ) -> Result<Adopted, AdoptionError> {
        let holder = ulid_text((self.sources.now)(), self.sources.number());
        let held = self.held(pool, &holder, deadline).await?;
        let outcome = if held.status == PoolStatus::Active {
            Box::pin(self.adopt_held(tenant, &held, request, deadline)).await
        } else {
            Err(AdoptionError::NotActive)
        };
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

    async fn adopt_held(
        &self,
        tenant: &Tenant,
        pool: &UserPool,
        request: &AdoptionRequest,
        deadline: Timestamp,
    ) -> Result<Adopted, AdoptionError> {
        // A role that lets others in is used for no write.
        self.check_role(tenant, pool).await?;
        let (access, adoption) = self.decide(tenant, pool, request, deadline).await?;
        let adopted = adopted(&adoption);
        let Adoption { claim, after, .. } = adoption;
        let issuer = claim.issuer.clone();
        let writing = Writing { claim, spec: &after, issuer, kept: None, is_new: false };
        let held = match self.write(&pool.user_pool_id, &access, writing).await {
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
        Ok(adopted)
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

    /// Looks at what an adoption depends on, and decides.
    async fn decide(
        &self,
        tenant: &Tenant,
        pool: &UserPool,
        request: &AdoptionRequest,
        deadline: Timestamp,
    ) -> Result<(Entered<P>, Adoption), AdoptionError> {
        let key = self.key(tenant).await?;
        let look = async {
            futures::join!(
                self.directory.snapshot(&key, false),
                async {
                    let access = self.enter(tenant, pool).await?;
                    let provider = described(&access, &request.provider_name).await?;
                    Ok::<_, PoolError>((access, provider))
                },
                self.own_claims(pool),
            )
        };
        let time = deadline.since((self.sources.now)());
        let seen = tokio::time::timeout(time, Box::pin(look)).await;
        let (snapshot, provider, claims) = seen.map_err(|_| LookError::OutOfTime)?;
        let (access, provider) = provider.inspect_err(|error| {
            if error.class() == ErrorClass::Denied {
                self.forget_access(tenant, pool);
            }
        })?;
        let claims = claims?;
        let snapshot = snapshot.map_err(LookError::from)?;
        let desired = Desired::new(&with_known_organizations(snapshot, &pool.options, &claims), &pool.options);
        let specs = self.specs(tenant, pool);
        let request = Request {
            tenant: &tenant.id,
            provider_name: &request.provider_name,
            connection: request.connection.as_ref(),
            subject: request.subject,
        };
        let adoption = adopt(request, provider.as_ref(), &desired, &claims, &specs, |id| specs.issuer(id))?;
        Ok((access, adoption))
    }
}

/// A provider as the pool has it. A name that Cognito refuses is no provider's: which characters it takes goes by
/// tables of Unicode (Cognito API: `ProviderNameType`).
async fn described(access: &impl Pool, name: &ProviderName) -> Result<Option<ObservedProvider>, PoolError> {
    match access.describe_provider(name).await {
        Err(error) if error.code == "InvalidParameterException" => Ok(None),
        outcome => outcome,
    }
}

fn adopted(adoption: &Adoption) -> Adopted {
    Adopted {
        connection_id: adoption.claim.connection_id.clone(),
        issuer_before: adoption.before.issuer().map(str::to_owned),
        issuer_after: adoption.claim.issuer.as_str().to_owned(),
        changes: adoption.before.changes_to(&adoption.after),
    }
}
