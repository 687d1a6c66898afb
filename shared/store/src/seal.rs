//! Sealing: what is secret stands in the table encrypted by KMS with the encryption context
//! `{tenant, purpose}`, so that one tenant's ciphertext can't be opened as another's, nor as the deployment's own.

use aws_sdk_kms::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    primitives::Blob,
};
use aws_types::SdkConfig;
use base64::{Engine, engine::general_purpose::STANDARD};
use causeway_core::{
    health::ErrorClass,
    tenant::{Purpose, Sealed, SecretOwner},
};
use secrecy::{ExposeSecret, SecretString};

/// A secret that could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// KMS could not be asked, or refused.
    #[error("{operation} failed for a secret of {owner}, purpose {purpose}")]
    Failed {
        /// KMS's operation.
        operation: &'static str,
        /// Whose secret it is.
        owner: SecretOwner,
        /// The purpose.
        purpose: &'static str,
        /// What the failure is.
        class: ErrorClass,
        /// The SDK's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What is stored is no sealed secret.
    #[error("the stored secret of {owner}, purpose {purpose}, is not one that was sealed")]
    Unreadable {
        /// Whose secret it is.
        owner: SecretOwner,
        /// The purpose.
        purpose: &'static str,
    },
}

impl SealError {
    /// The class of the failure.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Failed { class, .. } => *class,
            Self::Unreadable { .. } => ErrorClass::Bug,
        }
    }
}

/// Seals and opens secrets with one KMS key.
#[derive(Debug, Clone)]
pub struct Sealer {
    client: Client,
    key: String,
}

impl Sealer {
    /// A sealer with the KMS key of this ARN.
    pub fn new(configuration: &SdkConfig, key: String) -> Self {
        Self { client: Client::new(configuration), key }
    }

    /// Seals a secret of its owner's for a purpose.
    pub async fn seal(
        &self,
        owner: impl Into<SecretOwner>,
        purpose: Purpose,
        secret: &SecretString,
    ) -> Result<Sealed, SealError> {
        let owner = owner.into();
        let answer = self
            .client
            .encrypt()
            .key_id(&self.key)
            .encryption_context("tenant", owner.as_str())
            .encryption_context("purpose", purpose.as_str())
            .plaintext(Blob::new(secret.expose_secret().as_bytes()))
            .send()
            .await
            .map_err(|error| failed("kms:Encrypt", &owner, purpose, error))?;
        let sealed = answer.ciphertext_blob.ok_or_else(|| unreadable(&owner, purpose))?;
        Ok(Sealed(STANDARD.encode(sealed)))
    }

    /// Opens a secret that was sealed for this owner and purpose.
    pub async fn open(
        &self,
        owner: impl Into<SecretOwner>,
        purpose: Purpose,
        sealed: &Sealed,
    ) -> Result<SecretString, SealError> {
        let owner = owner.into();
        let bytes = STANDARD.decode(&sealed.0).map_err(|_| unreadable(&owner, purpose))?;
        let answer = self
            .client
            .decrypt()
            .key_id(&self.key)
            .encryption_context("tenant", owner.as_str())
            .encryption_context("purpose", purpose.as_str())
            .ciphertext_blob(Blob::new(bytes))
            .send()
            .await
            .map_err(|error| failed("kms:Decrypt", &owner, purpose, error))?;
        answer
            .plaintext
            .and_then(|plain| String::from_utf8(plain.into_inner()).ok())
            .map(SecretString::from)
            .ok_or_else(|| unreadable(&owner, purpose))
    }
}

fn failed<E>(operation: &'static str, owner: &SecretOwner, purpose: Purpose, error: SdkError<E>) -> SealError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let class = match error.code() {
        Some("AccessDeniedException" | "DisabledException" | "NotFoundException" | "KMSInvalidStateException") => {
            ErrorClass::Denied
        }
        Some("InvalidCiphertextException" | "IncorrectKeyException") => ErrorClass::Bug,
        Some("ThrottlingException" | "LimitExceededException") => ErrorClass::Throttled,
        _ => ErrorClass::Transient,
    };
    SealError::Failed { operation, owner: owner.clone(), purpose: purpose.as_str(), class, source: Box::new(error) }
}

fn unreadable(owner: &SecretOwner, purpose: Purpose) -> SealError {
    SealError::Unreadable { owner: owner.clone(), purpose: purpose.as_str() }
}
