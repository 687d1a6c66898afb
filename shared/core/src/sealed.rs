//! Secrets as they are stored: sealed by KMS, with whose each is and what for.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::TenantId;

/// A secret that KMS sealed with the encryption context `{tenant, purpose}`, in base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(pub String);

/// Whose a sealed secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretOwner {
    /// A tenant's.
    Tenant(TenantId),
    /// The deployment's own.
    Deployment,
}

impl SecretOwner {
    /// The value of `tenant` in the encryption context. No tenant's ID is the deployment's.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Tenant(id) => id.as_str(),
            Self::Deployment => "deployment",
        }
    }
}

impl From<&TenantId> for SecretOwner {
    fn from(id: &TenantId) -> Self {
        Self::Tenant(id.clone())
    }
}

impl fmt::Display for SecretOwner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant(id) => write!(formatter, "the tenant {id}"),
            Self::Deployment => formatter.write_str("the deployment"),
        }
    }
}

/// What a sealed secret is for; part of the encryption context, so that each function can be let open
/// only what it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The WorkOS API key.
    WorkosApiKey,
    /// The secret that WorkOS signs its webhooks with.
    WebhookSecret,
    /// The key that seals the state of a sign-in on its way through the browser.
    SignInState,
    /// The key of an answer that is given again to a repeated request.
    IdempotentAnswer,
    /// The deployment's key of the MACs of codes and access tokens.
    BearerKey,
}

impl Purpose {
    /// The value of `purpose` in the encryption context.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WorkosApiKey => "workos-api-key",
            Self::WebhookSecret => "webhook-secret",
            Self::SignInState => "sign-in-state",
            Self::IdempotentAnswer => "idempotent-answer",
            Self::BearerKey => "bearer-key",
        }
    }
}
