//! One item of a plan, what is stored of it and shown to people, and what is said of what was left out.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    id::{AppClientId, ConnectionId, ProviderName},
    naming::Naming,
    provider::{Change, ProviderSpec},
};

/// Why a provider is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeleteReason {
    /// WorkOS no longer lists the connection; asked for it alone, it must say 404.
    Gone,
    /// The operator no longer chooses it.
    Excluded,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Claims the provider, creates it and holds the claim.
    Create(ProviderSpec),
    /// Writes the provider's whole content. With `new_secret` it gets a new client secret.
    Update {
        /// What the provider has, as far as it is known.
        before: ProviderSpec,
        /// What it should have.
        after: ProviderSpec,
        /// Whether Cognito holds a secret that is not ours.
        new_secret: bool,
    },
    /// Adds the provider to an app client.
    Wire,
    /// Takes the provider out of an app client.
    Unwire,
    /// Deletes the provider and drops the claim.
    Delete(DeleteReason),
    /// Drops a claim that has no provider.
    Forget,
}

impl Action {
    /// What reports and the API call it.
    pub fn kind(&self) -> ActionKind {
        match self {
            Self::Create(_) => ActionKind::Create,
            Self::Update { .. } => ActionKind::Update,
            Self::Wire => ActionKind::Wire,
            Self::Unwire => ActionKind::Unwire,
            Self::Delete(_) => ActionKind::Delete,
            Self::Forget => ActionKind::Forget,
        }
    }
}

/// A step of a plan, with all that it takes to carry it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it does.
    pub action: Action,
    /// The connection that it is for.
    pub connection_id: ConnectionId,
    /// The provider.
    pub provider_name: ProviderName,
    /// The app client, for wiring.
    pub app_client_id: Option<AppClientId>,
    /// Why.
    pub reason: String,
    /// What changes, field by field; secrets never show.
    pub changes: Vec<Change>,
    /// Whether the guard holds it back.
    pub held: bool,
    /// Whether it takes a way to sign in away.
    pub takes_away: bool,
}

impl Step {
    /// What people are shown of it.
    pub fn recorded(&self) -> RecordedStep {
        RecordedStep {
            action: self.action.kind(),
            connection_id: self.connection_id.clone(),
            naming: Naming::default(),
            provider_name: self.provider_name.clone(),
            app_client_id: self.app_client_id.clone(),
            reason: self.reason.clone(),
            changes: self.changes.clone(),
            held: self.held,
            takes_away: self.takes_away,
        }
    }
}

/// What a step does, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    /// It makes a provider.
    Create,
    /// It changes one.
    Update,
    /// It adds a provider to an app client.
    Wire,
    /// It takes one out of an app client.
    Unwire,
    /// It deletes a provider.
    Delete,
    /// It drops a claim that has no provider.
    Forget,
}

impl ActionKind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Wire => "wire",
            Self::Unwire => "unwire",
            Self::Delete => "delete",
            Self::Forget => "forget",
        }
    }
}

/// A step as reports keep it and the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Step)]
pub struct RecordedStep {
    /// What it does.
    pub action: ActionKind,
    /// The connection that it is for.
    pub connection_id: ConnectionId,
    /// By what people know it.
    #[serde(flatten)]
    pub naming: Naming,
    /// The provider.
    pub provider_name: ProviderName,
    /// The app client, for wiring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_client_id: Option<AppClientId>,
    /// Why.
    pub reason: String,
    /// What changes, field by field; secrets never show.
    pub changes: Vec<Change>,
    /// Whether the guard holds it back.
    pub held: bool,
    /// Whether it takes a way to sign in away. What is held does, also where an earlier version recorded it.
    #[serde(default)]
    #[schema(required = false)]
    pub takes_away: bool,
}

/// Something that was left out, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct Note {
    /// The connection that it concerns.
    pub connection_id: Option<ConnectionId>,
    /// By what people know it.
    #[serde(flatten)]
    pub naming: Naming,
    /// The provider that it concerns.
    pub provider_name: Option<ProviderName>,
    /// What was left out, and why.
    pub message: String,
    /// What somebody has to do about it; absent where nobody has. As long as there is one, the pool is not well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Note {
    /// A note on no connection in particular.
    pub fn general(message: String) -> Self {
        Self { message, ..Self::default() }
    }

    /// With what somebody has to do about it.
    #[must_use]
    pub fn with_remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }

    /// The note with what it is on.
    pub fn told(&self) -> String {
        match &self.connection_id {
            Some(id) if self.naming.is_named() || !self.message.contains(id.as_str()) => {
                format!("{:#}: {}", self.naming.called(id.as_str()), self.message)
            }
            _ => self.message.clone(),
        }
    }

    /// A note on a connection.
    pub fn on_connection(id: ConnectionId, message: String) -> Self {
        Self { connection_id: Some(id), message, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_has_one_name_everywhere() {
        use ActionKind::{Create, Delete, Forget, Unwire, Update, Wire};
        for kind in [Create, Update, Wire, Unwire, Delete, Forget] {
            assert_eq!(serde_json::json!(kind), kind.name());
        }
    }
}
