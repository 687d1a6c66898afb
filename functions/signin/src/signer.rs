//! The key that signs ID tokens: an asymmetric key of KMS, which can't be exported.

use aws_sdk_kms::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    primitives::Blob,
    types::{MessageType, SigningAlgorithmSpec},
};
use aws_types::SdkConfig;
use causeway_core::{
    health::ErrorClass,
    oidc::{
        discovery::{NotAnRsaKey, PublicKey},
        id_token::UnsignedIdToken,
    },
};
use tokio::sync::OnceCell;

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
}

impl SignError {
    /// The class of the failure.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Failed { class, .. } => *class,
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

/// Signs ID tokens with one KMS key.
#[derive(Debug)]
pub struct Signer {
    client: Client,
    key: String,
    public: OnceCell<PublicKey>,
}

impl Signer {
    /// A signer with the KMS key of this ARN.
    pub fn new(configuration: &SdkConfig, key: String) -> Self {
        Self { client: Client::new(configuration), key, public: OnceCell::new() }
    }

    /// The key that signatures are checked with, read once: the key pair of an ARN never changes.
    pub async fn public_key(&self) -> Result<&PublicKey, SignError> {
        const OPERATION: &str = "kms:GetPublicKey";
        self.public
            .get_or_try_init(async || {
                let answer = self.client.get_public_key().key_id(&self.key).send().await;
                let answer = answer.map_err(|error| SignError::from_sdk(OPERATION, error))?;
                let der = answer.public_key.ok_or(SignError::Empty { operation: OPERATION })?;
                Ok(PublicKey::from_der(der.as_ref())?)
            })
            .await
    }

    /// The token with its signature.
    pub async fn sign(&self, token: &UnsignedIdToken) -> Result<String, SignError> {
        const OPERATION: &str = "kms:Sign";
        let answer = self
            .client
            .sign()
            .key_id(&self.key)
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
