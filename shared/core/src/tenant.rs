//! Tenants.

use serde::{Deserialize, Serialize};

use crate::{
    external_id::FormerExternalId,
    former_webhook::FormerWebhook,
    id::{Contact, ExternalId, TenantId, TenantName, WorkosClientId},
    keeps_unknown,
    lenient::if_readable,
    timestamp::Timestamp,
    unknown::Unknown,
};

pub use crate::sealed::{Purpose, Sealed, SecretOwner};

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
    /// The previous external ID, as long as a role may still need it.
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
    /// The previous endpoints and secrets.
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub fn tenant() -> Tenant {
        Tenant {
            id: "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N".parse().unwrap(),
            name: "Example".parse().unwrap(),
            contact: None,
            external_id: "causeway-1".parse().unwrap(),
            former_external_id: None,
            workos_client_id: "client_1".parse().unwrap(),
            workos_api_key: None,
            webhook_endpoint_id: None,
            webhook_secret: None,
            webhook_number: 0,
            former_webhooks: Vec::new(),
            sign_in_state_key: Sealed("state".to_owned()),
            created_at: Timestamp::from_seconds(0),
            updated_at: Timestamp::from_seconds(0),
            removing_since: None,
            version: 1,
            unknown: Unknown::default(),
        }
    }
}
