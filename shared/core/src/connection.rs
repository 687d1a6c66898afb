//! Connections and organizations as WorkOS knows them.

use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ObjectBuilder, Schema, Type},
    },
};

use crate::{
    id::{ConnectionId, OrganizationId},
    timestamp::Timestamp,
};

/// The state of a connection (WorkOS API: `Connection.state`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum ConnectionState {
    /// Its type has not been chosen.
    RequiresType,
    /// Being set up.
    Draft,
    /// Users can sign in.
    Active,
    /// Set up; ends with the first successful sign-in.
    Validating,
    /// Switched off.
    Inactive,
    /// Being deleted.
    Deleting,
    /// One that WorkOS added after this was written: nothing is concluded from it.
    Unknown(String),
}

impl From<String> for ConnectionState {
    fn from(text: String) -> Self {
        match text.as_str() {
            "requires_type" => Self::RequiresType,
            "draft" => Self::Draft,
            "active" => Self::Active,
            "validating" => Self::Validating,
            "inactive" => Self::Inactive,
            "deleting" => Self::Deleting,
            _ => Self::Unknown(text),
        }
    }
}

impl From<ConnectionState> for String {
    fn from(state: ConnectionState) -> String {
        state.as_str().to_owned()
    }
}

impl ConnectionState {
    /// WorkOS's own word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::RequiresType => "requires_type",
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Validating => "validating",
            Self::Inactive => "inactive",
            Self::Deleting => "deleting",
            Self::Unknown(text) => text,
        }
    }
}

impl PartialSchema for ConnectionState {
    fn schema() -> RefOr<Schema> {
        let rule = "active, validating, inactive, draft, requires_type, deleting, or a word that WorkOS added since";
        ObjectBuilder::new().schema_type(Type::String).description(Some(rule)).into()
    }
}

impl ToSchema for ConnectionState {}

/// One connection, with what Causeway uses of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// WorkOS's ID.
    pub id: ConnectionId,
    /// The organization that it belongs to; can be missing.
    pub organization_id: Option<OrganizationId>,
    /// Its name, where it has one that can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its type in WorkOS's word, such as `OktaSAML`; none where that can't be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_type: Option<String>,
    /// Its state.
    pub state: ConnectionState,
    /// When it was made: the older of two wins where one must be chosen. None where that can't be read.
    pub created_at: Option<Timestamp>,
}

/// The type of the connections of WorkOS's Test Organization (WorkOS API: `Connection.connection_type`).
pub(crate) const TEST_TYPE: &str = "TestIdp";

impl Connection {
    /// Whether its identity provider is WorkOS's own for tests, which vouches for anybody.
    pub fn is_test(&self) -> bool {
        self.connection_type.as_deref() == Some(TEST_TYPE)
            || self.organization_id.as_ref().is_some_and(OrganizationId::is_test)
    }

    /// What connections are put into order by, the oldest first: one of unknown age after the others.
    pub(crate) fn age(&self) -> impl Ord + use<> {
        (self.created_at.is_none(), self.created_at, self.id.clone())
    }
}

/// What WorkOS knows of the ownership of a domain (WorkOS API: `OrganizationDomain.state`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DomainState {
    /// Shown to be the organization's.
    Verified,
    /// Taken as the organization's from the time before verification.
    LegacyVerified,
    /// Anything else: pending, failed, unverified, or a word that is new.
    #[serde(other)]
    Other,
}

/// A domain of an organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationDomain {
    /// The domain, as WorkOS writes it.
    pub domain: String,
    /// Whether it is shown to be the organization's.
    pub state: DomainState,
}

impl OrganizationDomain {
    /// Whether WorkOS vouches for the domain.
    pub fn is_verified(&self) -> bool {
        matches!(self.state, DomainState::Verified | DomainState::LegacyVerified)
    }
}

/// An organization with its domains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// WorkOS's ID.
    pub id: OrganizationId,
    /// Its name, where it has one that can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its domains in WorkOS's order.
    pub domains: Vec<OrganizationDomain>,
}

/// All that one look at WorkOS saw. Exists only for a look that reached the last page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkosSnapshot {
    /// Every readable connection.
    pub connections: Vec<Connection>,
    /// Every organization, where they were asked for; else empty.
    pub organizations: Vec<Organization>,
    /// IDs of connections whose record could not be read: present, so never taken for gone.
    pub unreadable: Vec<UnreadableRecord>,
    /// Organizations whose domains could not all be read: what their providers have of them is kept.
    pub unreadable_organizations: Vec<UnreadableRecord>,
}

/// A record of WorkOS that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadableRecord {
    /// Its ID as far as it had one, cut to a length that is safe to report.
    pub id: String,
    /// What was wrong with it.
    pub problem: String,
}
