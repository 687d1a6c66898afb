//! Claims: Causeway's records of the providers that it made.

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    connection::ConnectionState,
    id::{ConnectionId, Identifier, OrganizationId, ProviderName, TenantId},
    keeps_unknown,
    lenient::{if_readable, present},
    naming::{FormerName, former_if_readable},
    organization::KnownOrganization,
    provider::{Fingerprint, Issuer},
    secret::ClientSecrets,
    subject::Subject,
    timestamp::Timestamp,
    unknown::Unknown,
};

/// How long after a write what Cognito shows may be older than it: its changes can take a minute to show, and a call whose
/// answer was lost may be carried out late.
pub const SETTLES_WITHIN: Duration = Duration::from_mins(2);

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
    /// What was last read of that organization; none where no version that keeps it has read it yet.
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub organization: Option<KnownOrganization>,
    /// The connection's name in WorkOS, where it has one that can be read.
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub connection_name: Option<String>,
    /// Former ones by which people knew it, of some days.
    #[serde(default, deserialize_with = "former_if_readable", skip_serializing_if = "Vec::is_empty")]
    pub former_names: Vec<FormerName>,
    /// What the organization's name was before, of some days.
    #[serde(default, deserialize_with = "former_if_readable", skip_serializing_if = "Vec::is_empty")]
    pub former_organization_names: Vec<FormerName>,
    /// The connection's type in WorkOS's word, where it can be read.
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub connection_type: Option<String>,
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
    /// When a write of the provider was last begun or ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_at: Option<Timestamp>,
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
            organization: None,
            connection_name: None,
            former_names: Vec::new(),
            former_organization_names: Vec::new(),
            connection_type: None,
            provider_name,
            issuer,
            state: ClaimState::Intended,
            fingerprint: None,
            identifiers: BTreeSet::new(),
            last_modified: None,
            written_at: None,
            connection_state: None,
            in_sync: false,
            subject: Subject::default(),
            secrets: ClientSecrets::default(),
            version: 0,
            unknown: Unknown::default(),
        }
    }

    /// Whether what Cognito shows of the provider at `now` is no older than Causeway's last write of it.
    pub fn is_settled(&self, now: Timestamp) -> bool {
        self.written_at.is_none_or(|at| now.since(at) >= SETTLES_WITHIN)
    }

    /// Whether an attempt to write the provider whose answer was lost may still be carried out.
    pub fn may_be_written_late(&self, now: Timestamp) -> bool {
        !self.is_settled(now) && self.secrets.after_delete(now, SETTLES_WITHIN).is_some()
    }

    /// The claim once its provider is deleted; none where nothing is left to know. An attempt to write the provider whose
    /// answer was lost may still be carried out, and makes it once more: until that is settled the claim stays.
    pub fn after_delete(&self, now: Timestamp) -> Option<Self> {
        let secrets = self.secrets.after_delete(now, SETTLES_WITHIN).filter(|_| !self.is_settled(now))?;
        let (identifiers, fingerprint, last_modified) = (BTreeSet::new(), None, None);
        let state = ClaimState::Intended;
        Some(Self { state, secrets, identifiers, fingerprint, last_modified, in_sync: false, ..self.clone() })
    }

    /// Whether the provider is known to exist.
    pub fn is_held(&self) -> bool {
        self.state == ClaimState::Held
    }

    /// What it keeps of the organization that its connection has, and not of one that it had.
    pub fn organization(&self) -> Option<&KnownOrganization> {
        self.organization.as_ref().filter(|known| Some(&known.id) == self.organization_id.as_ref())
    }

    /// Whether it keeps nothing of the organization that its connection has.
    pub fn lacks_organization(&self) -> bool {
        self.organization_id.is_some() && self.organization().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::BaseUrl;

    fn claim(organization: Option<&str>) -> Claim {
        let (tenant, connection) = ("tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N".parse().unwrap(), "conn_a".parse().unwrap());
        let issuer = Issuer::new(&BaseUrl::parse("https://login.example.com").unwrap(), &tenant, &connection);
        Claim::intended(tenant, connection, organization.map(|id| id.parse().unwrap()), issuer)
    }

    #[test]
    fn a_claim_lacks_an_organization_that_it_has_not_or_is_not_its_connections_any_more() {
        for (organization, known, is_lacking) in [
            (Some("org_1"), None, true),
            (Some("org_1"), Some("org_2"), true),
            (Some("org_1"), Some("org_1"), false),
            (None, Some("org_1"), false),
            (None, None, false),
        ] {
            let mut claim = claim(organization);
            claim.organization = known.map(|id| KnownOrganization::of(&id.parse().unwrap(), &[]));
            assert_eq!(claim.lacks_organization(), is_lacking, "{organization:?} {known:?}");
        }
    }
}
