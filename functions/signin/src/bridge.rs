//! What the endpoints share.

use std::time::Duration;

use causeway_cache::Cache;
use causeway_core::{
    domain::VerifiedDomains,
    id::{OrganizationId, TenantId, UserPoolId},
    provider::BaseUrl,
    timestamp::Timestamp,
};
use causeway_edge::{Limit, Rate, Source};
use causeway_store::{Store, StoreError};
use causeway_workos::Workos;
use futures::future::join_all;
use url::Url;

use crate::{
    bearer_key::BearerKeys,
    directory::{Directory, Served},
    endpoint::Endpoint,
    failure::Failure,
    signer::Signer,
};

/// How long the start of an instance waits for what it needs: Lambda gives it ten seconds in all.
const READY_WITHIN: Duration = Duration::from_secs(5);
/// How many items a request looks up side by side: tenant, pool and claim. Each takes a connection of its own.
const LOOKED_UP_AT_ONCE: usize = 3;

/// How often one code or access token may be shown. Each time costs a call, and nobody can make up another; Cognito
/// shows each once. A wrong client secret costs none, and is refused without being counted, so that nobody who only
/// knows a code can keep Cognito from redeeming it.
pub const SHOWN: Rate = Rate { burst: 10, per_second: 1 };
/// How many sign-ins of browsers at one address may come back from WorkOS and fail. WorkOS counts the requests of all
/// tenants together, so that who sends made-up codes must not use up what the others need.
pub const ATTEMPTS: Rate = Rate { burst: 20, per_second: 5 };

/// How many states that are too long for WorkOS browsers at one address may have stored. Anybody can make them up, and
/// each costs a write.
pub const STATES_OF_SOURCE: Rate = Rate { burst: 50, per_second: 10 };
/// How many may be stored for one pool, from wherever browsers come.
pub const STATES_OF_POOL: Rate = Rate { burst: 500, per_second: 100 };

/// Everything that the endpoints reach, and the clock and the randomness they go by.
pub struct Bridge {
    /// The public base URL.
    pub base: BaseUrl,
    /// WorkOS's API as a browser reaches it.
    pub workos_url: Url,
    /// WorkOS's API.
    pub workos: Workos,
    /// The verified domains of organizations that WorkOS had to be asked for.
    pub organizations: Cache<(TenantId, OrganizationId), VerifiedDomains>,
    /// The callback of a pool without a domain; none on AWS.
    pub local_callback: Option<String>,
    /// Tenants, pools and claims.
    pub directory: Directory,
    /// The key of the ID tokens.
    pub signer: Signer,
    /// Codes, access tokens and the log of sign-ins.
    pub store: Store,
    /// The key of the MACs of codes and access tokens.
    pub bearer_key: BearerKeys,
    /// The codes and access tokens that were shown, by their hash.
    pub shown: Limit<String>,
    /// The sign-ins that came back from WorkOS and failed.
    pub attempts: Limit<Source>,
    /// The states that were stored for browsers at an address.
    pub states_of_source: Limit<Source>,
    /// The states that were stored for a pool.
    pub states_of_pool: Limit<(TenantId, UserPoolId)>,
    /// The clock.
    pub now: fn() -> Timestamp,
    /// 256 random bits.
    pub random: fn() -> [u8; 32],
}

impl Bridge {
    /// Does before the first request comes what every instance does once: it opens the key of codes and access tokens,
    /// reads the signing keys, and connects to the keys, and to the table as often as `/token` asks it at once. So the
    /// first `/token` makes the calls of any other, over connections that are there. What can't be had in time, the
    /// first request that needs it asks for again.
    pub async fn get_ready(&self) {
        let connected = join_all((1..LOOKED_UP_AT_ONCE).map(|_| self.store.bearer_key()));
        let ready = async { tokio::join!(self.bearer_key.get(), self.signer.keys(), connected) };
        let Ok((bearer_key, signing_keys, _)) = tokio::time::timeout(READY_WITHIN, ready).await else {
            tracing::warn!("not all that an instance starts with came in time");
            return;
        };
        let failures = [bearer_key.err(), signing_keys.err().map(Failure::from)];
        for failure in failures.into_iter().flatten() {
            let (class, error) = (failure.class(), failure.shown());
            tracing::warn!(?class, error, "a key is not there at the start");
        }
    }

    /// A nonce for what is sealed with a key that seals more than one thing.
    pub fn nonce(&self) -> [u8; 12] {
        let random = (self.random)();
        std::array::from_fn(|index| random[index])
    }

    /// 80 random bits and more, for an ID.
    pub fn number(&self) -> u128 {
        let random = (self.random)();
        u128::from_be_bytes(std::array::from_fn(|index| random[index]))
    }

    /// Whether a sign-in may return to `redirect_uri`. Before it may not, the pool is read once more: a
    /// domain that was just added is a callback as soon as a run has seen it.
    pub async fn may_return_to(
        &self,
        redirect_uri: &str,
        endpoint: &Endpoint,
        served: &Served,
    ) -> Result<bool, StoreError> {
        let local = self.local_callback.as_deref();
        if served.pool.callbacks(local).contains(&redirect_uri) {
            return Ok(true);
        }
        let pool: &UserPoolId = &served.pool.user_pool_id;
        let again = self.directory.pool_again(endpoint, pool).await?;
        Ok(again.is_some_and(|pool| pool.callbacks(local).contains(&redirect_uri)))
    }
}
