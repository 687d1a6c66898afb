//! Tenants.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    external_id::FormerExternalId,
    id::{Contact, ExternalId, TenantId, TenantName, WorkosClientId},
    keeps_unknown,
    lenient::if_readable,
    timestamp::Timestamp,
    unknown::Unknown,
    webhook_endpoint::FormerWebhook,
};

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

/// One WorkOS environment, with the external ID that Causeway generated for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Tenant {
    /// Its ID.
    pub id: TenantId,
    /// Its name, for people.
    pub name: TenantName,
    /// Whom an operator turns to about it, where the operator said so.
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
    /// What Causeway shows to the tenant's roles.
    pub external_id: ExternalId,
    /// The external ID of before, as long as a role may still need it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former_external_id: Option<FormerExternalId>,
    /// The client ID of the WorkOS environment.
    pub workos_client_id: WorkosClientId,
    /// The WorkOS API key, once it was given.
    pub workos_api_key: Option<Sealed>,
    /// WorkOS's ID of the webhook endpoint, once it was registered.
    pub webhook_endpoint_id: Option<String>,
    /// The secret of the webhook endpoint, once it was registered.
    pub webhook_secret: Option<Sealed>,
    /// The number of the webhook endpoint, which is part of its URL; the first one is 0 and not in it.
    #[serde(default)]
    pub webhook_number: u32,
    /// The endpoints and secrets of before.
    #[serde(default)]
    pub former_webhooks: Vec<FormerWebhook>,
    /// The key of the states of this tenant's sign-ins.
    pub sign_in_state_key: Sealed,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When an operator last changed it.
    pub updated_at: Timestamp,
    /// Since when it is being removed, which takes a moment: no pool can be registered any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removing_since: Option<Timestamp>,
    /// Counts the changes; a change of a stale copy is refused by the store.
    pub version: u64,
    /// What a later version wrote into it.
    #[serde(skip)]
    pub unknown: Unknown,
}

keeps_unknown!(Tenant);
