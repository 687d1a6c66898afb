//! Keeps every operation on a pool below the five calls a second that Cognito takes (Cognito: "Quotas",
//! operations on one user pool).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use causeway_core::id::UserPoolId;
use tokio::time::Instant;

/// The time between two calls of one operation on one pool: 4.75 a second.
const BETWEEN: Duration = Duration::from_nanos(1_000_000_000 * 100 / 475);
/// How many pools' operations are remembered; the earliest are forgotten beyond that.
const MOST: usize = 4096;

/// Gives out the times at which calls may go.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pacer {
    next: Arc<Mutex<HashMap<(UserPoolId, &'static str), Instant>>>,
}

impl Pacer {
    /// Waits until the operation may be called on the pool.
    pub async fn wait(&self, pool: &UserPoolId, operation: &'static str) {
        let at = self.reserve(pool, operation);
        tokio::time::sleep_until(at).await;
    }

    fn reserve(&self, pool: &UserPoolId, operation: &'static str) -> Instant {
        let now = Instant::now();
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if next.len() >= MOST {
            next.retain(|_, at| *at > now);
        }
        let slot = next.entry((pool.clone(), operation)).or_insert(now);
        let at = (*slot).max(now);
        *slot = at + BETWEEN;
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn twenty_calls_of_one_operation_take_four_seconds_and_another_pool_does_not_wait() {
        let pacer = Pacer::default();
        let (pool, other): (UserPoolId, UserPoolId) = ("eu-west-1_a".parse().unwrap(), "eu-west-1_b".parse().unwrap());
        let start = Instant::now();
        for _ in 0..20 {
            pacer.wait(&pool, "ListIdentityProviders").await;
        }
        assert_eq!(start.elapsed().as_secs(), 4);
        let start = Instant::now();
        pacer.wait(&other, "ListIdentityProviders").await;
        pacer.wait(&pool, "DescribeIdentityProvider").await;
        assert!(start.elapsed() < BETWEEN);
    }
}
