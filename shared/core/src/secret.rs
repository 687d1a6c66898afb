//! The client secrets that Cognito holds. Causeway stores only their SHA-256, in one of three states, so
//! that at every moment the secret that Cognito holds is one that a sign-in accepts.

use std::{fmt, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{lenient::present, timestamp::Timestamp};

/// How long a secret stays good after the one that follows it is confirmed: Cognito says of its changes
/// that they can take a minute to show, and a sign-in lasts at most five.
pub const RETIRED_FOR: Duration = Duration::from_mins(15);

/// How many attempts that seem lost are remembered: more than there are within the two minutes in which one may still
/// turn up.
const MOST_UNSETTLED: usize = 32;

/// SHA-256 of a secret, in hexadecimal.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretHash(String);

impl SecretHash {
    /// The hash of a secret.
    pub fn of(secret: &SecretString) -> Self {
        Self(hex::encode(Sha256::digest(secret.expose_secret().as_bytes())))
    }
}

/// In a time that does not tell where two hashes differ.
impl PartialEq for SecretHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for SecretHash {}

impl fmt::Debug for SecretHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretHash(..)")
    }
}

/// A new client secret of 256 random bits, as text.
pub fn new_client_secret(random: [u8; 32]) -> SecretString {
    SecretString::from(URL_SAFE_NO_PAD.encode(random))
}

/// The secrets of one provider.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientSecrets {
    /// Sent, or about to be; not yet known to have arrived.
    #[serde(deserialize_with = "present")]
    pub pending: Option<SecretHash>,
    /// Those that were pending before, until one is known to have arrived: Cognito says that its changes can
    /// take a minute to show, so that an attempt that seems lost may still turn up.
    pub unsettled: Vec<SecretHash>,
    /// The one that Cognito is known to hold.
    #[serde(deserialize_with = "present")]
    pub live: Option<SecretHash>,
    /// The ones before, each good until its time.
    pub retired: Vec<RetiredSecret>,
}

/// A secret that has been replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetiredSecret {
    /// Its hash.
    pub hash: SecretHash,
    /// Until when it is accepted.
    pub good_until: Timestamp,
}

impl ClientSecrets {
    /// Remembers a secret that is about to be sent.
    pub fn intend(&mut self, hash: SecretHash) {
        self.unsettled.extend(self.pending.replace(hash));
        let too_many = self.unsettled.len().saturating_sub(MOST_UNSETTLED);
        self.unsettled.drain(..too_many);
    }

    /// Records that Cognito holds `hash`. Does nothing for a hash that is not ours.
    pub fn confirm(&mut self, hash: &SecretHash, now: Timestamp) {
        self.retired.retain(|retired| retired.good_until > now);
        if self.pending.as_ref().is_some_and(|pending| pending == hash) {
            self.pending = None;
        } else if !self.unsettled.iter().any(|unsettled| unsettled == hash) {
            return;
        }
        let good_until = now.plus(RETIRED_FOR);
        let lost = self.unsettled.drain(..).filter(|unsettled| unsettled != hash);
        // An attempt that was lost may still be carried out, after the one that is known to have been.
        let replaced = self.live.replace(hash.clone()).into_iter().chain(lost);
        self.retired.extend(replaced.map(|hash| RetiredSecret { hash, good_until }));
    }

    /// What is left of the secrets once the provider is deleted: those of attempts that may still be carried out. None
    /// where there are none. `late` is how long after it was made a call may be carried out.
    pub fn after_delete(&self, now: Timestamp, late: Duration) -> Option<Self> {
        let is_late = |retired: &&RetiredSecret| retired.good_until > now.plus(RETIRED_FOR).minus(late);
        let lost = self.retired.iter().filter(is_late).map(|retired| retired.hash.clone());
        let unsettled: Vec<SecretHash> =
            self.unsettled.iter().cloned().chain(self.pending.clone()).chain(lost).collect();
        (!unsettled.is_empty()).then(|| Self { unsettled, ..Self::default() })
    }

    /// Whether Cognito may hold this secret by our own doing: it is live, pending or unsettled.
    pub fn is_ours(&self, hash: &SecretHash) -> bool {
        [&self.live, &self.pending].into_iter().flatten().chain(&self.unsettled).any(|known| known == hash)
    }

