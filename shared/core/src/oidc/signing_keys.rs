//! Which of several keys signs. A key that is new is published for a while before it signs, and one that no
//! longer signs is published as long as it is there, so that at every moment whoever checks a token finds its key.

use std::time::Duration;

use crate::{oidc::discovery::PublicKey, timestamp::Timestamp};

/// A key that is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Its ARN in KMS.
    pub arn: String,
    /// Its public half.
    pub public: PublicKey,
    /// When it was made (KMS API: `KeyMetadata.CreationDate`).
    pub created_at: Timestamp,
}

/// The key that signs at `now`: the newest of those that were made at least `lead` ago. While none is old enough,
/// as on the first day, the oldest.
pub fn signing_key(keys: &[SigningKey], lead: Duration, now: Timestamp) -> Option<&SigningKey> {
    let ready = keys.iter().filter(|key| key.created_at.plus(lead) <= now).max_by_key(|key| key.created_at);
    ready.or_else(|| keys.iter().min_by_key(|key| key.created_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAD: Duration = Duration::from_mins(15);

    fn key(arn: &str, created_at: i64) -> SigningKey {
        SigningKey {
            arn: arn.to_owned(),
            public: PublicKey::of_id(arn),
            created_at: Timestamp::from_seconds(created_at),
        }
    }

    fn signs(keys: &[SigningKey], at: i64) -> Option<&str> {
        signing_key(keys, LEAD, Timestamp::from_seconds(at)).map(|key| key.arn.as_str())
    }

    #[test]
    fn a_new_key_signs_once_it_has_been_there_for_the_lead_in_whatever_order_they_are_named() {
        let mut keys = vec![key("old", 0), key("new", 100_000)];
        for _ in 0..2 {
            assert_eq!(signs(&keys, 100_000), Some("old"));
            assert_eq!(signs(&keys, 100_899), Some("old"));
            assert_eq!(signs(&keys, 100_900), Some("new"));
            keys.reverse();
        }
    }

    #[test]
    fn the_first_key_signs_from_the_first_moment_on() {
        assert_eq!(signs(&[key("only", 100)], 100), Some("only"));
        assert_eq!(signs(&[key("second", 101), key("first", 100)], 101), Some("first"));
        assert_eq!(signs(&[], 100), None);
    }
}
