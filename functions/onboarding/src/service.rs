//! What every page needs.

use causeway_core::{provider::BaseUrl, role::RoleRequest, timestamp::Timestamp};
use causeway_edge::{Limit, Rate, Source};
use causeway_queue::Queue;
use causeway_store::{Sealer, Store};
use causeway_tenancy::Rules;
use causeway_workos::Workos;

/// How many links and sessions that are not good one source may show: each costs a read.
pub const MISSES: Rate = Rate { burst: 20, per_second: 5 };

/// What every page needs.
#[derive(Debug)]
pub struct Service {
    /// The table.
    pub store: Store,
    /// Seals a WorkOS API key that a visitor gives. It opens none.
    pub sealer: Sealer,
    /// The queue that errands are called for on.
    pub queue: Queue,
    /// WorkOS, to try a key while it is in hand.
    pub workos: Workos,
    /// The public base URL.
    pub base: BaseUrl,
    /// What is asked of user pools and their roles.
    pub rules: Rules,
    /// The callback of a pool without a domain, on the local cloud.
    pub local_callback: Option<String>,
    /// The host of the bucket with the role's template; none if the stack has no such bucket.
    pub template_bucket_domain: Option<String>,
    /// The links and sessions that a source showed and that were not good.
    pub misses: Limit<Source>,
    /// The clock.
    pub now: fn() -> Timestamp,
    /// 256 random bits, fit for secrets.
    pub random: fn() -> [u8; 32],
}

impl Service {
    /// The time.
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// 128 random bits.
    pub fn number(&self) -> u128 {
        let random = (self.random)();
        u128::from_be_bytes(std::array::from_fn(|index| random[index]))
    }

    /// The launch link of a role. Whether the template stands there, the link of the visitor says.
    pub fn launch_url(&self, role: &RoleRequest) -> Option<String> {
        role.launch_url(&causeway_core::role::template_url(self.template_bucket_domain.as_deref()?))
    }
}