    /// Whether `hash` is the live one.
    pub fn is_live(&self, hash: &SecretHash) -> bool {
        self.live.as_ref().is_some_and(|live| live == hash)
    }

    /// Whether a sign-in that shows this secret is let through.
    pub fn accepts(&self, hash: &SecretHash, now: Timestamp) -> bool {
        let retired = self.retired.iter().any(|retired| retired.good_until > now && retired.hash == *hash);
        self.is_ours(hash) || retired
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(text: &str) -> SecretHash {
        SecretHash::of(&SecretString::from(text.to_owned()))
    }

    #[test]
    fn a_secret_is_accepted_from_before_it_is_sent_until_15_minutes_after_the_next_is_confirmed() {
        let now = Timestamp::from_seconds(1_000_000);
        let mut secrets = ClientSecrets::default();
        secrets.intend(hash("first"));
        assert!(secrets.accepts(&hash("first"), now));
        secrets.confirm(&hash("first"), now);
        secrets.intend(hash("second"));
        assert!(secrets.accepts(&hash("first"), now) && secrets.accepts(&hash("second"), now));
        secrets.confirm(&hash("second"), now);
        let just_before = now.plus(RETIRED_FOR.saturating_sub(Duration::from_millis(1)));
        assert!(secrets.accepts(&hash("first"), just_before));
        assert!(!secrets.accepts(&hash("first"), now.plus(RETIRED_FOR)));
        assert!(secrets.accepts(&hash("second"), now.plus(RETIRED_FOR)));
    }

    #[test]
    fn a_new_client_secret_shows_all_of_its_random_bits() {
        let secret = new_client_secret([0xA5; 32]);
        assert_eq!(URL_SAFE_NO_PAD.decode(secret.expose_secret()).unwrap(), [0xA5; 32]);
    }

    #[test]
    fn a_retired_secret_outlives_the_next_rotations_and_is_forgotten_when_its_time_is_over() {
        let now = Timestamp::from_seconds(1_000_000);
        let mut secrets = ClientSecrets::default();
        for (name, at) in [("first", now), ("second", now), ("third", now.plus(Duration::from_mins(1)))] {
            secrets.intend(hash(name));
            secrets.confirm(&hash(name), at);
        }
        assert!(secrets.accepts(&hash("first"), now.plus(Duration::from_mins(1))));
        secrets.intend(hash("fourth"));
        secrets.confirm(&hash("fourth"), now.plus(RETIRED_FOR));
        let kept: Vec<&SecretHash> = secrets.retired.iter().map(|retired| &retired.hash).collect();
        assert_eq!(kept, [&hash("second"), &hash("third")]);
    }

    #[test]
    fn an_attempt_that_fails_leaves_the_live_secret_as_it_is() {
        let now = Timestamp::from_seconds(1);
        let mut secrets = ClientSecrets::default();
        secrets.intend(hash("live"));
        secrets.confirm(&hash("live"), now);
        secrets.intend(hash("lost"));
        assert!(secrets.is_live(&hash("live")) && secrets.accepts(&hash("live"), now));
        secrets.confirm(&hash("foreign"), now);
        assert!(secrets.is_live(&hash("live")), "a secret that is not ours confirms nothing");
    }

    #[test]
    fn an_attempt_that_seemed_lost_and_turns_up_is_still_ours_and_none_after_it_once_settled() {
        let now = Timestamp::from_seconds(1);
        let mut secrets = ClientSecrets::default();
        secrets.intend(hash("late"));
        secrets.intend(hash("next"));
        assert!(secrets.accepts(&hash("late"), now));
        secrets.confirm(&hash("late"), now);
        assert!(secrets.is_live(&hash("late")));
        secrets.confirm(&hash("next"), now);
        let last = MOST_UNSETTLED + 2;
        for number in 0..=last {
            secrets.intend(hash(&number.to_string()));
        }
        assert!(!secrets.is_ours(&hash("0")), "the number of unsettled secrets has a bound");
        secrets.confirm(&hash(&last.to_string()), now);
        assert!(!secrets.is_ours(&hash(&(last - 1).to_string())));
    }

    #[test]
    fn neither_a_secret_nor_its_hash_shows_in_debug_output() {
        let mut secrets = ClientSecrets::default();
        secrets.intend(hash("canary"));
        let shown = format!("{secrets:?}");
        assert!(!shown.contains("canary") && !shown.contains(&hash("canary").0));
    }
}
