//! Which sign-ins are served: the tenant, the pool and the claim that a request names, each looked up at most
//! once a minute.
//!
//! Only what lets a sign-in through is kept for a minute. What does not (nothing there, another tenant's,
//! switched off) counts as absent, so that it is served a second after it is put right.

use std::sync::Arc;

use causeway_cache::{Cache, Standing};
use causeway_core::{
    id::{ConnectionId, TenantId, UserPoolId},
    lookup::KnownDomain,
    oidc::envelope::Key,
    serving::{ServingClaim, ServingPool, ServingTenant},
    tenant::Purpose,
    timestamp::Timestamp,
};
use causeway_edge::{Limit, Rate, Source};
use causeway_store::{SealError, Sealer, Store, StoreError};
use secrecy::SecretString;
use tokio::sync::OnceCell;

use crate::{endpoint::Endpoint, failure::Failure};

/// How many lookups of what this instance never met may find nothing, for each address that browsers come from. Who
/// makes up IDs causes no more reads than this, and takes nothing from anybody at another address.
const STRANGERS: Rate = Rate { burst: 20, per_second: 5 };

/// A tenant with those of its secrets that were needed so far. They are opened one by one, as `/token` needs
/// none of them, and go with the tenant's entry.
pub struct KnownTenant {
    /// The tenant.
    pub tenant: ServingTenant,
    state_key: OnceCell<Key>,
    api_key: OnceCell<SecretString>,
}

/// Who asks, as far as it tells how much may be looked up for them.
#[derive(Debug, Clone, Copy)]
pub enum Asker {
    /// Whoever is at this address: any ID may be made up.
    Browser(Source),
    /// Who shows a code or an access token of ours: its tenant, connection and pool have signed somebody in. Cognito's
    /// own addresses are shared by everybody's pools, so that they are no measure.
    Holder,
}

/// A sign-in that is served: the pool lets users in, and the claim is this tenant's and for this issuer.
pub struct Served {
    /// The tenant.
    pub tenant: Arc<KnownTenant>,
    /// The pool.
    pub pool: Arc<ServingPool>,
    /// The claim.
    pub claim: Arc<ServingClaim>,
}

type PoolKey = (TenantId, UserPoolId);
type ClaimKey = (TenantId, UserPoolId, ConnectionId);
type DomainKey = (TenantId, UserPoolId, String);

/// Looks tenants, pools, claims and domains up.
pub struct Directory {
    store: Store,
    sealer: Sealer,
    now: fn() -> Timestamp,
    tenants: Cache<TenantId, KnownTenant>,
    pools: Cache<PoolKey, ServingPool>,
    claims: Cache<ClaimKey, ServingClaim>,
    domains: Cache<DomainKey, KnownDomain>,
    strangers: Limit<Source>,
    /// The same for the lookup by domain, which takes nothing from the sign-ins of an address.
    lookups: Limit<Source>,
}

impl Directory {
    /// A directory that knows nothing yet.
    pub fn new(store: Store, sealer: Sealer, now: fn() -> Timestamp) -> Self {
        let (tenants, pools, claims, domains) = (Cache::new(), Cache::new(), Cache::new(), Cache::new());
        Self {
            store,
            sealer,
            now,
            tenants,
            pools,
            claims,
            domains,
            strangers: Limit::new(STRANGERS),
            lookups: Limit::new(STRANGERS),
        }
    }

    /// The sign-in of `pool` at `endpoint`, if it is served. What is not known yet is read side by side.
    pub async fn served(
        &self,
        endpoint: &Endpoint,
        pool: &UserPoolId,
        asker: Asker,
    ) -> Result<Option<Served>, Failure> {
        let now = (self.now)();
        let (pool_key, claim_key) = keys(endpoint, pool);
        let standings = [
            self.tenants.standing(&endpoint.tenant_id, now),
            self.pools.standing(&pool_key, now),
            self.claims.standing(&claim_key, now),
        ];
        let read = async || {
            let (tenant, pool, claim) = tokio::try_join!(
                self.read_tenant(&endpoint.tenant_id),
                self.pools.get_or_read(&pool_key, now, || self.read_pool(&pool_key)),
                self.claims.get_or_read(&claim_key, now, || self.read_claim(endpoint, pool)),
            )?;
            Ok(tenant.zip(pool).zip(claim).map(|((tenant, pool), claim)| Served { tenant, pool, claim }))
        };
        self.looked_up(asker, &self.strangers, &standings, read).await
    }

    /// A tenant.
    pub async fn tenant(&self, id: &TenantId, asker: Asker) -> Result<Option<Arc<KnownTenant>>, Failure> {
        let standings = [self.tenants.standing(id, (self.now)())];
        self.looked_up(asker, &self.strangers, &standings, async || self.read_tenant(id).await).await
    }

    /// A tenant and one of its pools, if the pool lets users in.
    pub async fn pool(
        &self,
        tenant: &TenantId,
        pool: &UserPoolId,
        asker: Asker,
    ) -> Result<Option<Arc<ServingPool>>, Failure> {
        let (now, key) = ((self.now)(), (tenant.clone(), pool.clone()));
        let standings = [self.tenants.standing(tenant, now), self.pools.standing(&key, now)];
        let read = async || {
            let pool = self.pools.get_or_read(&key, now, || self.read_pool(&key));
            let (tenant, pool) = tokio::try_join!(self.read_tenant(tenant), pool)?;
            Ok(tenant.and(pool))
        };
        self.looked_up(asker, &self.strangers, &standings, read).await
    }

