//! Keeps calls below the rates that Cognito takes (AWS: "Quotas in Amazon Cognito"), and goes slower where the
//! tenant's own tools use the same quota.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use causeway_core::id::{AccountId, UserPoolId};
use tokio::time::Instant;

/// How much of a quota is used at most: five calls a second are taken, 4.75 are made.
const SHARE: f64 = 0.95;
/// The calls a second that one operation may take on one pool.
const PER_OPERATION_AND_POOL: f64 = 5.0;
/// The longest time between two calls, however often they are throttled.
const SLOWEST: Duration = Duration::from_secs(4);
/// What is left of the additional waiting after a call that was not throttled.
const RECOVERY: f64 = 0.9;
/// How many rates are remembered; those that wait for nothing are forgotten beyond that.
const MOST: usize = 4096;

/// Whose quota calls use: rates are counted by pool, and by account and Region.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Quota {
    /// The account of the pool.
    pub account: AccountId,
    /// The pool; it tells the Region.
    pub pool: UserPoolId,
}

/// What a rate is counted over.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Rate {
    Operation(UserPoolId, &'static str),
    Account(AccountId, String, &'static str),
}

/// The category whose rate an operation shares with others over all pools of an account in a Region.
fn category(operation: &str) -> Option<(&'static str, f64)> {
    Some(match operation {
        "ListIdentityProviders" | "DescribeIdentityProvider" => ("provider reads", 20.0),
        "CreateIdentityProvider" | "UpdateIdentityProvider" | "DeleteIdentityProvider" => ("provider writes", 15.0),
        "ListUserPoolClients" | "DescribeUserPoolClient" => ("client reads", 15.0),
        "UpdateUserPoolClient" => ("client writes", 15.0),
        _ => return None,
    })
}

fn between(calls_a_second: f64) -> Duration {
    Duration::from_secs_f64(1.0 / (SHARE * calls_a_second))
}

#[derive(Debug)]
struct Slots {
    next: Instant,
    between: Duration,
}

/// Gives out the times at which calls may go.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pacer {
    slots: Arc<Mutex<HashMap<Rate, Slots>>>,
}

impl Pacer {
    /// Waits until the operation may be called.
    pub async fn wait(&self, quota: &Quota, operation: &'static str) {
        let at = self.reserve(quota, operation);
        tokio::time::sleep_until(at).await;
    }

    /// Has the operation called half as often: it was throttled, so somebody else uses the quota too.
    pub fn throttled(&self, quota: &Quota, operation: &'static str) {
        self.adapt(quota, operation, |between| (between * 2).min(SLOWEST));
    }

    /// Has the operation called a little more often, up to its usual rate.
    pub fn answered(&self, quota: &Quota, operation: &'static str) {
        let usual = self::between(PER_OPERATION_AND_POOL);
        self.adapt(quota, operation, |between| usual + between.saturating_sub(usual).mul_f64(RECOVERY));
    }

