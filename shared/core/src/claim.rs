//! Claims: Causeway's records of the providers that it made.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    adoption::Subject,
    connection::ConnectionState,
    id::{ConnectionId, Identifier, OrganizationId, ProviderName, TenantId},
    keeps_unknown,
    lenient::present,
    provider::{Fingerprint, Issuer},
    secret::ClientSecrets,
    timestamp::Timestamp,
    unknown::Unknown,
};

/// Whether the provider is known to exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimState {
    /// Written before the create; it may have happened or not.
    Intended,
    /// The create succeeded.
    Held,
}

/// A provider that Causeway made for a connection. Only claimed providers are ever changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Claim {
    /// The tenant whose connection it is.
    pub tenant_id: TenantId,
    /// The connection.
    pub connection_id: ConnectionId,
    /// The connection's organization when the claim was last written.
    #[serde(deserialize_with = "present")]
    pub organization_id: Option<OrganizationId>,
    /// The provider's name in the pool.
    pub provider_name: ProviderName,
    /// Its issuer; sign-ins go through no other.
    pub issuer: Issuer,
    /// Whether the provider exists.
    pub state: ClaimState,
    /// What the provider was when last written or described.
    pub fingerprint: Option<Fingerprint>,
    /// The identifiers it had then.
    pub identifiers: BTreeSet<Identifier>,
    /// Cognito's `LastModifiedDate` then: another one means that somebody changed the provider since.
    pub last_modified: Option<Timestamp>,
    /// The state of the connection, as the last run saw it.
    #[serde(default)]
    pub connection_state: Option<ConnectionState>,
    /// Whether the last run left nothing undone for the connection.
    #[serde(default)]
    pub in_sync: bool,
    /// What `sub` is in its sign-ins.
    #[serde(default, skip_serializing_if = "Subject::is_usual")]
    pub subject: Subject,
    /// The hashes of the client secrets.
    pub secrets: ClientSecrets,
    /// Counts the writes of this item; a write on a stale copy is refused by the store.
    pub version: u64,
    /// What a later version wrote into it.
    #[serde(skip)]
    pub unknown: Unknown,
}

keeps_unknown!(Claim);

impl Claim {
    /// A claim for a provider that is about to be made.
    pub fn intended(
        tenant_id: TenantId,
        connection_id: ConnectionId,
        organization_id: Option<OrganizationId>,
        issuer: Issuer,
    ) -> Self {
        let provider_name = ProviderName::for_connection(&connection_id);
        Self {
            tenant_id,
            connection_id,
            organization_id,
            provider_name,
            issuer,
            state: ClaimState::Intended,
            fingerprint: None,
            identifiers: BTreeSet::new(),
            last_modified: None,
            connection_state: None,
            in_sync: false,
            subject: Subject::default(),
            secrets: ClientSecrets::default(),
            version: 0,
            unknown: Unknown::default(),
        }
    }

    /// Whether the provider is known to exist.
    pub fn is_held(&self) -> bool {
        self.state == ClaimState::Held
    }
}
