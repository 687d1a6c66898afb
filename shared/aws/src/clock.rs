//! Where a function's time and randomness come from; everything below takes them as arguments.

use std::time::{SystemTime, UNIX_EPOCH};

use causeway_core::timestamp::Timestamp;

/// The time.
pub fn now() -> Timestamp {
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// `N` random bytes from the operating system, fit for secrets.
///
/// # Panics
///
/// Where the operating system gives none: nothing may go on with a secret that can be guessed.
#[expect(clippy::expect_used, reason = "a secret that can be guessed must not be made")]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}
