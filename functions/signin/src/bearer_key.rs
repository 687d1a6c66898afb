//! The deployment's key of the MACs of codes and access tokens: opened once, and made by the first instance ever.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use causeway_core::{
    oidc::bearer::BearerKey,
    secret::new_client_secret,
    tenant::{Purpose, Sealed, SecretOwner},
    timestamp::Timestamp,
};
use causeway_store::{SealError, Sealer, Store};
use tokio::sync::OnceCell;

use crate::failure::Failure;

/// How long after a failure the key is not asked for again: whoever makes up codes must not cause a call for each.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The key, once it was opened.
pub struct BearerKeys {
    store: Store,
    sealer: Sealer,
    now: fn() -> Timestamp,
    random: fn() -> [u8; 32],
    key: OnceCell<BearerKey>,
    failed_at: Mutex<Option<Timestamp>>,
}

impl BearerKeys {
    /// A key that is not opened yet.
    pub fn new(store: Store, sealer: Sealer, now: fn() -> Timestamp, random: fn() -> [u8; 32]) -> Self {
        Self { store, sealer, now, random, key: OnceCell::new(), failed_at: Mutex::new(None) }
    }

    /// The key.
    pub async fn get(&self) -> Result<&BearerKey, Failure> {
        if let Some(key) = self.key.get() {
            return Ok(key);
        }
        if self.has_just_failed() {
            return Err(Failure::NoBearerKey);
        }
        // Boxed, as calls to services are large, and made once.
        let opened = Box::pin(self.key.get_or_try_init(|| self.open_or_make())).await;
        if opened.is_err() {
            *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner) = Some((self.now)());
        }
        opened
    }

    fn has_just_failed(&self) -> bool {
        let failed_at = *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (self.now)();
        // A clock that was set back keeps nobody waiting.
        failed_at.is_some_and(|at| at <= now && now.since(at) < AGAIN_AFTER)
    }

    async fn open_or_make(&self) -> Result<BearerKey, Failure> {
        if let Some(sealed) = self.store.bearer_key().await? {
            return self.open(&sealed).await;
        }
        let text = new_client_secret((self.random)());
        let made = self.sealer.seal(SecretOwner::Deployment, Purpose::BearerKey, &text).await?;
        match self.store.put_bearer_key(&made).await {
            Ok(()) => {
                tracing::info!("the deployment's key of codes and access tokens was made");
                Ok(BearerKey::from_text(&text)?)
            }
            // Another instance was first, or the answer to our own write was lost.
            Err(error) if error.is_conflict() => match self.store.bearer_key().await? {
                Some(sealed) => self.open(&sealed).await,
                None => Err(error.into()),
            },
            Err(error) => Err(error.into()),
        }
    }

    async fn open(&self, sealed: &Sealed) -> Result<BearerKey, Failure> {
        let text = self.sealer.open(SecretOwner::Deployment, Purpose::BearerKey, sealed).await?;
        let unreadable = SealError::Unreadable { owner: SecretOwner::Deployment, purpose: Purpose::BearerKey.as_str() };
        Ok(BearerKey::from_text(&text).map_err(|_| unreadable)?)
    }
}