    /// One of a tenant's pools, if it lets users in; the tenant is not looked up.
    pub async fn pool_alone(
        &self,
        tenant: &TenantId,
        pool: &UserPoolId,
        asker: Asker,
    ) -> Result<Option<Arc<ServingPool>>, Failure> {
        let (now, key) = ((self.now)(), (tenant.clone(), pool.clone()));
        let read = async || self.pools.get_or_read(&key, now, || self.read_pool(&key)).await;
        self.looked_up(asker, &self.lookups, &[self.pools.standing(&key, now)], read).await
    }

    /// What is known of a domain in its ASCII form, if it was kept for the pool's own tenant.
    pub async fn known_domain(
        &self,
        pool: &ServingPool,
        domain: String,
        asker: Asker,
    ) -> Result<Option<Arc<KnownDomain>>, Failure> {
        let (now, key) = ((self.now)(), (pool.tenant_id.clone(), pool.user_pool_id.clone(), domain));
        let read_item = async || {
            let known = self.store.known_domain(&pool.user_pool_id, &key.2).await?;
            Ok(known.filter(|known| known.tenant_id == pool.tenant_id))
        };
        let read = async || self.domains.get_or_read(&key, now, read_item).await;
        self.looked_up(asker, &self.lookups, &[self.domains.standing(&key, now)], read).await
    }

    /// What `read` finds, if it has to be asked at all: where something is known to be missing, nothing is read,
    /// and where something may be made up, only as often as [`STRANGERS`] allows.
    async fn looked_up<T>(
        &self,
        asker: Asker,
        limit: &Limit<Source>,
        standings: &[Standing],
        read: impl AsyncFnOnce() -> Result<Option<T>, StoreError>,
    ) -> Result<Option<T>, Failure> {
        if standings.contains(&Standing::Absent) {
            return Ok(None);
        }
        let source = match asker {
            Asker::Browser(source) if standings.contains(&Standing::Stranger) => source,
            _ => return Ok(read().await?),
        };
        if !limit.take(&source, (self.now)()) {
            return Err(Failure::TooManyStrangers);
        }
        let found = read().await?;
        if found.is_some() {
            limit.give_back(&source);
        }
        Ok(found)
    }

    async fn read_tenant(&self, id: &TenantId) -> Result<Option<Arc<KnownTenant>>, StoreError> {
        let read = async || {
            let tenant = self.store.serving_tenant(id).await?;
            Ok(tenant.map(|tenant| KnownTenant { tenant, state_key: OnceCell::new(), api_key: OnceCell::new() }))
        };
        self.tenants.get_or_read(id, (self.now)(), read).await
    }

    /// The pool as it stands now, at most once a second: its domains may just have changed.
    pub async fn pool_again(
        &self,
        endpoint: &Endpoint,
        pool: &UserPoolId,
    ) -> Result<Option<Arc<ServingPool>>, StoreError> {
        let (key, _) = keys(endpoint, pool);
        self.pools.read_again(&key, (self.now)(), || self.read_pool(&key)).await
    }

    /// The claim as it stands now, at most once a second: its secrets or its organization may just have changed.
    pub async fn claim_again(
        &self,
        endpoint: &Endpoint,
        pool: &UserPoolId,
    ) -> Result<Option<Arc<ServingClaim>>, StoreError> {
        let (_, key) = keys(endpoint, pool);
        self.claims.read_again(&key, (self.now)(), || self.read_claim(endpoint, pool)).await
    }

    async fn read_pool(&self, (tenant, pool): &PoolKey) -> Result<Option<ServingPool>, StoreError> {
        Ok(self.store.serving_pool(tenant, pool).await?.filter(ServingPool::lets_users_in))
    }

    async fn read_claim(&self, endpoint: &Endpoint, pool: &UserPoolId) -> Result<Option<ServingClaim>, StoreError> {
        let claim = self.store.serving_claim(pool, &endpoint.connection_id).await?;
        // The claim of a pool that has gone from one tenant to another, or whose issuer has changed, is not
        // this endpoint's: it must not vouch for users of another WorkOS environment.
        Ok(claim.filter(|claim| claim.tenant_id == endpoint.tenant_id && claim.issuer == endpoint.issuer))
    }

    /// The key of the tenant's sign-in states.
    pub async fn state_key<'a>(&self, known: &'a KnownTenant) -> Result<&'a Key, SealError> {
        let ServingTenant { id, sign_in_state_key, .. } = &known.tenant;
        let open = async || {
            let text = self.sealer.open(id, Purpose::SignInState, sign_in_state_key).await?;
            Key::from_text(&text)
                .map_err(|_| SealError::Unreadable { owner: id.into(), purpose: Purpose::SignInState.as_str() })
        };
        known.state_key.get_or_try_init(open).await
    }

    /// The tenant's WorkOS API key.
    pub async fn api_key<'a>(&self, known: &'a KnownTenant) -> Result<&'a SecretString, Failure> {
        let ServingTenant { id, workos_api_key, .. } = &known.tenant;
        let sealed = workos_api_key.as_ref().ok_or_else(|| Failure::NoApiKey(id.clone()))?;
        Ok(known.api_key.get_or_try_init(|| self.sealer.open(id, Purpose::WorkosApiKey, sealed)).await?)
    }
}

fn keys(endpoint: &Endpoint, pool: &UserPoolId) -> (PoolKey, ClaimKey) {
    let Endpoint { tenant_id, connection_id, .. } = endpoint;
    ((tenant_id.clone(), pool.clone()), (tenant_id.clone(), pool.clone(), connection_id.clone()))
}
