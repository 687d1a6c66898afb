//! Cognito's rates (AWS: "Quotas in Amazon Cognito"), as token buckets that hold one second's worth.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// No operation may be called more often than this on one user pool, in calls a second.
const PER_OPERATION_AND_POOL: f64 = 5.0;

/// The rate that an operation shares with others over all pools of an account in a Region, by the name of
/// what it shares.
fn shared_rate(operation: &str) -> Option<(&'static str, f64)> {
    Some(match operation {
        "DescribeIdentityProvider" | "GetIdentityProviderByIdentifier" | "ListIdentityProviders" => {
            ("provider reads", 20.0)
        }
        "CreateIdentityProvider" | "UpdateIdentityProvider" | "DeleteIdentityProvider" => ("provider writes", 15.0),
        "DescribeUserPoolClient" | "ListUserPoolClients" => ("client reads", 15.0),
        "CreateUserPoolClient" | "UpdateUserPoolClient" | "DeleteUserPoolClient" => ("client writes", 15.0),
        _ => return None,
    })
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled_at: Instant,
}

impl Bucket {
    fn fill(&mut self, rate: f64, now: Instant) {
        let since = now.saturating_duration_since(self.filled_at).as_secs_f64();
        self.tokens = (self.tokens + since * rate).min(rate);
        self.filled_at = now;
    }
}

/// Lets calls through as long as their rates allow.
#[derive(Debug, Default)]
pub struct Throttle {
    buckets: Mutex<HashMap<(String, String), Bucket>>,
}

impl Throttle {
    /// Whether a call may go. `account` tells account and Region.
    pub fn lets_through(&self, operation: &str, pool: &str, account: &str, now: Instant) -> bool {
        let mut rates = vec![((operation.to_owned(), pool.to_owned()), PER_OPERATION_AND_POOL)];
        rates.extend(shared_rate(operation).map(|(shared, rate)| ((shared.to_owned(), account.to_owned()), rate)));
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, rate) in &rates {
            let bucket = buckets.entry(key.clone()).or_insert(Bucket { tokens: *rate, filled_at: now });
            bucket.fill(*rate, now);
        }
        let has_room = rates.iter().all(|(key, _)| buckets.get(key).is_some_and(|bucket| bucket.tokens >= 1.0));
        if has_room {
            for (key, _) in &rates {
                if let Some(bucket) = buckets.get_mut(key) {
                    bucket.tokens -= 1.0;
                }
            }
        }
        has_room
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// How many of `calls` at that instant are let through.
    fn through(throttle: &Throttle, calls: usize, operation: &str, pool: &str, now: Instant) -> usize {
        (0..calls).filter(|_| throttle.lets_through(operation, pool, "1/eu-west-1", now)).count()
    }

    #[test]
    fn an_operation_goes_five_times_a_second_on_one_pool_and_another_operation_does_not_wait_for_it() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        assert_eq!(through(&throttle, 10, "DescribeUserPool", "a", start), 5);
        assert_eq!(through(&throttle, 10, "DescribeUserPool", "a", start + Duration::from_millis(400)), 2);
        assert_eq!(through(&throttle, 10, "DescribeUserPool", "a", start + Duration::from_mins(1)), 5);
        assert_eq!(through(&throttle, 10, "DescribeUserPool", "b", start), 5);
        assert_eq!(through(&throttle, 10, "ListIdentityProviders", "a", start), 5);
    }

    #[test]
    fn all_pools_of_an_account_share_its_rates() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        let of = |operation: &str| -> usize {
            (0..10).map(|pool| through(&throttle, 5, operation, &pool.to_string(), start)).sum()
        };
        assert_eq!(of("DescribeIdentityProvider"), 20);
        assert_eq!(of("ListIdentityProviders"), 0, "it is read from the same twenty");
        assert_eq!(of("CreateIdentityProvider"), 15);
        assert_eq!(of("DescribeUserPoolClient"), 15);
        assert_eq!(of("UpdateUserPoolClient"), 15);
        assert!(throttle.lets_through("ListIdentityProviders", "z", "2/eu-west-1", start), "another account");
    }
}