    fn adapt(&self, quota: &Quota, operation: &'static str, change: impl Fn(Duration) -> Duration) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slots) = slots.get_mut(&Rate::Operation(quota.pool.clone(), operation)) {
            let changed = change(slots.between);
            // Calls that wait already keep their times; the next one begins with the new rate.
            slots.next += changed.saturating_sub(slots.between);
            slots.between = changed;
        }
    }

    fn reserve(&self, quota: &Quota, operation: &'static str) -> Instant {
        let now = Instant::now();
        let mut rates = vec![(Rate::Operation(quota.pool.clone(), operation), PER_OPERATION_AND_POOL)];
        rates
            .extend(category(operation).map(|(name, rate)| {
                (Rate::Account(quota.account.clone(), quota.pool.region().to_owned(), name), rate)
            }));
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MOST {
            slots.retain(|_, slots| slots.next > now);
        }
        let mut at = now;
        for (rate, calls_a_second) in rates {
            let slots = slots.entry(rate).or_insert(Slots { next: now, between: between(calls_a_second) });
            // Each rate goes on from its own time: a pool that waits must not hold up the others of its account.
            let free = slots.next.max(now);
            slots.next = free + slots.between;
            at = at.max(free);
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(pool: &str) -> Quota {
        Quota { account: "222222222222".parse().unwrap(), pool: pool.parse().unwrap() }
    }

    /// How long `calls` of an operation take, all asked for at once by each of the pools.
    async fn time_of(pacer: &Pacer, pools: &[&str], calls: usize, operation: &'static str) -> f64 {
        let start = Instant::now();
        let waits = pools.iter().flat_map(|pool| (0..calls).map(move |_| quota(pool)));
        let waits: Vec<Quota> = waits.collect();
        for at in waits.iter().map(|quota| pacer.reserve(quota, operation)).collect::<Vec<_>>() {
            tokio::time::sleep_until(at).await;
        }
        start.elapsed().as_secs_f64()
    }

    #[tokio::test(start_paused = true)]
    async fn twenty_calls_of_one_operation_take_four_seconds_and_another_pool_does_not_wait() {
        let pacer = Pacer::default();
        let taken = time_of(&pacer, &["eu-west-1_a"], 20, "ListIdentityProviders").await;
        assert!((3.99..4.02).contains(&taken), "{taken}");
        let others = time_of(&pacer, &["eu-west-1_b"], 1, "ListIdentityProviders").await
            + time_of(&pacer, &["eu-west-1_a"], 1, "DescribeUserPool").await;
        assert!(others < 0.3, "{others}");
    }

    #[tokio::test(start_paused = true)]
    async fn ten_pools_of_one_account_share_its_rate_and_another_region_does_not() {
        let pacer = Pacer::default();
        let pools: Vec<String> = (0..10).map(|number| format!("eu-west-1_{number}")).collect();
        let pools: Vec<&str> = pools.iter().map(String::as_str).collect();
        let start = Instant::now();
        for _ in 0..4 {
            for pool in &pools {
                pacer.wait(&quota(pool), "UpdateIdentityProvider").await;
            }
        }
        let rate = 40.0 / start.elapsed().as_secs_f64();
        assert!((14.0..15.0).contains(&rate), "{rate} a second");
        assert!(time_of(&pacer, &["eu-west-2_0"], 1, "UpdateIdentityProvider").await < 0.01);
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_pool_does_not_slow_down_another_one_of_its_account() {
        let (pacer, slow) = (Pacer::default(), quota("eu-west-1_a"));
        pacer.wait(&slow, "ListIdentityProviders").await;
        for _ in 0..10 {
            pacer.throttled(&slow, "ListIdentityProviders");
        }
        let waiting = pacer.reserve(&slow, "ListIdentityProviders");
        assert!(waiting.duration_since(Instant::now()).as_secs_f64() > 3.0);
        let other = time_of(&pacer, &["eu-west-1_b"], 2, "ListIdentityProviders").await;
        let other_operation = time_of(&pacer, &["eu-west-1_a"], 2, "DescribeIdentityProvider").await;
        assert!(other < 0.3 && other_operation < 0.3, "{other} and {other_operation}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_operation_goes_slower_and_comes_back_to_its_usual_rate() {
        let pacer = Pacer::default();
        let quota = quota("eu-west-1_a");
        pacer.wait(&quota, "CreateIdentityProvider").await;
        for _ in 0..10 {
            pacer.throttled(&quota, "CreateIdentityProvider");
        }
        let slow = time_of(&pacer, &["eu-west-1_a"], 2, "CreateIdentityProvider").await;
        assert!((4.0..9.0).contains(&slow), "{slow}");
        for _ in 0..100 {
            pacer.answered(&quota, "CreateIdentityProvider");
        }
        pacer.wait(&quota, "CreateIdentityProvider").await;
        let usual = time_of(&pacer, &["eu-west-1_a"], 10, "CreateIdentityProvider").await;
        assert!(usual < 2.2, "{usual}");
    }
}
