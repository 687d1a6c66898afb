//! Credentials that are asked for once, and again shortly before they end: a profile may ask for them by a program, a call or
//! a person, and a page of the console takes several calls at once.

use std::time::{Duration, SystemTime};

use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, Result, SharedCredentialsProvider, future},
};
use tokio::sync::Mutex;

/// How long before their end they are asked for again: longer than a call takes with all of its attempts.
const MARGIN: Duration = Duration::from_mins(5);

/// Keeps what another provider gives.
#[derive(Debug)]
pub struct Kept {
    provider: SharedCredentialsProvider,
    last: Mutex<Option<Credentials>>,
}

impl Kept {
    /// Keeps what `provider` gives.
    pub fn new(provider: SharedCredentialsProvider) -> Self {
        Self { provider, last: Mutex::new(None) }
    }

    async fn at(&self, now: SystemTime) -> Result {
        let mut last = self.last.lock().await;
        if let Some(kept) = last.as_ref().filter(|kept| kept.expiry().is_none_or(|end| end > now + MARGIN)) {
            return Ok(kept.clone());
        }
        let given = self.provider.provide_credentials().await?;
        *last = Some(given.clone());
        Ok(given)
    }
}

impl ProvideCredentials for Kept {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.at(SystemTime::now()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Gives other credentials each time, which last for so long.
    #[derive(Debug)]
    struct Counting(AtomicU32, Option<SystemTime>);

    impl ProvideCredentials for Counting {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let id = self.0.fetch_add(1, Ordering::Relaxed).to_string();
            future::ProvideCredentials::ready(Ok(Credentials::new(id, "", None, self.1, "a test")))
        }
    }

    #[tokio::test]
    async fn credentials_are_asked_for_again_only_before_they_end() {
        let begun = SystemTime::UNIX_EPOCH;
        let after = |seconds| begun + Duration::from_secs(seconds);
        for (end, asked) in [(None, [0, 0, 0]), (Some(after(900)), [0, 0, 1])] {
            let kept = Kept::new(SharedCredentialsProvider::new(Counting(AtomicU32::new(0), end)));
            for (now, number) in [0, 599, 600].into_iter().zip(asked) {
                let given = kept.at(after(now)).await.unwrap();
                assert_eq!(given.access_key_id(), number.to_string(), "{end:?} after {now}");
            }
        }
    }
}
