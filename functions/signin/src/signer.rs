//! The keys that sign ID tokens: asymmetric keys of KMS, which can't be exported.

use std::{sync::Arc, time::Duration};

use aws_sdk_kms::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    primitives::Blob,
    types::{MessageType, SigningAlgorithmSpec},
};
use aws_types::SdkConfig;
use causeway_cache::Cache;
use causeway_core::{
    health::ErrorClass,
    oidc::{
        discovery::{NotAnRsaKey, PublicKey},
        id_token::UnsignedIdToken,
        signing_keys::{SigningKey, signing_key},
    },
    timestamp::Timestamp,
};
use causeway_telemetry::chain;
use futures::future::join_all;

/// A signature or a key that KMS did not give.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// KMS could not be asked, or refused.
    #[error("{operation} failed")]
    Failed {
        /// KMS's operation.
        operation: &'static str,
        /// What the failure is.
        class: ErrorClass,
        /// The SDK's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// KMS answered without what was asked for.
    #[error("{operation} answered nothing")]
    Empty {
        /// KMS's operation.
        operation: &'static str,
    },
    /// The key is not one that signs ID tokens.
    #[error("the signing key")]
    Key(#[from] NotAnRsaKey),
    /// No key is named, or none of those that are can be used.
    #[error("there is no signing key")]
    NoKey,
}

impl SignError {
    /// The class of the failure.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Failed { class, .. } => *class,
            Self::NoKey => ErrorClass::Denied,
            Self::Empty { .. } | Self::Key(_) => ErrorClass::Bug,
        }
    }

    fn from_sdk<E>(operation: &'static str, error: SdkError<E>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let class = match error.code() {
            Some("AccessDeniedException" | "DisabledException" | "NotFoundException" | "KMSInvalidStateException") => {
                ErrorClass::Denied
            }
            Some("InvalidKeyUsageException" | "ValidationException" | "UnsupportedOperationException") => {
                ErrorClass::Bug
            }
            Some("ThrottlingException" | "LimitExceededException") => ErrorClass::Throttled,
            _ => ErrorClass::Transient,
        };
        Self::Failed { operation, class, source: Box::new(error) }
    }
}

/// The KMS keys of the ID tokens, and when each of them signs.
pub struct Signer {
    client: Client,
    arns: Vec<String>,
    /// How long a key is published before it signs.
    lead: Duration,
    now: fn() -> Timestamp,
    /// Read again every minute, so that a key that could not be read for a moment is not missed for long.
    known: Cache<(), Vec<SigningKey>>,
}

impl Signer {
    /// A signer with the KMS keys of these ARNs.
    pub fn new(configuration: &SdkConfig, arns: Vec<String>, lead: Duration, now: fn() -> Timestamp) -> Self {
        Self { client: Client::new(configuration), arns, lead, now, known: Cache::new() }
    }

    /// The keys that signatures are checked with.
    pub async fn keys(&self) -> Result<Arc<Vec<SigningKey>>, SignError> {
        let keys = self.known.get_or_read(&(), (self.now)(), async || self.read_keys().await.map(Some)).await?;
        keys.ok_or(SignError::NoKey)
    }

    /// The key that signs now.
    pub async fn key(&self) -> Result<SigningKey, SignError> {
        let keys = self.keys().await?;
        signing_key(&keys, self.lead, (self.now)()).cloned().ok_or(SignError::NoKey)
    }

    /// Reads all keys side by side. A key that is switched off or going to be deleted is left out, so that it does
    /// not take the others' signatures with it.
    async fn read_keys(&self) -> Result<Vec<SigningKey>, SignError> {
        let mut keys = Vec::new();
        for read in join_all(self.arns.iter().map(|arn| self.read_key(arn))).await {
            match read {
                Ok(key) => keys.push(key),
                Err(error) if error.class() == ErrorClass::Denied && self.arns.len() > 1 => {
                    tracing::error!(error = chain(&error), "a signing key can't be used");
                }
                Err(error) => return Err(error),
            }
        }
        if keys.is_empty() { Err(SignError::NoKey) } else { Ok(keys) }
    }

    async fn read_key(&self, arn: &str) -> Result<SigningKey, SignError> {
        let (public, created_at) = tokio::try_join!(self.public_key(arn), self.created_at(arn))?;
        Ok(SigningKey { arn: arn.to_owned(), public, created_at })
    }

    async fn public_key(&self, arn: &str) -> Result<PublicKey, SignError> {
        const OPERATION: &str = "kms:GetPublicKey";
        let answer = self.client.get_public_key().key_id(arn).send().await;
        let answer = answer.map_err(|error| SignError::from_sdk(OPERATION, error))?;
        let der = answer.public_key.ok_or(SignError::Empty { operation: OPERATION })?;
        Ok(PublicKey::from_der(der.as_ref())?)
    }

    /// When a key was made. The only key signs whatever its age, so that it is not asked for.
    async fn created_at(&self, arn: &str) -> Result<Timestamp, SignError> {
        const OPERATION: &str = "kms:DescribeKey";
        if self.arns.len() == 1 {
            return Ok(Timestamp::default());
        }
        let answer = self.client.describe_key().key_id(arn).send().await;
        let answer = answer.map_err(|error| SignError::from_sdk(OPERATION, error))?;
        let created_at = answer.key_metadata.and_then(|key| key.creation_date);
        let created_at = created_at.ok_or(SignError::Empty { operation: OPERATION })?;
        Ok(Timestamp::from_seconds(created_at.secs()))
    }

    /// The token with the signature of `key`.
    pub async fn sign(&self, key: &SigningKey, token: &UnsignedIdToken) -> Result<String, SignError> {
        const OPERATION: &str = "kms:Sign";
        let answer = self
            .client
            .sign()
            .key_id(&key.arn)
            .message(Blob::new(token.digest()))
            .message_type(MessageType::Digest)
            .signing_algorithm(SigningAlgorithmSpec::RsassaPkcs1V15Sha256)
            .send()
            .await
            .map_err(|error| SignError::from_sdk(OPERATION, error))?;
        let signature = answer.signature.ok_or(SignError::Empty { operation: OPERATION })?;
        Ok(token.signed(signature.as_ref()))
    }
}
